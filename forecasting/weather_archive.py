"""From what a weather service told, file by file, to `Weather` on a history's grid; and vintages for the months that have none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from forecasting.weather import FloatArray, IntArray, Weather

PERIODS = ("irradiance_w_per_m2", "rain_mm_per_h")
"""Variables that are means over the step that begins at their time; all others are values at their time."""
FEWEST = 7
"""Vintages with a known outcome that it takes to know the errors of a weather service."""


@dataclass(frozen=True)
class Told:
    """One variable as one file told it: what was over when it was issued is a measurement, the rest a forecast."""

    variable: str
    issued_utc: datetime
    available_utc: datetime
    archive: bool  # taken over with its own times: each measurement counts as known when it was over
    start_utc: datetime
    step: timedelta
    values: FloatArray  # [t], NaN where nothing was told


def on_grid(
    told: Sequence[Told], made_at_utc: datetime, start_utc: datetime, step: timedelta, columns: int, steps: int, max_age: timedelta
) -> Weather | None:
    """Weather on the grid of `columns` columns from `start_utc`, for origins at the same minute of their step as `made_at_utc`.

    `told` in any order; what became available after `made_at_utc` is left out, and so is a forecast that came after a newer one. Finer
    grids interpolate (a measurement then waits for its neighbour), coarser ones average. Vintages reach `steps` columns and their
    largest age beyond their issue. None when nothing was told.
    """
    told = sorted((one for one in told if one.available_utc <= made_at_utc), key=lambda one: (one.available_utc, one.issued_utc))
    names = tuple(sorted({one.variable for one in told}))
    if not names:
        return None
    grid = _Grid(start_utc, step, columns, (made_at_utc - start_utc) % step)
    observed = np.full((len(names), columns), np.nan, np.float32)
    known = np.full((len(names), columns), columns + 1, np.int64)
    oldest = int(np.ceil(max_age / step))
    length = steps + oldest
    vintages: dict[int, FloatArray] = {}
    newest: dict[str, datetime] = {}
    seen: set[tuple[str, datetime, datetime]] = set()
    for one in told:
        v = names.index(one.variable)
        first, values, at = grid.laid(one)
        issued, over = grid.column_of(one.available_utc), grid.column_before(one.issued_utc)
        key = one.variable, one.issued_utc, one.start_utc
        _measured(observed[v], known[v], first, values, at if one.archive else np.maximum(at, issued), over, key in seen)
        seen.add(key)
        begin, end = max(first, issued, over), min(first + len(values), issued + length)
        stale = one.available_utc - one.issued_utc > max_age or one.issued_utc < newest.get(one.variable, one.issued_utc)
        if begin >= end or stale:
            continue
        newest[one.variable] = one.issued_utc
        slab = vintages.setdefault(issued, np.full((len(names), length), np.nan, np.float32))
        cells, said = slice(begin - issued, end - issued), values[begin - first : end - first]
        slab[v, cells] = np.where(np.isfinite(said), said, slab[v, cells])
    issued_at = np.array(sorted(vintages), np.int64)
    forecasts = np.stack([vintages[c] for c in sorted(vintages)], axis=1) if vintages else np.empty((len(names), 0, 0), np.float32)
    per_hour = int(timedelta(hours=1) / step)
    return Weather(names, observed, issued_at, forecasts, per_hour, known, oldest)


def _measured(observed: FloatArray, known: IntArray, first: int, values: FloatArray, at: IntArray, over: int, corrects: bool) -> None:
    """Put what was over when it was told into the measurements. What was told first stays, as it was what one knew; only where a file
    `corrects` its like its new values count, and only since it came.
    """
    columns = first + np.arange(len(values))
    good = np.isfinite(values) & (columns >= 0) & (columns < min(len(observed), over))
    columns, values, at = columns[good], values[good], at[good]
    new = np.isnan(observed[columns]) | (corrects & (values != observed[columns]))
    observed[columns[new]] = values[new]
    known[columns[new]] = at[new]


@dataclass(frozen=True)
class _Grid:
    start_utc: datetime
    step: timedelta
    columns: int
    minute: timedelta  # from the start of a step to the moment a forecast of it is made

    def column_of(self, time: datetime) -> int:
        """The first column at whose origin something available at `time` is known."""
        return -int((self.start_utc + self.minute - time) // self.step)

    def column_before(self, time: datetime) -> int:
        """Columns before this one were over at `time`."""
        return int((time - self.start_utc) // self.step)

    def laid(self, one: Told) -> tuple[int, FloatArray, IntArray]:
        """First column, values float32[c] and, for measurements, the column each is known from int64[c]."""
        ends = one.start_utc + one.step * len(one.values)
        first = -int((self.start_utc - one.start_utc) // self.step)
        last = int((ends - self.start_utc) // self.step)
        if last <= first:
            return first, np.empty(0, np.float32), np.empty(0, np.int64)
        begin = self.start_utc + first * self.step
        if one.step > self.step:
            position = (begin - one.start_utc) / one.step + np.arange(last - first) * (self.step / one.step)
            left = np.floor(position + 1e-9).astype(np.int64)
            part = np.where(position - left > 1e-6, position - left, 0.0)
            right = np.minimum(left + (part > 0), len(one.values) - 1)
            values = one.values[left]
            if one.variable not in PERIODS:
                near = np.isfinite(one.values[right])
                values = np.where(near, values + np.where(near, one.values[right] - values, 0) * part, values)
            needed = left + 1 if one.variable in PERIODS else right + 1
            waits = np.ceil((one.start_utc - self.start_utc) / self.step + needed * (one.step / self.step) - 1e-9)
            return first, values.astype(np.float32), waits.astype(np.int64)
        inside = np.array([(begin + self.step * c - one.start_utc) // one.step for c in range(last - first + 1)])
        sums = np.concatenate([[0.0], np.cumsum(np.nan_to_num(one.values), dtype=float)])
        counts = np.concatenate([[0], np.cumsum(np.isfinite(one.values))])
        n = counts[inside[1:]] - counts[inside[:-1]]
        mean = np.where(n > 0, (sums[inside[1:]] - sums[inside[:-1]]) / np.maximum(n, 1), np.nan)
        return first, mean.astype(np.float32), first + 1 + np.arange(last - first)


def stood_in(weather: Weather, before: int, slots: int, seed: int) -> Weather:
    """The same with vintages for the time that has none, for learning only: measured weather plus the errors of a vintage drawn by lot.

    Only outcomes before column `before` are used. Each vintage of the first day on record is repeated day by day into the past, with
    the whole error of one that was issued at the same time of day, so that errors grow with lead time and hang together as they do in life.
    A model that learned from measurements alone trusts forecasts too much; one that learned from the few vintages learns too little.
    With fewer than `FEWEST` vintages of known outcome nothing is added.
    """
    columns = weather.issued[:, None] + np.arange(weather.forecasts.shape[2])
    truth = _outcome(weather.observed, columns, before)
    errors = weather.forecasts - truth
    complete = np.isfinite(errors).any(axis=(0, 2)) & (weather.issued + slots <= before) & (weather.issued >= 0)
    if complete.sum() < FEWEST:
        return weather
    rng = np.random.default_rng(seed)
    first = int(weather.issued[complete][0])
    issued, made = [weather.issued], [weather.forecasts]
    spread = np.nanmin(weather.observed[:, :before], axis=1), np.nanmax(weather.observed[:, :before], axis=1)
    for phase in np.unique(weather.issued[complete] % slots):
        alike = np.flatnonzero(complete & (weather.issued % slots == phase))
        earlier = np.arange(first - 1 - (first - 1 - phase) % slots, -1, -slots)
        drawn = rng.choice(alike, earlier.size)
        said = _outcome(weather.observed, earlier[:, None] + np.arange(columns.shape[1]), before) + errors[:, drawn]
        issued.append(earlier)
        made.append(np.clip(said, spread[0][:, None, None], spread[1][:, None, None]).astype(np.float32))
    order = np.argsort(np.concatenate(issued), kind="stable")
    known = np.concatenate(made, axis=1)[:, order]
    return replace(weather, issued=np.concatenate(issued)[order], forecasts=known)


def _outcome(observed: FloatArray, columns: IntArray, before: int) -> NDArray[np.float32]:
    """What was measured in the columns [v, L] before column `before`, float32[m, v, L], NaN elsewhere."""
    inside = (columns >= 0) & (columns < min(before, observed.shape[1]))
    return np.where(inside, observed[:, np.where(inside, columns, 0)], np.float32(np.nan))
