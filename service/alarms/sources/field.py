"""Meters that do not answer or answer nonsense, links that are dead, values that do not move."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, func, select

from city.quality import Cause
from service import schema as t
from service.alarms.conditions import Condition, Seen
from service.alarms.sources.field_kinds import KEY_SILENT, KEY_UNUSABLE, KINDS, LINK, SILENT, STUCK, UNUSABLE
from service.grid.view import outages
from service.settings import LoadedCity
from service.store import meter_days
from service.view.water import faults

__all__ = ["KINDS", "found"]
STUCK_SHARE = 0.25  # of a day that must be flat before a sensor is called stuck
DAYS_KEPT = 2


def found(seen: Seen) -> Iterator[Condition]:
    """One condition per meter whose newest reading cannot be used, one per link none of whose meters answers, one per flat sensor."""
    bad = seen.board[(~seen.board["usable"] | seen.board["late"]) & seen.board["time_utc"].notna()]
    parts: dict[str, list[Any]] = defaultdict(list)
    for row in bad[["meter_id", "answers", "value_utc", "cause"]].itertuples(index=False):
        parts[row.meter_id].append(row)
    heard = seen.board.loc[seen.board["time_utc"].notna(), "meter_id"]
    silent = {meter for meter, rows in parts.items() if not any(row.answers for row in rows)}
    dead = dead_links(seen.city, set(heard.unique()), silent)
    of, key = seen.board["meter_id"].value_counts(), key_meters(seen.city)
    dark = _dark(seen)
    last = {meter: _since(rows) for meter, rows in parts.items()}
    for link, meters in dead.items():
        since = max((time for meter in meters if (time := last[meter])), default=None)
        yield Condition(LINK.name, link, since, {"meters": len(meters)}, about="")
    for meter, rows in sorted(parts.items()):
        causes = Counter(row.cause for row in rows)
        facts = {"cause": min(causes, key=lambda cause: (-causes[cause], cause)), "points": len(rows), "of": int(of[meter])}
        kinds = (KEY_SILENT, KEY_UNUSABLE) if meter in key else (SILENT, UNUSABLE)
        link = str(seen.city.meter[meter].link)
        follows = f"{LINK.name} {link}" if link in dead and meter in silent else dark.get(meter, "") if meter in silent else ""
        yield Condition(kinds[meter not in silent].name, meter, last[meter], facts, follows=follows)
    yield from _stuck(seen)


def _dark(seen: Seen) -> dict[str, str]:
    """{meter without power: the alarm of its outage}."""
    if seen.city.settings.grid is None:
        return {}
    return {meter: f"outage {outage.outage_id}" for outage in outages(seen.engine, open_only=True) for meter in outage.meters}


def _since(rows: list[Any]) -> datetime | None:
    """When the first of them had its last good value; None where one never had any."""
    times = [row.value_utc for row in rows]
    return None if any(pd.isna(time) for time in times) else min(times).to_pydatetime()


def dead_links(city: LoadedCity, heard: set[str], silent: set[str]) -> dict[str, list[str]]:
    """Links of two meters or more, none of which answers -> these meters."""
    of_link = defaultdict(list)
    for meter in city.settings.meters:
        if meter.link is not None and meter.id in heard:
            of_link[meter.link].append(meter.id)
    return {link: meters for link, meters in of_link.items() if len(meters) > 1 and silent.issuperset(meters)}


@lru_cache(maxsize=2)
def key_meters(city: LoadedCity) -> frozenset[str]:
    """Meters on which a balance or a device stands: others hang under them, a zone is measured by them, a state is read from them."""
    points = {point for state in city.settings.states for point in state.weights} | {one.point for one in city.settings.controls}
    zone = {meter.id for meter in city.settings.meters if meter.zone and meter.role in ("supply", "load") and meter.commodity == "water"}
    return frozenset({meter.under for meter in city.settings.meters if meter.under} | {point.rsplit(".", 1)[0] for point in points} | zone)


def _stuck(seen: Seen) -> Iterator[Condition]:
    """Points that validation found flat for a good part of the last stored day, but those the leak watch names as faulty."""
    flat = _flat_points(seen.engine)
    named = {row.sensor for row in faults(seen.engine)} if flat else set()
    board = seen.board.set_index("point_id")[["value", "unit"]] if flat else None
    for point, share in flat.items():
        if board is not None and point not in named:
            value, unit = board.loc[point] if point in board.index else (np.nan, "")
            facts = {"share": share, "value": float(value), "unit": unit}
            yield Condition(STUCK.name, point.rsplit(".", 1)[0], None, facts, point)


def _flat_points(engine: Engine) -> dict[str, float]:
    """{point: share of the newest stored day that is flat}; looked up once for each state of that day."""
    day = meter_days.last(engine)
    if day is None:
        return {}
    d = t.meter_day.c
    with engine.connect() as connection:
        stamp = connection.execute(select(func.count(), func.max(d.version)).where(d.day_start_utc == day)).one()
    return _flat_of(engine, day, tuple(stamp))


@lru_cache(maxsize=DAYS_KEPT)
def _flat_of(engine: Engine, day: datetime, stamp: tuple[int, int]) -> dict[str, float]:  # noqa: ARG001 - it is what the cache goes by
    found = {}
    for name, quality in meter_days.qualities(engine, day):
        flat = int(np.count_nonzero(quality >> 8 == Cause.FLAT))
        if flat and flat / quality.size >= STUCK_SHARE:
            found[name] = flat / quality.size
    return found
