"""From a Block to what models are asked: one grid, one group of like series, one rung at a time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city import clock
from city.frames import Block
from city.places import Meter
from city.problems import PenstockError, Problem
from forecasting import ladder, limits, machine, sun
from forecasting.calendars import SUN, Calendar
from forecasting.machine import Answer, Machine
from forecasting.models import members
from forecasting.models.task import ForecastSettings, Task
from forecasting.sun import Sun
from forecasting.weather import Weather

KINDS: tuple[str, ...] = get_args(get_args(Meter.model_fields["forecast"].annotation)[0])
LEARNED_TOGETHER = {"load": "demand"}
"""The group that a kind is learned in, where its name is another."""
FOLLOWS_THE_SKY = {"pv", "wind"}
SEES_THE_SUN = {"pv", "net"}
LOOKS_AT: dict[str, tuple[str, ...]] = {
    "demand": ("temperature_degc",),
    "gas": ("temperature_degc",),
    "heat": ("temperature_degc",),
    "ev": ("temperature_degc",),
    "water": ("temperature_degc", "rain_mm_per_h"),
    "net": ("temperature_degc", "irradiance_w_per_m2", "cloud_pct"),
    "pv": ("irradiance_w_per_m2", "cloud_pct", "temperature_degc"),
    "wind": ("wind_m_per_s", "wind_100m_m_per_s"),
}
"""The weather that can matter for a group; a group that is not named may look at all of it."""
NO_SUN = "give the city latitude and longitude and install the extra 'solar' to have the sun's own."
MOST_DAYS = 14


def group_of(kind: str) -> str:
    """The group that a kind is learned in."""
    return LEARNED_TOGETHER.get(kind, kind)


@dataclass(frozen=True)
class History:
    """What was known at `made_at_utc`: values float32[n, T] that all end (as periods) at or before it, NaN where not usable."""

    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    values: NDArray[np.float32]
    start_utc: datetime
    step: timedelta
    weather: Weather | None = None
    weights: NDArray[np.float32] | None = None  # [n, T], how much each value may teach
    coordinates_deg: NDArray[np.float64] | None = None  # [n, 2] latitude, longitude; NaN where unknown

    @property
    def slots(self) -> int:
        return int(timedelta(days=1) / self.step)


def known(
    history: Block,
    kinds: Mapping[str, str],
    made_at_utc: datetime,
    settings: ForecastSettings,
    weather: Weather | None = None,
    weights: NDArray[np.float32] | None = None,
    coordinates_deg: Mapping[str, tuple[float, float]] | None = None,
) -> History:
    """Cut the block at `made_at_utc` (a step not over by then is not known) and at the oldest day read; a late end is padded with NaN.

    `weather` lies on the block's grid, `weights` float32[n, T] on its cells; `coordinates_deg` tells
    where the sun is looked up. Raises `PenstockError` naming every unknown kind or id, a step
    that does not divide a day, and a block that starts after `made_at_utc`.
    """
    problems = [
        Problem(f"forecast kind of '{i}'", f"'{k}'", ", ".join(KINDS), "Correct it in city.toml.")
        for i, k in kinds.items()
        if k not in KINDS
    ]
    missing = sorted(set(kinds) - set(history.ids))
    if missing:
        problems.append(Problem("history", f"no series {', '.join(missing[:5])}", "a row for every series asked for", "Add them."))
    if timedelta(days=1) % history.step or not timedelta(minutes=5) <= history.step <= timedelta(hours=1):
        problems.append(Problem("history step", str(history.step), "5 to 60 minutes, a whole number of them in a day", "Resample it."))
    if problems:
        raise PenstockError(problems)
    end = clock.floor(made_at_utc, history.step)
    begin = max(history.start_utc, end - timedelta(days=settings.max_history_days))
    if begin >= end:
        raise PenstockError(
            Problem("history", f"starts {history.start_utc:%Y-%m-%dT%H:%MZ}", f"before {end:%Y-%m-%dT%H:%MZ}", "Give history.")
        )
    first, steps = int((begin - history.start_utc) / history.step), int((end - begin) / history.step)
    rows = np.array([r for r, name in enumerate(history.ids) if name in kinds], dtype=np.int64)
    values = np.full((len(rows), steps), np.nan, np.float32)
    teach = None if weights is None else np.zeros_like(values)
    for at in range(0, len(rows), settings.chunk_series):  # the float64 copy of a city's history would not fit
        some = rows[at : at + settings.chunk_series]
        cut = slice(first, first + steps)
        ids = tuple(history.ids[r] for r in some)
        read = replace(history, ids=ids, values=history.values[some, cut], quality=history.quality[some, cut]).unit_values()
        values[at : at + len(some), : read.shape[1]] = read
        if weights is not None and teach is not None:
            teach[at : at + len(some), : read.shape[1]] = weights[some, cut]
    values[~np.isfinite(values)] = np.nan
    names = tuple(history.ids[r] for r in rows)
    seen = None if weather is None else weather.since(first)
    places = placed(names, coordinates_deg or {})
    return History(names, tuple(kinds[name] for name in names), values, begin, history.step, seen, teach, places)


def placed(ids: Sequence[str], coordinates_deg: Mapping[str, tuple[float, float]]) -> NDArray[np.float64] | None:
    """Latitude and longitude of each series, float64[n, 2] [deg], NaN where unknown; None where all are."""
    found = np.array([coordinates_deg.get(name, (np.nan, np.nan)) for name in ids], float).reshape(-1, 2)
    return found if np.isfinite(found).any() else None


def climbed(h: History, before: int, shaped: Collection[str] | None = None) -> pd.DataFrame:
    """The ladder frame from the values before column `before`.

    `shaped` names the groups whose shape a new meter may borrow; without it, those with a series that has a week of values.
    """
    group = [group_of(k) for k in h.kinds]
    seen = h.values[:, :before]
    if shaped is None:
        shaped = {g for g, is_rich in zip(group, rich(h, before), strict=True) if is_rich}
    return ladder.climb(h.ids, group, seen, h.step, np.array([g in shaped for g in group], dtype=bool))


def rich(h: History, before: int) -> NDArray[np.bool_]:
    """Which series have the week of values before column `before` that makes them a peer of new ones: bool[n]."""
    found: NDArray[np.bool_] = np.isfinite(h.values[:, :before]).sum(axis=1) >= 7 * h.slots
    return found


@dataclass(frozen=True)
class Question:
    """What the series of one group on one rung are asked."""

    group: str
    rung: str
    rows: NDArray[np.int64]  # of the history
    task: Task


@dataclass(frozen=True)
class Part:
    """A question with the machine that was asked and its answer, whose quantiles keep the limits of the group."""

    question: Question
    machine: Machine
    answer: Answer

    @property
    def names(self) -> NDArray[np.object_]:
        """The model that speaks for each series tonight: its rung's own, or the guard that erred less: [n]."""
        guard = self.machine.members[-1].kind
        alone = self.answer.weights[-1, :, -1] == 1
        return np.where(alone & (guard != self.question.rung), guard, self.question.rung).astype(object)


