"""Starts and stops of identical pumps: how many run decides the hydraulics, who runs decides only who is switched.

A pump that may start and stop `starts` times each has 2 x `starts` switches left, whichever way it begins. Switching always the
pump with the most switches left keeps the remaining ones level, and any sequence of counts that some assignment can follow, this one can.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from networks.pumping import Mode, PumpTask, Running

Pump = tuple[int, int]
"""(1 when it runs, switches left)."""
State = tuple[tuple[Pump, ...], ...]
FREE = 1_000_000


def budget(task: PumpTask) -> int:
    """Switches of each pump over the horizon."""
    return FREE if task.limits.starts is None else 2 * task.limits.starts


def switched(pumps: Sequence[Pump], count: int) -> list[Pump] | None:
    """The pumps of one group, in their order, once `count` run; None when too few switches are left."""
    pumps = list(pumps)
    while (now := sum(on for on, _ in pumps)) != count:
        side = int(now > count)
        left, at = max((left, -i) for i, (on, left) in enumerate(pumps) if on == side)
        if left <= 0:
            return None
        pumps[-at] = (1 - side, left - 1)
    return pumps


class Switching:
    """Every state of switches that can be reached. `start` int[modes]; `after` int[states, modes], -1 where switches run out."""

    def __init__(self, task: PumpTask, modes: Sequence[Mode]) -> None:
        self._ids: dict[State, int] = {}
        limited, sizes = task.limits.starts is not None, [len(group) for group in task.groups]
        if not limited:  # one state is enough
            self.start, self.after = np.zeros(len(modes), dtype=np.int64), np.zeros((1, len(modes)), dtype=np.int64)
            return
        left, rows = budget(task), dict[int, list[int]]()
        begin = [tuple(tuple(sorted([(1, left)] * k + [(0, left)] * (n - k))) for n, k in zip(sizes, mode, strict=True)) for mode in modes]
        self.start = np.array([self._id(state) for state in begin])
        waiting = list(self._ids)
        while waiting:
            state = waiting.pop()
            row = []
            for mode in modes:
                groups = [switched(pumps, count) for pumps, count in zip(state, mode, strict=True)]
                known = len(self._ids)
                after = tuple(tuple(sorted(pumps)) for pumps in groups if pumps is not None)
                row.append(self._id(after) if len(after) == len(groups) else -1)
                if len(self._ids) > known:
                    waiting.append(after)
            rows[self._ids[state]] = row
        self.after = np.array([rows[i] for i in range(len(rows))])

    def _id(self, state: State) -> int:
        return self._ids.setdefault(state, len(self._ids))


def assigned(task: PumpTask, sequence: Sequence[Mode]) -> Running | None:
    """int8[pumps, steps] for a mode per step; None when a pump would be switched more often than it may."""
    schedule: NDArray[np.int8] = np.zeros((len(task.pumps), len(sequence)), dtype=np.int8)
    for g, group in enumerate(task.groups):
        first = sequence[0][g]
        pumps = [(int(i < first), budget(task)) for i in range(len(group))]
        for step, mode in enumerate(sequence):
            after = switched(pumps, mode[g])
            if after is None:
                return None
            pumps = after
            schedule[list(group), step] = [on for on, _ in pumps]
    return schedule
