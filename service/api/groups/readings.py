"""What meters said: readings as they arrived, validated intervals, and the newest of each point."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import select

from city.causes import Cause, Flag
from city.clock import parse_utc
from city.quality import usable
from city.quantities import Quantity
from service import schema as t
from service.api.moments import SINCE, UNTIL, iso, span
from service.api.operation import Asked, declared
from service.api.parameters import text
from service.api.shapes import NUMBER, TEXT, TIME, TRUTH, WHOLE, Schema, Shape, each, maybe, page, told
from service.store import day_rows
from service.store.columns import NONE
from service.store.vectors import unpack_int, unpack_quality
from service.utctime import from_micros, micros

QUALITY = Shape(
    "Quality",
    {
        "code": told(WHOLE, "16 bits: IEEE 2030.5 flags low, Penstock's cause high"),
        "flags": each(TEXT),
        "cause": TEXT,
        "usable": told(TRUTH, "may it enter a sum or a forecast?"),
    },
)
_VALUE: dict[str, Schema | Shape] = {
    "value": told(maybe(NUMBER), "in the unit of `quantity`; null where there was none"),
    "quality": QUALITY,
}
READING = Shape("Reading", {"point": TEXT, "time_utc": TIME, "quantity": TEXT, **_VALUE, "received_at_utc": TIME})
INTERVAL = Shape(
    "Interval",
    {"point": TEXT, "start_utc": TIME, "end_utc": TIME, "quantity": TEXT, **_VALUE, "version": told(WHOLE, "of the validated day")},
)
LATEST = Shape(
    "Latest", {"point": TEXT, "time_utc": TIME, "quantity": TEXT, **_VALUE, "good_time_utc": maybe(TIME), "good_value": maybe(NUMBER)}
)
POINTS = text("point", "a point id; up to 50 of them", most=50)
LONGEST = timedelta(days=31)
_AT_ONCE = 500  # points of one question to the database


@declared("/v1/readings", "readings", POINTS.asked(), SINCE, UNTIL, answer=page(READING), group="readings")
def list_readings(asked: Asked) -> dict[str, Any]:
    """Readings as they arrived, hot and archived alike, by time and point; of the last day when no start is given.

    A register is told as it was read: its differences are under /v1/intervals.
    """
    since, until = span(asked, LONGEST, timedelta(days=1))
    opened = asked.homes.points(asked["point"])
    after_us, after_point = asked.after(int, str) or (micros(since) - 1, "")
    items: list[dict[str, Any]] = []
    with asked.engine.connect() as connection:
        for rows in day_rows.between(connection, asked.folder, list(opened), from_micros(max(after_us, micros(since))), until):
            from_us = np.array([micros(opened[name]) for name in rows.points])[rows.point]
            passed = np.array([name <= after_point for name in rows.points])[rows.point]
            left = (rows.time_us >= from_us) & ((rows.time_us > after_us) | ((rows.time_us == after_us) & ~passed))
            order = np.lexsort((rows.point, rows.time_us))
            items += [_reading(rows, int(i)) for i in order[left[order]][: asked["limit"] + 1 - len(items)]]
            if len(items) > asked["limit"]:
                last = items[asked["limit"] - 1]
                return asked.page(items, [micros(parse_utc(last["time_utc"])), last["point"]])
    return asked.page(items, None)


def _reading(rows: day_rows.Rows, i: int) -> dict[str, Any]:
    place, at, value = int(rows.point[i]), int(rows.time_us[i]), int(rows.value[i])
    quantity = rows.quantities[place]
    return {
        "point": rows.points[place],
        "time_utc": iso(from_micros(at)),
        "quantity": str(quantity),
        "value": None if value == NONE else value / quantity.scale,
        "quality": quality_of(int(rows.quality[i])),
        "received_at_utc": iso(from_micros(at + int(rows.late_s[i]) * 1_000_000)),
    }


@declared("/v1/intervals", "readings", POINTS.asked(), SINCE, UNTIL, answer=page(INTERVAL), group="readings")
def list_intervals(asked: Asked) -> dict[str, Any]:
    """Validated intervals, newest version of each day, by point and time; of the last seven days when no start is given.

    A day counts when it begins in the span. What nobody heard of in a day that was validated has the quality 0.
    """
    since, until = span(asked, LONGEST, timedelta(days=7))
    opened = asked.homes.points(asked["point"])
    after = asked.after(str, int)
    items: list[dict[str, Any]] = []
    for name in sorted(opened):
        if after is not None and name < after[0]:
            continue
        for interval in _intervals(asked, name, max(since, opened[name]), until):
            if after is not None and (name, interval[0]) <= (after[0], after[1]):
                continue
            items.append(_interval(name, *interval))
            if len(items) > asked["limit"]:
                last = items[asked["limit"] - 1]
                return asked.page(items, [last["point"], micros(parse_utc(last["start_utc"]))])
    return asked.page(items, None)


def _intervals(asked: Asked, name: str, since: datetime, until: datetime) -> Iterator[tuple[int, int, Quantity, int, int, int]]:
    """Start [us], length [us], quantity, stored value, quality, version of each interval of the newest versions of a point's days."""
    m, quantity = t.meter_day.c, asked.city.points[name].stored
    statement = (
        select(m.day_start_utc, m.version, m.step_s, m.amounts, m.quality)
        .join_from(t.meter_day, t.point, t.point.c.point_key == m.point_key)
        .where(t.point.c.point_id == name, m.day_start_utc >= since, m.day_start_utc < until)
        .order_by(m.day_start_utc, m.version)
    )
    with asked.engine.connect() as connection:
        newest = {row.day_start_utc: row for row in connection.execute(statement)}
    for start, row in newest.items():
        step_us = row.step_s * 1_000_000
        for i, (value, quality) in enumerate(zip(unpack_int(row.amounts).tolist(), unpack_quality(row.quality).tolist(), strict=True)):
            yield micros(start) + i * step_us, step_us, quantity, value, quality, row.version


