"""A building that stores heat in its rooms and walls: a comfort band by local hours that may be missed at a price."""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from datetime import time
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from optimisation.asset import AssetKind, Connected, Left, Solved, column
from optimisation.inputs import PlanInput, Series
from optimisation.parts.rooms import Rooms
from optimisation.results import Breach, Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation

TOLERANCE_K = 1e-4  # of a temperature: what nobody feels


class ThermalBuilding(Connected, Rooms):
    """Takes heat or cold from a balance, or makes it itself from power: `cop` or `carnot_quality` then say how much for each kWh.

    The band holds at the end of every step that begins within the comfort hours; outside them it is `setback_k` wider each way.
    """

    kind: Literal["thermal_building"] = "thermal_building"
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "indoor_degc", "mass_degc")
    balance: str = Field(default="heat", min_length=1, description="what it takes from: heat, cold, or electricity for its own machine")
    service: Literal["heating", "cooling"] = Field(default="heating", description="heating or cooling")
    max_kw: float = Field(gt=0, description="most heat or cold that its rooms can take [kW]")
    least_degc: float = Field(default=20.0, description="lower end of the comfort band [degC]: a wish")
    most_degc: float = Field(default=24.0, description="upper end of the comfort band [degC]: a wish")
    comfort_from_local: time = Field(default=time(6, 0), description="local time from which the band holds")
    comfort_until_local: time = Field(default=time(22, 0), description="local time until which the band holds; the same as from: all day")
    setback_k: float = Field(default=3.0, ge=0, description="how much wider the band is each way outside those hours [K]")
    comfort_price_per_kh: float = Field(default=1.0, ge=0, description="price of a temperature outside the band [currency/(K h)]")
    end_degc: float | None = Field(
        default=None, description="wished mean of rooms and mass at the end [degC]; none: as at the start, within the band"
    )
    end_price_per_k: float = Field(default=1.0, ge=0, description="price of what is missing at the end [currency/K]")

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.least_degc >= self.most_degc:
            raise ValueError(f"least_degc {self.least_degc} must lie below most_degc {self.most_degc}")
        return self

    @property
    def sign(self) -> float:
        """+1 when what it takes warms its rooms, -1 when it cools them."""
        return 1.0 if self.service == "heating" else -1.0

    def end_wish_degc(self, inputs: PlanInput) -> float:
        start = float(self.capacities @ self.start_degc(inputs))
        return min(max(start, self.least_degc), self.most_degc) if self.end_degc is None else self.end_degc

    def band(self, inputs: PlanInput) -> tuple[Series, Series]:
        """Lower and upper end at the end of each step, float[steps] [degC]."""
        wider = np.where(inputs.between(self.comfort_from_local, self.comfort_until_local), 0.0, self.setback_k)
        return self.least_degc - wider, self.most_degc + wider

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs = model.m, model.inputs
        ids = model.ids("BUILDING", (b.id for b in group))
        most = Words("rooms take at most {value}", "kW")
        model.variable("building_kw", ids, m.T, upper=column(group, "max_kw")[:, None], at_most=most)
        draws = model.parameter("building_draws", ids * m.T, [1 / b.performance(inputs, b.sign < 0) for b in group])
        model.inject([(b.id, b.balance) for b in group], lambda m, b, t: -draws[b, t] * m.building_kw[b, t])
        model.holdable("power_kw", [b.id for b in group], lambda m, b, t: draws[b, t] * m.building_kw[b, t])
        for nodes in (1, 2):
            members = [b for b in group if len(b.capacities) == nodes]
            if members:
                cls._warmth(model, members, nodes)
                cls._comfort(model, members, nodes)
                cls._end(model, members, nodes)

    @classmethod
    def _warmth(cls, model: "Formulation", group: Sequence[Self], nodes: int) -> None:
        """The temperatures at every instant, and how they come from the instant before."""
        m, inputs, name = model.m, model.inputs, f"building_{nodes}"
        ids, node = model.ids(f"BUILDING_{nodes}", (b.id for b in group)), model.ids(f"{name}_node", range(nodes))
        start = np.full((len(group), nodes, inputs.steps + 1), np.nan)
        start[:, :, 0] = [b.start_degc(inputs) for b in group]
        low, high = (np.where(np.isnan(start), free, start) for free in (-np.inf, np.inf))
        degc = model.variable(f"{name}_degc", ids, node, m.T1, lower=low, upper=high)
        keeps, warms, drift = (np.array(part) for part in zip(*(b.step(inputs) for b in group), strict=True))
        warms *= np.array([[b.sign] for b in group])
        keep = model.parameter(f"{name}_keeps", ids * node * model.ids(f"{name}_from", range(nodes)), keeps)
        warm = model.parameter(f"{name}_warms", ids * node, warms)
        out = model.parameter(f"{name}_drift", ids * node * m.T, drift.swapaxes(1, 2))
        model.constraint(
            f"{name}_step",
            ids,
            node,
            m.T,
            rule=lambda m, b, i, t: (
                degc[b, i, t + 1] - sum(keep[b, i, k] * degc[b, k, t] for k in node) - warm[b, i] * m.building_kw[b, t] == out[b, i, t]
            ),
        )

    @classmethod
    def _comfort(cls, model: "Formulation", group: Sequence[Self], nodes: int) -> None:
        m, inputs, name = model.m, model.inputs, f"building_{nodes}"
        ids, degc = m.component(f"BUILDING_{nodes}"), m.component(f"{name}_degc")
        cold, warm = (model.variable(f"{name}_too_{how}_k", ids, m.T) for how in ("cold", "warm"))
        least, most = (
            model.parameter(f"{name}_{end}_degc", ids * m.T, band)
            for end, band in zip(("least", "most"), zip(*(b.band(inputs) for b in group), strict=True), strict=True)
        )
        keeps = Words("rooms at least {value}", "degC")
        model.constraint(f"{name}_least", ids, m.T, rule=lambda _, b, t: degc[b, 0, t + 1] + cold[b, t] >= least[b, t], words=keeps)
        keeps = Words("rooms at most {value}", "degC")
        model.constraint(f"{name}_most", ids, m.T, rule=lambda _, b, t: degc[b, 0, t + 1] - warm[b, t] <= most[b, t], words=keeps)
        price = model.parameter(f"{name}_price", ids, column(group, "comfort_price_per_kh") * inputs.step_h)
        model.costs.append(lambda m: sum(price[b] * (cold[b, t] + warm[b, t]) for b in ids for t in m.T))

    @classmethod
    def _end(cls, model: "Formulation", group: Sequence[Self], nodes: int) -> None:
        m, last, name = model.m, model.inputs.steps, f"building_{nodes}"
        ids, node, degc = (m.component(one) for one in (f"BUILDING_{nodes}", f"{name}_node", f"{name}_degc"))
        share = model.parameter(f"{name}_share", ids * node, [b.sign * b.capacities for b in group])
        wish = model.parameter(f"{name}_wish", ids, [b.sign * b.end_wish_degc(model.inputs) for b in group])
        short = model.variable(f"{name}_end_short_k", ids)
        model.constraint(
            f"{name}_end",
            ids,
            rule=lambda _, b: sum(share[b, i] * degc[b, i, last] for i in node) + short[b] >= wish[b],
            words=Words("keeps at the end the warmth (or cold) of {value}", "degC"),
        )
        price = model.parameter(f"{name}_end_price", ids, column(group, "end_price_per_k"))
        model.costs.append(lambda _: sum(price[b] * short[b] for b in ids))

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        degc = {
            b.id: solved[f"building_{nodes}_degc"][i]
            for nodes in (1, 2)
            for i, b in enumerate(b for b in group if len(b.capacities) == nodes)
        }
        return {b.id: b.values(inputs, power, degc[b.id]) for b, power in zip(group, solved["building_kw"], strict=True)}

    def values(self, inputs: PlanInput, taken: Series, degc: NDArray[np.float64]) -> Values:
        """Its PLAN quantities from what its rooms take, float[steps] [kW], and temperatures float[nodes, steps + 1]."""
        names = ("indoor_degc", "mass_degc")
        drawn = taken / self.performance(inputs, self.sign < 0)
        return {"power_kw": drawn, **dict(zip(names, degc, strict=False))}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """A thermostat: takes no more than keeps its rooms at the near end of the band."""
        keep, warm, drift = self.step(inputs)
        target = self.band(inputs)[0 if self.sign > 0 else 1]
        taken, degc = np.zeros(inputs.steps), np.zeros((len(warm), inputs.steps + 1))
        degc[:, 0] = self.start_degc(inputs)
        for t in range(inputs.steps):
            free = keep @ degc[:, t] + drift[t]
            taken[t] = min(max((target[t] - free[0]) / (self.sign * warm[0]), 0.0), self.max_kw)
            degc[:, t + 1] = free + self.sign * warm * taken[t]
        return self.values(inputs, taken, degc)

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        low, high = self.band(inputs)
        indoor = values["indoor_degc"]
        outside = np.maximum(np.maximum(low - indoor[1:], indoor[1:] - high), 0.0)
        mean = float(self.capacities @ [values[name][-1] for name in ("indoor_degc", "mass_degc") if name in values])
        short = max(self.sign * (self.end_wish_degc(inputs) - mean), 0.0)
        breaches: tuple[Breach, ...] = ()
        if outside.max() > TOLERANCE_K:
            steps, amount = np.flatnonzero(outside > TOLERANCE_K), float(outside.sum() * inputs.step_h)
            sentence = (
                f"{self.id} is up to {outside.max():,.1f} K outside its comfort band in {len(steps)} steps, "
                f"first at {inputs.said(int(steps[0]) + 1)}: {amount:,.1f} K h."
            )
            breaches += (Breach(self.id, "comfort band", amount, "K h", self.comfort_price_per_kh, sentence),)
        if short > TOLERANCE_K:
            sentence = f"{self.id} ends at {mean:,.1f} degC, {short:,.1f} K short of the {self.end_wish_degc(inputs):,.1f} degC wished."
            breaches += (Breach(self.id, "warmth at the end", short, "K", self.end_price_per_k, sentence),)
        return Settled({self.balance: -values["power_kw"]}, Cost(breaches=sum(b.cost for b in breaches)), breaches=breaches)
