"""Random jobs of turning valves, the rules every answer must keep, and the best answer by trying all of them."""

from collections.abc import Sequence
from itertools import pairwise, permutations, product
from random import Random

import numpy as np
from scipy.optimize import linprog

from optimisation.isolation.job import Job, Rate, Team, Turned

WEIGHT = 0.1


def random_job(valves: int, crews: int, seed: int, *, motors: int = 0, opening: bool = False) -> Job:
    """Valves and crews strewn over 3 km; each valve has a share of the feed, some cut customers off; `opening`: fill and flush first."""
    dice = Random(seed)  # noqa: S311 - dice, not keys
    names = tuple(f"v{i}" for i in range(valves))
    place = {name: (dice.uniform(0, 3000), dice.uniform(0, 3000)) for name in names}

    def way(a: tuple[float, float], b: tuple[float, float]) -> float:
        return float(1.3 * np.hypot(a[0] - b[0], a[1] - b[1]) / 8.33)

    by_motor = names[:motors]
    teams = [
        Team(f"crew {i}", dice.choice([0.0, 600.0, 1800.0]), 1e5, {v: way(spot, place[v]) for v in names if v not in by_motor})
        for i in range(crews)
        if (spot := (dice.uniform(0, 3000), dice.uniform(0, 3000)))
    ]
    teams += [Team(f"motor:{v}", 600.0, np.inf, {v: 0.0}) for v in by_motor]
    feed = {v: dice.uniform(1, 100) for v in names}
    cut = {v: dice.choice([0.0, 0.0, 400.0]) for v in names}
    turning = {v: dice.uniform(120, 900) for v in names}

    def rate(done: frozenset[str]) -> Rate:
        left = sum(feed[v] for v in names if v not in done) / sum(feed.values())
        off = sum(cut[v] for v in names if (v in done) != opening)
        return Rate(0.0 if opening else 150 * left**0.5, off)

    return Job(
        names,
        tuple(teams),
        {(a, b): way(place[a], place[b]) for a in names for b in names},
        lambda done, v: turning[v] * (1 + 0.1 * len(done)),
        rate,
        WEIGHT,
        hold_s={v: dice.uniform(600, 3600) for v in names} if opening else {},
    )


def broken_rules(job: Job, turned: Sequence[Turned]) -> list[str]:
    """What an answer does that no crew can do."""
    faults, teams = [], {team.id: team for team in job.teams}
    if sorted(part.valve for part in turned) != sorted(job.valves):
        faults.append("not every valve once")
    if any(a.end_s > b.end_s + 1e-6 for a, b in pairwise(turned)):
        faults.append("not in the order of being done")
    for at, part in enumerate(turned):
        team = teams[part.team]
        before = [other for other in turned[:at] if other.team == part.team]
        free = before[-1].end_s if before else max(team.ready_s, job.begin_s)
        done = frozenset(other.valve for other in turned[:at])
        if part.start_s < free + job.way_s(team, before[-1].valve if before else None, part.valve) - 1e-4:
            faults.append(f"{part.valve}: {part.team} is not there yet")
        if part.end_s - part.start_s < job.seconds(done, part.valve) - 1e-4:
            faults.append(f"{part.valve} is turned too fast")
        if part.end_s > team.until_s + 1e-4:
            faults.append(f"{part.valve}: {part.team} works after its shift")
        if at and job.hold_s and part.start_s < turned[0].end_s + job.hold_s[turned[0].valve] - 1e-4:
            faults.append(f"{part.valve} is opened before the main is flushed")
    return faults


def best_of_all(job: Job) -> float:
    """The least that any order, any crew for each valve and any waiting can lose [m3]: one linear program for each."""
    able = {v: [team.id for team in job.teams if v in team.go_s] for v in job.valves}
    tried = (zip(order, who, strict=True) for order in permutations(job.valves) for who in product(*(able[v] for v in order)))
    return min(_least(job, list(order)) for order in tried)


def _least(job: Job, order: list[tuple[str, str]]) -> float:
    """Best times of one order with given teams: minimise the sum of rate x time over the ends, which are the variables."""
    n, teams = len(order), {team.id: team for team in job.teams}
    cost, fixed, low, high = np.zeros(n), 0.0, np.zeros(n), np.zeros(n)
    rows: list[tuple[dict[int, float], float]] = []
    last: dict[str, int] = {}
    for at, (valve, who) in enumerate(order):
        done = frozenset(v for v, _ in order[:at])
        weigh = _weigh(job, done)
        cost[at] += weigh
        if at:
            cost[at - 1] -= weigh
            rows.append(({at - 1: 1.0, at: -1.0}, 0.0))
        else:
            fixed -= weigh * job.begin_s
        took = job.seconds(done, valve)
        if who in last:
            rows.append(({last[who]: 1.0, at: -1.0}, -took - job.between_s[order[last[who]][0], valve]))
        else:
            low[at] = max(teams[who].ready_s, job.begin_s) + teams[who].go_s[valve] + took
        if at and job.hold_s:
            rows.append(({0: 1.0, at: -1.0}, -took - job.hold_s[order[0][0]]))
        high[at], last[who] = teams[who].until_s, at
    if job.hold_s:
        after = _weigh(job, frozenset([order[0][0]])) if n > 1 else 0.0
        fixed += job.hold_s[order[0][0]] * (_weigh(job, frozenset()) - after)
    matrix = np.array([[row.get(i, 0.0) for i in range(n)] for row, _ in rows]).reshape(len(rows), n)
    found = linprog(cost, A_ub=matrix, b_ub=[limit for _, limit in rows], bounds=list(zip(low, high, strict=True)))
    return float(found.fun + fixed) if found.status == 0 else np.inf


def _weigh(job: Job, done: frozenset[str]) -> float:
    rate = job.rate(done)
    return (rate.water_m3_per_h + job.customer_hour_m3 * rate.customers) / 3600
