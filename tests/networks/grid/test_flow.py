"""AC power flow against textbook formulas, a backward/forward sweep of our own, published losses and conservation of energy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import data_folder
from city.problems import PenstockError
from networks.grid.feeders import read_cases
from networks.grid.flow import Solver, flow
from networks.grid.network import Network
from networks.grid.reading import as_network


def line_of(r_ohm: float, x_ohm: float, kv: float = 10.0) -> Network:
    return as_network(
        {
            "buses": pd.DataFrame({"bus": ["source", "load"], "nominal_kv": kv}),
            "lines": pd.DataFrame(
                {"line": ["l"], "from_bus": "source", "to_bus": "load", "r_ohm": r_ohm, "x_ohm": x_ohm, "rating_a": 100.0}
            ),
            "switches": pd.DataFrame({"switch": ["s"], "branch": "l", "bus": "source", "kind": "breaker"}),
            "sources": pd.DataFrame({"source": ["g"], "bus": "source"}),
            "loads": pd.DataFrame({"load": ["d"], "bus": "load", "p_kw": 900.0, "q_kvar": 300.0}),
        },
        "two buses",
    )


def radial(parent: list[int], r: list[float], x: list[float], p: list[float], q: list[float]) -> Network:
    """Bus k + 1 hangs on bus parent[k]."""
    names = [str(k) for k in range(len(parent) + 1)]
    return as_network(
        {
            "buses": pd.DataFrame({"bus": names, "nominal_kv": 10.0}),
            "lines": pd.DataFrame(
                {"line": [f"l{k}" for k in names[1:]], "from_bus": [names[k] for k in parent], "to_bus": names[1:], "r_ohm": r, "x_ohm": x}
            ),
            "sources": pd.DataFrame({"source": ["g"], "bus": "0"}),
            "loads": pd.DataFrame({"load": names[1:], "bus": names[1:], "p_kw": p, "q_kvar": q}),
        },
        "radial",
    )


def swept(parent: list[int], z_ohm: np.ndarray, s_va: np.ndarray, kv: float = 10.0) -> tuple[np.ndarray, float]:
    """Voltages [pu] and losses [kW] by the backward/forward sweep, written from the textbook: currents down the tree, voltages up."""
    n = len(parent)
    volts = np.full(n + 1, kv * 1e3 / np.sqrt(3), dtype=complex)
    for _ in range(200):
        current = np.zeros(n + 1, dtype=complex)
        current[1:] = np.conj(s_va / 3 / volts[1:])
        for k in range(n, 0, -1):
            if parent[k - 1] > 0:
                current[parent[k - 1]] += current[k]
        for k in range(1, n + 1):
            volts[k] = volts[parent[k - 1]] - z_ohm[k - 1] * current[k]
    return np.abs(volts) * np.sqrt(3) / kv / 1e3, float(3 * (np.abs(current[1:]) ** 2 * z_ohm.real).sum() / 1e3)


def test_two_buses_as_the_quadratic_of_the_textbook_says():
    network, found = (made := line_of(1.0, 2.0)), flow(made, [900.0], [300.0])
    # |V|^4 + (2 (P R + Q X) - E^2) |V|^2 + (P^2 + Q^2)(R^2 + X^2) = 0 in kV, MW, Mvar, ohm
    b, c = 2 * (0.9 * 1 + 0.3 * 2) - 100, (0.9**2 + 0.3**2) * (1 + 4)
    squared = (-b + np.sqrt(b * b - 4 * c)) / 2
    assert found.voltage_pu[0, 1] == pytest.approx(np.sqrt(squared) / 10, rel=1e-9)
    current_a = np.hypot(900, 300) / np.sqrt(3) / np.sqrt(squared)
    assert found.current_a[0, 0] == pytest.approx(current_a, rel=1e-8)
    assert found.loading[0, 0] == pytest.approx(current_a / 100, rel=1e-8)
    assert found.loss_kw[0] == pytest.approx(3 * current_a**2 * 1.0 / 1e3, rel=1e-7)
    assert found.power_kw[0, 0] == pytest.approx(900 + found.loss_kw[0], rel=1e-9)
    assert network.branches["rating_kva"].iloc[0] == pytest.approx(np.sqrt(3) * 10 * 100)


@settings(max_examples=30, deadline=None)
@given(data=st.data(), n=st.integers(2, 12))
def test_any_radial_network_is_as_the_sweep_says_and_nothing_is_lost_but_losses(data, n):
    parent = [data.draw(st.integers(0, k)) for k in range(n)]
    number = st.floats(0.05, 0.6)
    r, x = data.draw(st.lists(number, min_size=n, max_size=n)), data.draw(st.lists(number, min_size=n, max_size=n))
    p, q = (data.draw(st.lists(st.floats(-200, 300), min_size=n, max_size=n)) for _ in range(2))
    found = flow(radial(parent, r, x, p, q), p, q)
    volts, loss_kw = swept(parent, np.array(r) + 1j * np.array(x), (np.array(p) + 1j * np.array(q)) * 1e3)
    assert found.voltage_pu[0] == pytest.approx(volts, abs=1e-7)
    assert found.loss_kw[0] == pytest.approx(loss_kw, abs=1e-4)
    fed = sum(found.power_kw[0, k] for k in range(n) if parent[k] == 0)
    assert fed == pytest.approx(sum(p) + found.loss_kw[0], abs=1e-4)
    assert sum(values[0] for values in found.feeder_loss_kw().values()) == pytest.approx(found.loss_kw[0], abs=1e-9)


@pytest.mark.data
def test_published_feeders_have_their_published_losses_before_and_after_reconfiguration():
    try:
        cases = read_cases(data_folder("grid") / "feeders.json")
    except PenstockError as error:
        pytest.skip(str(error))
    assert sorted(cases) == ["case118zh", "case136ma", "case33bw", "case69"]
    for case in cases.values():
        loads = case.network.loads
        base = flow(case.network, loads["p_kw"], loads["q_kvar"])
        best = flow(case.network, loads["p_kw"], loads["q_kvar"], case.best_open)
        assert base.loss_kw[0] == pytest.approx(case.base_loss_kw, rel=1e-5)
        assert best.loss_kw[0] == pytest.approx(case.best_loss_kw, rel=1e-5)
        assert np.nanmin(best.voltage_pu) == pytest.approx(case.best_vmin_pu, abs=1e-4)
        assert base.tree.radial
        assert best.tree.radial


def test_a_transformer_loses_its_plate_figures_at_no_load_and_at_rating():
    network = as_network(
        {
            "buses": pd.DataFrame({"bus": ["high", "low"], "nominal_kv": [10.0, 0.4]}),
            "lines": pd.DataFrame({"line": pd.Series(dtype=str), "from_bus": pd.Series(dtype=str), "to_bus": pd.Series(dtype=str),
                                   "r_ohm": pd.Series(dtype=float), "x_ohm": pd.Series(dtype=float)}),
            "transformers": pd.DataFrame({"transformer": ["t"], "high_bus": "high", "low_bus": "low", "rating_kva": 400.0, "high_kv": 10.0,
                                          "low_kv": 0.4, "short_circuit_pct": 4.0, "load_loss_kw": 4.6, "no_load_loss_kw": 0.6}),
            "sources": pd.DataFrame({"source": ["g"], "bus": "high"}),
            "loads": pd.DataFrame({"load": ["d"], "bus": "low", "p_kw": 400.0}),
        },
        "one transformer",
    )  # fmt: skip
    idle, full = flow(network, [[0.0], [400.0]], [[0.0], [0.0]]).branch_loss_kw[:, 0]
    assert idle == pytest.approx(0.6, rel=0.001)
    assert full == pytest.approx(0.6 + 4.6, rel=0.05)  # a little more than rated current: the voltage is below nominal
    raised = as_network({**{name: getattr(network, name) for name in ("buses", "lines", "sources", "loads")},
                         "transformers": network.transformers.assign(tap=-2, tap_pct=2.5)}, "tapped")  # fmt: skip
    volts = [flow(one, [0.0], [0.0]).voltage_pu[0, 1] for one in (network, raised)]
    assert volts[1] / volts[0] == pytest.approx(1 / 0.95, rel=0.001)


def test_what_an_open_switch_parts_is_dead_and_takes_nothing():
    found = flow(line_of(1.0, 2.0), [900.0], [300.0], {"s"})
    assert found.dead.tolist() == [False, True]
    assert np.isnan(found.voltage_pu[0, 1])
    assert found.loss_kw[0] == 0
    assert found.power_kw[0, 0] == 0


def test_a_batch_is_its_single_flows_and_a_solver_remembers_no_switch():
    network = line_of(1.0, 2.0)
    solver = Solver(network)
    both = solver.flow([[900.0], [100.0]], [[300.0], [0.0]])
    for k, (p, q) in enumerate(((900.0, 300.0), (100.0, 0.0))):
        solver.flow([1.0], [1.0], {"s"})
        assert solver.flow([p], [q]).voltage_pu[0] == pytest.approx(both.voltage_pu[k], rel=1e-10)


@pytest.mark.parametrize("p", [[1.0, 2.0], [[np.nan]], [[np.inf]], 5.0])
def test_loads_of_another_shape_or_no_numbers_are_refused(p):
    if p == 5.0:
        p = [[5.0, 6.0]]
    with pytest.raises(PenstockError, match=r"\[1 loads\] or \[t, 1 loads\] of numbers"):
        flow(line_of(1.0, 2.0), p, [[0.0]])


def test_a_load_that_no_voltage_carries_is_told_as_a_collapse():
    with pytest.raises(PenstockError, match="no voltage satisfies the loads"):
        flow(line_of(5.0, 10.0), [9000.0], [3000.0])
