"""From the store to a plan's input, and from a plan to the commands that an approval signs."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, func, select

from carbon import factors
from city.clock import QUARTER, as_utc, ceil, civil_day, grid, local_date
from city.problems import fault
from optimisation.inputs import PlanInput
from optimisation.results import PlanResult
from service import four_eyes
from service import schema as t
from service.controls import Control
from service.settings import LoadedCity
from service.store import meter_days, results
from service.store.results import replace_rows
from service.sums import topmost


def plan_input(city: LoadedCity, engine: Engine, night: date, now_utc: datetime, plan_id: str) -> PlanInput:
    """Forecasts, prices, intensity and state for the plan that starts `lead_minutes` after now.

    Raises `PenstockError` when there is no tariff; missing forecasts and states are told by the plan's own coverage check.
    """
    settings = city.settings
    if settings.tariff is None:
        raise fault(f"{city.environment.city_file}: tariff", "missing", "a [tariff] table", "Add the electricity tariff.")
    step = timedelta(seconds=settings.night.step_s)
    start = ceil(as_utc(now_utc) + timedelta(minutes=settings.night.lead_minutes), step)
    wanted = sorted({name for asset in settings.assets for name in asset.series_needed})
    known = results.forecasts(engine, night, wanted)
    steps = _horizon(known, start, step, settings.night.steps)
    times = grid(start, steps, step)
    return PlanInput(
        start_utc=start,
        zone=settings.city.time_zone,
        series=_series(known, times, step),
        import_price_per_kwh=settings.tariff.import_price(times, settings.city.time_zone),
        export_price_per_kwh=np.full(len(times), settings.tariff.export_price_per_kwh),
        intensity_kg_per_kwh=intensity(city, times),
        state=_state(city, engine),
        carbon_price_per_t=settings.tariff.carbon_price_per_t,
        month_peak_kw=_month_peak_kw(city, engine, start),
        steps=steps,
        step_s=settings.night.step_s,
        plan_id=plan_id,
        currency=settings.city.currency,
    )


def _horizon(forecasts: dict[str, pd.DataFrame], start: datetime, step: timedelta, most: int) -> int:
    """Steps a plan can look ahead: `most`, or as far as the night's forecasts reach when it is made again later in the day."""
    ends = [frame.index[-1] + pd.Timedelta(seconds=frame.attrs["step_s"]) for frame in forecasts.values()]
    reach = int((min(ends) - pd.Timestamp(start)) / step) if ends else most
    return min(most, reach) if reach > 0 else most


def _series(forecasts: dict[str, pd.DataFrame], times: pd.DatetimeIndex, step: timedelta) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Quantiles on the plan's grid, in the unit per step of the plan."""
    found = {}
    for name, frame in forecasts.items():
        share = step.total_seconds() / frame.attrs["step_s"]
        # A finer forecast is summed over the plan's step, a coarser one spread evenly.
        summed = frame.rolling(round(share)).sum().shift(1 - round(share)) if share > 1 else frame * share
        on_grid = summed.reindex(times, method="ffill")
        if times[0] >= frame.index[0] and times[-1] < frame.index[-1] + pd.Timedelta(seconds=frame.attrs["step_s"]):
            found[name] = {q: on_grid[q].to_numpy() for q in ("p10", "p50", "p90")}
    return found


def intensity(city: LoadedCity, times: pd.DatetimeIndex) -> NDArray[np.float64]:
    """float64[t] average grid intensity [kg CO2/kWh] of the city's region in the year of the first step."""
    known = factors.load(city.factor_folders)
    on = local_date(times[0].to_pydatetime(), city.settings.city.time_zone)
    factor = factors.find(known, activity="grid electricity average-provincial", region=city.settings.city.region, on=on, unit="kgCO2/kWh")
    return np.full(len(times), float(factor.value))


def _state(city: LoadedCity, engine: Engine) -> dict[str, dict[str, float]]:
    """State of each asset from the latest good values; a state with a point that never spoke is left out."""
    with engine.connect() as connection:
        found = connection.execute(
            select(t.point.c.point_id, t.latest.c.good_value).join(t.latest, t.latest.c.point_key == t.point.c.point_key)
        ).all()
    value = {row[0]: float(city.points[row[0]].quantity.to_unit(row[1])) for row in found if row[1] is not None and row[0] in city.points}
    made: dict[str, dict[str, float]] = {}
    for state in city.settings.states:
        if all(name in value for name in state.weights):
            total = state.offset + sum(weight * value[name] for name, weight in state.weights.items())
            made.setdefault(state.asset, {})[state.quantity] = total
    return made


