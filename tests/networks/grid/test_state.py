"""Load allocation, losses, and where a network is dead, on the demo's network with states that are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from networks.grid.estimate import ORIGINS, estimate
from networks.grid.flow import Solver
from networks.grid.losses import losses
from networks.grid.network import Network
from networks.grid.outage import behind, find, silent_rate
from networks.grid.reading import load
from networks.grid.topology import head_branches, tree


@pytest.fixture(scope="module")
def demo() -> Network:
    return load(Path(__file__).resolve().parents[3] / "demo" / "grid")


def unknown(network: Network, rows: int = 1) -> np.ndarray:
    return np.full((rows, len(network.loads)), np.nan)


def row(network: Network, name: str) -> int:
    return network.loads["load"].tolist().index(name)


def test_loads_without_a_meter_share_what_the_head_reads_less_its_losses(demo):
    found = estimate(Solver(demo), unknown(demo), {"feeder-01": np.array([1000.0])}, 0.95)
    own = [row(demo, f"01-{k}") for k in range(1, 6)]
    loss = found.flow.feeder_loss_kw()["feeder-01"][0]
    assert 0 < loss < 20
    assert found.p_kw[0, own].sum() == pytest.approx(1000 - loss, abs=0.1)
    assert found.p_kw[0, own] == pytest.approx((1000 - loss) * np.array([0.25, 0.15, 0.25, 0.2, 0.15]), abs=0.1)
    assert found.q_kvar[0, own[0]] == pytest.approx(found.p_kw[0, own[0]] * np.tan(np.arccos(0.95)))
    assert found.computed_kw["feeder-01"][0] == pytest.approx(1000, abs=0.1)
    assert {ORIGINS[k] for k in found.origin[0, own]} == {"allocated"}
    assert not found.redundant["feeder-01"][0]  # nothing to compare with: the loads follow from the head
    others = found.origin[0, row(demo, "02-1")]
    assert ORIGINS[others] == "assumed"
    assert found.p_kw[0, row(demo, "02-1")] == pytest.approx(510 * (1000 - loss) / 1800, rel=0.01)


def test_a_load_with_a_meter_is_taken_from_the_head_before_the_others_share_it(demo):
    measured = unknown(demo)
    measured[0, row(demo, "01-3")] = 600.0
    found = estimate(Solver(demo), measured, {"feeder-01": np.array([1000.0])}, 0.95)
    assert found.p_kw[0, row(demo, "01-3")] == 600.0
    rest = [row(demo, f"01-{k}") for k in (1, 2, 4, 5)]
    assert found.p_kw[0, rest].sum() == pytest.approx(400 - found.flow.feeder_loss_kw()["feeder-01"][0], abs=0.1)


def test_where_head_and_all_loads_are_measured_the_residual_says_what_does_not_agree(demo):
    measured = unknown(demo, 2)
    measured[:, row(demo, "ev-depot")], measured[:, row(demo, "street-lights")] = 300.0, [250.0, np.nan]
    found = estimate(Solver(demo), measured, {"depot": np.array([600.0, 600.0])}, 0.95)
    assert found.redundant["depot"].tolist() == [True, False]
    residual = found.computed_kw["depot"][0] - found.head_kw["depot"][0]
    assert residual == pytest.approx(-50 + found.flow.feeder_loss_kw()["depot"][0], abs=0.05)  # somebody takes 50 kW more


def test_generation_has_no_reactive_power_and_dead_loads_take_nothing(demo):
    measured = unknown(demo)
    measured[0, row(demo, "pv-01")] = -900.0
    opened = demo.normally_open | {"Q01-3a"}
    found = estimate(Solver(demo), measured, {"feeder-01": np.array([1000.0])}, 0.95, opened)
    assert found.q_kvar[0, row(demo, "pv-01")] == 0
    assert ORIGINS[found.origin[0, row(demo, "01-4")]] == "dead"
    assert found.p_kw[0, row(demo, "01-4")] == 0
    own = [row(demo, f"01-{k}") for k in (1, 2)]
    assert found.p_kw[0, own].sum() == pytest.approx(1000 - found.flow.feeder_loss_kw()["feeder-01"][0], abs=0.1)


def test_losses_of_a_day_are_what_goes_in_less_what_is_used(demo):
    head = {name: np.linspace(300, 900, 96) for name in head_branches(demo, demo.normally_open) if name.startswith("feeder")}
    measured = np.where(np.isin(demo.loads["load"], ["pv-01", "pv-02", "wind-01", "battery-01"]), 0.0, np.nan) * np.ones((96, 1))
    found = estimate(Solver(demo), measured, head, 0.95)
    table = losses(found, 0.25).set_index("feeder")
    assert len(table) == 13
    assert table.loc["", "input_kwh"] - table.loc["", "used_kwh"] == pytest.approx(table["loss_kwh"].sum())
    for name in table.index[1:]:
        assert table.loc[name, "input_kwh"] - table.loc[name, "used_kwh"] == pytest.approx(table.loc[name, "loss_kwh"], abs=1e-3)
    # five transformers lose 3.6, 3.6, 3.0, 3.0 and 4.9 kW whatever they carry
    assert table.loc["", "loss_kwh"] > 24 * 18.1


def dead_behind(network: Network, branch: str) -> np.ndarray:
    spanned = tree(network, network.normally_open)
    via = network.branches["branch"].tolist().index(branch)
    return behind(spanned, int(np.flatnonzero(spanned.via == via)[0]))


def at_loads(network: Network) -> np.ndarray:
    return np.array([network.bus_index[bus] for bus in network.loads["bus"]])


@pytest.mark.parametrize("branch", ["L01-3", "L03-1", "L04-3", "L07-2", "N-T1", "S-T2"])
def test_the_smallest_part_that_explains_the_silent_meters_is_told(demo, branch):
    at = at_loads(demo)
    dead = dead_behind(demo, branch)
    found = find(demo, demo.normally_open, at, dead[at])
    assert len(found) == 1
    assert (found[0].buses[at] == dead[at]).all()
    assert found[0].probability > 0.9
    assert branch in found[0].places


def test_meters_that_are_silent_here_and_there_are_no_outage(demo):
    at, silent = at_loads(demo), np.zeros(len(demo.loads), dtype=bool)
    silent[[row(demo, name) for name in ("01-1", "03-4", "07-2", "ev-depot")]] = True
    assert find(demo, demo.normally_open, at, silent) == []


def test_one_silent_meter_is_no_outage_but_one_that_never_reads_nothing_is(demo):
    at = at_loads(demo)
    silent = np.arange(len(demo.loads)) == row(demo, "heat-pumps")
    assert find(demo, demo.normally_open, at, silent) == []
    sure = np.where(silent, 1e-5, 0.02)
    assert [dead.branch for dead in find(demo, demo.normally_open, at, silent, sure)] == ["L10-2"]


def test_a_meter_that_answers_out_of_a_dead_part_and_a_silent_one_elsewhere_mislead_nobody(demo):
    at = at_loads(demo)
    dead = dead_behind(demo, "L03-1")
    silent = dead[at].copy()
    silent[row(demo, "03-5")] = False
    silent[row(demo, "08-1")] = True
    found = find(demo, demo.normally_open, at, silent)
    assert [one.branch for one in found] == ["L03-1"]
    assert found[0].answering == (row(demo, "03-5"),)


def test_two_outages_at_once_are_two(demo):
    at = at_loads(demo)
    dead = dead_behind(demo, "L03-2") | dead_behind(demo, "L05-1")
    assert {one.branch for one in find(demo, demo.normally_open, at, dead[at])} == {"L03-2", "L05-1"}


def test_what_is_dead_already_says_nothing(demo):
    at = at_loads(demo)
    assert find(demo, demo.normally_open | {"B01"}, at, dead_behind(demo, "L01-1")[at]) == []


def test_places_that_no_meter_tells_apart_share_the_probability(demo):
    at = at_loads(demo)
    seen = np.isin(demo.loads["load"], ["03-4"]) | ~np.char.startswith(demo.loads["load"].to_numpy(dtype=str), "03")
    dead = dead_behind(demo, "L03-1")[at]
    (found,) = find(demo, demo.normally_open, at[seen], dead[seen], 1e-5)
    assert found.branch == "L03-4"  # the smallest part; L03-1 to L03-3 are as likely
    assert set(found.places) == {f"L03-{k}" for k in range(1, 5)}
    assert sum(found.places.values()) == pytest.approx(found.probability, abs=0.01)


def test_how_often_meters_are_silent_is_learned_and_never_below_what_is_assumed():
    assert silent_rate(0, 0, 0.02) == 0.02
    assert silent_rate(0, 5000, 0.02) == 0.02
    assert silent_rate(500, 4900, 0.02) == pytest.approx((500 + 2) / 5000)


def test_two_silent_meters_are_an_outage_only_where_silence_is_rare(demo):
    at = np.array([demo.bus_index[bus] for bus in demo.loads["bus"]])
    silent = np.isin(demo.loads["load"], ["industry", "heat-pumps"])
    assert [one.branch for one in find(demo, demo.normally_open, at, silent, 0.02)] == ["L10-1"]
    assert find(demo, demo.normally_open, at, silent, 0.2) == []


def test_a_feeder_that_hangs_on_another_is_taken_from_its_head_before_loads_share_it(demo):
    switches = demo.switches.assign(feeder=demo.switches["feeder"].where(demo.switches["switch"] != "Q01-3a", "sub"))
    nested = replace(demo, switches=switches)
    found = estimate(Solver(nested), unknown(nested), {"feeder-01": np.array([1000.0]), "sub": np.array([400.0])}, 0.95)
    loss = {name: values[0] for name, values in found.flow.feeder_loss_kw().items()}
    near, far = ([row(nested, f"01-{k}") for k in part] for part in ((1, 2), (3, 4, 5)))
    assert found.p_kw[0, near].sum() == pytest.approx(600 - loss["feeder-01"], abs=0.1)
    assert found.p_kw[0, far].sum() == pytest.approx(400 - loss["sub"], abs=0.1)
    assert found.computed_kw["feeder-01"][0] == pytest.approx(1000, abs=0.2)
    alone = estimate(Solver(nested), unknown(nested), {"feeder-01": np.array([1000.0])}, 0.95)
    assert {ORIGINS[k] for k in alone.origin[0, near]} == {"assumed"}  # how much of it the other takes is not known
