"""Valves in time: who turns which valve when, then repair, filling, flushing and reopening, and what it all loses.

Closing and reopening are two jobs (`job.py`), each done twice, by the rule of thumb and by the program; the same account says what each
loses. Between them lies what no order changes: the repair, while all valves are closed. A motor that would shut its valve faster than
the surge allows, at the flow of any state met, is left off: that valve is turned by hand. People relieve each other at the repair
itself; valves are turned within shifts only.

References: ANSI/AWWA C651 (filling at no more than 0.3 m/s, flushing at 0.9 m/s before return to service).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Literal

import numpy as np

from city.crews import Crew, Works
from city.problems import PenstockError
from networks.closing import Closing, State
from optimisation.isolation import crews as field
from optimisation.isolation.greedy import Urgency, greedy
from optimisation.isolation.job import Cost, Done, Job, Rate, Team, Turned, cost, finish_s
from optimisation.isolation.quickest import WHOLE, quickest

MOTOR = "motor"
_LATER = "\N{RIGHTWARDS ARROW}"  # after a crew's id: the same people in their next shift
Kind = Literal["close", "repair", "open", "fill", "flush"]


@dataclass(frozen=True)
class Task:
    """Something somebody does: seconds from now; `what` is a valve, or the pipe; `who` a crew's id or `motor`."""

    kind: Kind
    what: str
    who: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Schedule:
    """All tasks in order of their start; what it loses until the last valve is open, and what the rule of thumb would lose.

    `outflow_m3_per_h` has the time [s] and what leaves the burst from then on. `optimal`: no order of
    closing, and none of reopening after it, loses less, within 0.1 %.
    """

    tasks: tuple[Task, ...]
    cost: Cost
    greedy: Cost
    flushed_m3: float
    outflow_m3_per_h: tuple[tuple[float, float], ...]
    optimal: bool
    assumed: str


class Site:
    """One burst with its valves, the crews and the ground between them."""

    def __init__(
        self,
        closing: Closing,
        works: Works,
        crews: Sequence[Crew],
        now_utc: datetime,
        zone: str,
        motorised: Collection[str] = (),
        at: Mapping[str, str] | None = None,
        shut: Collection[str] = (),
    ) -> None:
        """`motorised` are valves on a panel; of an isolation under way, `at` is where crews are (crew -> node), `shut` what is closed."""
        self.closing, self.works = closing, works
        network = closing.network
        network.require("nodes", [crew.node for crew in crews], "crews")
        self.ground = field.ground(network, works)
        self.valves = field.valves_of(network, closing.table, closing.valves)
        self.shut = frozenset(valve for valve in shut if valve in self.valves)
        self.at = {crew.id: crew.node for crew in crews} | {crew.id: at[crew.id] for crew in crews if at and crew.id in at}
        self.windows = {crew.id: field.windows_s(crew, now_utc, zone) for crew in crews}
        pipe = network.pipes.set_index("id").loc[closing.pipe]
        self.burst, self.burst_area_m2 = str(pipe["start"]), float(np.pi / 4 * pipe["diameter_m"] ** 2)
        self.motors = frozenset(valve for valve in motorised if valve in self.valves and self._worst_s(valve) <= works.motor_s)

    def _worst_s(self, name: str) -> float:
        """The slowest closing that the surge asks of a valve in any state met [s]."""
        others = [valve for valve in self.valves if valve != name and valve not in self.shut]
        sizes = range(len(others) + 1) if len(others) < WHOLE else (0, len(others))
        states = (self.shut.union(done) for size in sizes for done in combinations(others, size))
        return max(self.valves[name].surge_s(self.closing.at(done).feed_m3_per_h[name], self.works) for done in states)

    def _teams(self, names: Sequence[str], since_s: float, place: dict[str, str], shifts: int) -> tuple[Team, ...]:
        """Crews in the first `shifts` in which they can turn at least one valve, a team for each, and one motor per motorised valve."""
        by_hand, by_motor = ([name for name in names if (name in self.motors) == motor] for motor in (False, True))
        leave_s = self.works.leave_s if since_s == 0 and not self.shut else 0.0
        teams = []
        for crew, windows in self.windows.items():
            go = {name: self.ground.way_s(place[crew], self.valves[name].node) for name in by_hand}
            least = min((way + self.valves[name].by_hand_s(self.works) for name, way in go.items()), default=0.0)
            duty = ((b + self.works.leave_s, e) if b > since_s else (since_s + leave_s, e) for b, e in windows)
            able = [(ready, until) for ready, until in duty if ready + least <= until][:shifts]
            teams += [Team(f"{crew}{_LATER * number}", ready, until, go) for number, (ready, until) in enumerate(able)]
        return (*teams, *(Team(f"{MOTOR}:{name}", since_s + leave_s, float("inf"), {name: 0.0}) for name in by_motor))

    def _between(self) -> dict[tuple[str, str], float]:
        valves = self.valves.values()
        return {(a.id, b.id): self.ground.way_s(a.node, b.node) for a in valves for b in valves}

    def closing_job(self, shifts: int = 1) -> Job:
        """Close all valves that are not shut yet, the burst losing what EPANET says in each state."""

        def seconds(done: Done, name: str) -> float:
            if name in self.motors:
                return self.works.motor_s
            return self.valves[name].by_hand_s(self.works, self.closing.at(self.shut | done).feed_m3_per_h[name])

        def rate(done: Done) -> Rate:
            state = self.closing.at(self.shut | done)
            return Rate(state.outflow_m3_per_h, state.customers)

        left = tuple(name for name in self.valves if name not in self.shut)
        return Job(left, self._teams(left, 0.0, self.at, shifts), self._between(), seconds, rate, self.works.customer_hour_m3)

    def opening_job(self, begin_s: float, place: dict[str, str], shifts: int = 1) -> Job:
        """Open them again after the repair; the first one fills what was emptied, slowly, and it is flushed before others open."""
        works, full = self.works, frozenset(self.valves)

        def rate(done: Done) -> Rate:
            state: State = self.closing.at(full - done, repaired=True)
            return Rate(0.0, state.customers)

        def seconds(_: Done, name: str) -> float:
            return works.motor_s if name in self.motors else self.valves[name].by_hand_s(works)

        hold = {name: self.fill_s(name) + self.flush_s for name in self.valves}
        teams, between = self._teams(tuple(self.valves), begin_s, place, shifts), self._between()
        after_s = max((self.ground.way_s(self.burst, valve.node) for valve in self.valves.values()), default=0.0)  # from the hydrant
        return Job(tuple(self.valves), teams, between, seconds, rate, works.customer_hour_m3, begin_s, hold, after_s)

    def fill_s(self, name: str) -> float:
        """Filling through one valve's pipe at the fastest velocity allowed [s]."""
        area = self.valves[name].area_m2 or min(valve.area_m2 for valve in self.valves.values() if valve.area_m2 > 0)
        return self.closing.dry_volume_m3() / (area * self.works.fill_m_per_s)

    @property
    def flushed_m3(self) -> float:
        return self.works.flush_volumes * self.closing.dry_volume_m3()

    @property
    def flush_s(self) -> float:
        return self.flushed_m3 / (self.burst_area_m2 * self.works.flush_m_per_s)


