"""What a position of the switches means: who has supply, what it breaks, and which part of it is already too much."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from optimisation.restoration.sweep import Swept, Tree, sweep, tree
from optimisation.restoration.wires import Bools, Wires

_HAIR = 1e-6  # limits are kept to this share, as the two power flows differ by less
_TESTS = 400  # sweeps spent on making a refused set small


@dataclass(frozen=True)
class Breach:
    """A limit that is broken: the row of a branch (`overload`, share of the rating) or of a bus (`low`, `high` [pu])."""

    kind: Literal["overload", "low", "high", "collapse"]
    row: int
    value: float
    limit: float


@dataclass(frozen=True)
class State:
    """One position of the switches, bool[switches], with its tree and power flow."""

    wires: Wires
    opened: Bools
    tree: Tree

    @cached_property
    def swept(self) -> Swept:
        """The power flow; only of a state without loops."""
        return sweep(self.wires, self.tree)

    @cached_property
    def breaches(self) -> list[Breach]:
        """The limits that it breaks, worst first."""
        return breaches(self.wires, self.swept)

    @property
    def safe(self) -> bool:
        """No loop, no fault energised, no limit broken?"""
        return not self.tree.loop and not self.tree.touches and not self.breaches


def state(wires: Wires, opened: Bools) -> State:
    """What these open switches mean."""
    return State(wires, opened, tree(wires, opened))


def breaches(wires: Wires, swept: Swept) -> list[Breach]:
    """The limits that a power flow breaks, worst first."""
    if not swept.held:
        return [Breach("collapse", -1, np.nan, np.nan)]
    found = [Breach("overload", e, float(swept.loading[e]), 1.0) for e in np.flatnonzero(swept.loading > 1 + _HAIR).tolist()]
    v = swept.voltage_pu
    for low, rows in ((True, np.flatnonzero(v < wires.low_pu - _HAIR)), (False, np.flatnonzero(v > wires.high_pu + _HAIR))):
        limits = wires.low_pu if low else wires.high_pu
        found += [Breach("low" if low else "high", n, float(v[n]), float(limits[n])) for n in rows.tolist()]
    return sorted(found, key=lambda one: -abs(one.value - one.limit))


def eased(wires: Wires, opened: Bools) -> Wires:
    """The same wires with every limit that is broken already moved to where it stands now: a proposal makes nothing worse.

    The source may be low and a line overloaded before any fault; the customers in the dark are not to wait for that.
    """
    now = state(wires, opened)
    if now.tree.loop or not now.swept.held or not now.breaches:
        return wires
    swept = now.swept
    low, high = np.fmin(wires.low_pu, swept.voltage_pu), np.fmax(wires.high_pu, swept.voltage_pu)
    # behind the lowest point of a feeder nothing could be picked up at all if each bus kept to its own voltage
    low = np.full_like(low, low.min()) if (low < wires.low_pu).any() else low
    return replace(wires, low_pu=low, high_pu=high, rating_kva=wires.rating_kva * np.maximum(swept.loading, 1.0))


def too_much(found: State) -> tuple[int, ...]:
    """A set of branches that, carrying together, break a limit whatever else is switched, as small as a few hundred sweeps make it.

    More load on the same tree only lowers voltages and raises currents as long as loads take and do not give; so the set stays refused.
    """
    wires, whole = found.wires, found.tree
    worst = found.breaches[0]
    kept = _with(whole, worst)
    tests = 0
    for bus in [b for b in reversed(whole.order) if whole.by[b] >= 0]:
        if bus not in kept or tests >= _TESTS:
            continue
        if any(whole.parent[other] == bus for other in kept):
            continue  # not a leaf
        fewer = kept - {bus}
        tests += 1
        if breaches(wires, sweep(wires, replace(whole, order=[b for b in whole.order if b in fewer]))):
            kept = fewer
    return tuple(sorted(whole.by[b] for b in kept if whole.by[b] >= 0))


def _with(whole: Tree, worst: Breach) -> set[int]:
    """Sources and all buses of the tree that the breach is in."""
    if worst.kind == "collapse":
        return set(whole.order)
    at = worst.row if worst.kind != "overload" else next(b for b in whole.order if whole.by[b] == worst.row)
    root = {b: b for b in whole.order if whole.parent[b] < 0}
    for b in whole.order:
        if whole.parent[b] >= 0:
            root[b] = root[whole.parent[b]]
    return {b for b in whole.order if root[b] == root[at]}


def tripped(wires: Wires, opened: Bools) -> Bools:
    """The switches that are open once protection has answered, bool[switches]: ahead of each energised fault the nearest closed breaker.

    Where a network names no breaker on the way, the first switch behind the source takes its place.
    """
    now = opened.copy()
    while (seen := state(wires, now).tree).touches:
        way = _way_to_fault(wires, now, seen)
        shut = [s for branch, side in way for s in wires.at_end.get((branch, side), []) if not now[s]]
        trips = next((s for s in shut if wires.breaker[s]), shut[-1] if shut else None)
        if trips is None:
            return now  # a fault at the source itself: nothing between them opens
        now[trips] = True
    return now


def _way_to_fault(wires: Wires, opened: Bools, seen: Tree) -> list[tuple[int, int]]:
    """(branch, side) from an energised fault back to its source, nearest first."""
    near = wires.end_closed(opened)
    way: list[tuple[int, int]] = []
    bus = next((b for b in seen.order if wires.dead_bus[b]), -1)
    if bus < 0:
        for b in seen.order:
            for branch, _, side in wires.neighbours[b]:
                if bus < 0 and wires.dead_branch[branch] and near[branch, side]:
                    bus, way = b, [(branch, side)]
    while seen.by[bus] >= 0:
        branch = seen.by[bus]
        side = int(wires.ends[branch, 1] == bus)
        way += [(branch, side), (branch, 1 - side)]
        bus = seen.parent[bus]
    return way
