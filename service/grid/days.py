"""Technical losses per day and feeder, from the validated days of the grid's meters."""

from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from city.clock import civil_day, grid
from city.places import Point
from city.quantities import Quantity
from networks.grid.estimate import estimate
from networks.grid.flow import Solver
from networks.grid.losses import losses
from service import schema as t
from service.grid import switches
from service.grid.side import GridSide
from service.store import meter_days, results

_LEAST = 0.9  # share of a day's quarter-hours with at least one measured load or head


def energy_points(side: GridSide) -> dict[str, Point]:
    """{load or feeder: its meter's energy point}, where the meter has exactly one: a battery's in and out do not tell its sign."""
    found = {}
    for name, (power, _) in side.power.items():
        own = [p for p in side.points_of[power.meter] if p.stored == Quantity.ENERGY_KWH]
        if len(own) == 1 and own[0].step_s == side.city.settings.night.step_s:
            found[name] = own[0]
    return found


def mean_kw(engine: Engine, side: GridSide, start: datetime, end: datetime) -> dict[str, NDArray[np.float64]]:
    """{load or feeder: float64[t]} mean power of every step of civil days [kW], estimates included; what feeds in is below zero."""
    points = energy_points(side)
    if not points:
        return {}
    block = meter_days.block(engine, list(points.values()), start, end)
    rate = 3600.0 / side.city.settings.night.step_s
    kwh = dict(zip(block.ids, block.unit_values(), strict=True))
    return {name: kwh[point.id] * rate * side.power[name][1] for name, point in points.items()}


def of_day(engine: Engine, side: GridSide, day: date) -> list[dict[str, Any]]:
    """Rows of the table for a local day; none when less than 90 % of its quarter-hours are known."""
    start, end = civil_day(day, side.city.settings.city.time_zone)
    kw = mean_kw(engine, side, start, end)
    known = np.isfinite(np.array(list(kw.values()))).any(axis=0) if kw else np.zeros(1, dtype=bool)
    if known.mean() < _LEAST:
        return []
    step = timedelta(seconds=side.city.settings.night.step_s)
    times = grid(start, len(known), step)
    table = _summed(engine, side, kw, times, known)
    whole = wholly_metered(side, kw, known)
    rows = []
    for row in table.itertuples():
        billed = None if row.feeder not in whole else round(float(row.used_kwh), 3)
        own = {"loss_kwh": round(row.loss_kwh, 3), "input_kwh": round(row.input_kwh, 3), "billed_kwh": billed}
        rows.append({"day": day, "feeder": row.feeder, "quarters": int(known.sum()), **own})
    return rows


def _summed(
    engine: Engine, side: GridSide, kw: dict[str, NDArray[np.float64]], times: pd.DatetimeIndex, known: NDArray[np.bool_]
) -> pd.DataFrame:
    """feeder, loss_kwh, input_kwh, used_kwh over the known quarter-hours, in the switching state of each."""
    words, solver = switches.told(engine), Solver(side.network)
    step_h = side.city.settings.night.step_s / 3600.0
    at = np.flatnonzero(known).tolist()
    parts = []
    for opened, group in groupby(at, key=lambda k: switches.open_at(side, words, times[k].to_pydatetime())):
        some = list(group)
        loads, heads = split(side, {name: values[some] for name, values in kw.items()}, len(some))
        parts.append(losses(estimate(solver, loads, heads, side.settings.power_factor, opened), step_h))
    return pd.concat(parts).groupby("feeder", as_index=False).sum()


def split(side: GridSide, kw: dict[str, NDArray[np.float64]], count: int) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """float64[t, loads], not-a-number where unknown, and {feeder: float64[t]} of {load or feeder: float64[t]}."""
    empty = np.full(count, np.nan)
    loads = np.column_stack([kw.get(load, empty) for load in side.network.loads["load"]])
    return loads, {name: values for name, values in kw.items() if name in side.heads}


def wholly_metered(side: GridSide, kw: dict[str, NDArray[np.float64]], known: NDArray[np.bool_]) -> set[str]:
    """Feeders whose head and every load have a meter with a value in every known quarter-hour: there the energy that goes in, less what
    is billed, says something."""
    from networks.grid.topology import feeder_of

    feeders = feeder_of(side.network, side.network.normally_open)
    of = {name: {feeders[side.network.bus_index[bus]]} for name, bus in side.network.loads[["load", "bus"]].itertuples(index=False)}
    whole = {name for name, values in kw.items() if np.isfinite(values[known]).all()}
    lacking = {feeder for load, mine in of.items() for feeder in mine if load not in whole}
    return {feeder for feeder in side.heads if feeder in whole and feeder not in lacking}


def store(connection: Connection, day: date, rows: list[dict[str, Any]]) -> None:
    """Store a day's rows in place of a former attempt's."""
    results.replace_rows(connection, t.grid_loss_day, t.grid_loss_day.c.day == day, rows)
