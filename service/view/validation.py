"""What validation asks a person: stretches that it doubted, estimated or warned of, by what hangs on them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Select, func, select

from city import quality as q
from city.clock import local
from city.places import Point
from city.quality import Flag
from city.quantities import Quantity
from service import schema as t
from service.settings import LoadedCity
from service.store import meter_days
from service.store.vectors import unpack_int, unpack_quality
from service.vee.stretches import Stretch, digest, stretches

DAYS = 2000  # days of points that are opened at most, the newest: what a person can look at, and what a page can wait for
COLUMNS = ["point_id", "start_utc", "end_utc", "cause", "intervals", "made", "register_sum", "before", "after", "unit", "hangs"]
COLUMNS += ["importance", "consequence", "day_start_utc", "version", "first", "digest"]


class _Day(NamedTuple):
    """A day of a point: as it was read, and as it stands."""

    point: Point
    key: int
    start_utc: datetime
    version: int
    read: tuple[NDArray[np.int64], NDArray[np.uint16]]
    now: tuple[NDArray[np.int64], NDArray[np.uint16]]


def queue(
    engine: Engine, city: LoadedCity, start_utc: datetime | None = None, end_utc: datetime | None = None, limit: int = DAYS
) -> pd.DataFrame:
    """One row per stretch that nobody has settled, by what hangs on it, of the `limit` newest days of points in [start, end).

    `before` is what was read, `after` what stands now: the sum of a usage, the mean of anything else [unit]; not a number where there is
    none. `hangs` names accounts, and forecast, balance, leaks. `importance` is 3 for what is billed, 2 for what is forecast, balanced or
    watched for leaks, 1 for the rest; `consequence` is that times the length [days], twice for what has no value that is used.
    """
    with engine.connect() as connection:
        open_ = _open(start_utc, end_utc, limit)
        settled = _settled(connection, open_)
        hanging = hangs(city)
        rows = [
            _row(day, one, hanging.get(day.point.id, (1, "")))
            for day in _days(connection, city, open_)
            for one in stretches(day.now[1])
            if (day.key, day.start_utc, one.first, _digest(day, one)) not in settled
        ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    order = ["consequence", "start_utc", "point_id"]
    return frame.sort_values(order, ascending=[False, False, True], ignore_index=True)


def waiting(engine: Engine) -> int:
    """How many days of points ask for a person, also those beyond `DAYS`."""
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(t.vee_open)).scalar_one())


def _open(start_utc: datetime | None, end_utc: datetime | None, limit: int) -> Any:
    o = t.vee_open.c
    statement = select(o.point_key, o.day_start_utc).order_by(o.day_start_utc.desc(), o.point_key).limit(limit)
    statement = statement.where(o.day_start_utc >= start_utc) if start_utc else statement
    return (statement.where(o.day_start_utc < end_utc) if end_utc else statement).subquery()


def _of_open(statement: Select[Any], open_: Any, table: Any) -> Select[Any]:
    return statement.join(open_, (table.c.point_key == open_.c.point_key) & (table.c.day_start_utc == open_.c.day_start_utc))


def _settled(connection: Connection, open_: Any) -> set[tuple[int, datetime, int, str]]:
    s = t.vee_settled.c
    found = connection.execute(_of_open(select(s.point_key, s.day_start_utc, s.first_step, s.digest), open_, t.vee_settled))
    return {tuple(row) for row in found}


def _days(connection: Connection, city: LoadedCity, open_: Any) -> Iterator[_Day]:
    """Days as they were read and as they stand, of points that the city file knows."""
    m = t.meter_day.c
    statement = _of_open(select(t.point.c.point_id, m.point_key, m.day_start_utc, m.version, m.amounts, m.quality), open_, t.meter_day)
    rows = connection.execute(statement.join(t.point, t.point.c.point_key == m.point_key).order_by(m.version))
    first: dict[tuple[int, datetime], Any] = {}
    last: dict[tuple[int, datetime], Any] = {}
    for row in rows:
        first.setdefault((row.point_key, row.day_start_utc), row)
        last[row.point_key, row.day_start_utc] = row
    for key, row in last.items():
        if row.point_id in city.points:
            read = first[key]
            vectors = [(unpack_int(one.amounts), unpack_quality(one.quality)) for one in (read, row)]
            yield _Day(city.points[row.point_id], *key, row.version, *vectors)


def _digest(day: _Day, one: Stretch) -> str:
    some = slice(one.first, one.first + one.steps)
    return digest(day.now[0][some], day.now[1][some])


def _row(day: _Day, one: Stretch, hanging: tuple[int, str]) -> tuple[Any, ...]:
    some, step = slice(one.first, one.first + one.steps), timedelta(seconds=day.point.step_s)
    start = day.start_utc + one.first * step
    (read, marks), (values, quality) = ((vector[0][some], vector[1][some]) for vector in (day.read, day.now))
    before = _amount(day.point, read, (marks & int(Flag.VALID | Flag.QUESTIONABLE | Flag.EDITED)) != 0)
    after, length = _amount(day.point, values, q.usable(quality)), one.steps * step / timedelta(days=1)
    worth = hanging[0] * length * (2 if np.isnan(after) else 1)
    told = (day.point.id, start, start + one.steps * step, one.cause.name, one.steps, one.made, one.register_sum, before, after)
    named = (day.point.stored.unit, hanging[1], hanging[0], round(worth, 4))
    return *told, *named, day.start_utc, day.version, one.first, digest(values, quality)


def _amount(point: Point, values: NDArray[np.int64], some: NDArray[np.bool_]) -> float:
    """Sum of a usage, mean of anything else [unit], over `some`; not a number without any."""
    found = point.stored.to_unit(values[some])
    return float(found.sum() if point.stored.is_period else found.mean()) if found.size else float("nan")


@lru_cache(maxsize=4)
def hangs(city: LoadedCity) -> Mapping[str, tuple[int, str]]:
    """{point_id: (importance, what hangs on it)} of points that are billed (3), or forecast, balanced or watched for leaks (2)."""
    parts = {total.id: (*total.of, *total.less) for total in city.settings.totals}
    accounts: dict[str, list[str]] = defaultdict(list)
    for account in city.settings.accounts:
        for name in parts.get(account.point, (account.point,)):
            accounts[name].append(account.id)
    found = {}
    for point in city.points.values():
        meter, usage = city.meter[point.meter], point.stored.is_period
        used = [word for word, is_so in (("forecast", usage and meter.forecast), ("balance", usage and meter.zone)) if is_so]
        used += ["leaks"] if point.quantity is Quantity.PRESSURE_M and meter.zone else []
        if accounts[point.id] or used:
            found[point.id] = 3 if accounts[point.id] else 2, ", ".join([*accounts[point.id], *used])
    return found


def told(asked: pd.DataFrame, zone: str) -> Iterator[str]:
    """A line per row of `queue`, with what may be done about it at the end."""
    for row in asked.itertuples():
        cause, made = row.cause.lower().replace("_", " "), row.made.replace("_", " ")
        first, last = local(pd.DatetimeIndex([row.start_utc, row.end_utc - timedelta(seconds=1)]), zone)
        much = f"{row.intervals} interval{'s' * (row.intervals > 1)}, {made}"
        hanging = f"; {row.hangs} hangs on it" if row.hangs else ""
        yield f"{row.point_id} {first:%Y-%m-%d %H:%M} to {last:%H:%M}: {cause} in {much}{hanging}"
    yield "accept or correct them with `penstock meters edit`" if len(asked) else "nothing is asked of these days"


def course(engine: Engine, city: LoadedCity, point_id: str, start_utc: datetime, end_utc: datetime) -> pd.DataFrame:
    """time_utc, read, now [unit]: a point over whole civil days as it was read and as it stands; not a number where nothing is used."""
    point = city.points[point_id]
    now, read = (meter_days.block(engine, [point], start_utc, end_utc, as_read=as_read) for as_read in (False, True))
    shown = (read.quality[0] & int(Flag.VALID | Flag.QUESTIONABLE | Flag.EDITED)) != 0
    values = [np.where(some, point.stored.to_unit(one.values[0]), np.nan) for one, some in ((read, shown), (now, now.usable()[0]))]
    return pd.DataFrame({"time_utc": now.times, "read": values[0], "now": values[1]})
