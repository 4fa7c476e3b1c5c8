"""What a participant used, laid on civil days: the measured side of a settlement, and the days its baseline may look back to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine

from city import clock
from city.clock import civil_day, local_date
from city.problems import fault
from forecasting.calendars import WORKDAY, LocalGrid
from optimisation.assets.demand_response import DemandResponse
from optimisation.response.baseline import Days
from optimisation.response.programme import Programme
from service import known_events
from service.response import events
from service.response.events import Record
from service.settings import LoadedCity
from service.store import meter_days

OUT_KINDS = ("shutdown", "outage", "works")  # known events whose days are no like days


@dataclass(frozen=True)
class Metered:
    """Usage of one participant on a grid of whole civil days: float[T] [kWh], NaN where nothing was measured."""

    kwh: NDArray[np.float64]
    grid: LocalGrid
    start_utc: datetime
    step: timedelta

    @property
    def times(self) -> pd.DatetimeIndex:
        """Start of each interval."""
        return clock.grid(self.start_utc, len(self.kwh), self.step)

    def covered(self, start: datetime, end: datetime) -> NDArray[np.float64]:
        """float[T]: the part of each interval that lies in [start, end) [1]."""
        first, last = ((time - self.start_utc) / self.step for time in (start, end))
        at = np.arange(len(self.kwh))
        return np.clip(np.minimum(at + 1, last) - np.maximum(at, first), 0.0, 1.0)


def end_of(one: Record, programme: Programme) -> datetime:
    """When nothing comes back any more; an event without end never ends."""
    rest = timedelta(hours=programme.rebound_h)
    return one.ends_utc + rest if one.ends_utc is not None else datetime.max.replace(tzinfo=UTC)


def usage(engine: Engine, city: LoadedCity, asset: DemandResponse, one: Record, programme: Programme) -> Metered:
    """What a participant used on the days that its baseline may look back to, up to the last day that energy comes back.

    Only what was measured counts: estimates come back as missing. Raises `PenstockError` for series without a meter.
    """
    zone = city.settings.city.time_zone
    first = local_date(one.start_utc, zone) - timedelta(days=programme.baseline.look_back_days)
    start, end = civil_day(first, zone)[0], civil_day(local_date(end_of(one, programme) - timedelta(seconds=1), zone), zone)[1]
    signs: dict[str, float] = {}
    for series in asset.series:
        for leaf, sign in (city.sums.leaves(series) if series in city.sums.summed else {series: 1.0}).items():
            signs[leaf] = signs.get(leaf, 0.0) + sign
    points = [city.points[name] for name in signs]
    steps = {point.step_s for point in points}
    if len(steps) != 1 or {str(point.stored) for point in points} != {"energy_kwh"}:
        observed = f"steps of {sorted(steps)} s, {', '.join(sorted({str(p.stored) for p in points}))}"
        raise fault(f"asset {asset.id}", observed, "energy registers with one step", "Name such points in its series.")
    block = meter_days.block(engine, points, start, end, estimates=False)
    values = block.unit_values()
    kwh = np.array([signs[name] for name in block.ids]) @ np.where(np.isfinite(values), values, 0.0)
    return Metered(
        np.where(np.isfinite(values).all(axis=0), kwh, np.nan),
        city.settings.calendar.grid(start, block.step, block.steps),
        start,
        block.step,
    )


def history(engine: Engine, city: LoadedCity, one: Record, asset: DemandResponse, metered: Metered) -> Days:
    """The civil days before the event as rows; days of its other events and of known outages do not count."""
    rows = int(metered.grid.day[int((one.start_utc - metered.start_utc) / metered.step)])
    column = metered.grid.column[:rows]
    dates = tuple(metered.grid.first_day + timedelta(days=i) for i in range(rows))
    out = _out(engine, city, asset, dates, one)
    exists = column >= 0
    return Days(
        dates=dates,
        kwh=np.where(exists, metered.kwh[np.maximum(column, 0)], np.nan),
        exists=exists,
        off=metered.grid.day_type[:rows] != WORKDAY,
        out=np.array([day in out for day in dates], dtype=bool),
    )


def _out(engine: Engine, city: LoadedCity, asset: DemandResponse, dates: Sequence[date], one: Record) -> set[date]:
    zone = city.settings.city.time_zone
    if not dates:
        return set()
    spans = [(r.start_utc, r.ends_utc or r.start_utc) for r in events.held(engine, asset.id, dates[0], dates[-1], zone)]
    spans += [
        (known.start_utc, known.end_utc)
        for known in known_events.told(engine, city, datetime.max.replace(tzinfo=one.start_utc.tzinfo))
        if known.kind in OUT_KINDS and set(known.series) & set(asset.series)
    ]
    days = set()
    for start, end in spans:
        first, last = local_date(start, zone), local_date(max(start, end - timedelta(seconds=1)), zone)
        days |= {first + timedelta(days=i) for i in range((last - first).days + 1)}
    return days


def in_other_events(engine: Engine, city: LoadedCity, one: Record, metered: Metered, rest: timedelta) -> NDArray[np.bool_]:
    """bool[T]: intervals in which another event of the same asset was under way, or its energy came back."""
    zone = city.settings.city.time_zone
    day = local_date(one.start_utc, zone)
    near = events.held(engine, one.asset_id, day - timedelta(days=1), day, zone)
    busy = np.zeros(len(metered.kwh), dtype=bool)
    for other in near:
        if other.event_id != one.event_id:
            busy |= metered.covered(other.start_utc, (other.ends_utc or other.start_utc) + rest) > 0
    return busy
