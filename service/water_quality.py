"""Water quality events of a city: read from the quality sensors' newest days, kept in the store, the same again for the same readings."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Engine, and_, select, update

from city import quality as q
from city.clock import civil_day, floor, local_date
from city.frames import Block
from city.places import Point
from city.quantities import Quantity
from meters.vee.grid import on_grid
from networks.quality import DAY, FLOOR, LEARN, NEW_USUAL, Event, events
from service import schema as t
from service.settings import LoadedCity
from service.store import meter_days, readings, results, writing

READ = LEARN + 2 * DAY  # of readings behind now that a watch stands on
FRESH = NEW_USUAL + DAY  # events that begin before it are told already and stay as they are


def signals(city: LoadedCity) -> dict[tuple[Quantity, int], list[Point]]:
    """The quality points of a city by quantity and step [s]."""
    found: dict[tuple[Quantity, int], list[Point]] = {}
    for point in city.points.values():
        if point.quantity in FLOOR:
            found.setdefault((point.quantity, point.step_s), []).append(point)
    return found


def watch(engine: Engine, city: LoadedCity, at_utc: datetime) -> int:
    """Look for events in validated days and, where there are none yet, readings up to `at_utc`, and keep them. Returns how many are open.

    An event that was open and is not seen any more is over at `at_utc`; what is over stays.
    """
    found = [(point, event) for points in signals(city).items() for point, event in _seen(engine, city, *points, at_utc)]
    fresh = [(point, event) for point, event in found if event.start_utc > at_utc - FRESH]
    e = t.quality_event.c
    with writing(engine) as connection:
        known = {row.event_id: row for row in connection.execute(select(t.quality_event).where(e.start_utc > at_utc - 2 * FRESH))}
        rows = {row["event_id"]: row for row in (_row(city, point, event) for point, event in fresh)}
        for name, row in rows.items():
            if name in known:
                connection.execute(update(t.quality_event).where(e.event_id == name).values(row | {"seen_utc": known[name].seen_utc}))
            else:
                connection.execute(t.quality_event.insert().values(row))
        gone = and_(e.end_utc.is_(None), e.event_id.not_in(list(rows)))
        connection.execute(update(t.quality_event).where(gone).values(end_utc=at_utc))
    return sum(row["end_utc"] is None for row in rows.values())


def _seen(engine: Engine, city: LoadedCity, kind: tuple[Quantity, int], points: list[Point], at_utc: datetime) -> list[tuple[Point, Event]]:
    quantity, step_s = kind
    step, zone = timedelta(seconds=step_s), city.settings.city.time_zone
    first = civil_day(local_date(at_utc - READ, zone), zone)[0]
    days = meter_days.block(engine, points, first, civil_day(local_date(at_utc, zone), zone)[1], estimates=False)
    frame = readings.hot(engine, days.ids, first, at_utc + timedelta(microseconds=1))
    live, _ = on_grid(frame, days.ids, quantity, first, first + days.steps * step, step)
    heard = q.measured(live.quality) & (days.quality == 0)  # what validation refused stays out
    values, quality = np.where(heard, live.values, days.values), np.where(heard, live.quality, days.quality)
    until = (floor(at_utc, step) - first) // step + 1
    known = Block(days.ids, first, step, quantity, values[:, :until], quality[:, :until])
    by_id = {point.id: point for point in points}
    return [(by_id[event.point_id], event) for event in events(known)]


def _row(city: LoadedCity, point: Point, event: Event) -> dict[str, Any]:
    return {
        "event_id": f"quality-{event.point_id}-{event.start_utc:%Y%m%d-%H%M}",
        "point_id": event.point_id,
        "zone_id": city.meter[point.meter].zone or "",
        "quantity": str(point.quantity),
        "start_utc": event.start_utc,
        "seen_utc": event.seen_utc,
        "end_utc": event.end_utc,
        "usual": event.usual,
        "value": event.value,
        "sd": event.sd,
        "outside": event.outside,
    }


def listed(engine: Engine, *, open_only: bool = False) -> list[Any]:
    """Rows of `quality_event`, newest first."""
    e = t.quality_event.c
    where = (e.end_utc.is_(None),) if open_only else ()
    return list(results.rows(engine, t.quality_event, *where, order=e.start_utc.desc()))
