"""What a plan starts from: states, the month's peak, holds and what was approved; kept with it, so it can be asked again."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from sqlalchemy import Engine, select

from city.clock import QUARTER, as_utc, civil_day, local_date
from city.places import Place
from city.quality import usable
from optimisation.asset import Past
from optimisation.inputs import Cut
from service import schema as t
from service.plans.edits import Edit, standing
from service.plans.orders import Held, approved_plan, held
from service.settings import LoadedCity
from service.store import meter_days, readings, results
from service.sums import topmost

FLOWS = ("_kw", "_m3_per_h")  # of a plan: hold for a step; every other quantity is a state
LOOK_BACK = timedelta(days=1)  # how far a pump's last start or stop is searched


class Begin(Place):
    """Everything of a question that changes from minute to minute; forecasts and prices are looked up by `known_utc`."""

    start_utc: datetime = Field(description="first step of the plan")
    known_utc: datetime = Field(description="what was known then counts")
    state: dict[str, dict[str, float]] = Field(description="state of each asset at the start")
    month_peak_kw: float = Field(description="highest import of the month so far [kW]")
    held: tuple[Held, ...] = Field(default=(), description="what people hold, and where")
    cuts: tuple[Cut, ...] = Field(default=(), description="states of pump stations that the network does not bear")
    approved: str | None = Field(default=None, description="the plan that people approved last")
    carbon_cap_kg: float | None = Field(default=None, description="most CO2e that was asked for [kg]")
    peak_cap_kw: float | None = Field(default=None, description="highest import that was asked for [kW]")
    edits: tuple[Edit, ...] = Field(default=(), description="setpoints that operators laid on the plan, each for a span")


def begin(city: LoadedCity, engine: Engine, start_utc: datetime, now_utc: datetime) -> Begin:
    """What a plan that begins at `start_utc` starts from, as it is known now."""
    value = present_values(city, engine)
    in_force = approved_plan(engine, now_utc)
    state = measured_state(city, value)
    _run_times(city, engine, state, now_utc)
    if in_force is not None:
        planned = results.plan_values(engine, in_force)
        _carried_on(planned, state, now_utc, start_utc)
        _done(city, planned, in_force.detail, state, start_utc)
    return Begin(
        start_utc=start_utc,
        known_utc=now_utc,
        state=state,
        month_peak_kw=month_peak_kw(city, engine, start_utc),
        held=tuple(held(city, engine, value, now_utc)),
        approved=in_force.plan_id if in_force else None,
        edits=_laid(city, in_force.detail, start_utc) if in_force else (),
    )


def _laid(city: LoadedCity, detail: Mapping[str, Any], start_utc: datetime) -> tuple[Edit, ...]:
    """The edits of the plan in force on assets that are controlled: one of a zone that is left out has nothing to bind."""
    controlled = {control.asset for control in city.settings.controls}
    return tuple(edit for edit in standing(detail, start_utc) if edit.change.asset in controlled)


def present_values(city: LoadedCity, engine: Engine) -> dict[str, float]:
    """{point id: its latest good value in the unit of its quantity}."""
    with engine.connect() as connection:
        found = connection.execute(
            select(t.point.c.point_id, t.latest.c.good_value).join(t.latest, t.latest.c.point_key == t.point.c.point_key)
        ).all()
    return {row[0]: float(city.points[row[0]].quantity.to_unit(row[1])) for row in found if row[1] is not None and row[0] in city.points}


def measured_state(city: LoadedCity, value: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """State of each asset as [[states]] makes it from readings; a state with a point that never spoke is left out."""
    made: dict[str, dict[str, float]] = {}
    for state in city.settings.states:
        if all(name in value for name in state.weights):
            total = state.offset + sum(weight * value[name] for name, weight in state.weights.items())
            made.setdefault(state.asset, {})[state.quantity] = total
    return made


def _run_times(city: LoadedCity, engine: Engine, state: dict[str, dict[str, float]], now_utc: datetime) -> None:
    """Steps since each machine started or stopped and its starts of the day, from its readings: a plan of noon cuts no run short."""
    wanted = {asset.id for asset in city.settings.assets if "since_steps" in asset.state_taken}
    points = {one.asset: next(iter(one.weights)) for one in city.settings.states if one.quantity == "running" and one.asset in wanted}
    if not points:
        return
    step, zone = timedelta(seconds=city.settings.night.step_s), city.settings.city.time_zone
    midnight = civil_day(local_date(now_utc, zone), zone)[0]
    frame = readings.hot(engine, list(points.values()), now_utc - LOOK_BACK, now_utc + step)
    frame = frame[usable(frame["quality"].to_numpy())]
    for asset, point in points.items():
        own = frame[frame["point_id"] == point].sort_values("time_utc")
        on = own["value"].to_numpy() > 0.5
        if asset not in state or not len(on):
            continue
        changed = np.flatnonzero(np.diff(on))
        since = own["time_utc"].iloc[changed[-1] + 1 if len(changed) else 0]
        state[asset].setdefault("since_steps", float(max((pd.Timestamp(now_utc) - since) // step, 0)))
        started = own["time_utc"].iloc[1:][np.diff(on.astype(int)) > 0]
        state[asset].setdefault("starts_today", float((started >= pd.Timestamp(midnight)).sum()))


def _done(
    city: LoadedCity, values: pd.DataFrame, detail: Mapping[str, Any], state: dict[str, dict[str, float]], start_utc: datetime
) -> None:
    """What the plan in force has asked of assets by the new plan's first step, for states that no reading tells."""
    before, step_h = values[values.index < start_utc], city.settings.night.step_s / 3600.0
    if before.empty:
        return
    now_local = as_utc(start_utc).astimezone(ZoneInfo(city.settings.city.time_zone))
    began = (detail.get("begin") or {}).get("state", {})
    for asset in city.settings.assets:
        own = {
            quantity: before["plan", asset.id, quantity].to_numpy() for quantity in asset.planned if ("plan", asset.id, quantity) in before
        }
        told = asset.done(Past(own, step_h, now_local, began.get(asset.id, {})))
        if told:
            state[asset.id] = told | state.get(asset.id, {})


