"""The state of the grid at every quarter-hour, from what was read, stored beside the readings."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine, delete, func, select

from networks.grid.estimate import ORIGINS, Estimate, estimate
from networks.grid.flow import Solver
from service import schema as t
from service.grid import outages, switches
from service.grid.measured import Measured, measured
from service.grid.side import GridSide, float32, grid_side
from service.settings import LoadedCity
from service.store import alone, readings, writing

Values = NDArray[np.float64]
MOST = timedelta(days=1)  # of quarter-hours that are made up for, after a pause
_BACK = 8  # slots before the first one, so that it is known who fell silent


def bring_up(engine: Engine, city: LoadedCity, at_utc: datetime) -> int:
    """Compute and store every quarter-hour that has readings and no state yet, and find outages in it. Returns how many.

    The newest one is computed again when it is asked for again: not every meter may have answered by then. Cheap when there is
    nothing new. Raises `PenstockError` where no voltage satisfies the loads.
    """
    side = grid_side(city)
    if side is None or not side.power:
        return 0
    slots = _due(engine, side, at_utc)
    if not slots:
        return 0
    step = timedelta(seconds=city.settings.night.step_s)
    switches.take_from_motors(engine, side, at_utc)
    read = measured(engine, side, slots[0] - _BACK * step, slots[-1] + step)
    heard = {time.to_pydatetime() for time in read.times[np.isfinite(read.kw).any(axis=0)]}
    slots = [slot for slot in slots if slot in heard]  # without any reading there is no state, only a gap
    if not slots:
        return 0
    words = switches.told(engine)
    found = outages.follow(engine, side, read, words, slots, at_utc)
    rows = states(side, read, words, found, slots)
    s = t.grid_state.c
    with writing(engine) as connection:
        alone(connection, t.grid_state)  # the night and `work` may both be here
        oldest = slots[-1] - timedelta(days=side.settings.kept_days)
        connection.execute(delete(t.grid_state).where((s.time_utc < oldest) | s.time_utc.in_(slots)))
        connection.execute(t.grid_state.insert(), rows)
        found.store(connection)
    return len(rows)


def _due(engine: Engine, side: GridSide, at_utc: datetime) -> list[datetime]:
    """Slots on the grid of the plan that are to be computed: after the newest state, which is computed anew with them."""
    last = readings.last_slot(engine)
    if last is None:
        return []
    step = timedelta(seconds=side.city.settings.night.step_s)
    with engine.connect() as connection:
        newest = connection.execute(select(func.max(t.grid_state.c.time_utc)).where(t.grid_state.c.network == side.digest)).scalar()
    last = min(last, at_utc)
    last -= timedelta(seconds=last.timestamp() % step.total_seconds())
    if newest is not None and newest >= last:
        return []
    first = max(newest or last - MOST, last - MOST)
    return [first + k * step for k in range(int((last - first) / step) + 1)]


def states(
    side: GridSide, read: Measured, words: pd.DataFrame, found: "outages.Followed", slots: Sequence[datetime]
) -> list[dict[str, Any]]:
    """Rows of the table for the slots: one batch of flows for each stretch of time in which nothing was switched or fell out."""
    solver, column = Solver(side.network), {time.to_pydatetime(): i for i, time in enumerate(read.times)}
    loads, heads = read.loads_kw(side), read.heads_kw(side)
    rows: list[dict[str, Any]] = []
    for (opened, dead), group in groupby(slots, key=lambda slot: (switches.open_at(side, words, slot), found.dead_at(slot))):
        some = list(group)
        at = [column[slot] for slot in some]
        dark = np.zeros(len(side.network.buses), dtype=bool)
        dark[list(dead)] = True
        own = np.where(dark[_bus_of_load(side)], 0.0, loads[at])
        made = estimate(solver, own, {name: kw[at] for name, kw in heads.items()}, side.settings.power_factor, opened)
        loss, into = made.flow.feeder_loss_kw(), made.flow.head_kw()
        feeders = [{name: _feeder(made, loss, into, name, k) for name in side.heads} for k in range(len(some))]
        rows += [_row(side, made, dark, k, slot, feeders[k]) for k, slot in enumerate(some)]
    return rows


def _bus_of_load(side: GridSide) -> NDArray[np.int64]:
    return np.array([side.network.bus_index[bus] for bus in side.network.loads["bus"]], dtype=np.int64)


def _row(
    side: GridSide, made: Estimate, dark: NDArray[np.bool_], k: int, slot: datetime, feeders: dict[str, dict[str, float | None]]
) -> dict[str, Any]:
    flow = made.flow
    volts = np.where(dark, np.nan, flow.voltage_pu[k])
    kinds = np.bincount(np.where(dark[_bus_of_load(side)], 3, made.origin[k]), minlength=len(ORIGINS))
    return {
        "time_utc": slot,
        "network": side.digest,
        "voltage_pu": float32(volts),
        "loading": float32(flow.loading[k]),
        "power_kw": float32(flow.power_kw[k]),
        "loss_kw": float(flow.loss_kw[k]),
        "load_kw": float(made.p_kw[k].sum()),
        "detail": {
            "open": sorted(flow.open_switches),
            "feeders": feeders,
            "origin": dict(zip(ORIGINS, kinds.tolist(), strict=True)),
            "abnormal": abnormal(side, volts, flow.loading[k]),
        },
    }


def _feeder(made: Estimate, loss: dict[str, Values], into: dict[str, Values], name: str, k: int) -> dict[str, float | None]:
    """What one feeder's head measures and what was computed there; the residual only where all its loads are measured as well."""
    head = made.head_kw[name][k] if name in made.head_kw else np.nan
    told = name in made.redundant and made.redundant[name][k]
    return {
        "head_kw": _number(head),
        "computed_kw": _number(into[name][k]) if name in into else 0.0,
        "loss_kw": _number(loss[name][k]) if name in loss else 0.0,
        "residual_kw": _number(made.computed_kw[name][k] - head) if told else None,
    }


def abnormal(side: GridSide, voltage_pu: NDArray[np.float64], loading: NDArray[np.float64]) -> list[dict[str, Any]]:
    """What is out of its limits: kind overload, low-voltage or high-voltage, subject, value, limit; the worst of each kind first."""
    grid, network = side.settings, side.network
    told = []
    branches, buses = network.branches["branch"].tolist(), network.buses["bus"].tolist()
    for kind, names, values, limit, sign in (
        ("overload", branches, loading, grid.loading_limit, 1),
        ("low-voltage", buses, voltage_pu, grid.voltage_low_pu, -1),
        ("high-voltage", buses, voltage_pu, grid.voltage_high_pu, 1),
    ):
        out = np.flatnonzero(sign * (np.nan_to_num(values, nan=limit) - limit) > 0)
        for row in sorted(out.tolist(), key=lambda i: -sign * values[i]):
            told.append({"kind": kind, "subject": names[row], "value": _number(values[row], 4), "limit": limit})
    return told


def _number(value: float, digits: int = 2) -> float | None:
    """For JSON, which has no not-a-number."""
    return round(float(value), digits) if np.isfinite(value) else None
