"""Dynamic programming over the steps on the operating points: labels of tank levels, switches left and cost so far.

Labels whose levels fall into one cell and whose pumps have the same switches left differ by less than EPANET is asked to tell; the
cheapest stays. What comes out is a list of whole schedules, cheapest first, for EPANET to judge.

References: Bertsekas, Dynamic Programming and Optimal Control, vol. I, 4th ed., section 2.3.4 (label correcting); Lansey and Awumah
(1994), J. Water Resour. Plann. Manage. 120(1), 17-35 (levels x switches as the state).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from networks.pumping import Mode, PumpTask
from networks.pumping.task import Floats
from optimisation.pumps.switching import Switching

_FULL_M = 1e-4
Ints = NDArray[np.int64]


class Points(Protocol):
    """What a label search asks: operating points, or EPANET itself."""

    task: PumpTask
    modes: list[Mode]

    def known(self, step: int, mode: int) -> bool: ...

    def terms(self, level_m: Floats) -> Floats: ...

    def after(self, step: int, mode: int, level_m: Floats, terms: Floats) -> tuple[Floats, Floats, Floats]: ...


@dataclass(frozen=True)
class Candidate:
    """A mode per step and what the operating points make it cost."""

    cost: float
    modes: tuple[Mode, ...]


@dataclass(frozen=True)
class Search:
    """How to search: `cell_m` of levels, `slack_m` by which the operating points may miss a limit that EPANET will judge, `worth`
    float[tanks] paid per metre that a tank falls (None: cost alone), `most` labels kept per step,
    none of them above the cost `dearest`."""

    cell_m: float
    slack_m: float = 0.01
    worth: Floats | None = None
    most: int = 60_000
    dearest: float = np.inf


@dataclass
class _Labels:
    level_m: Floats
    cost: Floats
    state: Ints
    parent: Ints
    mode: Ints

    def __getitem__(self, rows: Ints) -> "_Labels":
        return _Labels(self.level_m[rows], self.cost[rows], self.state[rows], self.parent[rows], self.mode[rows])

    def __len__(self) -> int:
        return len(self.cost)


def candidates(points: Points, switching: Switching, search: Search, count: int) -> list[Candidate]:
    """The `count` cheapest schedules that differ in the end state or earlier, cheapest first; empty when the limits leave none."""
    task, none = points.task, np.zeros(1, dtype=np.int64)
    labels = _Labels(task.initial_level_m[None], np.zeros(1), none - 1, none, none)
    trail: list[tuple[Ints, Ints]] = []
    for step in range(task.steps):
        labels = _expanded(points, switching, search, labels, step)
        if not len(labels):
            return []
        if step < task.steps - 1:
            labels = _merged(labels, search, task.level_limits_m[:, 0])
        trail.append((labels.parent, labels.mode))
    found = []
    for end in np.argsort(labels.cost, kind="stable")[:count]:
        at, sequence = int(end), []
        for parent, mode in reversed(trail):
            sequence.append(points.modes[mode[at]])
            at = int(parent[at])
        found.append(Candidate(float(labels.cost[end]), tuple(reversed(sequence))))
    return found


def _expanded(points: Points, switching: Switching, search: Search, labels: _Labels, step: int) -> _Labels:
    """Every label in every mode that its switches and the limits allow."""
    task, slack = points.task, search.slack_m
    least, most = task.level_limits_m.T
    top = np.where(task.limits.may_fill, most, np.minimum(most, task.tank_range_m[:, 1] - _FULL_M))
    last = step == task.steps - 1
    parts, terms = [], points.terms(labels.level_m)
    for mode in range(len(points.modes)):
        if not points.known(step, mode):
            continue
        state = np.full(len(labels), switching.start[mode]) if step == 0 else switching.after[labels.state, mode]
        rows = np.flatnonzero(state >= 0)
        before = labels.level_m[rows]
        level, cost, pressure = points.after(step, mode, before, terms[rows])
        fits = (level >= least - slack).all(axis=1) & (level <= top + slack).all(axis=1)
        fits &= (pressure >= task.least_pressure_m - slack).all(axis=1) & (labels.cost[rows] + cost <= search.dearest)
        if last:
            fits &= (level >= task.end_level_m - slack).all(axis=1)
        if search.worth is not None:
            cost = cost - np.maximum(before - level, 0.0) @ search.worth
        kept = rows[fits]
        parts.append(_Labels(level[fits], labels.cost[kept] + cost[fits], state[kept], kept, np.full(len(kept), mode)))
    if not parts:
        return labels[np.zeros(0, dtype=np.int64)]
    return _Labels(*(np.concatenate(part) for part in zip(*((p.level_m, p.cost, p.state, p.parent, p.mode) for p in parts), strict=True)))


def _merged(labels: _Labels, search: Search, bottom_m: Floats) -> _Labels:
    """The cheapest label of every cell and state; cells grow until few enough are left."""
    cell, order = search.cell_m, np.argsort(labels.cost, kind="stable")
    while True:
        place = np.round((labels.level_m[order] - bottom_m) / cell).astype(np.int64)
        key = labels.state[order]
        for column in place.T:
            key = key * 1_000_003 + column  # a clash merges two cells: it can lose a schedule, never make a false one
        _, first = np.unique(key, return_index=True)  # the first of a key is its cheapest
        if len(first) <= search.most:
            return labels[order[first]]
        cell *= max(1.1, (len(first) / search.most) ** (1 / len(bottom_m)))
