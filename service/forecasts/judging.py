"""Forecasts as they were issued, held against what came true: their skill, and whether they err more than the machine used to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting import drift, groups
from forecasting.drift import Compared, compare
from forecasting.windows import finite_mean
from service.forecasts.history import Known
from service.store.vectors import unpack_float

FloatArray = NDArray[np.float64]
NIGHTS = 7
"""Nights whose forecasts are judged."""
COLUMNS = ("series_id", "day", "model", "mae", "mae_naive", "cover80", "n")


@dataclass(frozen=True)
class Issued:
    """What was said of n series in k nights about the two days after, and what came true; NaN where not known."""

    model_id: NDArray[np.object_]  # [n, k], '' where nothing was said
    model: NDArray[np.object_]  # [n, k]
    said: NDArray[np.float32]  # [n, k, 2 days, 3]
    actual: NDArray[np.float32]  # [n, k, 2 days]
    naive: NDArray[np.float32]  # [n, k, 2 days], the value a week before
    starts: Sequence[datetime]  # [k], midnights
    over: NDArray[np.bool_]  # [k], are both days over?
    slots: int


@dataclass(frozen=True)
class Sums:
    """Mean absolute error of the first day in units of each series' usual one, summed over series; by midnight."""

    usual: Mapping[datetime, tuple[float, int]]  # calibration days -> sum, series
    lately: Mapping[datetime, tuple[float, int]]  # nights of this machine
    inside: int  # actuals of these nights within P10..P90
    of: int


@dataclass(frozen=True)
class Judged:
    """What one chunk knows of its issued forecasts."""

    skill: pd.DataFrame  # COLUMNS
    sums: Mapping[str, Sums]  # rung ->
    drifting: pd.DataFrame  # series_id, ratio, cover: those whose own errors alarm


def altogether(parts: Sequence[Sums]) -> Compared:
    """All series of a machine as one, from the sums of its chunks."""
    rows = []
    for name in ("usual", "lately"):
        total: dict[datetime, tuple[float, int]] = {}
        for part in parts:
            for at, (value, count) in getattr(part, name).items():
                have = total.get(at, (0.0, 0))
                total[at] = have[0] + value, have[1] + count
        rows.append(np.array([[value / count for _, (value, count) in sorted(total.items())]]))
    inside, of = (sum(getattr(part, name) for part in parts) for name in ("inside", "of"))
    return compare(rows[0], rows[1], np.array([inside / of if of else np.nan]))


def issued(rows: Sequence[Any], known: Known) -> Issued:
    """Forecast rows laid on the grid of a history that holds what came true."""
    h = known.history
    length, n = 2 * h.slots, len(h.ids)
    starts = sorted({row.start_utc for row in rows})
    row_of, at_of = {name: i for i, name in enumerate(h.ids)}, {start: k for k, start in enumerate(starts)}
    said = np.full((n, len(starts), length, 3), np.nan, np.float32)
    model_id, model = (np.full((n, len(starts)), "", object) for _ in range(2))
    for row in rows:
        i, k = row_of[row.series_id], at_of[row.start_utc]
        part = unpack_float(row.quantiles).reshape(3, -1)[:, :length]
        said[i, k, : part.shape[1]] = part.T
        model_id[i, k], model[i, k] = row.model_id or "", row.model
    first = np.array([int((start - h.start_utc) / h.step) for start in starts], np.int64)
    total = h.values.shape[1]
    actual, naive = (_at(known.measured, first[:, None] + np.arange(length) - back) for back in (0, 7 * h.slots))
    return Issued(model_id, model, said, actual, naive, starts, first + length <= total, h.slots)


def _at(values: NDArray[np.float32], columns: NDArray[np.int64]) -> NDArray[np.float32]:
    inside = (columns >= 0) & (columns < values.shape[1])
    found: NDArray[np.float32] = np.where(inside, values[:, np.where(inside, columns, 0)], np.float32(np.nan))
    return found


def judged(told: Issued, known: Known, parts: Sequence[groups.Part], model_ids: Sequence[str]) -> Judged:
    """Skill of the nights that are over, and how the errors of each machine's nights compare with those of its calibration days."""
    error = np.abs(told.actual - told.said[..., 1])
    within = (told.actual >= told.said[..., 0]) & (told.actual <= told.said[..., 2])
    sums, alarming = {}, []
    for part, model_id in zip(parts, model_ids, strict=True):
        of = part.question.rows
        its = told.model_id[of] == model_id
        first = [start for k, start in enumerate(told.starts) if its[:, k].any()][:1]
        if not first:
            continue
        day = np.where(its[..., None], error[of, :, : told.slots], np.nan)
        held = np.where(np.isfinite(day), within[of, :, : told.slots], False)
        of_part, compared = _compared(
            part, first[0], told.starts, finite_mean(day, 2), held.sum(axis=(1, 2)), np.isfinite(day).sum(axis=(1, 2))
        )
        sums[part.question.rung] = of_part
        for j in np.flatnonzero(compared.alarms(drift.SERIES)):
            alarming.append((known.history.ids[of[j]], float(compared.ratio[j]), float(compared.cover[j])))
    skill = _skill(told, known.history.ids, error, within)
    return Judged(skill, sums, pd.DataFrame(alarming, columns=["series_id", "ratio", "cover"]))


def _compared(
    part: groups.Part,
    began: datetime,
    nights: Sequence[datetime],
    lately: FloatArray,
    inside: NDArray[np.int64],
    of: NDArray[np.int64],
) -> tuple[Sums, Compared]:
    """Errors of nights [n, k] against those of the calibration days before the machine's first night."""
    errors, task = part.answer.errors, part.question.task
    starts = [task.time(int(o)) for o in errors.origins]
    c = sum(start < began for start in starts)
    usual = finite_mean(np.abs(errors.errors[:, :c, : task.grid.slots]), 2)
    scale = finite_mean(usual, 1)[:, None]
    scale[~(scale > 0)] = np.nan
    made = []
    for values, times in ((usual / scale, starts), (lately / scale, nights)):
        count = np.isfinite(values).sum(axis=0)
        total = np.where(np.isfinite(values), values, 0).sum(axis=0)
        made.append({times[k]: (float(total[k]), int(count[k])) for k in np.flatnonzero(count).tolist()})
    sums = Sums(made[0], made[1], int(inside.sum()), int(of.sum()))
    return sums, compare(usual, lately, inside / np.maximum(of, 1))


def _skill(told: Issued, ids: Sequence[str], error: NDArray[np.float32], within: NDArray[np.bool_]) -> pd.DataFrame:
    """One row per series and day ahead over all nights that are over."""
    rows = []
    for day in (1, 2):
        cut = slice((day - 1) * told.slots, day * told.slots)
        against = np.abs(told.actual - told.naive)[:, told.over, cut]
        mine, inside = error[:, told.over, cut], within[:, told.over, cut]
        seen = np.isfinite(mine) & np.isfinite(against)
        n = seen.sum(axis=(1, 2))
        sums = [np.where(seen, a, 0).sum(axis=(1, 2), dtype=float) for a in (mine, against, inside)]
        for i in np.flatnonzero(n).tolist():
            newest = next(m for m in told.model[i, ::-1] if m)
            rows.append((ids[i], day, newest, *(float(s[i] / n[i]) for s in sums), int(n[i])))
    return pd.DataFrame(rows, columns=list(COLUMNS))
