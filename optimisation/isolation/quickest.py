"""The order of turning that loses least, as a mixed-integer program over the states the network can pass through.

A binary per arc of the lattice of sets of turned valves says which valve comes next, so that water lost is exactly the sum over
states of its rate times the hours spent there, however outflow depends on the set. Binaries per team route it from valve to valve
(a vehicle routing with many depots). Beyond `WHOLE` valves only sets near the start order are states.

References: Held and Karp (1962), A dynamic programming approach to sequencing problems, J. SIAM 10 (the lattice of sets); Miller,
Tucker and Zemlin (1960), Integer programming formulation of traveling salesman problems, J. ACM 7 (times along a route).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import pyomo.environ as pyo

from optimisation import plain, solve
from optimisation.isolation.earliest import earliest_s
from optimisation.isolation.job import Done, Job, Turned, cost, timed

WHOLE = 6  # valves of which every set is a state
WINDOW = 3  # beyond that: places that a valve may move in the start order
REL_GAP = 1e-3
MAX_NODES = 1000
_START, _HOME = "<start>", "<home>"  # where a team comes from before its first valve, and where it goes after its last one


@dataclass(frozen=True)
class Quickest:
    """The best order found; `optimal` when every set was a state and the search ended by its gap, not by its work limit."""

    turned: tuple[Turned, ...]
    objective_m3: float
    optimal: bool


def quickest(job: Job, start: Sequence[Turned]) -> Quickest:
    """The order that loses least, water and customers weighed; never worse than `start`, a feasible order such as the greedy one."""
    known = Quickest(tuple(start), cost(job, start).weighed(job.customer_hour_m3), not job.valves)
    if not job.valves:
        return known
    model = _model(job, _levels(start))
    _begin(model, start)
    arrays, columns = plain.arrays(model)
    found = solve.solved(arrays, REL_GAP, MAX_NODES, plain.guess(columns))
    if found.ended == "infeasible":
        return known
    plain.take(columns, found.x)
    turned = _read(job, model)
    objective = cost(job, turned).weighed(job.customer_hour_m3)
    better = turned if objective <= known.objective_m3 else known.turned
    return Quickest(better, min(objective, known.objective_m3), found.ended == "gap" and len(job.valves) <= WHOLE)


def _levels(start: Sequence[Turned]) -> list[list[Done]]:
    """The states by number of turned valves: all sets, or those in which no valve left its place in `start` by more than the window."""
    order = [part.valve for part in start]
    width = len(order) if len(order) <= WHOLE else WINDOW
    levels = []
    for size in range(len(order) + 1):
        sure, open_ = order[: max(size - width, 0)], order[max(size - width, 0) : size + width]
        levels.append([frozenset([*sure, *more]) for more in combinations(open_, size - len(sure))])
    return levels


def _model(job: Job, levels: list[list[Done]]) -> pyo.ConcreteModel:
    """Times in minutes; states are numbered, an arc is (state, valve turned next). What is to be read: `next`, `goes`, `at`."""
    m = pyo.ConcreteModel()
    m.states = [state for level in levels for state in level]
    number = {state: n for n, state in enumerate(m.states)}
    m.arcs = [(n, v) for n, s in enumerate(m.states) for v in job.valves if v not in s and s | {v} in number]
    m.into = {n: [(number[s - {v}], v) for v in s if s - {v} in number] for s, n in number.items()}
    m.out_of = {n: [(n, v) for v in job.valves if v not in s and s | {v} in number] for s, n in number.items()}
    m.minutes = {(n, v): job.seconds(m.states[n], v) / 60 for n, v in m.arcs}
    m.shortest = {v: min(m.minutes[arc] for arc in m.arcs if arc[1] == v) for v in job.valves}
    m.next = pyo.Var(m.arcs, within=pyo.Binary)
    m.at = pyo.Var(m.arcs, within=pyo.NonNegativeReals)  # when the valve is done, on the arc that is taken
    m.rows = pyo.ConstraintList()
    _states(job, m)
    _routes(job, m)
    if job.hold_s:
        _hold(job, m)
    rates = [job.rate(state) for state in m.states]
    weigh = [(rate.water_m3_per_h + job.customer_hour_m3 * rate.customers) / 60 for rate in rates]
    held = sum(
        job.hold_s.get(v, 0.0) / 60 * (weigh[0] - (weigh[number[frozenset([v])]] if len(job.valves) > 1 else 0.0)) * m.next[n, v]
        for n, v in m.out_of[0]
    )
    m.lost = pyo.Objective(expr=sum(weigh[n] * _spent(m, n) for n in number.values() if m.out_of[n]) + held)
    return m


def _sum(variable: pyo.Var, arcs: Iterable[tuple[Any, ...]]) -> Any:
    return sum((variable[arc] for arc in arcs), 0.0)


def _spent(m: pyo.ConcreteModel, n: int) -> Any:
    """Minutes in a state: when the next valve is done less when the last one was; nothing in a state that is not met."""
    return _sum(m.at, m.out_of[n]) - _sum(m.at, m.into[n])


def _states(job: Job, m: pyo.ConcreteModel) -> None:
    """One way through the lattice from no valve to all of them, with the time of each step."""
    bound = earliest_s(job, {v: 60 * least for v, least in m.shortest.items()})
    m.long = _horizon(job, m)
    m.rows.add(_sum(m.next, m.out_of[0]) == 1)
    for n, state in enumerate(m.states):
        if n and m.out_of[n]:
            m.rows.add(_sum(m.next, m.out_of[n]) == _sum(m.next, m.into[n]))
        if m.out_of[n]:
            m.rows.add(_spent(m, n) >= 0)
        for arc in m.out_of[n]:
            m.rows.add(m.at[arc] <= m.long * m.next[arc])
            m.rows.add(m.at[arc] >= bound(state | {arc[1]}) / 60 * m.next[arc])


def _horizon(job: Job, m: pyo.ConcreteModel) -> float:
    """A time by which any sensible order is done, from `begin_s` [min]: every valve one after the other by the slowest."""
    ready = max(max(team.ready_s, job.begin_s) for team in job.teams) - job.begin_s
    ways = max([*job.between_s.values(), *(way for team in job.teams for way in team.go_s.values())], default=0.0)
    hold = max(job.hold_s.values(), default=0.0) + job.after_s
    return (ready + hold + len(job.valves) * ways) / 60 + sum(max(m.minutes[a] for a in m.arcs if a[1] == v) for v in job.valves)


def _routes(job: Job, m: pyo.ConcreteModel) -> None:
    """Who turns which valve after which: one way in and one way on, or home; each way carries the time at which it begins."""
    m.ways = [
        (team.id, last, valve)
        for team in job.teams
        for last in (_START, *team.go_s)
        for valve in (*team.go_s, _HOME)
        if last != valve and (last, valve) != (_START, _HOME)
    ]
    m.goes = pyo.Var(m.ways, within=pyo.Binary)
    m.since = pyo.Var(m.ways, within=pyo.NonNegativeReals)
    for team in (team for team in job.teams if team.go_s):
        ready, until = max(team.ready_s, job.begin_s) - job.begin_s, team.until_s - job.begin_s
        begin, end = ready / 60, max(min(until / 60, m.long), 0.0)
        own = [way for way in m.ways if way[0] == team.id]
        m.rows.add(_sum(m.goes, (way for way in own if way[1] == _START)) <= 1)
        for way in own:
            m.rows.add(m.since[way] <= (begin if way[1] == _START else end) * m.goes[way])
            m.rows.add(m.since[way] >= (begin if way[1] == _START else begin + m.shortest[way[1]]) * m.goes[way])
        for valve in team.go_s:
            came, went = ([way for way in own if way[side] == valve] for side in (2, 1))
            m.rows.add(_sum(m.goes, came) == _sum(m.goes, went))
    for valve in job.valves:
        came, went = ([way for way in m.ways if way[side] == valve] for side in (2, 1))
        m.rows.add(_sum(m.goes, came) == 1)
        m.rows.add(_sum(m.since, went) == _end(m, valve))
        way = sum(_way_min(job, name, last, valve) * m.goes[name, last, valve] for name, last, _ in came)
        m.rows.add(_end(m, valve) >= _sum(m.since, came) + way + _took(m, valve))
        for last in {last for _, last, _ in came} - {_START}:
            after = (arc for arc in m.arcs if arc[1] == valve and last in m.states[arc[0]])
            m.rows.add(_sum(m.goes, (way for way in came if way[1] == last)) <= _sum(m.next, after))


def _way_min(job: Job, name: str, last: str, valve: str) -> float:
    team = next(team for team in job.teams if team.id == name)
    return job.way_s(team, None if last == _START else last, valve) / 60


def _end(m: pyo.ConcreteModel, valve: str) -> Any:
    return _sum(m.at, (arc for arc in m.arcs if arc[1] == valve))


def _took(m: pyo.ConcreteModel, valve: str) -> Any:
    return sum(m.minutes[arc] * m.next[arc] for arc in m.arcs if arc[1] == valve)


def _hold(job: Job, m: pyo.ConcreteModel) -> None:
    """No valve but the first is begun before the first one's filling and flushing are over."""
    over = _sum(m.at, m.out_of[0]) + sum((job.hold_s[v] + job.after_s) / 60 * m.next[n, v] for n, v in m.out_of[0])
    for valve in job.valves:
        is_first = _sum(m.next, (arc for arc in m.out_of[0] if arc[1] == valve))
        m.rows.add(_end(m, valve) - _took(m, valve) >= over - m.long * is_first)


