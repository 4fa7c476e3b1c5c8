"""Laws of restoration on any small network: as good as trying every position, and every step safe."""

from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from networks.grid.flow import Solver
from networks.grid.network import Network
from networks.grid.topology import energised, is_radial
from optimisation.restoration import Proposal, Setting, restore
from optimisation.restoration.case import Case, case
from optimisation.restoration.state import state
from tests.optimisation.grid_cases import any_grid

SETTING = Setting(voltage_pu=(0.93, 1.07))


def by_trial(found: Case) -> float:
    """The most worth of any position that holds and keeps what has supply."""
    worths = []
    for bits in product((False, True), repeat=len(found.wires.switches)):
        one = state(found.wires, np.array(bits))
        alive = one.tree.energised
        if one.safe and not (found.live & ~alive).any():
            worths.append(float(found.worth[alive & found.lost].sum()))
    return max(worths)


def worth(found: Case, proposal: Proposal) -> float:
    opened = found.now.copy()
    for step in proposal.steps:
        opened[found.wires.switches.index(step.switch)] ^= True
    return float(found.worth[state(found.wires, opened).tree.energised & found.lost].sum())


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_grid())
def test_no_position_of_the_switches_restores_more(drawn: tuple[Network, str]) -> None:
    network, broken = drawn
    found = case(network, None, None, [broken], setting=SETTING)
    proposal = restore(network, None, None, [broken], setting=SETTING, alternatives=0)
    tolls = 0.1 * len(found.wires.switches) + 0.05 * found.worth[found.live].sum()
    assert worth(found, proposal) >= by_trial(found) - tolls


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_grid())
def test_no_step_feeds_the_fault_makes_a_loop_or_breaks_a_limit(drawn: tuple[Network, str]) -> None:
    """Judged by the power flow of `networks.grid`, from the names alone."""
    network, broken = drawn
    proposal = restore(network, None, None, [broken], setting=SETTING, alternatives=0)
    opened = set(network.normally_open) | set(proposal.tripped)
    solver = Solver(network)
    p, q = network.loads["p_kw"].to_numpy(), network.loads["q_kvar"].to_numpy()
    row = network.branches["branch"].tolist().index(broken)
    before = solver.flow(p, q, opened)
    for step in proposal.steps:
        opened = opened | {step.switch} if step.action == "open" else opened - {step.switch}
        flow = solver.flow(p, q, opened)
        assert is_radial(network, opened)
        assert not energised(network, opened)[network.ends[row][network.end_closed(opened)[row]]].any(), "the fault is energised"
        most = np.fmax(1.0, np.nanmax(np.nan_to_num(before.loading)))
        assert np.nan_to_num(flow.loading).max() <= most * 1.01
        assert np.nanmin(flow.voltage_pu) >= min(0.93, np.nanmin(before.voltage_pu)) * 0.998
        assert step.proved
