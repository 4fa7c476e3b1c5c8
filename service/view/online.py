"""How many readings came, and how many could be used, slot by slot; and the devices to look at first."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile

import numpy as np
import pandas as pd
from sqlalchemy import Engine, select

from city import quality as q
from service import health
from service import schema as t
from service.health import Health
from service.settings import LoadedCity
from service.store import columns, readings

DAYS = 7


def online(engine: Engine, now_utc: datetime, days: int = DAYS) -> pd.DataFrame:
    """time_utc, asked, online, usable: of each slot of the last `days`, how many readings were due, the share whose device answered, and
    the share that can be used. What was never asked for is left out, as in `service.health`."""
    s = t.slot_quality.c
    statement = select(s.time_utc, s.quality, s.readings).where(s.time_utc > now_utc - timedelta(days=days), s.time_utc <= now_utc)
    with engine.connect() as connection:
        time, quality, count = columns.fetch(connection, statement)
    some = quality >> 8 != q.Cause.OVERRUN
    time, quality, count = time[some], quality[some], count[some]
    answered = np.isin(quality >> 8, [int(cause) for cause in q.ANSWERED])
    frame = pd.DataFrame({"time_utc": readings.times(time), "asked": count})
    frame = frame.assign(online=np.where(answered, count, 0), usable=np.where(q.usable(quality), count, 0))
    made = frame.groupby("time_utc")[["asked", "online", "usable"]].sum().reset_index()
    return made.assign(online=made["online"] / made["asked"], usable=made["usable"] / made["asked"])


def devices(engine: Engine, city: LoadedCity, now_utc: datetime, most: int = 200) -> tuple[Sequence[Health], int]:
    """The `most` devices to look at first over the last week, and how many there are of which something is wrong."""
    found = list(takewhile(lambda one: one.urgency > 0, health.devices(engine, city, now_utc, DAYS)))
    return found[:most], len(found)
