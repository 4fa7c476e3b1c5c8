"""The history of what no meter measures: totals and remainders, from the stored vectors of the meters they are made of."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from city.frames import Block
from city.quality import VALID
from service.settings import LoadedCity
from service.store import meter_days

MISSING_SHARE = 0.05
"""A sum is missing where the parts that are weigh more than this share of it; less is filled with their mean at that time of day [1]."""
POINTS_AT_ONCE = 500


def with_sums(city: LoadedCity, engine: Engine, history: Block, known_at: datetime | None = None) -> Block:
    """`history` with a row for each total and remainder of its quantity and step; parts it does not hold are read from the store, as known at
    `known_at`."""
    known = city.sums
    wanted = [s for s in known.summed.values() if s.quantity == history.quantity and timedelta(seconds=s.step_s) == history.step]
    if not wanted:
        return history
    signs = [known.leaves(s.id) for s in wanted]
    leaves = list(dict.fromkeys(name for row in signs for name in row))
    total, absent, size = (np.zeros((len(wanted), history.steps)) for _ in range(3))
    for block in _blocks(city, engine, history, leaves, known_at):
        values = _coarser(block.unit_values(), history.steps)
        usual = _usual(values, int(timedelta(days=1) / history.step))
        seen = np.isfinite(values)
        weight = np.array([[row.get(name, 0.0) for name in block.ids] for row in signs])
        total += weight @ np.where(seen, values, usual)
        absent += np.abs(weight) @ np.where(seen, 0, np.abs(usual))
        level = np.where(seen, np.abs(values), 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
        size += np.abs(weight) @ np.repeat(level[:, None], history.steps, 1)
    good = (absent <= MISSING_SHARE * size) & (size > 0)
    ids = history.ids + tuple(s.id for s in wanted)
    values = np.concatenate([history.unit_values().astype(np.float32), np.where(good, total, 0).astype(np.float32)])
    quality = np.concatenate([history.quality, np.where(good, VALID, 0).astype(np.uint16)])
    return replace(history, ids=ids, values=np.nan_to_num(values), quality=quality)


def _blocks(city: LoadedCity, engine: Engine, history: Block, leaves: list[str], known_at: datetime | None) -> Iterator[Block]:
    """The leaves by block of like step: those of `history` as they are there, the others as stored."""
    held = set(history.ids)
    if own := [name for name in leaves if name in held]:
        yield history.select(own)
    others: dict[int, list[str]] = {}
    for name in leaves:
        if name not in held:
            others.setdefault(city.points[name].step_s, []).append(name)
    for names in others.values():
        for at in range(0, len(names), POINTS_AT_ONCE):
            points = [city.points[name] for name in names[at : at + POINTS_AT_ONCE]]
            yield meter_days.block(engine, points, history.start_utc, history.end_utc, known_at=known_at, estimates=False)


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
