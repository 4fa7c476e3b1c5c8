"""The water of the last day: real losses by the night flow, and bursts in pressures and inflows with their places."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from city.clock import QUARTER, civil_day, floor, local_date
from city.frames import Block
from city.quantities import Quantity
from networks import leaks, locate
from networks.baseline import Baseline
from service.isolating import LiveDay, isolate, live_day
from service.night import Night
from service.store import meter_days
from service.validation import live
from service.water import WaterCity

HISTORY_DAYS = 70  # of inflow for the hour-of-week medians, and of pressure for the regression
CANDIDATES = 12  # pipes kept of the posterior


def _renamed(block: Block, names: Mapping[str, str]) -> Block:
    return replace(block, ids=tuple(names[name] for name in block.ids))


Case = tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]


def cases(night: Night, side: WaterCity) -> list[Case]:
    """Bursts between the day before's midnight and now, by hot readings against a baseline of the weeks before."""
    zone = night.city.settings.city.time_zone
    day = local_date(night.today - timedelta(hours=1), zone)
    live_start, end = civil_day(day, zone)[0], floor(night.now_utc, QUARTER) + QUARTER
    first = meter_days.first(night.engine)
    inflow = side.dma_points("volume_register_m3")
    if first is None or first >= live_start or not side.sensors or not inflow:
        return []
    old = max(first, civil_day(day - timedelta(days=HISTORY_DAYS), zone)[0])
    volume = _history(night, inflow, old, live_start)
    pressure, level, running = (_history(night, names, old, live_start) for names in (side.sensors, side.tanks, side.pumps))
    baseline = Baseline.fit(pressure, volume, level=level, running=running, zone=zone)
    live = {
        name: _live(night, names, live_start, end)
        for name, names in (
            ("pressure", side.sensors),
            ("flow", side.dma_points("flow_m3_per_h")),
            ("level", side.tanks),
            ("running", side.pumps),
        )
    }
    events = leaks.detect(live["pressure"], live["flow"], baseline, level=live["level"], running=live["running"])
    return [_case(night, side, event, live) for event in leaks.active(events, night.now_utc)]


def _none(start: datetime, end: datetime) -> Block:
    """No series at all: tanks or pumps that nobody meters, without which pressures explain less."""
    shape = (0, int((end - start) / QUARTER))
    return Block((), start, QUARTER, Quantity.LEVEL_M, np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.uint16))


def _history(night: Night, names: Mapping[str, str], start: datetime, end: datetime) -> Block:
    if not names:
        return _none(start, end)
    points = [night.city.points[name] for name in names]
    return _renamed(meter_days.block(night.engine, points, start, end, estimates=False), names)


def _live(night: Night, names: Mapping[str, str], start: datetime, end: datetime) -> Block:
    if not names:
        return _none(start, end)
    points = [night.city.points[name] for name in names]
    return _renamed(live(night.engine, night.city, points, start, end, QUARTER), names)


def _case(night: Night, side: WaterCity, event: leaks.LeakEvent, live: Mapping[str, Block]) -> Case:
    day = live_day(side, {name: live[name] for name in ("flow", "level", "running")}, [(event.start_utc, event.dma, event.size_m3_per_h)])
    after = day.demand.index >= pd.Timestamp(event.start_utc)
    since = LiveDay(day.demand[after], day.level[after], day.running[after])
    sensors = {name: name for name in side.sensors.values()}
    matrix = locate.sensitivities(side.network, sensors, event.size_m3_per_h, since.demand, level_m=since.level, running=since.running)
    posterior = locate.locate(event, side.network, matrix, dma_of=side.dma_of)
    case_id = f"leak-{event.detected_utc:%Y%m%d-%H%M}-{event.dma}"
    isolation, commands = isolate(night, side, case_id, str(posterior["pipe"].iloc[0]), event.size_m3_per_h, day)
    case = {
        "case_id": case_id,
        "night": night.date,
        "start_utc": event.start_utc,
        "seen_utc": event.detected_utc,
        "zone_id": event.dma,
        "pipe": isolation["pipe"],
        "flow_m3_per_h": event.size_m3_per_h,
        "state": "open",
        "sentence": _said(event, posterior, night.city.settings.city.time_zone),
        "candidates": posterior.head(CANDIDATES).to_dict("records"),
    }
    return case, isolation, commands


def _said(event: leaks.LeakEvent, posterior: pd.DataFrame, zone: str) -> str:
    """The case in words, with local times; its place is an area as long as no pipe stands out."""
    since, seen = (f"{time.astimezone(ZoneInfo(zone)):%H:%M on %Y-%m-%d}" for time in (event.start_utc, event.detected_utc))
    first = posterior.iloc[0]
    near = ", ".join(posterior["pipe"].iloc[1:4])
    return (
        f"{event.dma} takes {event.size_m3_per_h:.0f} m3/h more than usual since {since}, noticed at {seen}."
        f" Most likely pipe {first['pipe']} ({100 * first['posterior']:.0f} %), then {near}."
    )
