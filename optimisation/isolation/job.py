"""Valves to turn, who may turn them, how long that takes, and what any order of turning costs.

Closing around a burst and opening after its repair are the same job: valves are turned one after the other or side by side, and between
two of them the network stands in the state that the ones turned so far make. A valve counts as turned when it is done: a gate valve
throttles in the last part of its stroke only (see `networks.surge`), so the water lost so is told too high rather than too low.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from city.problems import fault

Done = frozenset[str]
_HOUR_S = 3600.0


@dataclass(frozen=True)
class Rate:
    """What a state costs while it lasts."""

    water_m3_per_h: float
    customers: float


@dataclass(frozen=True)
class Team:
    """A crew, or the motor of one valve: when it may work and how long it takes to each valve it can turn [s]."""

    id: str
    ready_s: float
    until_s: float
    go_s: Mapping[str, float]


@dataclass(frozen=True)
class Turned:
    """One valve turned by one team, from arrival until it is done [s]."""

    valve: str
    team: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Cost:
    """What an order loses: water [m3] and customers without it [customer hours]."""

    water_m3: float
    customer_hours: float

    def weighed(self, customer_hour_m3: float) -> float:
        """Both as m3 of water."""
        return self.water_m3 + customer_hour_m3 * self.customer_hours


@dataclass(frozen=True)
class Job:
    """Turn all `valves`, from `begin_s` on.

    `between_s` is the way from valve to valve [s]; `seconds(done, valve)` how long turning takes when it ends after those in `done`;
    `rate(done)` the state with those turned. After the first valve all others wait `hold_s` of it [s] (filling and flushing), and
    until then customers are as before it; `after_s` [s] is the way from there to another valve. One customer-hour weighs
    `customer_hour_m3`.
    """

    valves: tuple[str, ...]
    teams: tuple[Team, ...]
    between_s: Mapping[tuple[str, str], float]
    seconds: Callable[[Done, str], float]
    rate: Callable[[Done], Rate]
    customer_hour_m3: float
    begin_s: float = 0.0
    hold_s: Mapping[str, float] = field(default_factory=dict)
    after_s: float = 0.0

    def way_s(self, team: Team, last: str | None, valve: str) -> float:
        """Way of a team to a valve, from where it starts or from its last valve; infinite when it cannot turn it [s]."""
        if valve not in team.go_s:
            return np.inf
        return team.go_s[valve] if last is None else self.between_s[last, valve]


def timed(job: Job, order: Sequence[tuple[str, str]]) -> tuple[Turned, ...]:
    """The earliest times of an order: (valve, team id) as they are to be done.

    Raises `PenstockError` when a team cannot turn its valve or would have to work after its shift.
    """
    teams = {team.id: team for team in job.teams}
    free: dict[str, tuple[float, str | None]] = {team.id: (max(team.ready_s, job.begin_s), None) for team in job.teams}
    turned: list[Turned] = []
    for valve, name in order:
        done, (at, last) = frozenset(part.valve for part in turned), free[name]
        start = at + job.way_s(teams[name], last, valve)
        if turned and job.hold_s:
            start = max(start, turned[0].end_s + job.hold_s[turned[0].valve] + job.after_s)
        end = max(start + job.seconds(done, valve), turned[-1].end_s if turned else 0.0)
        if end > teams[name].until_s + 1e-6:
            until = "never" if np.isinf(end) else f"{(end - teams[name].until_s) / 60:.0f} min after its shift"
            raise fault(f"valve {valve}", f"{name} would be done {until}", "a valve turned within a shift", "Call another crew.")
        turned.append(Turned(valve, name, start, end))
        free[name] = (end, valve)
    return tuple(turned)


def finish_s(job: Job, turned: Sequence[Turned]) -> float:
    """When the last valve is done, and what follows the first one [s]."""
    if not turned:
        return job.begin_s
    return max(turned[-1].end_s, turned[0].end_s + job.hold_s.get(turned[0].valve, 0.0))


def cost(job: Job, turned: Sequence[Turned]) -> Cost:
    """What any order with its times loses from `begin_s` until all is done; the one account that every plan is judged by."""
    water = customers = 0.0
    at, done = job.begin_s, frozenset[str]()
    rates = [job.rate(done)]
    for part in turned:
        hours = (part.end_s - at) / _HOUR_S
        water, customers = water + hours * rates[-1].water_m3_per_h, customers + hours * rates[-1].customers
        at, done = part.end_s, done | {part.valve}
        rates.append(job.rate(done))
    if turned:
        hold = job.hold_s.get(turned[0].valve, 0.0) / _HOUR_S
        customers += hold * (rates[0].customers - rates[1].customers)
        if len(turned) == 1:
            customers += hold * rates[1].customers
    return Cost(water, customers)
