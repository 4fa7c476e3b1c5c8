"""The board: every point's latest value with its age and quality.

A city has up to 100,000 points and more, and the board is asked for every few seconds: what the city file says is put into columns
once, and what is stored comes as columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine, func, select

from city import quality as q
from city.quality import Cause
from service import schema as t
from service.metering import primary
from service.settings import LoadedCity
from service.store import columns, readings
from service.store.columns import NONE
from service.utctime import from_micros, micros
from service.view.moment import Moment

LATE_STEPS = 3  # a value older than three of its steps is old
_FILE_LATE_MIN = 36 * 60  # and one that comes in files, mostly once a day, when a day's file is half a day overdue [min]
_ANSWERED = [cause.name for cause in q.ANSWERED | {Cause.LIMIT}]
_SHOWN = ["point_id", "meter_id", "site", "zone", "commodity", "role", "quantity", "unit"]


@dataclass(frozen=True)
class Counts:
    """How many points there are and can be used now, how many meters there are and answer."""

    points: int
    usable: int
    meters: int
    online: int


def points(engine: Engine, city: LoadedCity, moment: Moment) -> pd.DataFrame:
    """One row per point of the city file: its meter, newest reading, newest value that can be used, age and cause.

    Columns: point_id, meter_id, site, zone, commodity, role, quantity, unit, step_min, value, time_utc (newest heard of), value_utc (of
    `value`), usable, cause, age_min [min], late, answers (read in time, whatever it said). A point never heard of has NaT and cause GAP.
    """
    about = _about(city)
    heard_us, newest, told, good_us, good = _latest(engine, city)
    quality = np.where(heard_us == NONE, q.missing(Cause.GAP), told).astype(np.uint16)
    value = _in_units(city, about, good, good_us)
    seen = _in_units(city, about, newest, heard_us)
    outside = q.usable(quality) & ((seen < about["low"].to_numpy()) | (seen > about["high"].to_numpy()))
    quality[outside] = q.questionable(Cause.LIMIT)  # as the night's validation will say
    age, asked = (_minutes(moment, time) for time in (good_us, heard_us))
    patience = about["patience_min"].to_numpy()
    cause = _causes(quality)
    return about[[*_SHOWN, "step_min"]].assign(
        value=value,
        time_utc=readings.times(heard_us),
        value_utc=readings.times(good_us),
        usable=q.usable(quality),
        cause=cause,
        age_min=age,
        late=np.isnan(age) | (age > patience),
        answers=pd.Series(cause).isin(_ANSWERED).to_numpy() & (asked <= patience),
    )


@lru_cache(maxsize=4)
def _about(city: LoadedCity) -> pd.DataFrame:
    """What the city file says of each point: whose it is, its unit, limits and patience. Shared, never changed."""
    live = {meter.id for meter in city.settings.meters if meter.link} | {logger.meter for logger in city.settings.loggers}
    within = bounds(city)
    made: dict[str, list[object]] = {name: [] for name in (*_SHOWN, "scale", "step_min", "patience_min", "low", "high")}
    for p in city.points.values():
        m, step_min = city.meter[p.meter], p.step_s / 60
        patience = LATE_STEPS * step_min if m.id in live else float(_FILE_LATE_MIN)
        row = (p.id, m.id, m.site, m.zone or "", m.commodity, m.role, str(p.quantity), p.quantity.unit, float(p.quantity.scale))
        for column, one in zip(made.values(), (*row, step_min, patience, *within.get(p.id, (-np.inf, np.inf))), strict=True):
            column.append(one)
    return pd.DataFrame({name: pd.array(column, dtype="str") if name in _SHOWN else column for name, column in made.items()})


@lru_cache(maxsize=4)
def _keys(engine: Engine, city: LoadedCity, newest: int) -> NDArray[np.int64]:  # noqa: ARG001 - new points come with new keys
    """The key of each point of `_about`; -1 for one that is not registered."""
    key_of = readings.keys(engine)
    return np.array([key_of.get(name, -1) for name in _about(city)["point_id"]], dtype=np.int64)


def _latest(engine: Engine, city: LoadedCity) -> list[NDArray[np.int64]]:
    """Time, value, quality, time and value of the newest good one, of each point of `_about`; times in microseconds, `NONE` for nothing."""
    with engine.connect() as connection:
        newest = connection.execute(select(func.max(t.point.c.point_key))).scalar() or 0
        key, *found = columns.fetch(connection, select(*t.latest.c))
    wanted = _keys(engine, city, newest)
    row = np.full(max(int(key.max(initial=0)), int(wanted.max(initial=0))) + 2, -1)
    row[key] = np.arange(key.size)  # the last place stays -1: that of points without a key
    at = row[wanted]
    return [np.where(at >= 0, column[at], NONE) if column.size else np.full(at.size, NONE) for column in found]


def _minutes(moment: Moment, time_us: NDArray[np.int64]) -> NDArray[np.float64]:
    """Age of times [min]; not-a-number where there is none."""
    return np.where(time_us == NONE, np.nan, (micros(moment.now_utc) - time_us) / 60e6)


def _causes(quality: NDArray[np.uint16]) -> pd.api.extensions.ExtensionArray:
    codes, at = np.unique(quality, return_inverse=True)
    return pd.array([q.cause_of(int(code)).name for code in codes], dtype="str").take(at)


def _in_units(city: LoadedCity, about: pd.DataFrame, stored: NDArray[np.int64], time_us: NDArray[np.int64]) -> NDArray[np.float64]:
    """Stored readings in the unit of their points, times what was in force at their time; not-a-number where there is none."""
    values = np.where(stored == NONE, np.nan, stored / about["scale"].to_numpy())
    behind = {meter.id for meter in city.settings.meters if meter.history}
    for i in np.flatnonzero(about["meter_id"].isin(behind) & (stored != NONE)) if behind else ():
        values[i] = primary(city, city.points[about["point_id"].iloc[i]], int(stored[i]), from_micros(int(time_us[i])))
    return values


def bounds(city: LoadedCity) -> dict[str, tuple[float, float]]:
    """Point -> least and most value [unit of the point] of its limits; registers have none, their limits are of the usage."""
    found = {}
    for limit in city.settings.limits:
        point = city.points.get(limit.point)
        if point is not None and not point.quantity.is_register:
            low = -np.inf if limit.minimum is None else float(limit.minimum)
            found[limit.point] = (low, np.inf if limit.maximum is None else float(limit.maximum))
    return found


def counts(board: pd.DataFrame) -> Counts:
    """What a board adds up to."""
    usable = int((board["usable"] & ~board["late"]).sum())
    return Counts(len(board), usable, board["meter_id"].nunique(), board.loc[board["answers"], "meter_id"].nunique())


def search(board: pd.DataFrame, words: str = "", *, abnormal: bool = False, shown: Mapping[str, str] | None = None) -> NDArray[np.intp]:
    """Rows of which every one of `words` stands in id, zone, site, quantity or cause, in any case; the abnormal ones first.

    With `abnormal` only those that cannot be used or are late. `shown` says how quantities and causes are called on the screen, so that
    they are found by that too.
    """
    called = {name: f"{name} {text}" for name, text in (shown or {}).items()}
    bad = (~board["usable"] | board["late"]).to_numpy()
    kept = bad.copy() if abnormal else np.ones(len(board), dtype=bool)
    for word in words.split():
        hit = np.zeros(len(board), dtype=bool)
        for column in ("point_id", "zone", "site"):
            hit |= board[column].str.contains(word, case=False, regex=False).to_numpy()
        for column in ("quantity", "cause"):
            hit |= board[column].isin([name for name in board[column].unique() if word.casefold() in called.get(name, name).casefold()])
        kept &= hit
    return np.concatenate([np.flatnonzero(kept & bad), np.flatnonzero(kept & ~bad)])
