"""What readings mean that are kept as read at the meter: the periods of each point, and values in primary units.

Why raw is kept and multiplied late: docs/points.md.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

import numpy as np
import pandas as pd

from city.clock import as_utc
from city.places import Meter, MeterPeriod, Point
from city.problems import Problem
from meters.maps.registers import DeviceModel
from meters.vee.periods import Period, in_force
from service.settings import LoadedCity


def periods(city: LoadedCity, point: Point) -> tuple[Period, ...]:
    """How a point was metered over time; empty for a meter without a history. Entries that change nothing for it are left out."""
    meter, name = city.meter[point.meter], point.id.rsplit(".", 1)[1]
    made: list[Period] = []
    before: MeterPeriod | None = None
    for entry in meter.history:
        multiplier, modulus = entry.multiplier(point.quantity), _modulus(city.models[entry.model or meter.model], name)
        same = before is not None and entry.continues(before)
        final, first = (_stored(point, known.get(name)) for known in (entry.final, entry.first))
        if not (same and final is None and first is None and made[-1].multiplier == multiplier and made[-1].modulus == modulus):
            first = final if same and first is None else first  # the same counter goes on where it was
            made.append(Period(as_utc(entry.since), multiplier, modulus, final, first))
        before = entry
    return tuple(made)


def histories(city: LoadedCity, points: Iterable[Point]) -> dict[str, tuple[Period, ...]]:
    """{point_id: periods} of those points that have any."""
    return {point.id: made for point in points if city.meter[point.meter].history and (made := periods(city, point))}


def _modulus(model: DeviceModel, name: str) -> int:
    return model.by_name[name].stored_modulus or 0 if name in model.by_name else 0


def _stored(point: Point, value: float | None) -> int | None:
    return None if value is None else int(point.quantity.to_int(value))


def primary(city: LoadedCity, point: Point, stored: int, at_utc: datetime) -> float:
    """A stored reading in the unit of its point, times what was in force at its time."""
    known = periods(city, point) if city.meter[point.meter].history else ()
    value = float(point.quantity.to_unit(stored))
    return value * float(known[in_force(known, at_utc)].multiplier) if known else value


def primary_readings(city: LoadedCity, readings: pd.DataFrame) -> pd.DataFrame:
    """Readings (point_id, time_utc, value ...) with each value times what was in force at its time."""
    factor = np.ones(len(readings))
    for name in readings["point_id"].unique():
        point = city.points.get(name)
        known = periods(city, point) if point is not None and city.meter[point.meter].history else ()
        if any(period.multiplier != 1 for period in known):
            here = np.flatnonzero(readings["point_id"] == name)
            factor[here] = [float(known[in_force(known, time)].multiplier) for time in readings["time_utc"].iloc[here]]
    return readings.assign(value=readings["value"] * factor)


def unwritten_registers(city: LoadedCity) -> Iterator[Problem]:
    """Exchanges of billed points without the registers that tell what was used that day: it will be missing, not guessed."""
    billed = {account.point for account in city.settings.accounts}
    for meter in city.settings.meters:
        for number, entry in _exchanges(meter):
            for name in sorted(point.rsplit(".", 1)[1] for point in billed if point.rsplit(".", 1)[0] == meter.id):
                point = city.points.get(f"{meter.id}.{name}")
                if point is None or not point.quantity.is_register:
                    continue
                absent = [key for key, known in (("final", entry.final), ("first", entry.first)) if name not in known]
                if absent and not (entry.continues(meter.history[number - 1]) and len(absent) == 1):
                    yield Problem(
                        f"meter {meter.id}, history of {entry.since:%Y-%m-%d %H:%M}",
                        f"no {' and no '.join(absent)} register '{name}', which is billed",
                        "the last register of the old meter and the first of the new one",
                        f"Write final = {{ {name} = ... }} and first = {{ {name} = ... }}, or the usage of that interval stays missing.",
                    )


def _exchanges(meter: Meter) -> Iterator[tuple[int, MeterPeriod]]:
    """The entries at which the counting began anew or went on behind other transformers."""
    for number, entry in list(enumerate(meter.history))[1:]:
        before = meter.history[number - 1]
        if not entry.continues(before) or (entry.ct, entry.pt) != (before.ct, before.pt):
            yield number, entry
