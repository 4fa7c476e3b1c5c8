"""What the forecast of the feeders means for the network: loading and voltage of the coming day at the P50 and at the worst of P10 and P90.

All feeders stand at their P90 together in the worst case. That is rarer than one in ten: it is a bound to look at, not a probability.
"""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine

from networks.grid.estimate import estimate
from networks.grid.flow import Flow, Solver
from service.grid import switches
from service.grid.days import energy_points, split
from service.grid.measured import measured
from service.grid.side import GridSide
from service.store import results

_DAY = timedelta(days=1)
_WORDS = {"overload": "carry {:.0%} of its rating", "low-voltage": "fall to {:.3f} pu", "high-voltage": "rise to {:.3f} pu"}


def of_night(engine: Engine, side: GridSide, night: date, now_utc: datetime) -> tuple[list[dict[str, Any]], str]:
    """Rows of the table for what may be out of its limits in the first day of the night's forecast, and one sentence for the record."""
    series = energy_points(side)
    found = results.forecasts(engine, night, [point.id for point in series.values()])
    frames = {name: found[point.id] for name, point in series.items() if point.id in found}
    if not frames:
        return [], "no forecast of any feeder"
    times = next(iter(frames.values())).index
    times = times[: int(_DAY / (times[1] - times[0]))]
    stand_in = _yesterday(engine, side, times, set(frames))
    opened = switches.open_at(side, switches.told(engine), now_utc)
    solver = Solver(side.network)

    def flow(load: str, generation: str) -> Flow:
        kw = dict(stand_in)
        for name, frame in frames.items():
            sign = side.power[name][1]
            kwh = frame.reindex(times)[load if sign > 0 else generation].to_numpy(dtype=float)
            kw[name] = sign * kwh * 3600.0 / side.city.settings.night.step_s
        loads, heads = split(side, kw, len(times))
        return estimate(solver, loads, heads, side.settings.power_factor, opened).flow

    middle, high, low = flow("p50", "p50"), flow("p90", "p10"), flow("p10", "p90")
    rows = [
        *_passed(side, "overload", middle.loading, np.maximum(high.loading, low.loading), times),
        *_passed(side, "low-voltage", middle.voltage_pu, high.voltage_pu, times),
        *_passed(side, "high-voltage", middle.voltage_pu, low.voltage_pu, times),
    ]
    told = f"{len(rows)} limits may be passed in the coming day" if rows else "no limit is passed in the coming day, not even at the P90"
    return [{"night": night, **row} for row in rows], told + _peak(side, middle, high)


def _peak(side: GridSide, middle: Flow, high: Flow) -> str:
    """The most loaded branch in words; nothing where no branch has a rating."""
    top, worst = (np.nan_to_num(flow.loading, nan=0.0).max(axis=0) for flow in (middle, high))
    branch = int(top.argmax())
    if top[branch] <= 0:
        return ""
    name = side.network.branches["branch"].iloc[branch]
    return f"; most loaded is {name} with {top[branch]:.0%} at the P50, {worst[branch]:.0%} at the P90"


def _yesterday(engine: Engine, side: GridSide, times: pd.DatetimeIndex, known: set[str]) -> dict[str, NDArray[np.float64]]:
    """Meters without a forecast (pumps, a battery) go on as they were a day before."""
    read = measured(
        engine, side, times[0].to_pydatetime() - _DAY, times[-1].to_pydatetime() - _DAY + (times[1] - times[0]).to_pytimedelta()
    )
    return {name: kw for name, kw in zip(read.names, read.kw, strict=True) if name not in known and len(kw) == len(times)}


def _passed(
    side: GridSide, kind: str, middle: NDArray[np.float64], worst: NDArray[np.float64], times: pd.DatetimeIndex
) -> list[dict[str, Any]]:
    """What passes its limit in the worst case, each with its worst moment, the furthest first."""
    grid, network = side.settings, side.network
    limit = {"overload": grid.loading_limit, "low-voltage": grid.voltage_low_pu, "high-voltage": grid.voltage_high_pu}[kind]
    names = (network.branches["branch"] if kind == "overload" else network.buses["bus"]).tolist()
    sign = -1.0 if kind == "low-voltage" else 1.0
    over = np.nan_to_num(sign * (worst - limit), nan=-1.0)
    rows = []
    for row in np.flatnonzero(over.max(axis=0) > 0).tolist():
        at = int(over[:, row].argmax())
        local = times[at].tz_convert(ZoneInfo(side.city.settings.city.time_zone))
        said = _WORDS[kind].format(worst[at, row])
        sentence = f"{names[row]} may {said} at {local:%H:%M} (at the P50 {middle[at, row]:.3g}; limit {limit:g})."
        values = {"p50": float(middle[at, row]), "worst": float(worst[at, row]), "limit": limit, "sentence": sentence}
        rows.append({"subject": names[row], "kind": kind, "time_utc": times[at].to_pydatetime(), **values})
    return sorted(rows, key=lambda one: -abs(one["worst"] - limit))
