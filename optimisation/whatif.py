"""What if a price, a forecast, a machine or a limit were different: changes to a plan's input, and what they change in the plan.

A change is a small frozen object that says itself in words; applied to a `PlanInput` it gives another one. Nothing of the plan that
it is asked of changes.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time
from typing import Annotated, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from city.clock import as_utc
from city.problems import PenstockError, Problem
from optimisation.assets import Asset, Curtailable, DemandResponse, FixedLoad, Interruptible, StreetLights
from optimisation.inputs import Lock, PlanInput

TAKES_ITS_FORECAST = (FixedLoad, Curtailable, Interruptible, DemandResponse, StreetLights)
"""Kinds whose outage is a forecast of nothing; any other machine stands still."""
SHOWN = 5  # assets whose change is told
FROM_KWH = 0.5  # less than this is no change [kWh]


class Window(BaseModel):
    """When a change holds: between two times of the local clock on every day, or between two instants; always, when none is given."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    start: time | datetime | None = Field(default=None, description="from then: local HH:MM, every day, or an instant with its offset")
    end: time | datetime | None = Field(default=None, description="until then, of the same form")

    @model_validator(mode="after")
    def _same_form(self) -> Self:
        if type(self.start) is not type(self.end):
            raise ValueError("start and end must both be local times (18:00), both instants with an offset, or both be left out")
        if isinstance(self.start, datetime) and isinstance(self.end, datetime):
            if as_utc(self.start) >= as_utc(self.end):
                raise ValueError(f"end {self.end} must lie after start {self.start}")
        elif self.start is not None and self.start == self.end:
            raise ValueError("start and end are the same time of day")
        return self

    def steps(self, inputs: PlanInput) -> NDArray[np.bool_]:
        """bool[steps]: the steps that begin inside."""
        if isinstance(self.start, datetime) and isinstance(self.end, datetime):
            times = inputs.times[:-1]
            return np.asarray((times >= pd.Timestamp(as_utc(self.start))) & (times < pd.Timestamp(as_utc(self.end))))
        if isinstance(self.start, time) and isinstance(self.end, time):
            return inputs.between(self.start, self.end)
        return np.ones(inputs.steps, dtype=bool)

    def when(self) -> str:
        """The window in words, with a blank before it."""
        if isinstance(self.start, datetime):
            return f" from {self.start:%Y-%m-%d %H:%M%z} to {self.end:%Y-%m-%d %H:%M%z}"
        return f" daily {self.start:%H:%M}-{self.end:%H:%M}" if self.start else ""


class PriceChange(Window):
    """Another price of electricity."""

    kind: Literal["price"] = "price"
    of: Literal["import", "export"] = Field(default="import", description="which price")
    factor: float = Field(default=1.0, ge=0, description="times the price [1]")
    offset_per_kwh: float = Field(default=0.0, description="added after that [currency/kWh]")

    def apply(self, inputs: PlanInput, assets: Sequence[Asset]) -> PlanInput:  # noqa: ARG002 - every change answers the same call
        was = np.asarray(inputs.import_price_per_kwh if self.of == "import" else inputs.export_price_per_kwh, dtype=float)
        price = np.where(self.steps(inputs), was * self.factor + self.offset_per_kwh, was)
        return replace(inputs, import_price_per_kwh=price) if self.of == "import" else replace(inputs, export_price_per_kwh=price)

    def said(self) -> str:
        offset = f" {self.offset_per_kwh:+g} per kWh" if self.offset_per_kwh else ""
        return f"{self.of} price x {self.factor:g}{offset}{self.when()}"


class ForecastChange(Window):
    """More or less than was forecast."""

    kind: Literal["forecast"] = "forecast"
    name: str = Field(default="", description="what is changed, in words")
    series: tuple[str, ...] = Field(min_length=1, description="ids of the forecasts")
    factor: float = Field(ge=0, description="times the forecast [1]")

    def apply(self, inputs: PlanInput, assets: Sequence[Asset]) -> PlanInput:  # noqa: ARG002
        unknown = [name for name in self.series if name not in inputs.series]
        if unknown:
            allowed = ", ".join(sorted(inputs.series)[:12])
            raise PenstockError([Problem(f"what-if forecast '{n}'", "not part of the plan", allowed, "Correct the name.") for n in unknown])
        return _scaled(inputs, self.series, np.where(self.steps(inputs), self.factor, 1.0))

    def said(self) -> str:
        return f"forecast of {self.name or ', '.join(self.series)} x {self.factor:g}{self.when()}"


class Outage(Window):
    """An asset that is not there: a machine stands still, a plant gives nothing, a load takes nothing."""

    kind: Literal["outage"] = "outage"
    asset: str = Field(description="asset id")

    def apply(self, inputs: PlanInput, assets: Sequence[Asset]) -> PlanInput:
        asset = next((one for one in assets if one.id == self.asset), None)
        if asset is None:
            allowed = ", ".join(one.id for one in assets)
            raise PenstockError(Problem(f"what-if outage of '{self.asset}'", "no such asset", allowed, "Correct the name."))
        away = self.steps(inputs)
        if isinstance(asset, TAKES_ITS_FORECAST):
            return _scaled(inputs, asset.series_needed, np.where(away, 0.0, 1.0))
        quantity = next((name for name in ("running", "power_kw") if name in asset.planned), None)
        if quantity is None:
            allowed = ", ".join(one.id for one in assets if {"running", "power_kw"} & set(one.planned))
            raise PenstockError(Problem(f"what-if outage of '{self.asset}'", "it has no power to lose", allowed, "Name a machine."))
        still = Lock(asset.id, quantity, 0.0, inputs.times[-1].to_pydatetime(), np.where(away, 0.0, np.nan), "outage")
        return replace(inputs, locks=(*(lock for lock in inputs.locks if lock.asset != asset.id), still))

    def said(self) -> str:
        return f"outage of {self.asset}{self.when()}"


