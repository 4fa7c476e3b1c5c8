"""Forecasts of many series as arrays: what is added up over a city needs no table per series."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine, and_, func, select

from city.clock import grid
from service import schema as t
from service.store.vectors import unpack_float

_FEW = 500  # ids that fit into a statement
_COLUMNS = ("series_id", "step_s", "quantity", "quantiles")


@dataclass(frozen=True)
class Courses:
    """P10, P50 and P90 of n series over the same t steps from `start_utc`, float32[n, 3, t] [unit per step]."""

    ids: tuple[str, ...]
    quantities: tuple[str, ...]
    start_utc: datetime
    step_s: int
    values: NDArray[np.float32]

    @property
    def end_utc(self) -> datetime:
        return self.start_utc + timedelta(seconds=self.step_s * self.values.shape[2])

    @property
    def times(self) -> pd.DatetimeIndex:
        return grid(self.start_utc, self.values.shape[2], timedelta(seconds=self.step_s))

    def per_hour(self, rows: Sequence[int]) -> NDArray[np.float64]:
        """Sums of some of the series, by their numbers, float64[3, t] per hour; one after the other, as a table would add them."""
        total = np.zeros(self.values.shape[1:])
        for at in range(0, len(rows), _FEW):
            some = self.values[list(rows[at : at + _FEW])].astype(float) * (3600 / self.step_s)
            total = np.concatenate([total[None], some]).sum(axis=0)
        return total

    def select(self, rows: NDArray[np.int64]) -> "Courses":
        """Some of the series, by their numbers."""
        ids, quantities = (tuple(names[i] for i in rows) for names in (self.ids, self.quantities))
        return Courses(ids, quantities, self.start_utc, self.step_s, self.values[rows])


def of_night(engine: Engine, night: date, series: Sequence[str] | None = None) -> list[Courses]:
    """The forecasts of a night (of some series), series by id within each set of one step and span."""
    f = t.forecast.c
    statement = select(*(f[name] for name in _COLUMNS), f.start_utc).where(f.night == night).order_by(f.series_id)
    wanted = None if series is None else set(series)
    if wanted is not None and len(wanted) <= _FEW:
        statement = statement.where(f.series_id.in_(sorted(wanted)))
    with engine.connect() as connection:
        return _laid(row for row in connection.execute(statement).tuples() if wanted is None or row[0] in wanted)


def newest(engine: Engine, night: date, series: Sequence[str], known_utc: datetime) -> list[Courses]:
    """The same with the answers between nights, known by `known_utc`, where they are newer than the night's own."""
    n, f = t.forecast_now.c, t.forecast.c
    later: dict[str, tuple[Any, ...]] = {}
    with engine.connect() as connection:
        made = connection.execute(select(func.max(f.made_at_utc)).where(f.night == night)).scalar()
        asked = n.known_at_utc <= known_utc if made is None else and_(n.known_at_utc <= known_utc, n.made_at_utc > made)
        statement = select(*(n[name] for name in _COLUMNS), n.made_at_utc).where(asked).order_by(n.made_at_utc)
        for at in range(0, len(series), _FEW):
            some = statement.where(n.series_id.in_(list(series[at : at + _FEW])))
            later |= {row[0]: tuple(row) for row in connection.execute(some).tuples()}
    nightly = of_night(engine, night, series)
    kept = [
        one.select(np.array([i for i, name in enumerate(one.ids) if name not in later], np.int64)) if later.keys() & set(one.ids) else one
        for one in nightly
    ]
    return [*(one for one in kept if one.ids), *_laid(later[name] for name in sorted(later))]


def _laid(rows: Iterable[Sequence[Any]]) -> list[Courses]:
    """Rows of `_COLUMNS` and a start, by start, step and length in the order in which these come first."""
    packed: dict[tuple[datetime, int, int], list[tuple[str, str, bytes]]] = {}
    for name, step_s, quantity, quantiles, start in rows:
        packed.setdefault((start, step_s, len(quantiles)), []).append((name, quantity, quantiles))
    found = []
    for (start, step_s, _), some in packed.items():
        values = unpack_float(b"".join(one[2] for one in some)).reshape(len(some), 3, -1)
        found.append(Courses(tuple(one[0] for one in some), tuple(one[1] for one in some), start, step_s, values))
    return found
