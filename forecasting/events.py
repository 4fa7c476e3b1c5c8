"""What people know beforehand: a shutdown, a festival, an outage changes the forecast, and what it did is not learned afterwards.

Every effect is a straight line with a slope that is not negative, applied to all quantiles (and to sample paths) of a step alike: so
quantiles never cross because of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.calendars import LocalGrid
from forecasting.groups import History, Part
from forecasting.models.task import Task
from forecasting.windows import finite_mean

FloatArray = NDArray[np.float64]
Effect = Literal["factor", "level", "like", "offset"]
LikeDay = Literal["workday", "saturday", "sunday", "monday", "tuesday", "wednesday", "thursday", "friday"]
LIKE_DAYS: tuple[str, ...] = get_args(LikeDay)
LIKE_COUNT = 4
"""Days of a type whose mean is its profile."""
EFFECTS = ("series_id", "event_id", "first_utc", "until_utc", "steps", "change", "sentence")


@dataclass(frozen=True)
class Event:
    """What is known to happen to some series from `start_utc` until before `end_utc`.

    An offset is what a history was corrected by already (a leak that runs on): it is added to the forecast and masks nothing.
    """

    event_id: int
    kind: str
    series: tuple[str, ...]
    start_utc: datetime
    end_utc: datetime
    effect: Effect
    amount: float | None  # factor [1], level or offset [unit of the quantity per hour]
    like: str | None
    reason: str

    def covers(self, start_utc: datetime, step: timedelta, steps: int) -> FloatArray:
        """Part of each step that the event covers, float64[steps] [1]."""
        begin, end = ((time - start_utc) / step for time in (self.start_utc, self.end_utc))
        at = np.arange(steps)
        return np.clip(np.minimum(at + 1, end) - np.maximum(at, begin), 0, 1)


def masked(ids: Sequence[str], start_utc: datetime, step: timedelta, steps: int, events: Sequence[Event]) -> NDArray[np.bool_]:
    """Where an event acted on a series: bool[n, steps]. What was measured there says nothing about an ordinary day."""
    found = np.zeros((len(ids), steps), bool)
    row = {name: i for i, name in enumerate(ids)}
    for event in (e for e in events if e.effect != "offset"):
        rows = np.array([row[name] for name in event.series if name in row], np.int64)
        touched = event.covers(start_utc, step, steps) > 0
        found[np.ix_(rows, np.flatnonzero(touched))] = True
    return found


def without(h: History, events: Sequence[Event]) -> History:
    """The history with nothing known, and nothing to learn, where an event acted."""
    if not events:
        return h
    acted = masked(h.ids, h.start_utc, h.step, h.values.shape[1], events)
    weights = None if h.weights is None else np.where(acted, np.float32(0), h.weights)
    return replace(h, values=np.where(acted, np.float32(np.nan), h.values), weights=weights)


def applied(h: History, parts: Sequence[Part], events: Sequence[Event], unit: str) -> tuple[tuple[Part, ...], pd.DataFrame]:
    """The answers with every event applied in order of entry, and what each did: columns `EFFECTS`, times of the first and last step.

    `change` is what P50 moved by, summed over the steps [unit], told in `sentence` with local times. One origin only: tonight's.
    """
    made, rows = [], []
    for part in parts:
        quantiles = part.answer.quantiles.copy()
        for j, r in enumerate(part.question.rows):
            for event in (e for e in events if h.ids[r] in e.series):
                quantiles[j, 0], found = _acted(part.question.task, j, quantiles[j, 0], event, unit)
                rows += [{"series_id": h.ids[r], **found}] if found else []
        made.append(replace(part, answer=replace(part.answer, quantiles=quantiles)))
    return tuple(made), pd.DataFrame(rows, columns=list(EFFECTS))


def _acted(task: Task, row: int, q: NDArray[np.float32], event: Event, unit: str) -> tuple[NDArray[np.float32], dict[str, object]]:
    """Quantiles float32[steps, q] of one series after an event, and what it did; nothing where it does not reach into the horizon."""
    origin = int(task.origins[0])
    first = task.time(origin)
    cover = event.covers(first, task.step, task.steps)
    if not cover.any():
        return q, {}
    middle = q[:, q.shape[1] // 2].astype(float)
    slope, shift = _line(event, middle, task, row)
    slope, shift = 1 + cover * (slope - 1), cover * shift
    low = 0.0 if (q >= 0).all() else -np.inf
    new = np.where(cover[:, None] > 0, np.maximum(q * slope[:, None] + shift[:, None], low), q).astype(np.float32)
    at = np.flatnonzero(cover)
    change = float((new[:, q.shape[1] // 2] - middle).sum())
    local = _local(task.grid, origin + int(at[0]))
    name = f"Event {event.event_id}" if event.event_id else "What is known"
    sentence = f"{name} ({event.kind}: {event.reason}) changes {at.size} steps from {local} by {change:+,.4g} {unit}."
    span = {"first_utc": first + int(at[0]) * task.step, "until_utc": first + (int(at[-1]) + 1) * task.step}
    return new, {"event_id": event.event_id, **span, "steps": int(at.size), "change": change, "sentence": sentence}


def _line(event: Event, middle: FloatArray, task: Task, row: int) -> tuple[FloatArray, FloatArray]:
    """Slope and shift of each step, float64[steps] each.

    A level keeps the band in proportion to what is left of the median, so that a full stop has none. A day that is like another one
    moves by the difference of the two profiles and keeps its band: knowing of the event does not make anybody surer.
    """
    still = np.ones(task.steps)
    if event.effect == "factor":
        return still * float(event.amount or 0), 0 * still
    level = float(event.amount or 0) * (task.step / timedelta(hours=1))
    if event.effect == "offset":
        return still, level * still
    if event.effect == "level":
        slope = np.where(middle > 0, np.clip(level / np.where(middle > 0, middle, 1), 0, 1), 0)
        return slope, level - slope * middle
    at = int(task.origins[0]) + np.arange(task.steps)
    grid = task.grid
    own = np.zeros(task.steps)
    for kind in np.unique(grid.alike[grid.day[at]]):
        there = grid.alike[grid.day[at]] == kind
        own[there] = _profile(task, row, grid.alike == kind)[grid.slot[at[there]]]
    other = _profile(task, row, like_days(grid, str(event.like)))[grid.slot[at]]
    return still, np.nan_to_num(other - own)


def like_days(grid: LocalGrid, like: str) -> NDArray[np.bool_]:
    """The civil days that are of a kind: bool[D]."""
    if like in ("workday", "saturday", "sunday"):
        found: NDArray[np.bool_] = grid.day_type == ("workday", "saturday", "sunday").index(like)
        return found
    return grid.alike == ("monday", "tuesday", "wednesday", "thursday", "friday").index(like)


def _profile(task: Task, row: int, days: NDArray[np.bool_]) -> FloatArray:
    """Mean by time of day over the newest whole days of a kind before the origin, float64[S]; NaN where nothing is known."""
    grid, origin = task.grid, int(task.origins[0])
    column = grid.column[np.flatnonzero(days & (np.arange(grid.days) < grid.day[origin]))[-LIKE_COUNT:]]
    return finite_mean(np.where(column >= 0, task.values[row, np.maximum(column, 0)], np.nan), 0)


def _local(grid: LocalGrid, column: int) -> str:
    minutes = int(grid.slot[column]) * 1440 // grid.slots
    return f"{grid.first_day + timedelta(days=int(grid.day[column]))} {minutes // 60:02d}:{minutes % 60:02d}"