def _carried_on(values: pd.DataFrame, state: dict[str, dict[str, float]], now_utc: datetime, start_utc: datetime) -> None:
    """What the plan in force still does to each state between now and the new plan's first step."""
    inside = values[(values.index >= now_utc) & (values.index < start_utc)]
    if inside.empty:
        return
    for asset, states in state.items():
        for quantity in tuple(states):
            column = ("plan", asset, quantity)
            if column not in values:
                continue
            if quantity == "running":
                _run_on(states, inside[column].to_numpy() > 0.5)
                continue
            if quantity.endswith(FLOWS):
                states[quantity] = float(inside[column].iloc[-1])
                continue
            # plan_values tells a stored amount at the end of each step; what it was before is one row up.
            before = values[column].shift(1)[inside.index[0]]
            if np.isfinite(before):
                states[quantity] = max(states[quantity] + float(inside[column].iloc[-1] - before), 0.0)


def _run_on(states: dict[str, float], on: NDArray[np.bool_]) -> None:
    """A machine's state after some more steps, bool[steps]: is it running, since when, and how often it started."""
    runs = np.append(states["running"] > 0.5, on).astype(int)
    changed = np.flatnonzero(np.diff(runs))
    states["running"] = float(runs[-1])
    if len(changed):
        states["since_steps"] = float(len(on) - changed[-1])
        states["starts_today"] = states.get("starts_today", 0.0) + float((np.diff(runs) > 0).sum())
    elif "since_steps" in states:
        states["since_steps"] += len(on)


def month_peak_kw(city: LoadedCity, engine: Engine, start_utc: datetime) -> float:
    """Highest quarter-hour import of the running month [kW]: metered loads less generation, from the stored vectors.

    What hangs under another of these meters is in its reading already.
    """
    zone = city.settings.city.time_zone
    first = civil_day(local_date(start_utc, zone).replace(day=1), zone)[0]
    today = civil_day(local_date(start_utc, zone), zone)[0]
    sign = {"load": 1.0, "generation": -1.0}
    points = [
        point
        for point in city.points.values()
        if point.quantity == "energy_register_kwh" and point.step_s == 900 and city.meter[point.meter].role in sign
    ]
    counted = set(topmost(city, (point.meter for point in points)))
    points = [point for point in points if point.meter in counted]
    if not points or first >= today:
        return 0.0
    net = np.zeros(int((today - first) / QUARTER))
    for some in meter_days.in_parts(points):  # a month of a large city would not fit
        signed = meter_days.block(engine, some, first, today).unit_values() * np.array([[sign[city.meter[p.meter].role]] for p in some])
        # row after row, so that the parts do not show in the bits
        net = np.nansum(np.vstack([net[None], signed]), axis=0)
    return float(max(0.0, net.max(initial=0.0)) * (timedelta(hours=1) / QUARTER))
