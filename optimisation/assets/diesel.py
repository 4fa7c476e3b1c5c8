"""A diesel set: power from a stock of fuel, on or off, with a least load; it can carry critical load while the grid is away."""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from city.problems import Problem
from optimisation.asset import AssetKind, Left, Solved, column
from optimisation.inputs import PlanInput, Series
from optimisation.parts.commitment import Committed, commit
from optimisation.results import Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class Diesel(Committed):
    """Burns `fuel_l_per_kwh` from its tank, which nobody fills within the horizon; its CO2e is counted here.

    The default emission factor is 74.1 kg/GJ x 43.0 GJ/t x 0.84 kg/l: IPCC Guidelines 2006, vol. 2, tables 1.2 and 1.4.
    """

    kind: Literal["diesel"] = "diesel"
    follows: ClassVar[int] = 3
    state_needed: ClassVar[tuple[str, ...]] = ("fuel_l",)
    state_taken: ClassVar[tuple[str, ...]] = ("running", "since_steps", "starts_today")
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "running", "fuel_l")
    power_kw: float = Field(gt=0, description="most power it gives [kW]")
    min_share: float = Field(default=0.3, ge=0, le=1, description="least load while it runs, part of power_kw [1]")
    fuel_l_per_kwh: float = Field(default=0.27, gt=0, description="fuel for each kWh [l/kWh]")
    fuel_least_l: float = Field(default=0.0, ge=0, description="fuel that is never used [l]")
    fuel_price_per_l: float = Field(ge=0, description="price of the fuel [currency/l]")
    co2_kg_per_l: float = Field(default=2.68, ge=0, description="CO2e of the fuel [kg/l]")
    wear_price_per_kwh: float = Field(default=0.0, ge=0, description="upkeep of each kWh [currency/kWh]")

    def start_l(self, inputs: PlanInput) -> float:
        return float(inputs.state[self.id]["fuel_l"])

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        start = self.start_l(inputs)
        if start >= self.fuel_least_l:
            return []
        return [
            Problem(f"state of {self.id}, fuel_l", f"{start:g} l", f"at least fuel_least_l = {self.fuel_least_l:g} l", "Fill its tank.")
        ]

    @property
    def firm_kw(self) -> float:
        """Power it can carry on its own [kW]."""
        return self.power_kw

    def usable_kwh(self, inputs: PlanInput, values: Values) -> NDArray[np.float64]:
        """float[steps + 1]: what its fuel could give from each instant on [kWh]."""
        return (values["fuel_l"] - self.fuel_least_l) / self.fuel_l_per_kwh

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs, h = model.m, model.inputs, model.inputs.step_h
        running = commit(model, "diesel", [a.unit(inputs) for a in group])
        ids, size = m.DIESEL_UNIT, column(group, "power_kw")
        given = model.variable("diesel_kw", ids, m.T, upper=size[:, None], at_most=Words("gives at most {value}", "kW"))
        least_l = np.repeat(column(group, "fuel_least_l")[:, None], inputs.steps + 1, axis=1)
        most_l = np.full(least_l.shape, np.inf)
        least_l[:, 0] = most_l[:, 0] = [a.start_l(inputs) for a in group]
        keeps = Words("fuel at least {value}", "l")
        fuel = model.variable("diesel_fuel_l", ids, m.T1, lower=least_l, upper=most_l, at_least=keeps)
        burns = model.parameter("diesel_burns", ids, column(group, "fuel_l_per_kwh") * h)
        model.constraint("diesel_fuel", ids, m.T, rule=lambda _, a, t: fuel[a, t + 1] - fuel[a, t] + burns[a] * given[a, t] == 0)
        most, least = model.parameter("diesel_most", ids, size), model.parameter("diesel_least", ids, size * column(group, "min_share"))
        model.constraint("diesel_when_on", ids, m.T, rule=lambda _, a, t: given[a, t] - most[a] * running[a, t] <= 0)
        words = Words("gives its least load while it runs", news=False)
        model.constraint("diesel_least_load", ids, m.T, rule=lambda _, a, t: given[a, t] - least[a] * running[a, t] >= 0, words=words)
        model.inject([(a.id, a.balance) for a in group], lambda _, a, t: given[a, t])
        price = model.parameter("diesel_price", ids, [a.per_kwh(inputs) * h for a in group])
        model.costs.append(lambda m: sum(price[a] * given[a, t] for a in ids for t in m.T))
        emits = model.parameter("diesel_kg", ids, column(group, "fuel_l_per_kwh") * column(group, "co2_kg_per_l") * h)
        model.emissions.append(lambda m: sum(emits[a] * given[a, t] for a in ids for t in m.T))
        usable = model.parameter("diesel_usable", ids, 1 / column(group, "fuel_l_per_kwh"))
        floor = model.parameter("diesel_floor_l", ids, column(group, "fuel_least_l"))
        model.firm([a.id for a in group], size.tolist(), lambda _, a, t: usable[a] * (fuel[a, t] - floor[a]))
        model.holdable("power_kw", [a.id for a in group], lambda _, a, t: 1.0 * given[a, t])
        model.holdable("running", [a.id for a in group], lambda _, a, t: 1.0 * running[a, t])

    def per_kwh(self, inputs: PlanInput) -> float:
        """Fuel, carbon and upkeep of a kWh [currency/kWh]."""
        litre = self.fuel_price_per_l + self.co2_kg_per_l * inputs.carbon_price_per_t / 1000.0
        return litre * self.fuel_l_per_kwh + self.wear_price_per_kwh

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        each = zip(group, solved["diesel_kw"], np.rint(solved["diesel_running"]) + 0.0, strict=True)
        return {a.id: a.values(inputs, power, running) for a, power, running in each}

    def values(self, inputs: PlanInput, power: Series, running: Series) -> Values:
        """Its PLAN quantities; the fuel is told at every instant."""
        burnt = np.concatenate([[0.0], np.cumsum(power)]) * inputs.step_h * self.fuel_l_per_kwh
        return {"power_kw": power, "running": running, "fuel_l": self.start_l(inputs) - burnt}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """It stands by."""
        return self.values(inputs, np.zeros(inputs.steps), np.zeros(inputs.steps))

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        energy = float(values["power_kw"].sum() * inputs.step_h)
        litres = energy * self.fuel_l_per_kwh
        wear = self.start_price * self.starts(inputs, values["running"]) + self.wear_price_per_kwh * energy
        kg = litres * self.co2_kg_per_l
        cost = Cost(energy=litres * self.fuel_price_per_l, wear=wear, carbon=kg * inputs.carbon_price_per_t / 1000.0)
        return Settled({self.balance: values["power_kw"]}, cost, kg)
