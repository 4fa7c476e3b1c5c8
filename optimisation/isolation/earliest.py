"""How early a set of valves can be turned by the teams at best: a bound that keeps the search for the best order short.

Each team's part of the set is a shortest path through its valves (Held and Karp 1962); the set is shared out so that the last team is
done as early as it can be. Turning takes its shortest time over all states, so no order is quicker.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache

import numpy as np

from optimisation.isolation.job import Done, Job

EXACT = 8  # of larger sets only the last so many valves are looked at


def earliest_s(job: Job, shortest_s: Mapping[str, float]) -> Callable[[Iterable[str]], float]:
    """A function of a set of valves: seconds from `begin_s` before which they cannot all be turned. `shortest_s` is per valve [s]."""

    @cache
    def alone(number: int, valves: Done, last: str) -> float:
        """The team turns these valves, `last` at the end [s]."""
        team, before = job.teams[number], valves - {last}
        if not before:
            return max(team.ready_s, job.begin_s) - job.begin_s + job.way_s(team, None, last) + shortest_s[last]
        return min(alone(number, before, other) + job.between_s[other, last] for other in before) + shortest_s[last]

    @cache
    def shared(number: int, valves: Done) -> float:
        """The teams from this number on turn these valves [s]."""
        if not valves:
            return 0.0
        if number == len(job.teams):
            return np.inf
        best = shared(number + 1, valves)
        for part in _parts([valve for valve in job.valves if valve in valves and valve in job.teams[number].go_s]):
            own = min(alone(number, part, last) for last in part)
            if own < best:
                best = min(best, max(own, shared(number + 1, valves - part)))
        return best

    def bound(valves: Iterable[str]) -> float:
        chosen = sorted(valves, key=job.valves.index)[-EXACT:]
        return shared(0, frozenset(chosen))

    return bound


def _parts(valves: list[str]) -> Iterable[Done]:
    for bits in range(1, 2 ** len(valves)):
        yield frozenset(valve for place, valve in enumerate(valves) if bits >> place & 1)
