"""A battery: power, energy, losses each way, a window and an end band for its charge, and what each kWh wears."""
# ruff: noqa: ARG002, ARG003 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from city.problems import Problem
from optimisation.assets.asset import TOLERANCE, AssetKind, Connected, Left, Solved, column
from optimisation.inputs import PlanInput
from optimisation.results import Breach, Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation

RECOVERY_H = 6.0  # in how long a battery found outside its window is brought back [h]


class Battery(Connected):
    """Power is + when it discharges. The horizon ends in a band, so that no plan empties it for the last hour's price."""

    kind: Literal["battery"] = "battery"
    state_needed: ClassVar[tuple[str, ...]] = ("charge_kwh",)
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "charge_kwh")
    opposites: ClassVar[tuple[tuple[str, str], ...]] = (("battery_charge_kw", "battery_discharge_kw"),)
    power_kw: float = Field(gt=0, description="most it charges or discharges [kW]")
    energy_kwh: float = Field(gt=0, description="what it stores [kWh]")
    charge_efficiency: float = Field(default=0.95, gt=0, le=1, description="stored per charged energy [1]")
    discharge_efficiency: float = Field(default=0.95, gt=0, le=1, description="delivered per drawn energy [1]")
    least_share: float = Field(default=0.1, ge=0, le=1, description="lower end of the charge window, part of energy_kwh [1]")
    most_share: float = Field(default=0.95, ge=0, le=1, description="upper end of the charge window, part of energy_kwh [1]")
    end_least_share: float | None = Field(default=None, ge=0, le=1, description="wished charge at the end [1]; none: as at the start")
    end_price_per_kwh: float = Field(default=1.0, ge=0, description="price of charge missing at the end [currency/kWh]")
    end_value_per_kwh: float = Field(default=0.0, ge=0, description="what charge left at the end is worth [currency/kWh]")
    wear_price_per_kwh: float = Field(default=0.0, ge=0, description="wear of each kWh discharged [currency/kWh]")

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.least_share >= self.most_share:
            raise ValueError(f"least_share {self.least_share} must lie below most_share {self.most_share}")
        return self

    def start_kwh(self, inputs: PlanInput) -> float:
        return float(inputs.state[self.id]["charge_kwh"])

    def end_kwh(self, inputs: PlanInput) -> float:
        """The wished charge at the end, inside the window [kWh]."""
        share = self.start_kwh(inputs) / self.energy_kwh if self.end_least_share is None else self.end_least_share
        return self.energy_kwh * min(max(share, self.least_share), self.most_share)

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        start = self.start_kwh(inputs)
        if 0 <= start <= self.energy_kwh * (1 + TOLERANCE):
            return []
        return [Problem(f"state of {self.id}, charge_kwh", f"{start:g} kWh", f"0 to {self.energy_kwh:g} kWh", "Check the register map.")]

    def notes(self, inputs: PlanInput) -> list[str]:
        share = self.start_kwh(inputs) / self.energy_kwh
        if self.least_share - TOLERANCE <= share <= self.most_share + TOLERANCE:
            return []
        window = f"{self.least_share:.0%} to {self.most_share:.0%}"
        return [f"{self.id} starts at {share:.0%} charge, outside its window of {window}; the plan brings it back within {RECOVERY_H:g} h."]

    def window_kwh(self, inputs: PlanInput) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the charge at the `steps + 1` instants [kWh].

        From a start outside the window the bound moves to it evenly over `RECOVERY_H`, or as fast as full power can.
        """
        start, h = self.start_kwh(inputs), inputs.step_h * np.arange(inputs.steps + 1)
        least, most, back = self.energy_kwh * self.least_share, self.energy_kwh * self.most_share, np.minimum(h / RECOVERY_H, 1.0)
        up, down = h * self.power_kw * self.charge_efficiency, h * self.power_kw / self.discharge_efficiency
        low = np.minimum(least, start + np.minimum(back * max(least - start, 0.0), up))
        high = np.maximum(most, start - np.minimum(back * max(start - most, 0.0), down))
        low[0] = high[0] = start
        return low, high

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs = model.m, model.inputs
        power = column(group, "power_kw")[:, None]
        windows = [b.window_kwh(inputs) for b in group]
        model.ids("BATTERY", (b.id for b in group))
        model.variable("battery_charge_kw", m.BATTERY, m.T, upper=power, at_most=Words("charges with at most {value}", "kW"))
        model.variable("battery_discharge_kw", m.BATTERY, m.T, upper=power, at_most=Words("discharges with at most {value}", "kW"))
        model.variable(
            "battery_stored_kwh",
            m.BATTERY,
            m.T1,
            lower=np.array([low for low, _ in windows]),
            upper=np.array([high for _, high in windows]),
            at_least=Words("charge at least {value}", "kWh"),
            at_most=Words("charge at most {value}", "kWh"),
        )
        model.variable("battery_end_short_kwh", m.BATTERY)
        model.parameter("battery_in", m.BATTERY, column(group, "charge_efficiency") * inputs.step_h)
        model.parameter("battery_out", m.BATTERY, inputs.step_h / column(group, "discharge_efficiency"))
        model.parameter("battery_end_kwh", m.BATTERY, [b.end_kwh(inputs) for b in group])
        last = inputs.steps
        model.constraint(
            "battery_balance",
            m.BATTERY,
            m.T,
            rule=lambda m, b, t: (
                m.battery_stored_kwh[b, t + 1]
                - m.battery_stored_kwh[b, t]
                - m.battery_in[b] * m.battery_charge_kw[b, t]
                + m.battery_out[b] * m.battery_discharge_kw[b, t]
                == 0
            ),
        )
        model.constraint(
            "battery_end",
            m.BATTERY,
            rule=lambda m, b: m.battery_stored_kwh[b, last] + m.battery_end_short_kwh[b] >= m.battery_end_kwh[b],
            words=Words("charge at the end at least {value}", "kWh"),
        )
        model.inject([(b.id, b.balance) for b in group], lambda m, b, t: m.battery_discharge_kw[b, t] - m.battery_charge_kw[b, t])
        model.holdable("power_kw", [b.id for b in group], lambda m, b, t: m.battery_discharge_kw[b, t] - m.battery_charge_kw[b, t])
        cls._costs(model, group)
        cls._one_way(model, group)

    @staticmethod
    def _costs(model: "Formulation", group: Sequence["Battery"]) -> None:
        m, inputs = model.m, model.inputs
        wear, value, last = column(group, "wear_price_per_kwh"), column(group, "end_value_per_kwh"), inputs.steps
        model.parameter("battery_end_price", m.BATTERY, column(group, "end_price_per_kwh"))
        model.costs.append(lambda m: sum(m.battery_end_price[b] * m.battery_end_short_kwh[b] for b in m.BATTERY))
        if wear.any():
            model.parameter("battery_wear", m.BATTERY, wear * inputs.step_h)
            model.costs.append(lambda m: sum(m.battery_wear[b] * m.battery_discharge_kw[b, t] for b in m.BATTERY for t in m.T))
        if value.any():
            model.parameter("battery_end_value", m.BATTERY, value)
            model.costs.append(lambda m: sum(-m.battery_end_value[b] * m.battery_stored_kwh[b, last] for b in m.BATTERY))
            model.constant += float(value @ [b.start_kwh(inputs) for b in group])

    @staticmethod
    def _one_way(model: "Formulation", group: Sequence["Battery"]) -> None:
        """A direction binary only where a negative price, or a first answer, shows that burning energy would pay."""
        power = {b.id: b.power_kw for b in group}
        model.one_way("battery", model.m.BATTERY, model.burning, ("battery_charge_kw", power), ("battery_discharge_kw", power))

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        net = solved["battery_discharge_kw"] - solved["battery_charge_kw"]
        return {b.id: {"power_kw": net[i], "charge_kwh": solved["battery_stored_kwh"][i]} for i, b in enumerate(group)}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        return {"power_kw": np.zeros(inputs.steps), "charge_kwh": np.full(inputs.steps + 1, self.start_kwh(inputs))}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        net, stored = values["power_kw"], values["charge_kwh"]
        short = max(self.end_kwh(inputs) - float(stored[-1]), 0.0)
        breaches: tuple[Breach, ...] = ()
        if short > TOLERANCE * self.energy_kwh:
            sentence = f"{self.id} ends with {stored[-1]:,.1f} kWh, {short:,.1f} kWh below the {self.end_kwh(inputs):,.1f} kWh wished."
            breaches = (Breach(self.id, "charge at the end", short, "kWh", self.end_price_per_kwh, sentence),)
        cost = Cost(
            wear=self.wear_price_per_kwh * float(np.maximum(net, 0.0).sum()) * inputs.step_h,
            storage=self.end_value_per_kwh * float(stored[0] - stored[-1]),
            breaches=sum(b.cost for b in breaches),
        )
        return Settled({self.balance: net}, cost, breaches=breaches)
