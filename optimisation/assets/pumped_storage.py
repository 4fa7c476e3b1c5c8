"""Pumped storage: water pumped up and let down again, between an upper reservoir and a lower one or a river.

The head counts as constant: a cubic metre is worth rho g head / 3.6e6 kWh. That is right within the reservoir's own rise and fall over
the head, e.g. 5 % for 15 m of 300 m.
"""
# ruff: noqa: ARG002, ARG005 - every kind answers the same calls, and Pyomo gives every rule its model

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from city.problems import Problem
from optimisation.asset import TOLERANCE, AssetKind, Left, Solved, column
from optimisation.inputs import PlanInput
from optimisation.parts import storage_block
from optimisation.parts.commitment import Unit, commit
from optimisation.parts.storage import Firm, Physics, Store
from optimisation.results import Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation

KWH_PER_M3_M = 9.81 / 3600.0  # energy of a cubic metre of water per metre of head [kWh]


class PumpedStorage(Firm, Store):
    """Power is + when the turbine gives, - when the pump takes. Its content is the energy of the water above [kWh]."""

    kind: Literal["pumped_storage"] = "pumped_storage"
    state_needed: ClassVar[tuple[str, ...]] = ("volume_m3",)
    state_taken: ClassVar[tuple[str, ...]] = ("lower_m3", "power_kw")
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "volume_m3", "lower_m3", "spill_m3_per_h")
    opposites: ClassVar[tuple[tuple[str, str], ...]] = (("pumped_storage_charge_kw", "pumped_storage_discharge_kw"),)
    volume_m3: float = Field(gt=0, description="what the upper reservoir holds [m3]")
    head_m: float = Field(gt=0, description="mean height of fall less losses in the pipe [m]")
    pump_kw: float = Field(gt=0, description="most the pump takes [kW]")
    turbine_kw: float = Field(gt=0, description="most the turbine gives [kW]")
    pump_least_kw: float = Field(default=0.0, ge=0, description="least it takes while it pumps [kW]")
    turbine_least_kw: float = Field(default=0.0, ge=0, description="least it gives while it generates [kW]")
    pump_efficiency: float = Field(default=0.9, gt=0, le=1, description="energy of the water above per energy taken [1]")
    turbine_efficiency: float = Field(default=0.9, gt=0, le=1, description="energy given per energy of the water [1]")
    start_price: float = Field(default=0.0, ge=0, description="wear of each start of pump or turbine [currency]")
    lower_volume_m3: float | None = Field(default=None, gt=0, description="what the lower reservoir holds [m3]; none: a lake or river")
    inflow_series: tuple[str, ...] = Field(default=(), description="ids of the forecasts of natural inflow to the upper reservoir [m3]")

    @model_validator(mode="after")
    def _powers(self) -> Self:
        if self.pump_least_kw > self.pump_kw or self.turbine_least_kw > self.turbine_kw:
            raise ValueError("pump_least_kw and turbine_least_kw must not lie above pump_kw and turbine_kw")
        if self.start_price > 0 and not (self.pump_least_kw > 0 and self.turbine_least_kw > 0):
            raise ValueError("start_price needs pump_least_kw and turbine_least_kw: what runs at no power cannot be told from rest")
        return self

    @property
    def switched(self) -> bool:
        """Has it a least power, below which it must stand?"""
        return self.pump_least_kw > 0 or self.turbine_least_kw > 0

    @property
    def kwh_per_m3(self) -> float:
        return KWH_PER_M3_M * self.head_m

    @property
    def physics(self) -> Physics:
        return Physics(self.volume_m3 * self.kwh_per_m3, self.pump_kw, self.turbine_kw, self.pump_efficiency, self.turbine_efficiency)

    @property
    def series_needed(self) -> tuple[str, ...]:
        return self.inflow_series

    def start_kwh(self, inputs: PlanInput) -> float:
        return float(inputs.state[self.id]["volume_m3"]) * self.kwh_per_m3

    def inflow_kwh(self, inputs: PlanInput) -> NDArray[np.float64]:
        """float[steps]: energy of the water that comes by itself [kWh]."""
        if not self.inflow_series:
            return np.zeros(inputs.steps)
        return np.maximum(inputs.expected(*self.inflow_series), 0.0) * self.kwh_per_m3

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        found, state = [], inputs.state[self.id]
        limits = {"volume_m3": self.volume_m3} | ({} if self.lower_volume_m3 is None else {"lower_m3": self.lower_volume_m3})
        for key, most in limits.items():
            start = float(state.get(key, np.nan))
            if not 0 <= start <= most * (1 + TOLERANCE):
                seen = "unknown" if np.isnan(start) else f"{start:g} m3"
                found.append(Problem(f"state of {self.id}, {key}", seen, f"0 to {most:g} m3", "Check level sensor and volumes."))
        return found

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        inputs, gain = model.inputs, None
        inflow = np.array([a.inflow_kwh(inputs) for a in group])
        if inflow.any():
            plants = model.ids("PUMPED_INFLOW", (a.id for a in group))
            comes = model.parameter("pumped_inflow_kwh", plants * model.m.T, inflow)
            spilt = model.variable("pumped_spill_kwh", plants, model.m.T, upper=inflow)
            gain = lambda m, a, t: comes[a, t] - spilt[a, t]  # noqa: E731
        storage_block.build(model, group, gain)
        storage_block.firm(model, group)
        cls._lower(model, [a for a in group if a.lower_volume_m3 is not None])
        cls._units(model, [a for a in group if a.switched])

    @staticmethod
    def _units(model: "Formulation", group: Sequence["PumpedStorage"]) -> None:
        """Pump and turbine that have a least power are on or off, and never both on."""
        if not group:
            return
        m, running = model.m, []
        for side, way, sign in (("pump", "charge", -1), ("turbine", "discharge", 1)):
            least = np.array([getattr(a, f"{side}_least_kw") for a in group])
            power, before = getattr(m, f"pumped_storage_{way}_kw"), [sign * a.runs_before(model.inputs) for a in group]
            units = [Unit(a.id, p > 0 and p >= low / 2, start_price=a.start_price) for a, p, low in zip(group, before, least, strict=True)]
            name = f"pumped_storage_{side}"
            on = commit(model, name, units)
            ids = getattr(m, f"{name.upper()}_UNIT")
            low, high = model.parameter(f"{name}_least", ids, least), model.parameter(f"{name}_most", ids, column(group, f"{side}_kw"))
            rules = {
                "when_on": lambda m, a, t, power=power, on=on, high=high: power[a, t] - high[a] * on[a, t] <= 0,
                "least_power": lambda m, a, t, power=power, on=on, low=low: power[a, t] - low[a] * on[a, t] >= 0,
            }
            for what, rule in rules.items():
                model.constraint(f"{name}_{what}", ids, m.T, rule=rule, words=Words(f"{side} {what.replace('_', ' ')}", news=False))
            running.append(on)
        one, other = running
        words = Words("pump and turbine do not run together", news=False)
        model.constraint("pumped_storage_one_runs", ids, m.T, rule=lambda m, a, t: one[a, t] + other[a, t] <= 1, words=words)

    @staticmethod
    def _lower(model: "Formulation", group: Sequence["PumpedStorage"]) -> None:
        """What goes up comes from below, and comes back; what is spilt or flows in by itself passes by the lower reservoir."""
        if not group:
            return
        m, h = model.m, model.inputs.step_h
        start = np.array([[model.inputs.state[a.id]["lower_m3"]] for a in group], dtype=float)
        most = np.array([[a.lower_volume_m3] for a in group], dtype=float)
        low = np.hstack([start, np.zeros((len(group), model.inputs.steps))])
        plants = model.ids("PUMPED_LOWER", (a.id for a in group))
        held = model.variable(
            "pumped_lower_m3",
            plants,
            m.T1,
            lower=low,
            upper=np.where(np.arange(model.inputs.steps + 1) == 0, start, most),
            at_least=Words("lower reservoir at least {value} (empty)", "m3"),
            at_most=Words("lower reservoir at most {value} (full)", "m3"),
        )
        up = model.parameter("pumped_up_m3", plants, [h * a.pump_efficiency / a.kwh_per_m3 for a in group])
        down = model.parameter("pumped_down_m3", plants, [h / a.turbine_efficiency / a.kwh_per_m3 for a in group])

        def rule(m: Any, a: Any, t: Any) -> Any:
            flow = down[a] * m.pumped_storage_discharge_kw[a, t] - up[a] * m.pumped_storage_charge_kw[a, t]
            return held[a, t + 1] - held[a, t] - flow == 0

        model.constraint("pumped_lower", plants, m.T, rule=rule)
        full = model.parameter("pumped_lower_full_m3", plants, most)
        worth = model.parameter("pumped_down_kwh_per_m3", plants, [a.turbine_efficiency * a.kwh_per_m3 for a in group])
        firm = model.variable("pumped_firm_kwh", plants, m.T1)
        for what, energy in (
            ("above", {a.id: model.firms[a.id].energy for a in group}),
            ("below", dict.fromkeys((a.id for a in group), lambda _, a, t: worth[a] * (full[a] - held[a, t]))),
        ):
            rule_of = lambda m, a, t, energy=energy: firm[a, t] - energy[a](m, a, t) <= 0  # noqa: E731
            model.constraint(f"pumped_firm_{what}", plants, m.T, by_row=True, rule=rule_of)
        model.firm([a.id for a in group], [a.turbine_kw for a in group], lambda _, a, t: 1.0 * firm[a, t])

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        spilt = solved.get("pumped_spill_kwh", np.zeros((len(group), inputs.steps)))
        return {
            a.id: a.values(inputs, values["power_kw"], values["charge_kwh"], spilt[i])
            for i, (a, values) in enumerate(zip(group, super().read(inputs, group, solved).values(), strict=True))
        }

    def values(self, inputs: PlanInput, net_kw: NDArray[np.float64], kwh: NDArray[np.float64], spilt_kwh: NDArray[np.float64]) -> Values:
        """Its PLAN quantities from energies."""
        told = {"power_kw": net_kw, "volume_m3": kwh / self.kwh_per_m3, "spill_m3_per_h": spilt_kwh / self.kwh_per_m3 / inputs.step_h}
        if self.lower_volume_m3 is None:
            return told
        down = np.maximum(net_kw, 0.0) / self.turbine_efficiency - np.maximum(-net_kw, 0.0) * self.pump_efficiency
        below = np.cumsum(np.append(inputs.state[self.id]["lower_m3"], down * inputs.step_h / self.kwh_per_m3))
        return told | {"lower_m3": below}

    def contents(self, values: Values) -> NDArray[np.float64]:
        return values["volume_m3"] * self.kwh_per_m3

    def usable_kwh(self, inputs: PlanInput, values: Values) -> NDArray[np.float64]:
        """float[steps + 1]: what it could deliver from each instant on, as far as the lower reservoir takes the water [kWh]."""
        above = super().usable_kwh(inputs, values)
        if self.lower_volume_m3 is None:
            return above
        return np.minimum(above, np.maximum(self.lower_volume_m3 - values["lower_m3"], 0.0) * self.kwh_per_m3 * self.turbine_efficiency)

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """Standing still: inflow fills it up to most_share, the rest is spilt."""
        kwh, spilt, inflow = np.full(inputs.steps + 1, self.start_kwh(inputs)), np.zeros(inputs.steps), self.inflow_kwh(inputs)
        for t in range(inputs.steps):
            after = kwh[t] * self.kept(inputs) + inflow[t]
            spilt[t] = np.clip(after - self.most_share * self.physics.energy_kwh, 0.0, inflow[t])
            kwh[t + 1] = after - spilt[t]
        return self.values(inputs, np.zeros(inputs.steps), kwh, spilt)

    def runs_before(self, inputs: PlanInput) -> float:
        """Its power in the step before the horizon [kW]; 0 where unknown."""
        return float(inputs.state[self.id].get("power_kw", 0.0))

    def wear(self, inputs: PlanInput, net_kw: NDArray[np.float64], stored_kwh: NDArray[np.float64]) -> float:
        upkeep = super().wear(inputs, net_kw, stored_kwh)
        if not self.start_price:
            return upkeep
        power = np.append(self.runs_before(inputs), net_kw)
        runs = np.array([-power >= self.pump_least_kw / 2, power >= self.turbine_least_kw / 2], dtype=float)
        return upkeep + self.start_price * float(np.maximum(np.diff(runs, axis=1), 0.0).sum())
