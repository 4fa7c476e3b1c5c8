"""Reading networks, running them, drawing them: claims that a hand or a balance can check."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.problems import PenstockError
from networks.engine import Engine
from networks.network import middle, second_half
from networks.water import Burst, LevelControl, Network, layout, simulate

ONE_PIPE = """
[JUNCTIONS]
 A 10 36
[RESERVOIRS]
 R 50
[PIPES]
 P R A 1000 200 100 0 Open
[OPTIONS]
 Units CMH
 Headloss H-W
[COORDINATES]
 A 1 2
 R 3 4
[END]
"""


@pytest.fixture(scope="module")
def net3() -> Network:
    return Network.named("Net3")


@pytest.fixture
def one_pipe(tmp_path: Path) -> Network:
    path = tmp_path / "one.inp"
    path.write_text(ONE_PIPE)
    return Network.read(path)


def times(steps: int) -> pd.DatetimeIndex:
    return pd.date_range("2022-06-14T22:00Z", periods=steps, freq="15min", unit="us")


def even(network: Network, total_m3_per_h: float, steps: int) -> pd.DataFrame:
    base = network.junctions.set_index("id")["base_demand_m3_per_h"]
    share = base[base > 0] / base.sum()
    return pd.DataFrame(np.tile(share * total_m3_per_h, (steps, 1)), times(steps), share.index)


def test_pressure_behind_one_pipe_is_head_less_hazen_williams_loss(one_pipe: Network) -> None:
    found = simulate(one_pipe, pd.DataFrame({"A": [36.0]}, times(1)))
    loss = 10.667 * 1000 * 0.01**1.852 / (100**1.852 * 0.2**4.871)  # 36 m3/h = 0.01 m3/s
    assert found.pressure_m.loc[:, "A"].item() == pytest.approx(50 - 10 - loss, abs=0.01)
    assert found.flow_m3_per_h.loc[:, "P"].item() == pytest.approx(36, abs=1e-3)


def test_net3_tables_are_in_metres_and_cubic_metres(net3: Network) -> None:
    assert (len(net3.junctions), len(net3.pipes), list(net3.pumps["id"])) == (92, 117, ["10", "335"])
    tank = net3.tanks.set_index("id").loc["3"]
    assert tank["area_m2"] == pytest.approx(np.pi / 4 * (164 * 0.3048) ** 2)
    assert net3.pipes.set_index("id").loc["329", "length_m"] == pytest.approx(45500 * 0.3048)
    assert set(net3.sources) == {"River", "Lake", "1", "2", "3"}


def test_layout_draws_every_link_between_its_nodes(net3: Network) -> None:
    lines = layout(net3).set_index("id")
    place = net3.nodes.set_index("id")
    assert len(lines) == 119
    assert (lines.loc["329", "x1"], lines.loc["329", "y2"]) == (place.loc["61", "x"], place.loc["123", "y"])


@pytest.mark.parametrize(
    ("text", "told"), [("[PIPES]\n x y\n", "broken.inp"), ("[TITLE]\nnothing\n", "0 links"), ("no inp at all", "broken.inp")]
)
def test_bad_inp_is_told_in_a_sentence(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "broken.inp"
    path.write_text(text)
    with pytest.raises(PenstockError, match=told):
        Network.read(path)


def test_unknown_names_are_told(net3: Network, tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match="Net3"):
        Network.named("Net33")
    with pytest.raises(PenstockError, match="no such file"):
        Network.read(tmp_path / "absent.inp")
    with pytest.raises(PenstockError, match="junction 9999"):
        simulate(net3, pd.DataFrame({"9999": [1.0]}, times(1)))
    with pytest.raises(PenstockError, match="on < off"):
        simulate(net3, even(net3, 800, 1), controls=[LevelControl("10", "3", 7.0, 6.0)])
    with pytest.raises(PenstockError, match="no column for pump 335"):
        simulate(net3, even(net3, 800, 2), pump_on=pd.DataFrame({"10": [1, 1]}, times(2)))
    with pytest.raises(PenstockError, match="missing"):
        simulate(net3, even(net3, 800, 2) * np.nan)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(total=st.floats(300, 1200), lake=st.booleans(), size=st.floats(0, 120))
def test_water_pumped_is_water_drawn_leaked_or_stored(total: float, lake: bool, size: float) -> None:
    net3 = Network.named("Net3")
    on = pd.DataFrame({"10": [int(lake)] * 9, "335": [0] * 9}, times(9))
    burst = Burst.of_size("151", 4, size, 40.0)
    found = simulate(net3, even(net3, total, 9), pump_on=on, bursts=[burst])
    hours = 0.25
    pumped = found.flow_m3_per_h[["10", "335"]].iloc[:8].to_numpy().sum() * hours
    leaked = found.leak_m3_per_h.iloc[:8].to_numpy().sum() * hours
    area = net3.tanks.set_index("id")["area_m2"]
    stored = ((found.level_m.iloc[8] - found.level_m.iloc[0]) * area).sum()
    assert pumped == pytest.approx(8 * hours * total + leaked + stored, abs=1.0)
    assert (found.leak_m3_per_h.iloc[:4] == 0).all(axis=None)


def test_hole_too_small_to_compute_loses_nothing_and_a_negative_one_is_told(net3: Network) -> None:
    found = simulate(net3, even(net3, 800, 2), bursts=[Burst("151", 0, 5e-324)])
    assert np.isfinite(found.pressure_m).all(axis=None)
    assert (found.leak_m3_per_h == 0).all(axis=None)
    with pytest.raises(PenstockError, match="coefficient -1"):
        simulate(net3, even(net3, 800, 2), bursts=[Burst("151", 0, -1.0)])


def test_hysteresis_starts_below_and_stops_above(net3: Network) -> None:
    control = LevelControl("335", "3", 5.5, 6.5)
    found = simulate(net3, even(net3, 850, 3 * 96), controls=[control, LevelControl("10", "2", 8.0, 9.5)], initial_level_m={"3": 6.0})
    running, level = found.pump_running["335"], found.level_m["3"]
    starts = running.diff() == 1
    stops = running.diff() == -1
    assert starts.sum() >= 2
    assert (level[starts] < 5.5).all()
    assert (level[stops] > 6.5).all()
    assert (found.warning == 0).all()
    assert ((found.pump_power_kw["335"] > 0) == (running == 1)).all()


def test_bypass_of_the_river_pump_stays_shut(net3: Network) -> None:
    off = pd.DataFrame({"10": [0, 0], "335": [0, 0]}, times(2))
    found = simulate(net3, even(net3, 500, 2), pump_on=off)
    assert found.flow_m3_per_h[["330", "335"]].abs().to_numpy().max() < 0.1


def test_same_input_gives_the_same_bits(net3: Network) -> None:
    first, second = (simulate(net3, even(net3, 800, 20), controls=[LevelControl("10", "2", 8.0, 9.5)]) for _ in range(2))
    pd.testing.assert_frame_equal(first.pressure_m, second.pressure_m, check_exact=True)


def test_pipes_with_the_longest_ids_that_epanet_takes_can_be_split(tmp_path: Path) -> None:
    """31 characters leave no room for a name in front; the halves keep apart and EPANET opens them."""
    ids = ["P" * 30 + letter for letter in "ab"]
    pipes = f"{ids[0]} R J1 100 150 120 0 Open\n{ids[1]} J1 J2 100 150 120 0 Open\n"
    text = f"[JUNCTIONS]\nJ1 10 5\nJ2 10 5\n[RESERVOIRS]\nR 60\n[PIPES]\n{pipes}[OPTIONS]\nUnits CMH\nHeadloss H-W\n[END]\n"
    (tmp_path / "long.inp").write_text(text)
    network = Network.salvaged(tmp_path / "long.inp")[0]
    assert network is not None
    with Engine(network.prepared(split=ids)) as engine:
        assert len(set(engine.node_index(map(middle, ids)))) == 2
        assert len(set(engine.link_index([*ids, *map(second_half, ids)]))) == 4
    assert (middle("7"), second_half("7")) == ("mid:7", "half:7")