class Setpoint(Window):
    """An asset that is kept at a setpoint; the rest is planned around it."""

    kind: Literal["setpoint"] = "setpoint"
    asset: str = Field(description="asset id")
    quantity: str = Field(description="what is kept: power_kw, running")
    value: float = Field(description="setpoint [unit of the quantity]")
    limit: bool = Field(default=False, description="the setpoint is an upper limit: the asset does what it does unplanned, up to it")

    def apply(self, inputs: PlanInput, assets: Sequence[Asset]) -> PlanInput:
        course = np.full(inputs.steps, self.value)
        asset = next((one for one in assets if one.id == self.asset), None)
        if self.limit and asset is not None:  # an unknown asset is told by the plan's own check of its orders
            course = np.minimum(asset.idle(inputs, assets, {})[self.quantity], self.value)
        kept = np.where(self.steps(inputs), course, np.nan)
        lock = Lock(self.asset, self.quantity, self.value, inputs.times[-1].to_pydatetime(), kept, "edit")
        return replace(inputs, locks=(*inputs.locks, lock))

    def said(self) -> str:
        return f"{self.asset} {self.quantity} {'at most' if self.limit else 'at'} {self.value:g}{self.when()}"


class ImportLimit(Window):
    """The grid gives no more than this."""

    kind: Literal["import_limit"] = "import_limit"
    limit_kw: float = Field(ge=0, description="most that all grids together import [kW]")

    def apply(self, inputs: PlanInput, assets: Sequence[Asset]) -> PlanInput:  # noqa: ARG002
        was = np.full(inputs.steps, np.inf) if inputs.import_limit_kw is None else np.asarray(inputs.import_limit_kw)
        return replace(inputs, import_limit_kw=np.where(self.steps(inputs), np.minimum(was, self.limit_kw), was))

    def said(self) -> str:
        return f"at most {self.limit_kw:g} kW imported{self.when()}"


class CarbonChange(BaseModel):
    """Another price of carbon."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    kind: Literal["carbon"] = "carbon"
    price_per_t: float = Field(ge=0, description="price of CO2e [currency/t]")

    def apply(self, inputs: PlanInput, assets: Sequence[Asset]) -> PlanInput:  # noqa: ARG002
        return replace(inputs, carbon_price_per_t=self.price_per_t)

    def said(self) -> str:
        return f"carbon at {self.price_per_t:g} per t"


Change = Annotated[PriceChange | ForecastChange | Outage | Setpoint | ImportLimit | CarbonChange, Field(discriminator="kind")]
CHANGES: TypeAdapter[tuple[Change, ...]] = TypeAdapter(tuple[Change, ...])


def _scaled(inputs: PlanInput, series: Sequence[str], factor: NDArray[np.float64]) -> PlanInput:
    """The same question with the quantiles and paths of some series times `factor` float[steps]."""
    known = {name: {q: values * factor for q, values in inputs.series[name].items()} for name in series}
    paths = {name: inputs.paths[name] * factor for name in series if name in inputs.paths}
    return replace(inputs, series={**inputs.series, **known}, paths={**inputs.paths, **paths})


def applied(inputs: PlanInput, assets: Sequence[Asset], changes: Sequence[Change]) -> PlanInput:
    """The question with every change in it. Raises `PenstockError` for what is not part of it: a series, an asset, a time."""
    for change in changes:
        if isinstance(change, Window) and not change.steps(inputs).any():
            allowed = f"from {inputs.local_times[0]:%Y-%m-%d %H:%M} to {inputs.local_times[-1]:%Y-%m-%d %H:%M}, as the plan"
            raise PenstockError(Problem(f"what-if {change.said()}", "no step of the plan begins then", allowed, "Correct the times."))
        inputs = change.apply(inputs, assets)
    return inputs


def differences(plan: pd.DataFrame, other: pd.DataFrame, step_h: float, zone: str) -> list[str]:
    """What another PLAN frame does differently, largest first: a sentence per asset on its power and where it differs most."""
    was, now = (
        frame[frame["quantity"] == "power_kw"].pivot_table(index="time_utc", columns="asset_id", values="value") for frame in (plan, other)
    )
    change = now.sub(was, fill_value=0.0)
    moved = (change.abs().sum() * step_h).sort_values(ascending=False)
    told = []
    for asset in moved.index[:SHOWN]:
        if moved[asset] < FROM_KWH:
            break
        at = change[asset].abs().idxmax()
        net = float(change[asset].sum() * step_h)
        told.append(
            f"{asset}: {moved[asset]:,.0f} kWh differ, {abs(net):,.0f} kWh {'more' if net >= 0 else 'less'} in sum; most at"
            f" {at.tz_convert(zone):%Y-%m-%d %H:%M}, {now[asset][at]:,.0f} instead of {was[asset][at]:,.0f} kW."
        )
    return told
