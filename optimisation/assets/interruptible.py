"""Industry that agreed to be asked: how much, how early told, how long and how much energy per day, and what it is paid."""
# ruff: noqa: ARG002, ARG005 - every kind answers the same calls, and Pyomo gives every rule its model

from collections.abc import Sequence
from datetime import time
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from optimisation.asset import TOLERANCE, AssetKind, Connected, Left, Past, Solved, column
from optimisation.inputs import PlanInput
from optimisation.parts.commitment import Unit, commit
from optimisation.results import Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class Interruptible(Connected):
    """Demand response of one site: energy not taken, within its contract, is paid by the kWh."""

    kind: Literal["interruptible"] = "interruptible"
    error_sign: ClassVar[int] = 1
    state_taken: ClassVar[tuple[str, ...]] = ("interrupted", "since_steps", "starts_today", "kwh_today", "hours_today")
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "interrupted_kw")
    series: tuple[str, ...] = Field(min_length=1, description="ids of the load forecasts that add up to it")
    max_curtail_share: float = Field(ge=0, le=1, description="part of the load that may be interrupted [1]")
    notice_h: float = Field(default=0.0, ge=0, description="how long before it must be told [h]")
    max_hours_per_day: float | None = Field(
        default=None, ge=0, description="longest it may be interrupted per civil day [h]; none: no limit"
    )
    shortest_h: float | None = Field(
        default=None, gt=0, description="shortest interruption [h]; with a length, all that may be is taken off"
    )
    longest_h: float | None = Field(default=None, gt=0, description="longest interruption [h]; none: no limit")
    rest_h: float | None = Field(default=None, gt=0, description="shortest time between two interruptions [h]")
    max_per_day: int | None = Field(default=None, ge=0, description="most interruptions per civil day; none: no limit")
    budget_kwh_per_day: float = Field(ge=0, description="most energy it may be asked for per civil day [kWh]")
    payment_per_kwh: float = Field(ge=0, description="what it is paid for energy not taken [currency/kWh]")

    @property
    def series_needed(self) -> tuple[str, ...]:
        return self.series

    @property
    def timed(self) -> bool:
        """Is an interruption a thing with a length? Then it is all or nothing."""
        return not (self.shortest_h is self.longest_h is self.rest_h is self.max_per_day is None)

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        if self.longest_h is not None and self.longest_h < (self.shortest_h or 0.0):
            raise ValueError(f"longest_h {self.longest_h} lies below shortest_h {self.shortest_h}")
        return self

    def done(self, past: Past) -> dict[str, float]:
        """Whether it is interrupted and since when, and what of the day's budgets is spent."""
        cut = past.values.get("interrupted_kw")
        if cut is None or not len(cut):
            return {}
        on, today, midnight = cut > TOLERANCE, past.since(time(0), "interrupted_kw"), time(0)
        changed = np.flatnonzero(np.diff(on))
        started = np.diff(on.astype(int), prepend=int(past.state.get("interrupted", 0.0))) > 0
        return {
            "interrupted": float(on[-1]),
            "since_steps": float(len(on) - 1 - changed[-1] if len(changed) else len(on)),
            "starts_today": float(started[len(on) - len(today) :].sum()) + past.earlier(midnight, "starts_today"),
            "kwh_today": float(today.sum()) * past.step_h + past.earlier(midnight, "kwh_today"),
            "hours_today": float((today > TOLERANCE).sum()) * past.step_h + past.earlier(midnight, "hours_today"),
        }

    def told(self, inputs: PlanInput) -> np.ndarray:
        """bool[steps]: has the notice passed, or is it interrupted already?"""
        under_way = inputs.state.get(self.id, {}).get("interrupted", 0.0) >= 0.5
        return (np.arange(inputs.steps) * inputs.step_h >= self.notice_h) | under_way

    def most_kw(self, inputs: PlanInput) -> np.ndarray:
        """float[steps]: what may be interrupted: none before the notice has passed."""
        return np.where(self.told(inputs), np.maximum(inputs.power(*self.series), 0.0) * self.max_curtail_share, 0.0)

    def left(self, inputs: PlanInput, most: float, spent: str) -> list[float]:
        """What is left of `most` on each civil day, `spent` naming the state that tells what the first one has seen."""
        first = max(most - float(inputs.state.get(self.id, {}).get(spent, 0.0)), 0.0)
        return [first, *[most] * (len(inputs.civil_days) - 1)]

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs, h = model.m, model.inputs, model.inputs.step_h
        most = np.array([a.most_kw(inputs) for a in group])
        days = inputs.civil_days
        for asset in group:
            model.withdraw(asset.balance, inputs.power(*asset.series))
        model.ids("INDUSTRY", (a.id for a in group))
        model.ids("INDUSTRY_DAY", range(len(days)))
        model.variable("interrupted_kw", m.INDUSTRY, m.T, upper=most, at_most=Words("interruption of at most {value}", "kW"))
        model.parameter("interrupted_price", m.INDUSTRY, column(group, "payment_per_kwh") * h)
        budget = {a.id: a.left(inputs, a.budget_kwh_per_day, "kwh_today") for a in group}
        model.constraint(
            "interrupted_budget",
            m.INDUSTRY,
            m.INDUSTRY_DAY,
            by_row=True,
            rule=lambda m, a, day: h * sum(m.interrupted_kw[a, t] for t in days[day]) <= budget[a][day],
            words=Words("interrupted energy within the daily budget of {value}", "kWh", by_day=True),
        )
        cls._times(model, [a for a in group if a.timed or a.max_hours_per_day is not None])
        model.inject([(a.id, a.balance) for a in group], lambda m, a, t: m.interrupted_kw[a, t])
        model.costs.append(lambda m: sum(m.interrupted_price[a] * m.interrupted_kw[a, t] for a in m.INDUSTRY for t in m.T))
        load = {a.id: inputs.power(*a.series).tolist() for a in group}
        for quantity in ("power_kw", "command_kw"):
            model.holdable(quantity, [a.id for a in group], lambda m, a, t: load[a][t] - m.interrupted_kw[a, t], "<=")

    def unit(self, inputs: PlanInput) -> Unit:
        """Its interruptions as something that is on or off; one under way ends early where the day's energy or hours do."""
        h, state = inputs.step_h, inputs.state.get(self.id, {})
        steps = [None if hours is None else int(np.ceil(hours / h - 1e-9)) for hours in (self.shortest_h, self.rest_h)]
        unit = Unit(
            self.id,
            on=state.get("interrupted", 0.0) >= 0.5,
            since=None if (since := state.get("since_steps")) is None else int(since),
            min_up=max(steps[0] or 1, 1),
            min_down=max(steps[1] or 1, 1),
            max_up=None if self.longest_h is None else int(self.longest_h / h + 1e-9),
            starts_per_day=self.max_per_day,
            starts_today=int(state.get("starts_today", 0)),
        )
        hours = self.left(inputs, 24.0 if self.max_hours_per_day is None else self.max_hours_per_day, "hours_today")[0]
        energy = self.left(inputs, self.budget_kwh_per_day, "kwh_today")[0]
        lasts = np.cumsum(self.most_kw(inputs)) * h <= energy + 1e-9
        return unit.released((lasts & (np.arange(1, inputs.steps + 1) * h <= hours + 1e-9)).astype(float))

    @staticmethod
    def _times(model: "Formulation", group: Sequence["Interruptible"]) -> None:
        """Hours and lengths count whole steps, however little is interrupted in them: so a binary per step."""
        if not group:
            return
        m, inputs = model.m, model.inputs
        most = {a.id: a.most_kw(inputs).tolist() for a in group}
        timed = {a.id for a in group if a.timed}
        can = np.array([a.told(inputs) for a in group], dtype=float)
        if timed:
            now = commit(model, "interruption", [a.unit(inputs) for a in group], can=can)
        else:
            ids = model.ids("INTERRUPTION_UNIT", (a.id for a in group))
            now = model.variable("interruption_running", ids, m.T, upper=can, integer=True)
        model.constraint(
            "interrupted_when_called",
            m.INTERRUPTION_UNIT,
            m.T,
            by_row=True,
            rule=lambda m, a, t: (
                m.interrupted_kw[a, t] - most[a][t] * now[a, t] == 0 if a in timed else m.interrupted_kw[a, t] - most[a][t] * now[a, t] <= 0
            ),
        )
        hours = {a.id: a.left(inputs, a.max_hours_per_day, "hours_today") for a in group if a.max_hours_per_day is not None}
        if hours:
            model.constraint(
                "interrupted_hours",
                model.ids("INDUSTRY_HOURS", hours),
                m.INDUSTRY_DAY,
                by_row=True,
                rule=lambda m, a, day: inputs.step_h * sum(now[a, t] for t in inputs.civil_days[day]) <= hours[a][day],
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
