"""One point over the last days - what was read, what was used - and what spoiled the readings of a day."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Engine, func, select

from city import quality as q
from city.clock import civil_day, local_date
from city.quality import Cause
from service import schema as t
from service.settings import LoadedCity
from service.store import meter_days, readings
from service.view.moment import Moment

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Course:
    """`raw` is what was read (time_utc, value, usable, cause), `usage` what each interval used or held (the same columns)."""

    point_id: str
    raw: pd.DataFrame
    usage: pd.DataFrame
    raw_unit: str
    usage_unit: str
    is_register: bool


def course(engine: Engine, city: LoadedCity, moment: Moment, point_id: str, days: int = 4) -> Course:
    """A point's last `days` civil days and today so far."""
    point = city.points[point_id]
    today = local_date(moment.now_utc, moment.zone)
    start, end = civil_day(today - days * _DAY, moment.zone)[0], civil_day(today + _DAY, moment.zone)[0]
    hot = readings.hot(engine, [point_id], start, moment.now_utc + timedelta(seconds=1))
    raw = pd.DataFrame({"time_utc": hot["time_utc"], "value": hot["value"], "quality": hot["quality"].astype(int)})
    block = meter_days.block(engine, [point], start, end)
    told = block.quality[0] != 0
    kept = np.where(block.quality[0] & ~np.uint16(0) != 0, block.quantity.to_unit(block.values[0]), np.nan)
    usage = pd.DataFrame({"time_utc": block.times[told], "value": kept[told], "quality": block.quality[0][told].astype(int)})
    return Course(point_id, _told(raw), _told(usage), point.quantity.unit, point.stored.unit, point.quantity.is_register)


def _told(frame: pd.DataFrame) -> pd.DataFrame:
    quality = frame["quality"].to_numpy()
    causes = [Cause(int(code) >> 8).name for code in quality]
    return frame.drop(columns="quality").assign(usable=q.usable(quality) if len(frame) else False, cause=causes)


def causes(engine: Engine) -> pd.DataFrame:
    """cause, intervals, points: what spoiled the newest stored civil day, largest first."""
    count: dict[Cause, int] = {}
    touched: dict[Cause, int] = {}
    day = meter_days.last(engine)
    for _point, quality in meter_days.qualities(engine, day) if day else ():
        codes, numbers = np.unique(quality[~q.measured(quality)] >> 8, return_counts=True)
        for cause, number in zip(map(Cause, codes.tolist()), numbers.tolist(), strict=True):
            count[cause] = count.get(cause, 0) + number
            touched[cause] = touched.get(cause, 0) + 1
    rows = [(cause.name, number, touched[cause]) for cause, number in sorted(count.items(), key=lambda item: -item[1])]
    return pd.DataFrame(rows, columns=["cause", "intervals", "points"])


def answered(engine: Engine, moment: Moment) -> pd.DataFrame:
    """time_utc, asked, answered, share: how many points of each slot of the last 24 h came with a value that can be used."""
    since = moment.now_utc - _DAY
    statement = (
        select(t.reading.c.time_utc, t.reading.c.quality, func.count())
        .where(t.reading.c.time_utc >= since, t.reading.c.time_utc <= moment.now_utc)
        .group_by(t.reading.c.time_utc, t.reading.c.quality)
    )
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
    frame = pd.DataFrame([tuple(row) for row in rows], columns=["time_utc", "quality", "asked"])
    frame = frame.assign(
        time_utc=pd.to_datetime(frame["time_utc"], utc=True),
        answered=frame["asked"].where(q.usable(frame["quality"].to_numpy().astype(int)), 0),
    )
    made = frame.groupby("time_utc")[["asked", "answered"]].sum().reset_index()
    return made.assign(share=made["answered"] / made["asked"])