def _interval(name: str, start_us: int, step_us: int, quantity: Quantity, value: int, quality: int, version: int) -> dict[str, Any]:
    return {
        "point": name,
        "start_utc": iso(from_micros(start_us)),
        "end_utc": iso(from_micros(start_us + step_us)),
        "quantity": str(quantity),
        "value": value / quantity.scale if quality & 0xFF else None,  # without a flag there was no value; 0 stands in its place
        "quality": quality_of(quality),
        "version": version,
    }


@declared("/v1/latest", "readings", answer=page(LATEST), group="readings")
def list_latest(asked: Asked) -> dict[str, Any]:
    """The newest reading of each point, and the newest good one; by point."""
    homes, (after,) = asked.homes, asked.after(str) or ("",)
    some = sorted(name for name in asked.city.points if name > after)
    items: list[dict[str, Any]] = []
    with asked.engine.connect() as connection:
        for at in range(0, len(some), _AT_ONCE):
            rows = sorted(connection.execute(_newest_of(some[at : at + _AT_ONCE])), key=lambda row: str(row.point_id))
            seen = [(row, since) for row in rows if (since := homes.point(row.point_id)) is not None and row.time_utc >= since]
            items += [_latest(row, since) for row, since in seen]
            if len(items) > asked["limit"]:
                break
    return asked.page(items, lambda item: [item["point"]])


def _newest_of(names: list[str]) -> Any:
    p = t.point.c
    joined = select(t.latest, p.point_id, p.quantity).join_from(t.latest, t.point, p.point_key == t.latest.c.point_key)
    return joined.where(p.point_id.in_(names))


def _latest(row: Any, since: datetime) -> dict[str, Any]:
    """What is told of a point that is open since then: a good reading from before is not."""
    quantity = Quantity(row.quantity)
    told = {"point": row.point_id, "time_utc": iso(row.time_utc), "quantity": row.quantity}
    told |= {"value": None if row.value is None else row.value / quantity.scale, "quality": quality_of(row.quality)}
    if row.good_value is None or row.good_time_utc < since:
        return told | {"good_time_utc": None, "good_value": None}
    return told | {"good_time_utc": iso(row.good_time_utc), "good_value": row.good_value / quantity.scale}


@cache
def quality_of(code: int) -> dict[str, Any]:
    """A stored quality in words. The same object for the same code: it is only ever written out."""
    flags = [str(flag.name).lower() for flag in Flag if code & int(flag)]
    cause = code >> 8
    name = Cause(cause).name.lower() if cause in set(Cause) else str(cause)
    return {"code": code, "flags": flags, "cause": name, "usable": bool(usable(np.array([code]))[0])}


OPERATIONS = (list_readings, list_intervals, list_latest)
