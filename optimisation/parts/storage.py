"""What every store has: a size, losses, a window, wishes in time and a wished end. Its model is made in storage_block.

A store holds energy [kWh] at the `steps + 1` instants of the horizon. Only physics and the window from least_share to
most_share are hard, and a store may always rest; the way back into that window, windows by the time of day, targets and the end
are wishes with a price, so that none of them can make a plan impossible.
"""
# ruff: noqa: ARG002, ARG003 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from city.problems import Problem
from optimisation.asset import NOISE, TOLERANCE, AssetKind, Connected, Left, Solved
from optimisation.inputs import PlanInput
from optimisation.parts.storage_block import build, floors
from optimisation.parts.storage_wishes import RECOVERY_H, Target, Window, Wish, contradiction, led_back, target_instants, window_instants
from optimisation.results import Breach, Cost, Settled, Values

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


@dataclass(frozen=True)
class Physics:
    """What a store can hold [kWh], take and give [kW], and what it keeps of each kWh on the way in and out [1]."""

    energy_kwh: float
    charge_kw: float
    discharge_kw: float
    charge_efficiency: float
    discharge_efficiency: float


class Store(Connected):
    """Base of the kinds that store energy. Power is + when it discharges."""

    kind: str  # each kind's own word, the prefix of its variables
    state_needed: ClassVar[tuple[str, ...]] = ("charge_kwh",)
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "charge_kwh")
    least_share: float = Field(default=0.0, ge=0, le=1, description="lower end of the window, part of what it can hold [1]")
    most_share: float = Field(default=1.0, ge=0, le=1, description="upper end of the window, part of what it can hold [1]")
    loss_share_per_day: float = Field(default=0.0, ge=0, lt=1, description="part of its content that it loses by itself in a day [1/d]")
    outside_price_per_kwh_h: float = Field(default=1.0, ge=0, description="price of being outside that window [currency per kWh and hour]")
    windows: tuple[Window, ...] = Field(default=(), description="wished windows by the time of day")
    targets: tuple[Target, ...] = Field(default=(), description="what it should hold by a time of day, or by one instant")
    end_least_share: float | None = Field(default=None, ge=0, le=1, description="wished content at the end [1]; none: as at the start")
    end_most_share: float | None = Field(default=None, ge=0, le=1, description="most that is wished at the end [1]; none: no limit")
    end_price_per_kwh: float = Field(default=1.0, ge=0, description="price of missing the wished end [currency/kWh]")
    end_value_per_kwh: float = Field(default=0.0, ge=0, description="what is left at the end is worth [currency/kWh]")
    wear_price_per_kwh: float = Field(default=0.0, ge=0, description="wear of each kWh discharged [currency/kWh]")

    @property
    def physics(self) -> Physics:
        """Its limits, from the parameters of its kind."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.least_share >= self.most_share:
            raise ValueError(f"least_share {self.least_share} must lie below most_share {self.most_share}")
        if self.end_most_share is not None and self.end_most_share < (self.end_least_share or 0.0):
            raise ValueError(f"end_most_share {self.end_most_share} must not lie below end_least_share {self.end_least_share}")
        asked = [w.least_share for w in self.windows] + [w.most_share for w in self.windows] + [t.least_share for t in self.targets]
        for share in asked:
            if share is not None and not self.least_share <= share <= self.most_share:
                raise ValueError(
                    f"a window or target of {share} lies outside {self.least_share} to {self.most_share}, which it never leaves"
                )
        if found := contradiction(self.windows):
            raise ValueError(found)
        return self

    def start_kwh(self, inputs: PlanInput) -> float:
        """What it holds at the start: as metered, full or empty where a sensor reads a little beyond [kWh]."""
        return float(np.clip(inputs.state[self.id]["charge_kwh"], 0.0, self.physics.energy_kwh))

    def end_kwh(self, inputs: PlanInput) -> float:
        """The wished content at the end, inside the window and the wished end [kWh]."""
        size = self.physics.energy_kwh
        share = self.start_kwh(inputs) / size if self.end_least_share is None else self.end_least_share
        share = min(max(share, self.least_share), self.most_share)
        return size * (share if self.end_most_share is None else min(share, self.end_most_share))

    def kept(self, inputs: PlanInput) -> float:
        """What is left after one step of each kWh it held [1]."""
        return float((1.0 - self.loss_share_per_day) ** (inputs.step_h / 24.0))

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        start, size = float(inputs.state[self.id]["charge_kwh"]), self.physics.energy_kwh
        if -NOISE * size <= start <= size * (1 + NOISE):
            return []
        return [Problem(f"state of {self.id}, charge_kwh", f"{start:g} kWh", f"0 to {size:g} kWh", "Check the register map.")]

    def notes(self, inputs: PlanInput) -> list[str]:
        share = self.start_kwh(inputs) / self.physics.energy_kwh
        if self.least_share - TOLERANCE <= share <= self.most_share + TOLERANCE:
            return []
        window = f"{self.least_share:.0%} to {self.most_share:.0%}"
        return [f"{self.id} starts at {share:.0%} charge, outside its window of {window}; it is to be back within {RECOVERY_H:g} h."]

    def wishes(self, inputs: PlanInput) -> list[Wish]:
        """What it should hold, and when; each is one row of the model per instant and one breach when it is not kept."""
        size, last = self.physics.energy_kwh, np.array([inputs.steps])
        found = [*led_back(inputs, self), Wish("end", last, self.end_kwh(inputs), self.end_price_per_kwh)]
        if self.end_most_share is not None:
            found.append(Wish("end_most", last, size * max(self.end_most_share, self.least_share), self.end_price_per_kwh))
        for target in self.targets:
            found.append(Wish("target", target_instants(inputs, target), size * target.least_share, target.price_per_kwh))
        for window in self.windows:
            at = window_instants(inputs, window)
            if window.least_share is not None:
                found.append(Wish("window", at, size * window.least_share, window.price_per_kwh_h, inputs.step_h))
            if window.most_share is not None:
                found.append(Wish("window_most", at, size * window.most_share, window.price_per_kwh_h, inputs.step_h))
        return [wish for wish in found if len(wish.instants)]

    def wear(self, inputs: PlanInput, net_kw: NDArray[np.float64], stored_kwh: NDArray[np.float64]) -> float:
        """What its use wears [currency]; net_kw float[steps], stored_kwh float[steps + 1]."""
        return self.wear_price_per_kwh * float(np.maximum(net_kw, 0.0).sum()) * inputs.step_h

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        build(model, group)

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        name = group[0].kind
        net, stored = solved[f"{name}_discharge_kw"] - solved[f"{name}_charge_kw"], solved[f"{name}_stored_kwh"]
        return {a.id: {"power_kw": net[i], "charge_kwh": stored[i]} for i, a in enumerate(group)}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        content = self.start_kwh(inputs) * np.power(self.kept(inputs), np.arange(inputs.steps + 1), dtype=np.float64)
        return {"power_kw": np.zeros(inputs.steps), "charge_kwh": content}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        return self.account(inputs, values["power_kw"], self.contents(values))

    def contents(self, values: Values) -> NDArray[np.float64]:
        """float[steps + 1]: what it holds in a plan [kWh]."""
        return values["charge_kwh"]

    def account(self, inputs: PlanInput, net_kw: NDArray[np.float64], stored_kwh: NDArray[np.float64]) -> Settled:
        """Flow, cost and broken wishes of given power float[steps] [kW] and content float[steps + 1] [kWh]."""
        size = self.physics.energy_kwh
        told = [wish.breach(self.id, inputs, stored_kwh, TOLERANCE * size) for wish in self.wishes(inputs)]
        breaches: tuple[Breach, ...] = tuple(breach for breach in told if breach)
        cost = Cost(
            wear=self.wear(inputs, net_kw, stored_kwh),
            storage=self.end_value_per_kwh * float(stored_kwh[0] - stored_kwh[-1]),
            breaches=sum(breach.cost for breach in breaches),
        )
        return Settled({self.balance: net_kw}, cost, breaches=breaches)


class EnergyStore(Store):
    """A store whose size is given as energy, with a power and an efficiency each way."""

    power_kw: float = Field(gt=0, description="most it charges or discharges [kW]")
    charge_kw: float | None = Field(default=None, gt=0, description="most it charges, where that differs from power_kw [kW]")
    discharge_kw: float | None = Field(default=None, gt=0, description="most it discharges, where that differs from power_kw [kW]")
    energy_kwh: float = Field(gt=0, description="what it stores [kWh]")
    charge_efficiency: float = Field(default=0.95, gt=0, le=1, description="stored per charged energy [1]")
    discharge_efficiency: float = Field(default=0.95, gt=0, le=1, description="delivered per drawn energy [1]")

    @property
    def physics(self) -> Physics:
        return Physics(
            self.energy_kwh,
            self.power_kw if self.charge_kw is None else self.charge_kw,
            self.power_kw if self.discharge_kw is None else self.discharge_kw,
            self.charge_efficiency,
            self.discharge_efficiency,
        )


class Firm:
    """A store that can carry critical load on its own: it hands these two to `model.firm` as well."""

    @property
    def firm_kw(self: Store) -> float:  # type: ignore[misc]
        """Power it can carry [kW]."""
        return self.physics.discharge_kw

    def usable_kwh(self: Store, inputs: PlanInput, values: Values) -> NDArray[np.float64]:  # type: ignore[misc]
        """float[steps + 1]: what it could deliver from each instant on [kWh]."""
        return np.maximum(self.contents(values) - floors(inputs, [self])[0], 0.0) * self.physics.discharge_efficiency
