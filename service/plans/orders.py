"""What people laid on the plan: holds as locks, and the plan they approved as what a new one departs from only at a price."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from pydantic import Field
from sqlalchemy import Engine, select

from city.places import Place
from optimisation.inputs import Approved, Lock, PlanInput
from service import schema as t
from service.controls import Control
from service.settings import LoadedCity
from service.store import operations, results

STANDING = ("approved", "held", "writing", "written")  # states of a command that still says what its device shall do


class Held(Place):
    """A controlled quantity that a hold keeps where it is."""

    asset: str = Field(description="asset id")
    point: str = Field(description="the point that is not written")
    value: float | None = Field(description="setpoint it stays at [unit of the point]; none: nobody knows")
    until_utc: datetime | None = Field(description="when the hold ends by itself; none: when it is released")


def held(city: LoadedCity, engine: Engine, present: Mapping[str, float], at_utc: datetime) -> Iterator[Held]:
    """Every control that a hold in force keeps from being written, at the value its holder gave or else its present one."""
    holds = operations.holds(engine, at_utc)
    for control in city.settings.controls:
        own = [hold for hold in holds if hold.subject in (operations.STOP, control.asset, control.point)]
        if own:
            told = next((hold.setpoint for hold in reversed(own) if hold.setpoint is not None), None)
            ends = [hold.until_utc for hold in own]
            until = None if None in ends else max(ends)
            value = present.get(control.point, _written(engine, control.point)) if told is None else told
            yield Held(asset=control.asset, point=control.point, value=value, until_utc=until)


def _written(engine: Engine, point_id: str) -> float | None:
    """The setpoint that was written last to a point that nobody reads."""
    c = t.command.c
    statement = select(c.setpoint).where(c.point_id == point_id, c.state == "written").order_by(c.not_before_utc.desc()).limit(1)
    with engine.connect() as connection:
        return connection.execute(statement).scalar()


def locks(city: LoadedCity, inputs: PlanInput, holds: tuple[Held, ...]) -> tuple[tuple[Lock, ...], list[str]]:
    """The holds as the plan's locks, and sentences for those whose value nobody knows.

    A setpoint that is a limit (it has `held_back_by`) lets its device do what it does unplanned, up to the limit. A hold without an
    end holds for the whole plan: who counts on its release would plan with a pump that is being mended.
    """
    by_point = {control.point: control for control in city.settings.controls}
    asset_of = {asset.id: asset for asset in city.settings.assets}
    end = inputs.times[-1].to_pydatetime()
    made, told = [], []
    for one in holds:
        control = by_point.get(one.point)
        if control is None or one.asset not in asset_of:
            continue
        if one.value is None:
            told.append(f"{one.asset} is held, and nobody knows at what: {one.point} was never read; the plan takes it as free.")
            continue
        course = None
        if control.held_back_by is not None:
            course = np.minimum(asset_of[one.asset].idle(inputs, city.settings.assets, {})[control.quantity], one.value)
        made.append(Lock(one.asset, control.quantity, one.value, min(one.until_utc or end, end), course))
    return tuple(made), told


def approved_plan(engine: Engine, at_utc: datetime) -> Any | None:
    """The row of the plan that was approved last, as long as one of its commands still stands; None when there is none."""
    p, a, c = t.plan.c, t.approval.c, t.command.c
    stands = select(c.command_id).where(c.plan_id == p.plan_id, c.state.in_(STANDING), c.not_after_utc > at_utc).exists()
    newest = select(t.plan).join(t.approval, a.plan_id == p.plan_id).where(a.commands > 0, stands).order_by(a.at_utc.desc()).limit(1)
    with engine.connect() as connection:
        return connection.execute(newest).first()


def approved(city: LoadedCity, engine: Engine, plan_id: str | None, inputs: PlanInput) -> tuple[Approved, ...]:
    """What the plan in force says for the steps that its approval covers, one entry per control whose commands still stand."""
    rows = results.rows(engine, t.plan, t.plan.c.plan_id == plan_id) if plan_id else ()
    if not rows:
        return ()
    plan, c = rows[0], t.command.c
    standing = {row.point_id for row in results.rows(engine, t.command, c.plan_id == plan_id, c.state.in_(STANDING))}
    end = plan.start_utc + timedelta(hours=city.settings.night.approved_hours)
    values = results.plan_values(engine, plan)
    values = values[values.index < end].reindex(inputs.times[:-1])
    found = []
    for control in city.settings.controls:
        column = ("plan", control.asset, control.quantity)
        if control.point in standing and column in values and values[column].notna().any():
            found.append(Approved(control.asset, control.quantity, values[column].to_numpy(), _kw(city, control)))
    return tuple(found)


def _kw(city: LoadedCity, control: Control) -> float:
    """What one unit of a controlled quantity is in power [kW]: one of on and off is the machine's own."""
    if control.quantity.endswith("_kw"):
        return 1.0
    asset = next(asset for asset in city.settings.assets if asset.id == control.asset)
    return float(getattr(asset, "power_kw", 1.0) or 1.0)
