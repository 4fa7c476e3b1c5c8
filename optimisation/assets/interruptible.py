"""Industry that agreed to be asked: how much, how early told, how long and how much energy per day, and what it is paid."""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from optimisation.assets.asset import AssetKind, Connected, Left, Solved, column
from optimisation.inputs import PlanInput
from optimisation.results import Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class Interruptible(Connected):
    """Demand response of one site: energy not taken, within its contract, is paid by the kWh."""

    kind: Literal["interruptible"] = "interruptible"
    error_sign: ClassVar[int] = 1
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "interrupted_kw")
    series: tuple[str, ...] = Field(min_length=1, description="ids of the load forecasts that add up to it")
    max_curtail_share: float = Field(ge=0, le=1, description="part of the load that may be interrupted [1]")
    notice_h: float = Field(default=0.0, ge=0, description="how long before it must be told [h]")
    max_hours_per_day: float | None = Field(
        default=None, ge=0, description="longest it may be interrupted per civil day [h]; none: no limit"
    )
    budget_kwh_per_day: float = Field(ge=0, description="most energy it may be asked for per civil day [kWh]")
    payment_per_kwh: float = Field(ge=0, description="what it is paid for energy not taken [currency/kWh]")

    @property
    def series_needed(self) -> tuple[str, ...]:
        return self.series

    def most_kw(self, inputs: PlanInput) -> np.ndarray:
        """float[steps]: what may be interrupted: none before the notice has passed."""
        told = np.arange(inputs.steps) * inputs.step_h >= self.notice_h
        return np.where(told, np.maximum(inputs.power(*self.series), 0.0) * self.max_curtail_share, 0.0)

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs, h = model.m, model.inputs, model.inputs.step_h
        most = np.array([a.most_kw(inputs) for a in group])
        days = [np.flatnonzero(inputs.days == day).tolist() for day in range(int(inputs.days[-1]) + 1)]
        for asset in group:
            model.withdraw(asset.balance, inputs.power(*asset.series))
        model.ids("INDUSTRY", (a.id for a in group))
        model.ids("INDUSTRY_DAY", range(len(days)))
        model.variable("interrupted_kw", m.INDUSTRY, m.T, upper=most, at_most=Words("interruption of at most {value}", "kW"))
        model.parameter("interrupted_price", m.INDUSTRY, column(group, "payment_per_kwh") * h)
        budget = {a.id: a.budget_kwh_per_day for a in group}
        model.constraint(
            "interrupted_budget",
            m.INDUSTRY,
            m.INDUSTRY_DAY,
            by_row=True,
            rule=lambda m, a, day: h * sum(m.interrupted_kw[a, t] for t in days[day]) <= budget[a],
            words=Words("interrupted energy within the daily budget of {value}", "kWh", by_day=True),
        )
        cls._hours(model, [a for a in group if a.max_hours_per_day is not None], days)
        model.inject([(a.id, a.balance) for a in group], lambda m, a, t: m.interrupted_kw[a, t])
        model.costs.append(lambda m: sum(m.interrupted_price[a] * m.interrupted_kw[a, t] for a in m.INDUSTRY for t in m.T))
        load = {a.id: inputs.power(*a.series).tolist() for a in group}
        for quantity in ("power_kw", "command_kw"):
            model.holdable(quantity, [a.id for a in group], lambda m, a, t: load[a][t] - m.interrupted_kw[a, t], "<=")

    @staticmethod
    def _hours(model: "Formulation", group: Sequence["Interruptible"], days: list[list[int]]) -> None:
        """Hours count whole steps, however little is interrupted in them: so a binary per step."""
        if not group:
            return
        m, inputs = model.m, model.inputs
        most = {a.id: a.most_kw(inputs).tolist() for a in group}
        hours = {a.id: a.max_hours_per_day for a in group}
        model.ids("INDUSTRY_HOURS", (a.id for a in group))
        possible = np.array([a.most_kw(inputs) > 0 for a in group])
        model.variable("interrupted_now", m.INDUSTRY_HOURS, m.T, upper=possible.astype(float), integer=True)
        model.constraint(
            "interrupted_when_called",
            m.INDUSTRY_HOURS,
            m.T,
            by_row=True,
            rule=lambda m, a, t: m.interrupted_kw[a, t] - most[a][t] * m.interrupted_now[a, t] <= 0,
        )
        model.constraint(
            "interrupted_hours",
            m.INDUSTRY_HOURS,
            m.INDUSTRY_DAY,
            by_row=True,
            rule=lambda m, a, day: inputs.step_h * sum(m.interrupted_now[a, t] for t in days[day]) <= hours[a],
            words=Words("interrupted for at most {value} a day", "h", by_day=True),
        )

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        return {
            a.id: {"power_kw": inputs.power(*a.series) - cut, "interrupted_kw": cut}
            for a, cut in zip(group, solved["interrupted_kw"], strict=True)
        }

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        return {"power_kw": inputs.power(*self.series), "interrupted_kw": np.zeros(inputs.steps)}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        energy = float(values["interrupted_kw"].sum() * inputs.step_h)
        return Settled({self.balance: -values["power_kw"]}, Cost(demand_response=energy * self.payment_per_kwh))
