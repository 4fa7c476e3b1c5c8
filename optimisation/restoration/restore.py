"""A restoration proposal: first what remote switches give back, then what hands add; each step in an order that the power flow proves."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from networks.grid.network import Network
from optimisation.restoration.case import Case, Setting, case
from optimisation.restoration.left import left_dark
from optimisation.restoration.order import ordered
from optimisation.restoration.proof import Prover
from optimisation.restoration.proposal import Alternative, Proposal, Step
from optimisation.restoration.state import state
from optimisation.restoration.target import Asked, Search
from optimisation.restoration.wires import Bools, Floats

_ORDERS = 12  # targets without an order, or with one that the proof refuses, before a stage is given up


def restore(
    network: Network,
    p_kw: Floats | None,
    q_kvar: Floats | None,
    faulted: Collection[str],
    *,
    faulted_buses: Collection[str] = (),
    open_switches: Collection[str] | None = None,
    setting: Setting | None = None,
    alternatives: int = 3,
) -> Proposal:
    """Which switches to turn, in which order, after one or several faults.

    Parameters
    ----------
    p_kw, q_kvar: float64[loads], taken before the fault [kW, kvar]; the design peak when left out
    faulted, faulted_buses: branches and buses with a fault
    open_switches: those open when the fault came, or are open now; the normal ones when left out. Where the fault would still be
        energised, the nearest breaker on its way is taken as tripped.
    alternatives: for so many of the switches to close it is also said what to do when they do not turn

    Raises `PenstockError` for unknown names and loads that are no numbers.
    """
    found = case(network, p_kw, q_kvar, faulted, faulted_buses, open_switches, setting)
    prover = Prover(network, found.wires, found.p_kw, found.q_kvar)
    work = _stages(found, prover, np.ones(len(found.remote), dtype=bool))
    wires, after = found.wires, work.opened
    again = state(wires, after).tree.energised & found.lost
    steps = found.steps(wires, prover, found.now, work.order)
    names = np.array([", ".join(one) for one in found.critical], dtype=object)
    return Proposal(
        faulted=(*faulted, *faulted_buses),
        tripped=tuple(sorted(wires.named(found.tripped))),
        steps=steps,
        remote_steps=work.remote_steps,
        lost_kw=float(wires.p_kw[found.lost].sum()),
        lost_customers=float(found.customers[found.lost].sum()),
        restored_kw=float(wires.p_kw[again].sum()),
        restored_customers=float(found.customers[again].sum()),
        critical_restored=tuple(names[again & (names != "")]),
        left=left_dark(found, after),
        alternatives=_alternatives(found, prover, work.order, alternatives),
        back=_back(found, after),
        proved=all(step.proved for step in steps),
        best=work.best,
        refused=work.refused,
        cold_load=found.setting.cold_load,
    )


@dataclass(frozen=True)
class _Work:
    """`order` switches to turn, the first `remote_steps` from afar; `opened` bool[switches] after them; as `Proposal` else."""

    order: list[int]
    remote_steps: int
    opened: Bools
    best: bool
    refused: int


def _stages(found: Case, prover: Prover, usable: Bools) -> _Work:
    """Remote switches alone, then all that are `usable` bool[switches], keeping what has supply by then."""
    now, order, refused, best = found.now, list[int](), 0, True
    for may in (found.remote & usable, usable):
        if may is usable and not (may & ~found.remote).any():
            break  # nothing by hand: asked already
        alive = state(found.wires, now).tree.energised
        more, proved, tried = _stage(found, prover, now, may, alive)
        best = proved if may is not usable or not order else proved and _nothing_more(found, now, more, usable)
        now = now.copy()
        now[more] = ~now[more]
        order, refused = [*order, *more], refused + tried
    remote_steps = next((at for at, switch in enumerate(order) if not found.remote[switch]), len(order))
    return _Work(order, remote_steps, now, best, refused)


def _nothing_more(found: Case, now: Bools, more: list[int], usable: Bools) -> bool:
    """Is no position worth more than `now` with `more` turned? The second stage keeps what the first gave back: the whole is asked anew."""
    reached = now.copy()
    reached[more] = ~reached[more]
    alive = state(found.wires, reached).tree.energised
    if not (found.lost & ~alive & ~found.wires.dead_bus).any():
        return True
    rival = _search(found, found.now, usable, found.live).best()
    if rival is None or not rival.proved_best:
        return False
    return float(found.worth[rival.state.tree.energised].sum()) <= float(found.worth[alive].sum()) + 1e-6


def _stage(found: Case, prover: Prover, now: Bools, may: Bools, alive: Bools) -> tuple[list[int], bool, int]:
    """The switches to turn from `now`, in order; whether nothing is worth more; how many answers were refused."""
    search, missed = _search(found, now, may, alive), False
    for _ in range(_ORDERS):
        target = search.best()
        if target is None:
            break
        order = ordered(found.wires, now, target.state.opened, found.worth, found.minutes, alive)
        if order is not None and prover.all_hold(now, order):
            return order, target.proved_best and not missed, search.refused
        missed = missed or prover.proved(target.state.opened).holds  # another order might lead there
        search.bar(target.state.opened)
    return [], False, search.refused


def _search(found: Case, now: Bools, may: Bools, alive: Bools) -> Search:
    worth = found.setting.worth
    toll = np.where(found.remote, worth.remote, worth.hand) + worth.transfer * _behind(found, now)
    return Search(Asked(found.wires, now, may, alive, found.worth, toll))


def _behind(found: Case, opened: Bools) -> Floats:
    """float64[switches]: the worth of all that a closed switch feeds now; opening it takes that away for a moment."""
    tree = state(found.wires, opened).tree
    total, behind = found.worth.copy(), np.zeros(len(found.wires.branches))
    for bus in reversed(tree.order):
        if tree.by[bus] >= 0:
            behind[tree.by[bus]] = total[bus]
            total[tree.parent[bus]] += total[bus]
    return np.where(opened, 0.0, behind[found.wires.switch_branch])


def _alternatives(found: Case, prover: Prover, order: list[int], most: int) -> tuple[Alternative, ...]:
    """For the first switches to close: what to do when one does not turn."""
    made = []
    for switch in [s for s in order if found.now[s]][:most]:
        usable = np.ones(len(found.remote), dtype=bool)
        usable[switch] = False
        work = _stages(found, prover, usable)
        again = state(found.wires, work.opened).tree.energised & found.lost
        made.append(
            Alternative(
                without=found.wires.switches[switch],
                steps=found.steps(found.wires, prover, found.now, work.order),
                kw=float(found.wires.p_kw[again].sum()),
                customers=float(found.customers[again].sum()),
            )
        )
    return tuple(made)


def _back(found: Case, opened: Bools) -> tuple[Step, ...]:
    """Back to the normal position once the fault is mended; no steps where no order holds."""
    wires = found.wires.mended()
    prover = Prover(found.network, wires, found.p_kw, found.q_kvar)
    order = ordered(wires, opened, found.normal, found.worth, found.minutes, state(wires, opened).tree.energised)
    return found.steps(wires, prover, opened, order) if order is not None and prover.all_hold(opened, order) else ()
