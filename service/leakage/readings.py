"""What the leak watch reads: validated days as far as they are history, hot readings after that."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Engine

from city.clock import HOUR, civil_day, floor, local_date
from city.frames import Block
from city.places import Point
from city.quantities import Quantity
from meters.vee.grid import on_grid
from meters.vee.usage import from_registers
from networks.leakage.scada import Scada, Sites
from service.metering import histories
from service.settings import LoadedCity
from service.store import meter_days, readings
from service.validation import live
from service.water import WaterCity


def by_district(side: WaterCity) -> bool:
    """Are the inflows of districts metered? If so they are what is watched, otherwise the meters on links."""
    return bool(side.dma_points("volume_register_m3"))


def sites(side: WaterCity) -> Sites:
    """Where the city's sensors are; inflows go by the name of their district, flows on links by their meter."""
    if not by_district(side):
        zone = side.city.settings.city.time_zone
        return Sites(side.sensors, side.flow_meters, side.tanks, side.customer_meters, side.pumps, zone=zone)
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

    flow = stored(_flow_points(side, "volume_register_m3"), renamed=True)
    if not by_district(side):
        flow = _either(flow, stored(_flow_points(side, "flow_m3_per_h"), renamed=True))
    customers = _customers(side)
    return Scada(stored(side.sensors), flow, stored(side.tanks), stored(customers) if customers else None, stored(side.pumps))


def hot(engine: Engine, side: WaterCity, start: datetime, end: datetime) -> Scada:
    """Hot readings of [start, end) on the grid of the sensors, checked against their limits."""
    step = step_of(side)

    def read(names: Mapping[str, str], renamed: bool = False) -> Block:
        if not names:
            return _none(start, end, step)
        found = live(engine, side.city, [side.city.points[name] for name in names], start, end, step)
        return replace(found, ids=tuple(names.values())) if renamed else found

    flow = read(_flow_points(side, "flow_m3_per_h"), renamed=True)
    customers = [side.city.points[name] for name in _customers(side)]
    used = _used(engine, side, customers, start, end) if customers else None
    return Scada(read(side.sensors), flow, read(side.tanks), used, read(side.pumps))


def _flow_points(side: WaterCity, quantity: str) -> dict[str, str]:
    """Point id -> what its inflow or flow goes by in `sites`."""
    if by_district(side):
        return side.dma_points(quantity)
    return {p.id: p.meter for p in side.city.points.values() if p.meter in side.flow_meters and p.quantity == quantity}


def _customers(side: WaterCity) -> dict[str, str]:
    return {} if by_district(side) else side.customer_meters


def _either(volume: Block, flow: Block) -> Block:
    """Flows of stored days [m3/h], from the volumes of the meters that count some, where those are known."""
    if not volume.ids or volume.step != flow.step:
        return flow
    values, quality, known = flow.values.copy(), flow.quality.copy(), volume.usable()
    for i, name in enumerate(volume.ids):
        row = flow.ids.index(name)
        values[row, known[i]] = np.rint(volume.values[i, known[i]] / (volume.step / HOUR)).astype(np.int64)
        quality[row, known[i]] = volume.quality[i, known[i]]
    return replace(flow, values=values, quality=quality)


def _used(engine: Engine, side: WaterCity, points: list[Point], start: datetime, end: datetime) -> Block:
    """What customers' registers counted in [start, end); an interval is known when the register after it is."""
    step, ids = timedelta(seconds=points[0].step_s), [point.id for point in points]
    frame = readings.hot(engine, ids, start, end + step)
    registers = on_grid(frame, ids, Quantity.VOLUME_REGISTER_M3, start, end + step, step)[0]
    moduli = {p.id: modulus for p in points if (modulus := side.city.modulus(p)) is not None}
    return from_registers(registers, moduli, histories(side.city, points)).block


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
