"""Penstock's own plans as measures: what was planned, what the baseline would have taken, and what the meters say, night by night.

Compared is what the plans steer and a meter sees, each over the steps in which an approved plan was in force. The baseline is the schedule
that the plan itself told for doing nothing. Where it rests on a forecast of the asset's own use, the meter departs from the plan for two
reasons, the forecast's error and the device's, and nobody can tell them apart: the range goes from one to the other.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from carbon.why.masses import Avoided
from city.problems import PenstockError
from optimisation.assets.demand_response import DemandResponse
from optimisation.parts.storage import EnergyStore
from service.plans import signals
from service.savings.events import settled
from service.savings.windows import Values, Window, on_steps, windows
from service.settings import LoadedCity

TAKEN, GIVEN = ("_in", "_import"), ("_out", "_export")  # ends of the names of energy registers in the models of meters
COLUMNS = [
    "night",
    "plan_id",
    "asset_id",
    "from_utc",
    "to_utc",
    "steps",
    "missing",
    "baseline_kwh",
    "planned_kwh",
    "metered_kwh",
    "stored_kwh",
    *(f"{end}_{unit}" for unit in ("kwh", "cost", "kg") for end in ("saved", "low", "high")),
    "baseline_m3",
    "planned_m3",
    "metered_m3",
]


@dataclass(frozen=True)
class PlanSavings:
    """What approved plans saved. `frame` has `COLUMNS`, one row per plan and asset, or per settled event.

    Only steps with a reading count, in all columns; `missing` counts the others. `stored_kwh` is what the plan stores in those steps in
    batteries and tanks more than its baseline, and is credited. Sums of the ends assume that all err together. `problems` say what
    could not be told.
    """

    frame: pd.DataFrame
    currency: str
    avoided: Avoided | None
    problems: tuple[str, ...]

    @property
    def nights(self) -> pd.DataFrame:
        """`frame` summed per night: what a person reads. The `_kg` columns are empty without a marginal signal."""
        summed = [name for name in COLUMNS if name not in ("night", "plan_id", "asset_id", "from_utc", "to_utc")]
        return self.frame.groupby("night", as_index=False)[summed].sum(min_count=1)

    @property
    def sentence(self) -> str:
        if self.frame.empty:
            return "No approved plan of these nights has readings yet."
        total = self.frame.sum(numeric_only=True)
        told = f"{self.frame['night'].nunique()} nights: {total['saved_kwh']:+,.0f} kWh saved ({total['low_kwh']:+,.0f} to"
        told += f" {total['high_kwh']:+,.0f}), {total['saved_cost']:+,.0f} {self.currency} ({total['low_cost']:+,.0f} to"
        told += f" {total['high_cost']:+,.0f})"
        if self.avoided is not None:
            told += f", {self.avoided.kg:+,.0f} kg CO2e avoided ({self.avoided.low_kg:+,.0f} to {self.avoided.high_kg:+,.0f})"
            told += f" by {self.avoided.signal}"
        told += "."
        if total["missing"]:
            told += f" {total['missing'] / (total['steps'] + total['missing']):.1%} of the steps have no reading and count nowhere."
        return " ".join([told, *self.problems])


def nights(engine: Engine, city: LoadedCity, first: date, last: date) -> PlanSavings:
    """What the approved plans of the nights from `first` to `last` saved, as far as their civil days are stored."""
    problems: list[str] = []
    try:
        signals.marginal(city, pd.DatetimeIndex([], dtype="datetime64[us, UTC]"))
        signal = str(city.settings.carbon.marginal_file)
    except PenstockError as error:
        signal, problems = "", [str(problem) for problem in error.problems]
    rows = [row for window in windows(engine, city, first, last, bool(signal)) for row in _rows(engine, city, window)]
    rows += settled(engine, city, first, last, bool(signal))
    frame = pd.DataFrame(rows, columns=COLUMNS).sort_values(["night", "plan_id", "asset_id"], ignore_index=True)
    if signal and (lacking := frame["saved_kg"].isna()).any():
        problems.append(f"{signal} lacks steps of {lacking.sum()} of {len(frame)} rows: their kg CO2e are left out.")
    if (lacking := frame["saved_cost"].isna()).any():
        problems.append(f"The tariff has no price for steps of {lacking.sum()} of {len(frame)} rows: their money is left out.")
    kg = frame[["saved_kg", "low_kg", "high_kg"]].sum() if frame["saved_kg"].notna().any() else None
    avoided = None if kg is None else Avoided(float(kg["saved_kg"]), float(kg["low_kg"]), float(kg["high_kg"]), signal)
    return PlanSavings(frame, city.settings.city.currency, avoided, tuple(problems))


def _rows(engine: Engine, city: LoadedCity, window: Window) -> Iterator[dict[str, Any]]:
    """One row per asset that the plan steers and a meter sees; a call of demand response is settled by its own rules."""
    assets = {asset.id: asset for asset in city.settings.assets}
    meter = {control.asset: city.points[control.point].meter for control in city.settings.controls}
    for name, meter_id in meter.items():
        signs = _signs(city, meter_id)
        schedules = [window.of(scenario, name, "power_kw") for scenario in ("baseline", "plan")]
        if isinstance(assets[name], DemandResponse) or not signs or any(one is None for one in schedules):
            continue
        metered = _metered(engine, city, signs, window)
        hours = window.step / timedelta(hours=1)
        sign = 1.0 if city.meter[meter_id].role == "load" else -1.0  # a plan tells what a plant gives, a meter balance what is taken
        baseline, planned = (sign * np.asarray(one) * hours for one in schedules)
        stored = _stored(window, assets[name], city.settings.assets)
        if isinstance(store := assets[name], EnergyStore):
            stored = _kept(stored, _charged(store, baseline), _charged(store, metered))
        forecast = bool(assets[name].series_needed) or getattr(assets[name], "tank", None) is not None
        yield _row(window, name, (baseline, planned, metered), stored, forecast) | _volumes(engine, city, window, name, meter_id)


def _signs(city: LoadedCity, meter_id: str) -> dict[str, float]:
    """{energy point of the meter: 1 where it counts what is taken, -1 where it counts what is given}; its name says it, else its role."""
    points = [point.id for point in city.points.values() if point.meter == meter_id and str(point.stored) == "energy_kwh"]
    plain = -1.0 if city.meter[meter_id].role == "generation" else 1.0
    return {name: -1.0 if name.endswith(GIVEN) else 1.0 if name.endswith(TAKEN) else plain for name in points}


def _metered(engine: Engine, city: LoadedCity, signs: dict[str, float], window: Window) -> Values:
    """float64[t] net use in each step [kWh]; NaN where one of its points has no reading."""
    total = np.zeros(len(window.values))
    for name, sign in signs.items():
        total = total + sign * on_steps(engine, city, city.points[name], window)
    return total


def _stored(window: Window, asset: Any, assets: Iterable[Any]) -> Values:
    """float64[t]: what the plan stores in each step more than its baseline [kWh].

    A battery's charge, charging no longer owed, and a tank's water at what its stations take to pump it, each station its own part.
    """
    kwh = window.ahead(asset.id, "charge_kwh") - window.ahead(asset.id, "owed_kwh")
    tank = getattr(asset, "tank", None)
    if tank is not None:
        flows = [window.of("plan", one.id, "flow_m3_per_h") for one in assets if getattr(one, "tank", None) == tank]
        own, pumped = window.of("plan", asset.id, "power_kw"), sum(float(one.sum()) for one in flows if one is not None)
        if own is not None and pumped > 0:
            kwh = kwh + window.ahead(tank, "volume_m3") * (float(own.sum()) / pumped)
    return kwh


def _charged(storage: EnergyStore, kwh: Values) -> Values:
    """float64[t]: what the net use of a battery [kWh] adds to its charge [kWh]."""
    return np.maximum(kwh, 0.0) * storage.charge_efficiency - np.maximum(-kwh, 0.0) / storage.discharge_efficiency


def _kept(planned: Values, baseline: Values, metered: Values) -> Values:
    """`planned` as far as the meter bears it out: a battery that did not charge keeps nothing, and losses are not taken for charge."""
    by_meter, told = metered - baseline, np.isfinite(metered)
    kept = min(float(by_meter[told].sum()), max(float(planned[told].sum()), 0.0))
    return np.full(len(metered), kept / max(told.sum(), 1))


def _row(window: Window, asset: str, amounts: Sequence[Values], stored: Values, forecast: bool) -> dict[str, Any]:
    """The comparison of one asset over the steps that have a reading."""
    told = np.isfinite(amounts[2])
    baseline, planned, metered = (one[told] for one in amounts)
    row: dict[str, Any] = {
        "night": window.row.night,
        "plan_id": window.row.plan_id,
        "asset_id": asset,
        "from_utc": window.start,
        "to_utc": window.end,
        "steps": int(told.sum()),
        "missing": int((~told).sum()),
        "baseline_kwh": float(baseline.sum()),
        "planned_kwh": float(planned.sum()),
        "metered_kwh": float(metered.sum()),
        "stored_kwh": float(stored[told].sum()),
    }
    weights = {"kwh": np.ones(len(told)), "cost": window.price, "kg": np.full(len(told), np.nan) if window.rate is None else window.rate}
    for unit, weight in weights.items():
        credit = row["stored_kwh"] * float(weight.mean())
        saved, promised = (float(weight[told] @ (baseline - used)) + credit for used in (metered, planned))
        ends = (saved, promised) if forecast else (saved, saved)
        row |= {f"saved_{unit}": saved, f"low_{unit}": min(ends), f"high_{unit}": max(ends)}
    return row


def _volumes(engine: Engine, city: LoadedCity, window: Window, asset: str, meter_id: str) -> dict[str, float]:
    """What a pump station moved [m3]: by baseline, plan, and the water meter at the same node of the network."""
    hours = window.step / timedelta(hours=1)
    flows = [window.of(scenario, asset, "flow_m3_per_h") for scenario in ("baseline", "plan")]
    node = city.meter[meter_id].node
    points = [p for p in city.points.values() if node and city.meter[p.meter].node == node and str(p.stored) == "volume_m3"]
    if any(one is None for one in flows) or len(points) != 1:
        return dict.fromkeys(("baseline_m3", "planned_m3", "metered_m3"), np.nan)
    metered = on_steps(engine, city, points[0], window)
    told = np.isfinite(metered)
    volumes = [float(np.asarray(one)[told].sum() * hours) for one in flows]
    return {"baseline_m3": volumes[0], "planned_m3": volumes[1], "metered_m3": float(metered[told].sum())}
