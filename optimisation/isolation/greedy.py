"""The rule of thumb: the valve that matters most next, by whoever is done with it first."""

from collections.abc import Callable

import numpy as np

from city.problems import fault
from optimisation.isolation.job import Done, Job, Turned, timed

Urgency = Callable[[Done, str], float]


def greedy(job: Job, urgency: Urgency) -> tuple[Turned, ...]:
    """Turn the most urgent valve next, given those turned so far; of the teams the one that is done first takes it.

    For closing, urgency is the feed of the burst through the valve: what throttles it most comes first, and no valve is shut before
    those that are more urgent: to shut a way out of the main sooner would send more to the burst. Raises `PenstockError` when
    nobody can turn a valve within a shift.
    """
    free: dict[str, tuple[float, str | None]] = {team.id: (max(team.ready_s, job.begin_s), None) for team in job.teams}
    left, done, order = list(job.valves), frozenset[str](), list[tuple[str, str]]()
    held_s, last_s = job.begin_s, job.begin_s
    while left:
        valve = max(left, key=lambda name: (urgency(done, name), -job.valves.index(name)))
        ends: list[tuple[float, str]] = []
        for team in job.teams:
            at, last = free[team.id]
            end = max(max(at + job.way_s(team, last, valve), held_s) + job.seconds(done, valve), last_s)
            if end <= team.until_s:
                ends.append((end, team.id))
        if not ends or not np.isfinite(min(ends)[0]):
            raise fault(f"valve {valve}", "no crew can turn it within its shift", "a crew or a motor for each valve", "Call another crew.")
        end, name = min(ends)
        order.append((valve, name))
        free[name] = (end, valve)
        left.remove(valve)
        if not done and job.hold_s:
            held_s = end + job.hold_s[valve] + job.after_s
        done, last_s = done | {valve}, end
    return timed(job, order)
