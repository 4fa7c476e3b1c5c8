"""Cars at their chargers: what they would draw on arrival may wait, but every session is full at its departure."""
# ruff: noqa: ARG002, ARG003 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from datetime import time
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from optimisation.assets.asset import TOLERANCE, AssetKind, Connected, Left, Solved, column
from optimisation.inputs import PlanInput
from optimisation.results import Breach, Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class EvFleet(Connected):
    """Charging can be put off, never brought forward: the forecast is the earliest the cars can take their energy.

    What was put off is owed [kWh]; it is nothing outside the sessions and at each departure. The end of the horizon counts as
    a departure, so that no plan pushes energy past the last hour it is billed for.
    """

    kind: Literal["ev_fleet"] = "ev_fleet"
    error_sign: ClassVar[int] = 1
    state_taken: ClassVar[tuple[str, ...]] = ("owed_kwh",)
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "owed_kwh")
    series: tuple[str, ...] = Field(min_length=1, description="ids of the forecasts of uncontrolled charging")
    arrive_local: time = Field(description="local time from which charging may wait")
    depart_local: time = Field(description="local time by which it must be done; before arrive_local it is the next morning's")
    max_kw: float = Field(gt=0, description="most that all chargers draw together [kW]")
    short_price_per_kwh: float = Field(default=2.0, ge=0, description="price of energy missing at a departure [currency/kWh]")

    @model_validator(mode="after")
    def _session(self) -> Self:
        if self.arrive_local == self.depart_local:
            raise ValueError(f"arrive_local and depart_local are both {self.arrive_local}; a session needs a length")
        return self

    @property
    def series_needed(self) -> tuple[str, ...]:
        return self.series

    def owed_at_start(self, inputs: PlanInput) -> float:
        return max(float(inputs.state.get(self.id, {}).get("owed_kwh", 0.0)), 0.0)

    def may_owe(self, inputs: PlanInput) -> np.ndarray:
        """bool[steps]: may energy be owed after this step? In a session, and not at its last step."""
        inside = inputs.between(self.arrive_local, self.depart_local)
        return inside & np.append(inside[1:], False)

    def most_kw(self, inputs: PlanInput) -> np.ndarray:
        """float[steps]: the chargers' limit, raised outside sessions to a forecast above it, which nobody controls."""
        inside = inputs.between(self.arrive_local, self.depart_local)
        return np.where(inside, self.max_kw, np.maximum(self.max_kw, inputs.power(*self.series)))

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs = model.m, model.inputs
        waits = np.array([a.may_owe(inputs) for a in group])
        owed = np.column_stack([[a.owed_at_start(inputs) for a in group], np.where(waits, np.inf, 0.0)])
        lowest = np.zeros_like(owed)
        lowest[:, 0] = owed[:, 0]
        model.ids("EV", (a.id for a in group))
        most = np.array([a.most_kw(inputs) for a in group])
        model.variable("ev_charge_kw", m.EV, m.T, upper=most, at_most=Words("charges with at most {value}", "kW"))
        model.variable("ev_owed_kwh", m.EV, m.T1, lower=lowest, upper=owed, at_most=Words("owes at most {value} at a departure", "kWh"))
        model.variable("ev_short_kwh", m.EV, m.T, upper=np.where(waits, 0.0, np.inf))
        model.parameter("ev_forecast_kwh", model.ids("EV_STEP", m.EV * m.T), [np.maximum(inputs.expected(*a.series), 0) for a in group])
        model.parameter("ev_short_price", m.EV, column(group, "short_price_per_kwh"))
        h = inputs.step_h
        model.constraint(
            "ev_balance",
            m.EV,
            m.T,
            rule=lambda m, a, t: (
                m.ev_owed_kwh[a, t + 1] - m.ev_owed_kwh[a, t] + h * m.ev_charge_kw[a, t] + m.ev_short_kwh[a, t] == m.ev_forecast_kwh[a, t]
            ),
        )
        model.inject([(a.id, a.balance) for a in group], lambda m, a, t: -m.ev_charge_kw[a, t])
        model.costs.append(lambda m: sum(m.ev_short_price[a] * m.ev_short_kwh[a, t] for a in m.EV for t in m.T))
        for quantity in ("power_kw", "command_kw"):
            model.holdable(quantity, [a.id for a in group], lambda m, a, t: m.ev_charge_kw[a, t])

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        return {a.id: {"power_kw": solved["ev_charge_kw"][i], "owed_kwh": solved["ev_owed_kwh"][i]} for i, a in enumerate(group)}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """Charge on arrival: as forecast, up to what the chargers carry; what does not fit waits its turn."""
        asked, most = np.maximum(inputs.expected(*self.series), 0.0), self.most_kw(inputs) * inputs.step_h
        waits, owed = self.may_owe(inputs), np.zeros(inputs.steps + 1)
        owed[0] = self.owed_at_start(inputs)
        taken = np.zeros(inputs.steps)
        for t in range(inputs.steps):
            taken[t] = min(owed[t] + asked[t], most[t])
            owed[t + 1] = owed[t] + asked[t] - taken[t] if waits[t] else 0.0
        return {"power_kw": taken / inputs.step_h, "owed_kwh": owed}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        owed, taken = values["owed_kwh"], values["power_kw"] * inputs.step_h
        short = np.maximum(np.maximum(inputs.expected(*self.series), 0.0) - taken - np.diff(owed), 0.0)
        amount = float(short.sum())
        breaches: tuple[Breach, ...] = ()
        if amount > TOLERANCE * max(float(taken.sum()), 1.0):
            first = inputs.said(int(np.flatnonzero(short > TOLERANCE)[0]) + 1)
            sentence = f"{self.id} leaves {amount:,.1f} kWh uncharged at departure, first at {first}."
            breaches = (Breach(self.id, "energy by departure", amount, "kWh", self.short_price_per_kwh, sentence),)
        return Settled({self.balance: -values["power_kw"]}, Cost(breaches=sum(b.cost for b in breaches)), breaches=breaches)
