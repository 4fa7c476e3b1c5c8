"""Combined heat and power: a back-pressure engine or turbine, or one whose heat is extracted at the cost of some power.

References: Lahdelma and Hakonen, An efficient linear programming algorithm for combined heat and power production, Eur. J. Oper. Res.
148 (2003), 141-151 (the region of heat and power); Danish Energy Agency, Technology Data for Generation of Electricity and District
Heating (power-to-heat ratio at full heat, Cb; power lost for each heat extracted, Cv).
"""
# ruff: noqa: ARG002, ARG003 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from optimisation.asset import AssetKind, Left, Solved, column
from optimisation.inputs import PlanInput, Series
from optimisation.parts.commitment import Committed, commit
from optimisation.results import Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation

MOST_EFFICIENT = 1.1  # heat and power per lower heating value, of a unit that condenses its flue gas [1]


class Chp(Committed):
    """With power p and heat q, fuel = (p + power_loss q) / electric_efficiency.

    Back-pressure: p = power_to_heat q. Extraction (`power_loss` above 0): p >= power_to_heat q. What the fuel could make without heat,
    p + power_loss q, lies between `min_share` of `power_kw` and all of it while it runs.
    """

    kind: Literal["chp"] = "chp"
    follows: ClassVar[int] = 2
    state_needed: ClassVar[tuple[str, ...]] = ()
    state_taken: ClassVar[tuple[str, ...]] = ("running", "since_steps", "starts_today")
    ports: ClassVar[tuple[str, ...]] = ("balance", "heat_balance", "fuel_balance")
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "heat_kw", "running", "fuel_kw")
    heat_balance: str = Field(default="heat", min_length=1, description="the balance it heats")
    fuel_balance: str = Field(default="gas", min_length=1, description="the balance of its fuel")
    power_kw: float = Field(gt=0, description="most power it gives, with an extraction unit without heat [kW]")
    min_share: float = Field(default=0.5, ge=0, le=1, description="least load while it runs, part of power_kw [1]")
    electric_efficiency: float = Field(
        gt=0, lt=1, description="power per fuel, with an extraction unit without heat; lower heating value [1]"
    )
    power_to_heat: float = Field(gt=0, description="power per heat at full heat [1]")
    power_loss: float = Field(default=0.0, ge=0, lt=1, description="power lost for each heat extracted [1]; 0: back-pressure")
    wear_price_per_kwh: float = Field(default=0.0, ge=0, description="upkeep of each kWh of power [currency/kWh]")

    @model_validator(mode="after")
    def _energy(self) -> Self:
        ratio = self.power_to_heat
        total = self.electric_efficiency * (1 + ratio) / (ratio + self.power_loss)
        if total > MOST_EFFICIENT:
            raise ValueError(
                f"heat and power are {total:.2f} of the fuel: at most {MOST_EFFICIENT}; raise power_to_heat or lower efficiency"
            )
        return self

    def fuel_kw(self, power: Series, heat: Series) -> Series:
        return (power + self.power_loss * heat) / self.electric_efficiency

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs = model.m, model.inputs
        running = commit(model, "chp", [a.unit(inputs) for a in group])
        ids = m.CHP_UNIT
        size = column(group, "power_kw")
        model.variable("chp_power_kw", ids, m.T, upper=size[:, None], at_most=Words("gives at most {value}", "kW"))
        model.variable("chp_heat_kw", ids, m.T)
        for name in ("power_loss", "power_to_heat"):
            model.parameter(f"chp_{name}", ids, column(group, name))
        most, least = model.parameter("chp_most", ids, size), model.parameter("chp_least", ids, size * column(group, "min_share"))
        fuel = model.parameter("chp_fuel", ids, 1 / column(group, "electric_efficiency"))
        made = cls._made
        model.constraint(
            "chp_when_on",
            ids,
            m.T,
            rule=lambda m, a, t: made(m, a, t) - most[a] * running[a, t] <= 0,
            words=Words("burns no more than it can while it runs", news=False),
        )
        model.constraint(
            "chp_least_load",
            ids,
            m.T,
            rule=lambda m, a, t: made(m, a, t) - least[a] * running[a, t] >= 0,
            words=Words("gives its least load while it runs", news=False),
        )
        for name, members in (
            ("back_pressure", [a.id for a in group if a.power_loss == 0]),
            ("extraction", [a.id for a in group if a.power_loss > 0]),
        ):
            if members:
                at = model.ids(f"chp_{name}_ids", members)
                model.constraint(f"chp_{name}", at, m.T, rule=cls._equal if name == "back_pressure" else cls._more)
        model.inject([(a.id, a.balance) for a in group], lambda m, a, t: m.chp_power_kw[a, t])
        model.inject([(a.id, a.heat_balance) for a in group], lambda m, a, t: m.chp_heat_kw[a, t])
        model.inject([(a.id, a.fuel_balance) for a in group], lambda m, a, t: -fuel[a] * made(m, a, t))
        wear = model.parameter("chp_wear", ids, column(group, "wear_price_per_kwh") * inputs.step_h)
        model.costs.append(lambda m: sum(wear[a] * m.chp_power_kw[a, t] for a in ids for t in m.T))
        model.holdable("power_kw", [a.id for a in group], lambda m, a, t: 1.0 * m.chp_power_kw[a, t])
        model.holdable("heat_kw", [a.id for a in group], lambda m, a, t: 1.0 * m.chp_heat_kw[a, t])
        model.holdable("running", [a.id for a in group], lambda _, a, t: 1.0 * running[a, t])

    @staticmethod
    def _made(m, a, t):  # type: ignore[no-untyped-def]  # a rule of Pyomo
        return m.chp_power_kw[a, t] + m.chp_power_loss[a] * m.chp_heat_kw[a, t]

    @staticmethod
    def _equal(m, a, t):  # type: ignore[no-untyped-def]  # a rule of Pyomo
        return m.chp_power_kw[a, t] - m.chp_power_to_heat[a] * m.chp_heat_kw[a, t] == 0

    @staticmethod
    def _more(m, a, t):  # type: ignore[no-untyped-def]  # a rule of Pyomo
        return m.chp_power_kw[a, t] - m.chp_power_to_heat[a] * m.chp_heat_kw[a, t] >= 0

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        each = zip(group, solved["chp_power_kw"], solved["chp_heat_kw"], np.rint(solved["chp_running"]) + 0.0, strict=True)
        return {a.id: a.values(power, heat, running) for a, power, heat, running in each}

    def values(self, power: Series, heat: Series, running: Series) -> Values:
        """Its PLAN quantities, each float[steps]."""
        return {"power_kw": power, "heat_kw": heat, "running": running, "fuel_kw": self.fuel_kw(power, heat)}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """Led by heat: gives the heat that is lacking with the power that comes with it, off where that is below its least load."""
        per_heat = self.power_to_heat + self.power_loss
        heat = np.clip(left[self.heat_balance], 0.0, self.power_kw / per_heat)
        running = (heat * per_heat >= max(self.min_share * self.power_kw, 1e-9)).astype(float)
        return self.values(heat * running * self.power_to_heat, heat * running, running)

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        power, heat = values["power_kw"], values["heat_kw"]
        wear = self.start_price * self.starts(inputs, values["running"]) + self.wear_price_per_kwh * float(power.sum()) * inputs.step_h
        flows = {self.balance: power, self.heat_balance: heat, self.fuel_balance: -self.fuel_kw(power, heat)}
        return Settled(flows, Cost(wear=wear))
