"""The events of one participant over a horizon: what was announced, and every other one that the rules still allow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from city.clock import as_utc
from optimisation.inputs import Call, PlanInput, Series
from optimisation.response.programme import Programme


@dataclass(frozen=True)
class Announced:
    """What the announced events do to a load, float[steps] [kW]: less during them, more afterwards, `beyond_kwh` after the horizon.

    `called` is 1 during an event, `busy` says during it or while its energy comes back; `starts` counts those that begin here.
    """

    reduced_kw: Series
    rebound_kw: Series
    called: Series
    busy: NDArray[np.bool_]
    beyond_kwh: float
    starts: int


@dataclass(frozen=True)
class Possible:
    """Every event that may still be called: first step, steps, energy [kWh], power that comes back [kW] and energy beyond [kWh].

    All are arrays over the events; `back` is for how many steps energy comes back, `offer_kw` float[steps] what a call takes away.
    """

    start: NDArray[np.int64]
    length: NDArray[np.int64]
    energy_kwh: NDArray[np.float64]
    rebound_kw: NDArray[np.float64]
    beyond_kwh: NDArray[np.float64]
    back: int
    offer_kw: Series

    @property
    def end(self) -> NDArray[np.int64]:
        """First step after each event."""
        return self.start + self.length


def covered(inputs: PlanInput, start: datetime, end: datetime) -> Series:
    """float[steps]: the part of each step that lies in [start, end) [1]."""
    origin, step_s = inputs.start_utc.timestamp(), inputs.step_s
    first, last = ((as_utc(time).timestamp() - origin) / step_s for time in (start, end))
    at = np.arange(inputs.steps)
    return np.clip(np.minimum(at + 1, last) - np.maximum(at, first), 0.0, 1.0)


def events_of(calls: Sequence[Call]) -> list[list[Call]]:
    """Calls grouped into events: what follows without a pause is one event, whose energy comes back after its end."""
    events: list[list[Call]] = []
    for call in sorted(calls, key=lambda call: call.start_utc):
        if events and call.start_utc <= max(one.end_utc for one in events[-1]):
            events[-1].append(call)
        else:
            events.append([call])
    return events


def announced(inputs: PlanInput, programme: Programme, calls: Sequence[Call], load_kw: Series) -> Announced:
    """What the announced events do to a load of `load_kw` float[steps]; nothing is reduced below zero."""
    h, horizon_end = inputs.step_h, inputs.times[-1].to_pydatetime()
    reduced, rebound, called = (np.zeros(inputs.steps) for _ in range(3))
    busy, beyond, starts = np.zeros(inputs.steps, bool), 0.0, 0
    for event in events_of(calls):
        start, end = min(call.start_utc for call in event), max(call.end_utc for call in event)
        profile = np.minimum(sum((call.reduce_kw * covered(inputs, call.start_utc, call.end_utc) for call in event), np.zeros(1)), load_kw)
        energy = h * float(profile.sum()) + sum(call.reduce_kw * _hours_before(call, inputs.start_utc) for call in event)
        back = covered(inputs, end, end + timedelta(hours=programme.rebound_h)) if programme.rebound_h else np.zeros(inputs.steps)
        reduced = np.minimum(reduced + profile, load_kw)
        if programme.rebound_h:
            power = programme.rebound_share * energy / programme.rebound_h
            rebound += power * back
            beyond += power * max(0.0, programme.rebound_h - max(0.0, (horizon_end - end).total_seconds() / 3600))
        called = np.maximum(called, (covered(inputs, start, end) > 0).astype(float))
        rest = timedelta(hours=max(programme.rebound_h, h))
        busy |= covered(inputs, start, end + rest) > 0
        starts += inputs.start_utc <= start < horizon_end
    return Announced(reduced, rebound, called, busy, beyond, starts)


def _hours_before(call: Call, time: datetime) -> float:
    """How much of a call lies before `time` [h]."""
    return max(0.0, (min(call.end_utc, time) - call.start_utc).total_seconds() / 3600)


def possible(inputs: PlanInput, programme: Programme, offer_kw: Series, open_: NDArray[np.bool_], busy: NDArray[np.bool_]) -> Possible:
    """Every event of whole steps that season, hours, weekdays, notice and length allow, clear of what is `busy` already.

    `open_` bool[steps]: where the participant is enrolled. An event must end within the horizon; what comes back need not.
    """
    h, steps = inputs.step_h, inputs.steps
    told = np.arange(steps) * h >= programme.notice_h - 1e-9
    allowed = open_ & ~busy & told & programme.open_at(inputs.local_times[:-1]) & (offer_kw > 0)
    back = max(1, round(programme.rebound_h / h)) if programme.rebound_share > 0 else 0
    shortest, longest = int(np.ceil(programme.shortest_h / h - 1e-9)), int(programme.longest_h / h + 1e-9)
    run, free = _runs(allowed), _runs(~busy)
    on_grid = (inputs.local_times.minute % programme.grid_minutes == 0).tolist()
    pairs = [
        (s, d)
        for s in range(steps)
        if on_grid[s]
        for d in range(max(1, shortest), min(longest, int(run[s])) + 1)
        if on_grid[s + d] and free[s] >= min(d + max(back, 1), steps - s)
    ]
    start, length = (np.array([pair[i] for pair in pairs], dtype=np.int64) for i in range(2))
    total = np.concatenate([[0.0], np.cumsum(offer_kw)]) * h
    energy = total[start + length] - total[start]
    owed = programme.rebound_share * energy
    inside = np.minimum(back, steps - start - length)
    power = owed / (back * h) if back else np.zeros(len(pairs))
    return Possible(start, length, energy, power, owed - power * inside * h, back, offer_kw)


def _runs(true: NDArray[np.bool_]) -> NDArray[np.int64]:
    """int[steps]: for how many steps in a row it is true from here on."""
    runs = np.zeros(len(true) + 1, dtype=np.int64)
    for t in range(len(true) - 1, -1, -1):
        runs[t] = runs[t + 1] + 1 if true[t] else 0
    return runs[:-1]