def _month_peak_kw(city: LoadedCity, engine: Engine, start_utc: datetime) -> float:
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
    counted = topmost(city, (point.meter for point in points))
    points = [point for point in points if point.meter in counted]
    if not points or first >= today:
        return 0.0
    block = meter_days.block(engine, points, first, today)
    net = np.nansum(block.unit_values() * np.array([[sign[city.meter[p.meter].role]] for p in points]), axis=0)
    return float(max(0.0, net.max(initial=0.0)) * (timedelta(hours=1) / QUARTER))


def next_plan_id(engine: Engine, night: date) -> str:
    """`plan-<night>-<number>`: the night's own plan is number 0, re-plans count on."""
    with engine.connect() as connection:
        made = connection.execute(select(func.count()).select_from(t.plan).where(t.plan.c.night == night)).scalar_one()
    return f"plan-{night:%Y%m%d}-{made}"


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


def store(
    connection: Connection, city: LoadedCity, night: date, now_utc: datetime, inputs: PlanInput, plan: PlanResult, idle: PlanResult
) -> None:
    """Store a plan, its baseline, prices, breaches and proposed commands."""
    connection.execute(
        t.plan.insert().values(
            plan_id=inputs.plan_id,
            night=night,
            made_at_utc=now_utc,
            start_utc=inputs.start_utc,
            step_s=inputs.step_s,
            steps=inputs.steps,
            status=plan.status,
            cost=None if plan.status == "impossible" else plan.cost.paid,
            baseline_cost=idle.cost.paid,
            co2_kg=None if plan.status == "impossible" else plan.co2_kg,
            baseline_co2_kg=idle.co2_kg,
            detail=_detail(plan, idle),
        )
    )
    results.store_plan(connection, inputs.plan_id, pd.concat([plan.plan, idle.plan], ignore_index=True), plan.price)
    breaches = [
        {
            "plan_id": inputs.plan_id,
            "ordinal": i,
            "asset_id": b.asset,
            "sentence": b.sentence,
            "detail": {"amount": b.amount, "unit": b.unit, "price": b.price},
        }
        for i, b in enumerate(plan.breaches)
    ]
    replace_rows(connection, t.breach, t.breach.c.plan_id == inputs.plan_id, breaches)
    proposed = commands(city, inputs.plan_id, inputs.start_utc, plan.plan)
    four_eyes.mark(city.settings.four_eyes, proposed, four_eyes.present_values(connection, city))
    replace_rows(connection, t.command, t.command.c.plan_id == inputs.plan_id, proposed)


def _detail(plan: PlanResult, idle: PlanResult) -> dict[str, Any]:
    return {
        "gap": None if np.isnan(plan.gap) else plan.gap,  # an impossible plan has none; JSON knows no NaN
        "cost": asdict(plan.cost),
        "baseline_cost": asdict(idle.cost),
        "peak_kw": None if plan.status == "impossible" else plan.peak_kw,
        "baseline_peak_kw": idle.peak_kw,
        "binding": list(plan.binding),
        "reasons": list(plan.reasons),
        "notes": list(plan.notes),
        "baseline_breaches": [b.sentence for b in idle.breaches],
    }


def said(plan: PlanResult, idle: PlanResult, currency: str) -> str:
    """The plan in one sentence, for the run record."""
    if plan.status == "impossible":
        return "no plan is possible: " + " ".join(plan.reasons)
    saved, co2 = idle.cost.paid - plan.cost.paid, idle.co2_kg - plan.co2_kg
    return (
        f"{plan.status} (gap {100 * plan.gap:.2f} %): {plan.cost.paid:,.0f} {currency} and {plan.co2_kg / 1000:,.1f} t CO2,"
        f" {saved:,.0f} {currency} ({100 * saved / max(idle.cost.paid, 1e-9):.1f} %) and {co2 / 1000:,.2f} t less than doing nothing"
        f"; peak {plan.peak_kw:,.0f} kW instead of {idle.peak_kw:,.0f} kW"
    )


def problems_of(plan: PlanResult) -> Sequence[str]:
    """Sentences that make a night end with problems."""
    return [*plan.reasons, *(b.sentence for b in plan.breaches)]
