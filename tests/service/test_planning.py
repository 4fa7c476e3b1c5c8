"""From a plan to the commands that an approval signs."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd

from city.quantities import Quantity
from service.controls import Control
from service.plans.commands import commands

START = datetime(2022, 6, 15, 23, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def plan(**quantities: list[float]) -> pd.DataFrame:
    rows = [("plan", "x", START + i * QUARTER, name, value) for name, values in quantities.items() for i, value in enumerate(values)]
    frame = pd.DataFrame(rows, columns=["scenario", "asset_id", "time_utc", "quantity", "value"])
    return frame.assign(time_utc=frame["time_utc"].astype("datetime64[us, UTC]"))


def setpoints(control: Control, frame: pd.DataFrame, hours: int = 24) -> list[tuple[int, float]]:
    settings = SimpleNamespace(controls=(control,), night=SimpleNamespace(approved_hours=hours))
    city: Any = SimpleNamespace(settings=settings, points={"x.setpoint": SimpleNamespace(quantity=Quantity.COMMAND_KW)})
    made = commands(city, "plan-1", START, frame)
    return [((row["not_before_utc"] - START) // QUARTER, row["setpoint"]) for row in made]


def test_one_command_for_each_change_and_none_for_the_same_again() -> None:
    control = Control(asset="x", point="x.setpoint", quantity="power_kw")
    assert setpoints(control, plan(power_kw=[10.2, 9.8, 30.0, 30.0, 0.0])) == [(0, 10.0), (2, 30.0), (4, 0.0)]


def test_a_plant_is_limited_only_while_the_plan_curtails_it() -> None:
    control = Control(asset="x", point="x.setpoint", quantity="power_kw", held_back_by="curtailed_kw", free_setpoint=1500.0)
    frame = plan(power_kw=[100.0, 200.0, 250.0, 300.0], curtailed_kw=[0.0, 0.0, 50.0, 0.0])
    assert setpoints(control, frame) == [(0, 1500.0), (2, 250.0), (3, 1500.0)]


def test_charging_is_limited_while_energy_is_owed_at_either_end_of_the_step() -> None:
    control = Control(asset="x", point="x.setpoint", quantity="power_kw", held_back_by="owed_kwh", free_setpoint=800.0)
    frame = plan(power_kw=[20.0, 0.0, 400.0, 20.0], owed_kwh=[0.0, 0.0, 95.0, 0.0, 0.0])
    assert setpoints(control, frame) == [(0, 800.0), (1, 0.0), (2, 400.0), (3, 800.0)]


def test_an_approval_covers_its_hours_only() -> None:
    control = Control(asset="x", point="x.setpoint", quantity="power_kw")
    assert setpoints(control, plan(power_kw=[float(i) for i in range(8)]), hours=1) == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0)]