def schedule(site: Site) -> Schedule:
    """The schedule that loses least, beside the rule of thumb. Raises `PenstockError` when nobody can turn a valve within a shift."""
    first, thumb = _by_rule(site.closing_job, lambda done, name: site.closing.at(site.shut | done).feed_m3_per_h[name])
    best = quickest(first, thumb)
    _, by_thumb, _ = _finished(site, thumb, best=False)
    found = [(turned, *_finished(site, turned, best=True)) for turned in (best.turned, thumb)]  # how closing ends moves the repair
    closed, tasks, whole, sure = min(found, key=lambda one: one[2].weighed(site.works.customer_hour_m3))
    done, outflow = frozenset[str](), [(0.0, first.rate(frozenset()).water_m3_per_h)]
    for part in closed:
        done |= {part.valve}
        outflow.append((part.end_s, first.rate(done).water_m3_per_h))
    in_order = tuple(sorted(tasks, key=lambda task: (task.start_s, task.end_s)))
    return Schedule(in_order, whole, by_thumb, site.flushed_m3, tuple(outflow), best.optimal and sure, site.ground.assumed)


def _by_rule(job: Callable[[int], Job], urgency: Urgency) -> tuple[Job, tuple[Turned, ...]]:
    """The rule's order in one shift of each crew; where that is too short, in two."""
    try:
        return (short := job(1)), greedy(short, urgency)
    except PenstockError:
        return (long := job(2)), greedy(long, urgency)


def _finished(site: Site, closed: Sequence[Turned], *, best: bool) -> tuple[list[Task], Cost, bool]:
    """Repair and reopen after this closing: all tasks, what the whole loses, and whether no order of reopening loses less."""
    job = site.closing_job()
    end = finish_s(job, closed)
    place = site.at | {_who(part.team): site.valves[part.valve].node for part in closed if _who(part.team) in site.at}
    ready = {team.id: team.ready_s for team in job.teams}
    free = {crew: max((part.end_s for part in closed if _who(part.team) == crew), default=ready.get(crew, 0.0)) for crew in site.at}
    arrives = {crew: max(end, since + site.ground.way_s(place[crew], site.burst)) for crew, since in free.items()}
    mender = min(arrives, key=lambda crew: arrives[crew], default="")
    begin = arrives.get(mender, end)
    mended = begin + 3600 * site.works.repair_h
    place |= {_who(part.team): site.burst for part in closed if _who(part.team) in site.at} | ({mender: site.burst} if mender else {})
    hold, full = site.opening_job(mended, place).hold_s, frozenset(site.valves)
    rates = {name: site.closing.at(full - {name}, repaired=True).customers for name in site.valves}
    opening, opened = _by_rule(
        lambda shifts: site.opening_job(mended, place, shifts), lambda done, name: -rates[name] if done else -hold[name]
    )
    sure = False
    if best:
        found = quickest(opening, opened)
        opened, sure = found.turned, found.optimal
    tasks = [Task("close", part.valve, _who(part.team), part.start_s, part.end_s) for part in closed]
    tasks.append(Task("repair", site.closing.pipe, mender, begin, mended))
    tasks += [Task("open", part.valve, _who(part.team), part.start_s, part.end_s) for part in opened]
    if opened:
        filled = opened[0].end_s + site.fill_s(opened[0].valve)
        tasks.append(Task("fill", opened[0].valve, _who(opened[0].team), opened[0].end_s, filled))
        tasks.append(Task("flush", site.closing.pipe, mender, filled, filled + site.flush_s))
    waiting = (mended - end) / 3600 * site.closing.at(frozenset(site.valves)).customers
    before, after = cost(job, closed), cost(opening, opened)
    return tasks, Cost(before.water_m3 + after.water_m3, before.customer_hours + waiting + after.customer_hours), sure


def _who(team: str) -> str:
    return MOTOR if team.startswith(f"{MOTOR}:") else team.rstrip(_LATER)
