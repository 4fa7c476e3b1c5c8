"""How near the day-ahead forecasts came: one minus the mean absolute error over the mean of what was measured, feeder by feeder.

The P50 that a night issued for its own civil day is held against what was measured on it - estimates and edits are left out, for they are
no measurements. Over a single day, not over a year, and per feeder, not for the city: the strict reading of the target.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
from sqlalchemy import Engine, func, select

from city.clock import civil_day
from city.places import Point
from service import schema as t
from service.levels.share import Share
from service.settings import LoadedCity
from service.store import meter_days
from service.store.vectors import unpack_float
from service.sums import forecast_points

KINDS = ("load", "water")  # of feeders and of districts
GATE = "as the gate measured the machines before they went live"
_AT_ONCE = 500  # points that one statement names; bounds memory
_MEASURED = 0.5  # of a day that must be measured for it to be judged
_GATE_DAYS = 28  # whose mean the gate's error is held against


def series(city: LoadedCity) -> dict[str, Point]:
    """The points of feeders and districts that are forecast."""
    return {name: city.points[name] for name, kind in forecast_points(city).items() if kind in KINDS}


def accuracy(engine: Engine, city: LoadedCity, day: date) -> Share:
    """1 - nMAE of the civil day, added up over the series that have one.

    Of the day before the first night, which nobody forecast, the share says how near the machines came in the gate's own test.
    """
    found = by_series(engine, city, day)
    if found:
        return Share(sum(found.values()), float(len(found)))
    with engine.connect() as connection:
        first = connection.execute(select(func.min(t.forecast.c.night))).scalar()
    if first is None or day != first - timedelta(days=1):
        return Share()
    judged = _by_gate(engine, city, first)
    return Share(sum(judged.values()), float(len(judged)), GATE) if judged else Share()


def by_series(engine: Engine, city: LoadedCity, day: date) -> dict[str, float]:
    """{series: 1 - nMAE of its forecast for the day, at least 0}."""
    start, _ = civil_day(day, city.settings.city.time_zone)
    f, found = t.forecast.c, {}
    for points in _alike(series(city)):
        statement = select(f.series_id, f.start_utc, f.quantiles).where(f.night == day, f.series_id.in_([p.id for p in points]))
        with engine.connect() as connection:
            said = {row.series_id: (row.start_utc, unpack_float(row.quantiles).reshape(3, -1)[1]) for row in connection.execute(statement)}
        if not said:
            continue
        for name, actual in _measured(engine, city, [p for p in points if p.id in said], day, 1).items():
            began, median = said[name]
            first = int((start - began).total_seconds()) // points[0].step_s
            expected = median[max(first, 0) :][: actual.size].astype(float)
            actual = actual[: expected.size]
            known = np.isfinite(actual)
            total = float(np.abs(actual[known]).sum())
            if first >= 0 and known.size and known.mean() >= _MEASURED and total > 0:
                found[name] = max(0.0, 1 - float(np.abs(actual[known] - expected[known]).sum()) / total)
    return found


def _by_gate(engine: Engine, city: LoadedCity, night: date) -> dict[str, float]:
    """{series: 1 - the error of the gate's days over the mean of the last days}."""
    s = t.skill.c
    statement = select(s.series_id, s.mae).where(s.night == night, s.day == 1, s.mae.is_not(None))
    with engine.connect() as connection:
        mae: Mapping[str, float] = {row.series_id: row.mae for row in connection.execute(statement)}
    found = {}
    for points in _alike({name: point for name, point in series(city).items() if name in mae}):
        for name, actual in _measured(engine, city, points, night - timedelta(days=_GATE_DAYS), _GATE_DAYS).items():
            mean = float(np.nanmean(np.abs(actual))) if np.isfinite(actual).any() else 0.0
            if mean > 0:
                found[name] = max(0.0, 1 - mae[name] / mean)
    return found


def _alike(points: Mapping[str, Point]) -> list[list[Point]]:
    """Points of one quantity and step, at most 500 together."""
    groups: dict[tuple[str, int], list[Point]] = {}
    for point in points.values():
        groups.setdefault((point.stored, point.step_s), []).append(point)
    return [some[at : at + _AT_ONCE] for some in groups.values() for at in range(0, len(some), _AT_ONCE)]


def _measured(engine: Engine, city: LoadedCity, points: Sequence[Point], day: date, days: int) -> dict[str, np.ndarray]:
    """{point: float[t] in the unit of its quantity, NaN where nothing was measured}."""
    zone = city.settings.city.time_zone
    start, end = civil_day(day, zone)[0], civil_day(day + timedelta(days=days - 1), zone)[1]
    block = meter_days.block(engine, points, start, end, estimates=False)
    values = np.where(block.usable(), block.quantity.to_unit(block.values), np.nan)
    return {name: values[i] for i, name in enumerate(block.ids)}
