"""From a plan to the commands that an approval signs."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from service.controls import Control
from service.settings import LoadedCity


def commands(city: LoadedCity, plan_id: str, start_utc: datetime, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """What an approval signs: a command for every change of a controlled quantity within `approved_hours`.

    A command may be written from its step on until the next change (at the latest until the approved hours end).
    """
    end = start_utc + timedelta(hours=city.settings.night.approved_hours)
    plan = frame[frame["scenario"] == "plan"]
    made = []
    for control in city.settings.controls:
        rows = _quantity(plan, control.asset, control.quantity, end)
        value = rows["value"].round(control.decimals).to_numpy()
        if control.held_back_by is not None and control.free_setpoint is not None:
            held = _held_back(plan, control, rows["time_utc"])
            value = np.where(held > 10.0**-control.decimals / 2, value, control.free_setpoint)
        changes = np.flatnonzero(np.append(len(value) > 0, np.diff(value) != 0))
        times = [time.to_pydatetime() for time in rows["time_utc"]]
        for i, at in enumerate(changes):
            until = times[changes[i + 1]] if i + 1 < len(changes) else end
            made.append(command(plan_id, control.point, str(city.points[control.point].quantity), float(value[at]), times[at], until))
    return made


def _held_back(plan: pd.DataFrame, control: Control, times: pd.Series) -> NDArray[np.float64]:
    """float64[t]: how much the asset is held back in each step. A stored amount (energy owed) counts at both ends of the step."""
    rows = plan[(plan["asset_id"] == control.asset) & (plan["quantity"] == control.held_back_by)]
    held = rows.set_index("time_utc")["value"].sort_index()
    if str(control.held_back_by).endswith(("_kwh", "_m3")):
        held = held.combine(held.shift(-1), max, fill_value=0.0)
    return held.reindex(times, fill_value=0.0).to_numpy()


def _quantity(plan: pd.DataFrame, asset: str, quantity: str, end: datetime) -> pd.DataFrame:
    rows = plan[(plan["asset_id"] == asset) & (plan["quantity"] == quantity) & (plan["time_utc"] < end)]
    return rows.sort_values("time_utc")


def command(plan_id: str, point_id: str, quantity: str, setpoint: float, not_before: datetime, not_after: datetime) -> dict[str, Any]:
    """A proposed command; its id is a hash of what it says, so the same plan proposes the same commands."""
    text = f"{plan_id}|{point_id}|{setpoint:.6g}|{not_before.isoformat()}"
    return {
        "command_id": hashlib.sha256(text.encode()).hexdigest()[:24],
        "plan_id": plan_id,
        "point_id": point_id,
        "not_before_utc": not_before,
        "not_after_utc": not_after,
        "quantity": quantity,
        "setpoint": setpoint,
        "state": "proposed",
        "sentence": "",
        "approvals_needed": 1,
    }