def _begin(m: pyo.ConcreteModel, start: Sequence[Turned]) -> None:
    """Let the search begin at a known order: its arcs and ways."""
    order = [part.valve for part in start]
    arcs = {(m.states.index(frozenset(order[:n])), valve) for n, valve in enumerate(order)}
    ways = set()
    for team in {part.team for part in start}:
        stops = [_START, *(part.valve for part in start if part.team == team), _HOME]
        ways |= {(team, last, valve) for last, valve in pairwise(stops)}
    for variable, taken in ((m.next, arcs), (m.goes, ways)):
        for index in variable:
            variable[index].set_value(float(index in taken))


def _read(job: Job, m: pyo.ConcreteModel) -> tuple[Turned, ...]:
    """The order with its times, as early as the order allows unless waiting loses less."""
    n, order = 0, list[str]()
    while m.out_of[n]:
        valve = next(v for _, v in m.out_of[n] if m.next[n, v].value > 0.5)
        order.append(valve)
        n = next(k for k, state in enumerate(m.states) if state == m.states[n] | {valve})
    team = {valve: name for name, last, valve in m.ways if m.goes[name, last, valve].value > 0.5}
    earliest = timed(job, [(valve, team[valve]) for valve in order])
    waits = []
    done: Done = frozenset()
    for part in earliest:
        end = max(job.begin_s + 60 * pyo.value(_end(m, part.valve)), part.end_s)
        waits.append(Turned(part.valve, part.team, end - job.seconds(done, part.valve), end))
        done |= {part.valve}
    return min((earliest, tuple(waits)), key=lambda turned: cost(job, turned).weighed(job.customer_hour_m3))
