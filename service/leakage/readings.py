"""What the leak watch reads: validated days as far as they are history, hot readings after that."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Engine

from city.clock import civil_day, floor, local_date
from city.frames import Block
from city.quantities import Quantity
from networks.leakage.scada import Scada, Sites
from service.settings import LoadedCity
from service.store import meter_days, readings
from service.validation import live
from service.water import WaterCity


def sites(side: WaterCity) -> Sites:
    """Where the city's sensors are; inflows go by the name of their district."""
    return Sites(
        pressure=side.sensors,
        flow={dma: dma for dma in side.dma_points("volume_register_m3").values()},
        level=side.tanks,
        running=side.pumps,
        dma_of={str(junction): str(dma) for junction, dma in side.dma_of.items()},
        zone=side.city.settings.city.time_zone,
    )


def step_of(side: WaterCity) -> timedelta:
    """The grid of the pressure sensors."""
    return timedelta(seconds=min(side.city.points[name].step_s for name in side.sensors))


def days(engine: Engine, side: WaterCity, start: datetime, end: datetime) -> Scada:
    """Validated civil days [start, end): inflows as volumes, estimates left out."""

    def stored(names: Mapping[str, str], renamed: bool = False) -> Block:
        if not names:
            return _none(start, end, step_of(side))
        points = [side.city.points[name] for name in names]
        found = meter_days.block(engine, points, start, end, estimates=False)
        return replace(found, ids=tuple(names.values())) if renamed else found

    flow = stored(side.dma_points("volume_register_m3"), renamed=True)
    return Scada(stored(side.sensors), flow, stored(side.tanks), running=stored(side.pumps))


def hot(engine: Engine, side: WaterCity, start: datetime, end: datetime) -> Scada:
    """Hot readings of [start, end) on the grid of the sensors, checked against their limits."""
    step = step_of(side)

    def read(names: Mapping[str, str], renamed: bool = False) -> Block:
        if not names:
            return _none(start, end, step)
        found = live(engine, side.city, [side.city.points[name] for name in names], start, end, step)
        return replace(found, ids=tuple(names.values())) if renamed else found

    return Scada(read(side.sensors), read(side.dma_points("flow_m3_per_h"), renamed=True), read(side.tanks), running=read(side.pumps))


def since(engine: Engine, side: WaterCity, start: datetime, until: datetime) -> Iterator[Scada]:
    """Readings of [start, until) in order: stored days where no row of readings is kept any more, then rows."""
    oldest = readings.first_slot(engine)
    zone = side.city.settings.city.time_zone
    turn = until if oldest is None else max(start, min(until, civil_day(local_date(oldest, zone), zone)[0]))
    if start < turn:
        yield days(engine, side, civil_day(local_date(start, zone), zone)[0], turn).window(start, turn)
    if turn < until:
        yield hot(engine, side, turn, until)


def newest(engine: Engine, city: LoadedCity, now_utc: datetime, step: timedelta) -> datetime | None:
    """End of what can be read at `now_utc`: one step after the newest row of readings, or the end of the stored days before it."""
    slot, day = readings.last_slot(engine), meter_days.last(engine)
    zone = city.settings.city.time_zone
    ends = [floor(min(slot, now_utc), step) + step] if slot is not None else []
    ends += [min(civil_day(local_date(time, zone), zone)[i] for time, i in ((day, 1), (now_utc, 0)))] if day is not None else []
    return max(ends, default=None)


def _none(start: datetime, end: datetime, step: timedelta) -> Block:
    """No series at all: tanks or pumps that nobody meters, without which pressures explain less."""
    shape = (0, int((end - start) / step))
    return Block((), start, step, Quantity.LEVEL_M, np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.uint16))
