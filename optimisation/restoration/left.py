"""Why buses stay dark after the last step: the fault, no way to them, or the limit that the best way would break."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from optimisation.restoration.case import Case
from optimisation.restoration.proposal import Left, Why
from optimisation.restoration.state import Breach, state
from optimisation.restoration.wires import Bools, Ints


def left_dark(case: Case, opened: Bools) -> tuple[Left, ...]:
    """The buses still dark with these switches open, bool[switches], those that hang together as one, the most customers first."""
    wires = case.wires
    alive = state(wires, opened).tree.energised
    dark = case.lost & ~alive
    found = [_told(case, np.flatnonzero(dark & wires.dead_bus), "fault")] if (dark & wires.dead_bus).any() else []
    waiting = dark & ~wires.dead_bus
    a, b = wires.ends.T
    inner = wires.end_closed(opened).all(axis=1) & waiting[a] & waiting[b] & ~wires.dead_branch
    count = len(wires.buses)
    label = connected_components(coo_array((np.ones(inner.sum()), (a[inner], b[inner])), shape=(count, count)), directed=False)[1]
    for one in np.unique(label[waiting]):
        group = waiting & (label == one)
        why, switch, breach = _binding(case, opened, group, alive)
        found.append(_told(case, np.flatnonzero(group), why, switch, breach))
    return tuple(sorted(found, key=lambda part: (-part.customers, -part.kw, part.buses)))


def _binding(case: Case, opened: Bools, group: Bools, alive: Bools) -> tuple[Why, str, Breach | None]:
    """What the way that breaks least would break, were the whole group fed through it and parted from all else."""
    wires, ways = case.wires, []
    a, b = wires.ends.T
    across = (group[a] ^ group[b]) & ~wires.dead_branch
    of_branch = [np.flatnonzero(wires.switch_branch == e) for e in range(len(wires.branches))]
    apart = opened.copy()
    for e in np.flatnonzero((group[a] | group[b]) & (across | wires.dead_branch)):
        apart[of_branch[e]] = True
    for e in np.flatnonzero(across & (alive[a] | alive[b])):
        after = apart.copy()
        after[of_branch[e]] = False
        tried = state(wires, after)
        if tried.tree.loop or tried.tree.touches or not len(of_branch[e]):
            continue
        broken = tried.breaches
        ways.append((abs(broken[0].value - broken[0].limit) if broken else 0.0, int(of_branch[e][0]), broken[0] if broken else None))
    if not ways:
        return "no way", "", None
    _, switch, breach = min(ways, key=lambda way: (not np.isfinite(way[0]), way[0], way[1]))
    return (breach.kind if breach else "small"), wires.switches[switch], breach


def _told(case: Case, rows: Ints, why: Why, switch: str = "", breach: Breach | None = None) -> Left:
    wires, at = case.wires, ""
    if breach is not None and breach.row >= 0:
        at = wires.branches[breach.row] if breach.kind == "overload" else wires.buses[breach.row]
    return Left(
        buses=tuple(wires.buses[row] for row in rows),
        kw=float(wires.p_kw[rows].sum()),
        customers=float(case.customers[rows].sum()),
        critical=tuple(name for row in rows for name in case.critical[row]),
        why=why,
        switch=switch,
        at=at,
        value=float(breach.value) if breach else 0.0,
        limit=float(breach.limit) if breach else 0.0,
    )
