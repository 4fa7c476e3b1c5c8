"""The history of what no meter measures: totals and remainders, from the stored vectors of the meters they are made of."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from city.frames import Block
from city.places import Point
from city.quality import VALID
from service.settings import LoadedCity
from service.store import meter_days

MISSING_SHARE = 0.05
"""A sum is missing where the parts that are weigh more than this share of it; less is filled with their mean at that time of day [1]."""
POINTS_AT_ONCE = 500


def block(
    city: LoadedCity, engine: Engine, names: Sequence[str], start_utc: datetime, end_utc: datetime, known_at: datetime | None = None
) -> Block:
    """Totals and remainders of one quantity and step in [start, end), summed from what was known of their parts at `known_at`."""
    known = city.sums
    step = timedelta(seconds=known.summed[names[0]].step_s)
    steps = int((end_utc - start_utc) / step)
    signs = [known.leaves(name) for name in names]
    total, absent, size = (np.zeros((len(names), steps)) for _ in range(3))
    for part in _parts(city, engine, dict.fromkeys(leaf for row in signs for leaf in row), start_utc, end_utc, known_at):
        values = _coarser(part.unit_values(), steps)
        usual = _usual(values, int(timedelta(days=1) / step))
        seen = np.isfinite(values)
        weight = np.array([[row.get(name, 0.0) for name in part.ids] for row in signs])
        total += weight @ np.where(seen, values, usual)
        absent += np.abs(weight) @ np.where(seen, 0, np.abs(usual))
        level = np.where(seen, np.abs(values), 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
        size += (np.abs(weight) @ level)[:, None]
    good = (absent <= MISSING_SHARE * size) & (size > 0)
    values = np.where(good, total, 0).astype(np.float32)
    return Block(tuple(names), start_utc, step, known.summed[names[0]].quantity, values, np.where(good, VALID, 0).astype(np.uint16))


def _parts(
    city: LoadedCity, engine: Engine, leaves: Iterable[str], start_utc: datetime, end_utc: datetime, known_at: datetime | None
) -> Iterator[Block]:
    """The stored vectors of measured points, by block of like step."""
    by_step: dict[int, list[Point]] = {}
    for name in leaves:
        by_step.setdefault(city.points[name].step_s, []).append(city.points[name])
    for points in by_step.values():
        for at in range(0, len(points), POINTS_AT_ONCE):
            some = points[at : at + POINTS_AT_ONCE]
            yield meter_days.block(engine, some, start_utc, end_utc, known_at=known_at, estimates=False)


def _coarser(values: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Sums of neighbours so that `steps` columns remain; missing where one of them is."""
    return values.reshape(len(values), steps, -1).sum(axis=2)


def _usual(values: NDArray[np.float64], slots: int) -> NDArray[np.float64]:
    """Mean of each series at the same time of day [n, t]; zero where it was never seen."""
    n, t = values.shape
    whole = np.pad(values, ((0, 0), (0, -t % slots)), constant_values=np.nan).reshape(n, -1, slots)
    seen = np.isfinite(whole)
    mean = np.where(seen, whole, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return np.tile(mean, whole.shape[1])[:, :t]
