"""Local search on EPANET: change the pumps of one or two steps, keep what EPANET finds cheaper and feasible.

References: Hansen and Mladenovic (2001), Variable neighborhood search, European J. Operational Research 130(3).
"""

from collections.abc import Iterator, Sequence

import numpy as np

from networks.pumping import Mode, PumpDay, Verdict, judged
from optimisation.pumps.switching import assigned

Rank = tuple[bool, float, float]


def rank(verdict: Verdict) -> Rank:
    """Feasible before infeasible, then by how far limits are missed, then by cost; smaller is better."""
    return (not verdict.feasible, round(verdict.excess, 6), verdict.cost)


def improved(day: PumpDay, start: Sequence[Mode], modes: Sequence[Mode], most_days: int, rng: np.random.Generator) -> tuple[Mode, ...]:
    """A schedule no single or double change improves, or the best one after `most_days` days in EPANET."""
    best = tuple(start)
    schedule = assigned(day.task, best)
    if schedule is None:
        return best
    verdict, days, moved = judged(day, schedule), 0, True
    while moved:
        moved = False
        for near in _neighbours(best, modes, rng):
            schedule = assigned(day.task, near)
            if schedule is None:
                continue
            if days >= most_days:
                return best
            days += 1
            found = judged(day, schedule, with_age=False)
            if rank(found) < rank(verdict) and day.task.limits.age_h:
                found = judged(day, schedule)
            if rank(found) < rank(verdict):
                best, verdict, moved = near, found, True
                break
    return best


def _neighbours(schedule: tuple[Mode, ...], modes: Sequence[Mode], rng: np.random.Generator) -> Iterator[tuple[Mode, ...]]:
    """Every change of one step, then of two steps, in random order."""
    steps = len(schedule)
    single = [(step, mode) for step in range(steps) for mode in modes if mode != schedule[step]]
    for at in rng.permutation(len(single)):
        yield _changed(schedule, single[at])
    pairs = [(a, b) for i, a in enumerate(single) for b in single[i + 1 :] if a[0] != b[0]]
    for at in rng.permutation(len(pairs)):
        yield _changed(schedule, *pairs[at])


def _changed(schedule: tuple[Mode, ...], *changes: tuple[int, Mode]) -> tuple[Mode, ...]:
    new = list(schedule)
    for step, mode in changes:
        new[step] = mode
    return tuple(new)
