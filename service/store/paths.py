"""Sample paths and peaks of a night: float32 vectors, path k of one series happens together with path k of another."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, delete, or_, select

from city.clock import grid
from service import schema as t
from service.store.results import replace_rows
from service.store.vectors import pack_float, unpack_float

_FEW = 500  # ids that fit into a statement
KEPT_NIGHTS = 7
"""Paths are for decisions ahead, not for the record: older ones are deleted [nights]."""


def store_paths(
    connection: Connection, night: date, start_utc: datetime, step_s: Mapping[str, int], paths: Mapping[str, NDArray[np.floating]]
) -> None:
    """Store the paths [k, steps] of each series; those of the same night and of nights long over go."""
    p = t.forecast_path
    connection.execute(delete(p).where(or_(p.c.night == night, p.c.night < night - timedelta(days=KEPT_NIGHTS))))
    rows = [
        {"night": night, "series_id": name, "start_utc": start_utc, "step_s": step_s[name], "paths": len(made), "amounts": pack_float(made)}
        for name, made in sorted(paths.items())
    ]
    if rows:
        connection.execute(p.insert(), rows)


def paths(engine: Engine, night: date, series: Sequence[str] | None = None) -> dict[str, pd.DataFrame]:
    """{series_id: frame indexed by time_utc, one column per path_id} [unit per step]; attrs carry step_s."""
    statement = select(t.forecast_path).where(t.forecast_path.c.night == night)
    wanted = None if series is None else set(series)
    if wanted is not None and len(wanted) <= _FEW:
        statement = statement.where(t.forecast_path.c.series_id.in_(sorted(wanted)))
    found = {}
    with engine.connect() as connection:
        for row in connection.execute(statement.order_by(t.forecast_path.c.series_id)):
            if wanted is not None and row.series_id not in wanted:
                continue
            values = unpack_float(row.amounts).reshape(row.paths, -1)
            frame = pd.DataFrame(values.T, index=grid(row.start_utc, values.shape[1], timedelta(seconds=row.step_s)))
            frame.columns.name = "path_id"
            frame.attrs = {"step_s": row.step_s}
            found[row.series_id] = frame
    return found


def store_peaks(connection: Connection, night: date, rows: list[dict[str, Any]]) -> None:
    """Store the peaks of a night in place of those of a former attempt."""
    replace_rows(connection, t.peak, t.peak.c.night == night, rows)


def peaks(engine: Engine, night: date) -> pd.DataFrame:
    """series_id, day, start_utc, step_s, quantity, p10, p50, p90, at_utc, limit, probability and by_step (a vector or None) of a night."""
    names = [c.name for c in t.peak.columns if c.name != "night"]
    with engine.connect() as connection:
        found = connection.execute(select(t.peak).where(t.peak.c.night == night).order_by(t.peak.c.series_id, t.peak.c.day)).all()
    frame = pd.DataFrame([[getattr(row, name) for name in names] for row in found], columns=names)
    return frame.assign(by_step=[None if row.by_step is None else unpack_float(row.by_step) for row in found])
