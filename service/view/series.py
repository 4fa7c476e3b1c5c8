"""One point over a day to a year - what was read, what was used - and what spoiled the readings of a day."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, select

from city import quality as q
from city.clock import civil_day, local_date
from city.quality import Cause
from service import schema as t
from service.settings import LoadedCity
from service.store import cold, meter_days
from service.store.vectors import unpack_quality
from service.view.downsample import by_day, thinned
from service.view.moment import Moment

SPANS = {"day": 1, "week": 7, "month": 31, "year": 365}  # civil days
_AS_READ = ("day", "week")  # a longer span is shown as validated only: a register as read says nothing over months
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Course:
    """A point over some civil days, thinned to what a chart can show.

    `raw` is what was read (time_utc, value, usable, cause), None over more than a week; `usage` is what each interval used or held (the
    same columns); over a year `days` has it by day instead (time_utc, low, mean, high, lost). `spoiled` counts, before the thinning, what
    cannot be used by cause, of `raw` and of `usage`; `rows` says how many they had.
    """

    point_id: str
    raw: pd.DataFrame | None
    usage: pd.DataFrame
    days: pd.DataFrame | None
    spoiled: Mapping[str, Mapping[str, int]]
    rows: Mapping[str, int]
    raw_unit: str
    usage_unit: str
    is_register: bool


def course(engine: Engine, city: LoadedCity, moment: Moment, point_id: str, span: str = "week", until: date | None = None) -> Course:
    """A point over the `span` (day, week, month, year) that ends with the civil day `until`, today when not given."""
    whole = {"usage": usage(engine, city, moment, point_id, span, until)}
    if span in _AS_READ:
        whole["raw"] = as_read(engine, city, moment, point_id, span, until)
    spoiled = {name: frame.loc[~frame["usable"], "cause"].value_counts().to_dict() for name, frame in whole.items()}
    thin = {name: frame.iloc[thinned(frame["value"].to_numpy(), frame["usable"].to_numpy())] for name, frame in whole.items()}
    point = city.points[point_id]
    days = by_day(whole["usage"], moment.zone) if span == "year" else None
    rows = {name: len(frame) for name, frame in whole.items()}
    units = point.quantity.unit, point.stored.unit
    return Course(point_id, thin.get("raw"), thin["usage"], days, spoiled, rows, *units, point.quantity.is_register)


def as_read(engine: Engine, city: LoadedCity, moment: Moment, point_id: str, span: str, until: date | None = None) -> pd.DataFrame:
    """Every reading of a span, hot and cold: time_utc, value, usable, cause. Raises `PenstockError` for a cold file that is lost."""
    start, end = _between(moment, span, until)
    found = cold.raw(engine, city.folder, [point_id], start, min(end, moment.now_utc + timedelta(seconds=1)))
    return _told(pd.DataFrame({"time_utc": found["time_utc"], "value": found["value"], "quality": found["quality"].astype(int)}))


def usage(engine: Engine, city: LoadedCity, moment: Moment, point_id: str, span: str, until: date | None = None) -> pd.DataFrame:
    """Every interval of a span from the first validated one to the last: time_utc, value, usable, cause.

    One in between that nobody validated is missing for cause GAP: without it the line would be drawn straight across.
    """
    point = city.points[point_id]
    block = meter_days.block(engine, [point], *_between(moment, span, until))
    told = np.flatnonzero(block.quality[0])
    kept = slice(told[0], told[-1] + 1) if told.size else slice(0)
    quality = block.quality[0][kept]
    quality = np.where(quality == 0, q.missing(Cause.GAP), quality).astype(int)
    value = np.where(quality & 0xFF, block.quantity.to_unit(block.values[0])[kept], np.nan)  # no flag: no value, stored as 0
    return _told(pd.DataFrame({"time_utc": block.times[kept], "value": value, "quality": quality}))


def _between(moment: Moment, span: str, until: date | None) -> tuple[datetime, datetime]:
    last = until or local_date(moment.now_utc, moment.zone)
    return civil_day(last - (SPANS[span] - 1) * _DAY, moment.zone)[0], civil_day(last, moment.zone)[1]


def _told(frame: pd.DataFrame) -> pd.DataFrame:
    quality = frame["quality"].to_numpy()
    codes, at = np.unique(quality >> 8, return_inverse=True)
    names = pd.array([Cause(int(code)).name for code in codes], dtype="str")
    return frame.drop(columns="quality").assign(usable=q.usable(quality).astype(bool), cause=names.take(at))


def causes(engine: Engine) -> pd.DataFrame:
    """cause, intervals, points: what spoiled the newest stored civil day, largest first."""
    count: Counter[Cause] = Counter()
    touched: Counter[Cause] = Counter()
    for packed, points in _qualities(engine).items():
        quality = unpack_quality(packed)
        for code, number in zip(*np.unique(quality[~q.measured(quality)] >> 8, return_counts=True), strict=True):
            count[Cause(int(code))] += int(number) * points
            touched[Cause(int(code))] += points
    rows = [(cause.name, number, touched[cause]) for cause, number in count.most_common()]
    return pd.DataFrame(rows, columns=["cause", "intervals", "points"])


def _qualities(engine: Engine) -> Counter[bytes]:
    """How many points have which quality vector on the newest stored civil day: most have the same one, so few need be opened."""
    m = t.meter_day.c
    statement = select(m.point_key, m.quality).where(m.day_start_utc == meter_days.last(engine)).order_by(m.point_key, m.version)
    with engine.connect() as connection:
        rows: Any = connection.execute(statement).cursor
        return Counter(dict(rows).values())  # the newest version comes last, and stays
