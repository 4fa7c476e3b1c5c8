"""From readings to validated days: points on one grid, checked by their limits and their own past, with estimates beside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from city import quality as q
from city.clock import civil_day, local_date
from city.frames import Block
from city.places import Point
from city.quality import Cause
from forecasting.calendars import Calendar, LocalGrid
from meters.vee.estimation import estimate
from meters.vee.grid import on_grid
from meters.vee.norms import DAYS, SENSED, Norms, learn
from meters.vee.periods import as_primary
from meters.vee.quality import Limits, doubt_sums, doubt_times, validate
from meters.vee.usage import from_registers
from service.metering import histories
from service.settings import LoadedCity
from service.store import cold, meter_days, readings

_READ_AT_ONCE = 10_000  # points whose readings of a day, 40 MB as columns and ten times that as a frame, are held together
_POINTS = 500  # judged at a time, with four weeks of their past: as many as one statement can name


@dataclass(frozen=True)
class Checked:
    """Points over some days: `read` with the flags of validation, `made` the same with estimates where there can be some."""

    read: Block
    made: Block

    def select(self, ids: Sequence[str]) -> "Checked":
        return Checked(self.read.select(ids), self.made.select(ids))


def check(engine: Engine, city: LoadedCity, points: Sequence[Point], start: datetime, end: datetime) -> Checked:
    """Points of one quantity and step over whole civil days [start, end), from their readings, hot or cold."""
    parts = [
        part for at in range(0, len(points), _READ_AT_ONCE) for part in _checked(engine, city, points[at : at + _READ_AT_ONCE], start, end)
    ]
    return Checked(_stacked([part.read for part in parts]), _stacked([part.made for part in parts]))


def _checked(engine: Engine, city: LoadedCity, points: Sequence[Point], start: datetime, end: datetime) -> Iterator[Checked]:
    """The same of points whose readings fit into memory, in parts."""
    step = timedelta(seconds=points[0].step_s)
    register = points[0].quantity.is_register
    # One slot more than the days have: the register at the end of the last interval.
    frame = cold.raw(engine, city.folder, [p.id for p in points], start, end + step)
    raw, off_s = on_grid(frame, [p.id for p in points], points[0].quantity, start, end + step if register else end, step)
    del frame
    polled = np.array([city.meter[p.meter].unit is not None for p in points])
    raw = doubt_times(raw, np.where(polled[:, None], off_s, np.nan), _limits(city))
    for at in range(0, len(points), _POINTS):
        some = slice(at, at + _POINTS)
        yield _check_some(
            engine, city, points[some], replace(raw, ids=raw.ids[some], values=raw.values[some], quality=raw.quality[some]), end
        )


def _check_some(engine: Engine, city: LoadedCity, points: Sequence[Point], raw: Block, end: datetime) -> Checked:
    limits, calendar, start = _limits(city), city.settings.calendar, raw.start_utc
    norms, history = _past(engine, city, points, start)
    known = histories(city, points)
    if not raw.quantity.is_register:
        block = as_primary(raw, known)
        read = validate(block, limits, norms, _civil(calendar, block))
        if not block.quantity.is_period:
            return Checked(read, read)
        read = _summed(engine, city, points, read, end)
        return Checked(read, _estimated(calendar, read, history, None))
    registers = validate(raw, limits, norms)
    moduli = {p.id: modulus for p in points if (modulus := city.modulus(p)) is not None}
    counted = from_registers(registers, moduli, known)
    backwards = (counted.block.quality >> 8 == Cause.RESET) & (registers.quality[:, 1:] >> 8 == Cause.REVERSE_FLOW)
    quality = np.where(backwards, np.uint16(q.missing(Cause.REVERSE_FLOW)), counted.block.quality)
    block = replace(counted.block, quality=quality)
    read = validate(block, limits, norms, _civil(calendar, block))
    return Checked(read, _estimated(calendar, read, history, counted.gaps))


def _past(engine: Engine, city: LoadedCity, points: Sequence[Point], start: datetime) -> tuple[Norms | None, Block | None]:
    """Norms from the four weeks before `start`, as they were read, and those weeks."""
    if not (points[0].stored.is_period or points[0].stored in SENSED):
        return None, None
    zone = city.settings.city.time_zone
    oldest = civil_day(local_date(start, zone) - timedelta(days=DAYS), zone)[0]
    history = meter_days.block(engine, points, oldest, start, as_read=True)
    return learn(history, _civil(city.settings.calendar, history)), history


def _civil(calendar: Calendar, block: Block) -> LocalGrid:
    return calendar.grid(block.start_utc, block.step, block.steps)


def _estimated(calendar: Calendar, read: Block, history: Block | None, gaps: pd.DataFrame | None) -> Block:
    if history is None:
        return read
    return estimate(read, history, calendar.grid(history.start_utc, read.step, history.steps + read.steps), gaps)


def filled(city: LoadedCity, block: Block) -> Block:
    """Imported usage with estimates from its own lines and days alike; other quantities as they are."""
    if not block.quantity.is_period:
        return block
    whole = replace(block, values=block.quantity.to_int(block.values)) if block.values.dtype.kind == "f" else block
    nothing = replace(whole, values=whole.values[:, :0], quality=whole.quality[:, :0])
    return estimate(whole, nothing, _civil(city.settings.calendar, whole))


def _summed(engine: Engine, city: LoadedCity, points: Sequence[Point], read: Block, end: datetime) -> Block:
    """Intervals that a meter delivers itself, held against the register it delivers as well."""
    registers = {(p.meter, p.stored, p.step_s): p for p in city.points.values() if p.quantity.is_register}
    pairs = {p.id: partner for p in points if (partner := registers.get((p.meter, p.stored, p.step_s))) is not None}
    if not pairs:
        return read
    counted = check(engine, city, list(pairs.values()), read.start_utc, end).read
    some = [read.ids.index(name) for name in pairs]
    told = doubt_sums(read.select(list(pairs)), counted, _limits(city), _civil(city.settings.calendar, read))
    quality = read.quality.copy()
    quality[some] = told.quality
    return replace(read, quality=quality)


def _limits(city: LoadedCity) -> dict[str, Limits]:
    return {limit.point: limit for limit in city.validation_limits}


def live(engine: Engine, city: LoadedCity, points: Sequence[Point], start: datetime, end: datetime, step: timedelta) -> Block:
    """Hot readings of instant points as a validated int64 Block over [start, end): what is known of a day that is not over."""
    frame = readings.hot(engine, [p.id for p in points], start, end)
    return validate(
        as_primary(on_grid(frame, [p.id for p in points], points[0].quantity, start, end, step)[0], histories(city, points)), _limits(city)
    )


def _stacked(blocks: Sequence[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    ids = tuple(name for block in blocks for name in block.ids)
    return replace(blocks[0], ids=ids, values=np.vstack([b.values for b in blocks]), quality=np.vstack([b.quality for b in blocks]))