def questions(
    h: History, rungs: pd.DataFrame, calendar: Calendar, steps: int, back_days: Sequence[int], settings: ForecastSettings
) -> Iterator[Question]:
    """One question per group and rung. Origins lie `back_days` civil days before the end of history (0: the end itself), oldest first."""
    asked = rungs["model"].to_numpy()
    group = np.array([group_of(k) for k in h.kinds])
    for name in sorted(set(group)):
        for rung in ladder.RUNGS:
            rows = np.flatnonzero((group == name) & (asked == rung))
            if rows.size:
                yield question(h, name, rung, rows, calendar, steps, back_days, settings)


def question(
    h: History,
    group: str,
    rung: str,
    rows: NDArray[np.int64],
    calendar: Calendar,
    steps: int,
    back_days: Sequence[int],
    settings: ForecastSettings,
) -> Question:
    """What the series in `rows` of one group are asked on a rung; its peers are the group's series with a week of values."""
    total = h.values.shape[1]
    grid = (SUN if group in FOLLOWS_THE_SKY else calendar).grid(h.start_utc, h.step, total + steps)
    daily = grid.daily_columns(int(grid.slot[total]))
    origins = np.array([total if b == 0 else daily[grid.day[total] - b] for b in back_days], np.int64)
    others = np.array([group_of(k) == group for k in h.kinds], bool) & rich(h, int(origins[0]))
    task = Task(
        values=h.values[rows],
        grid=grid,
        origins=origins,
        steps=steps,
        fit_before=int(origins[0]),
        settings=settings,
        weather=None if h.weather is None else h.weather.only(LOOKS_AT.get(group, h.weather.names)),
        weights=None if h.weights is None else h.weights[rows],
        sun=_sun(h, rows, total + steps) if group in SEES_THE_SUN else None,
        peers=h.values[others] if rung == "group-shape" else None,
        ids=tuple(h.ids[r] for r in rows),
        start_utc=h.start_utc,
    )
    return Question(group, rung, rows, task)


def _sun(h: History, rows: NDArray[np.int64], columns: int) -> Sun | None:
    """The sun over the series in `rows`; one without coordinates stands in their middle. None without pvlib or any coordinates."""
    known = None if h.coordinates_deg is None else h.coordinates_deg[rows]
    if known is None or not np.isfinite(known).any() or not sun.available():
        return None
    return sun.sun(np.where(np.isfinite(known), known, np.nanmean(known, axis=0)), h.start_utc, h.step, columns)


def answered(question: Question, levels: Sequence[float], made: Machine | None = None) -> Part:
    """Ask `made`, or a machine fitted now on what lies before the question's first origin."""
    made = made or machine.fit(question.task, members(question.rung, question.task.series))
    found = made.answer(question.task, levels)
    return Part(question, made, replace(found, quantiles=limits.bound(question.group, found.quantiles, question.task)))


def guarded(rungs: pd.DataFrame, parts: Sequence[Part]) -> pd.DataFrame:
    """The ladder frame with the series whose guard speaks tonight, and the errors that say why."""
    told = rungs.copy()
    for part in parts:
        for j in np.flatnonzero(part.names != part.question.rung):
            *own, guard = np.nanmean(part.answer.members[:, j], axis=1)
            days = len(part.answer.errors.origins)
            name, rung = part.names[j], part.question.rung
            less = f"{1 - guard / np.mean(own):.0%} less than the models of {rung} do on average"
            reason = f"{name.capitalize()}: over the last {days} days it erred {less}, and less than they together."
            told.loc[part.question.rows[j], ["model", "reason"]] = [name, reason]
        if part.question.group == "pv" and part.question.task.sun is None:
            told.loc[part.question.rows, "reason"] += " Its clear sky is the largest output of the last 30 days: " + NO_SUN
        weather = part.machine.weather_told(part.question.task)
        if weather:
            told.loc[part.question.rows, "reason"] += f" {weather}"
    return told
