"""A load enrolled in a demand-response programme: the plan decides whether, when and for how long it is called.

A call is all that the participant offers, for the whole event; a share of that energy comes back evenly in the hours after it. So one
binary stands for one possible event (start and length), and its profile is data. At most one event, with what comes back, is under
way at a time: these rows are intervals on a line, which leaves the linear relaxation close to whole numbers.

Reference: rebound as a share of the curtailed energy over the hours after the event follows O'Connell et al., Benefits and challenges
of electrical demand response, Renewable and Sustainable Energy Reviews 39 (2014), 686-699.
"""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from city.problems import Problem
from optimisation.asset import AssetKind, Connected, Left, Solved
from optimisation.inputs import PlanInput, Series
from optimisation.response.calls import Announced, Possible, announced, events_of, possible
from optimisation.results import Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class DemandResponse(Connected):
    """A load that a demand-response programme may call: less for some hours, told in advance, and paid."""

    kind: Literal["demand_response"] = "demand_response"
    error_sign: ClassVar[int] = 1
    state_taken: ClassVar[tuple[str, ...]] = ("events_left", "events_left_today")
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "reduced_kw", "rebound_kw", "called")
    series: tuple[str, ...] = Field(min_length=1, description="ids of the load forecasts that add up to it")
    programme: str = Field(description="id in [[programmes]] that it is enrolled in")
    offered_kw: float = Field(gt=0, description="how much less it takes when it is called [kW]")
    max_share: float = Field(default=1.0, gt=0, le=1, description="never more than this part of its load [1]")
    enrolled_from: date | None = Field(default=None, description="first day of its enrolment")
    enrolled_until: date | None = Field(default=None, description="last day of its enrolment")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.enrolled_from and self.enrolled_until and self.enrolled_until < self.enrolled_from:
            raise ValueError(f"enrolled_until {self.enrolled_until} lies before enrolled_from {self.enrolled_from}; exchange the two")
        return self

    @property
    def series_needed(self) -> tuple[str, ...]:
        return self.series

    def enrolled_on(self, day: date) -> bool:
        """May it be called on this day?"""
        return (self.enrolled_from is None or self.enrolled_from <= day) and (self.enrolled_until is None or day <= self.enrolled_until)

    def offer_kw(self, inputs: PlanInput) -> Series:
        """float[steps]: how much less it would take [kW]."""
        return np.minimum(self.offered_kw, self.max_share * np.maximum(inputs.power(*self.series), 0.0))

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        if self.programme in inputs.programmes:
            return []
        known = ", ".join(sorted(inputs.programmes)) or "none defined"
        return [Problem(f"asset {self.id}, programme '{self.programme}'", "unknown", f"one of {known}", "Add it to [[programmes]].")]

    def notes(self, inputs: PlanInput) -> list[str]:
        days = dict.fromkeys(time.date() for time in inputs.local_times[:-1])
        outside = [day for day in days if not self.enrolled_on(day)]
        return [f"{self.id} is not enrolled in {self.programme} on {', '.join(map(str, outside))}."] if outside else []

    def _announced(self, inputs: PlanInput) -> Announced:
        mine = [call for call in inputs.calls if call.asset == self.id]
        return announced(inputs, inputs.programmes[self.programme], mine, np.maximum(inputs.power(*self.series), 0.0))

    def _possible(self, inputs: PlanInput, busy: NDArray[np.bool_]) -> Possible:
        enrolled = np.array([self.enrolled_on(time.date()) for time in inputs.local_times[:-1]])
        return possible(inputs, inputs.programmes[self.programme], self.offer_kw(inputs), enrolled, busy)

    def _left(self, inputs: PlanInput) -> list[float]:
        """Events left beside those announced: in the season, then on each civil day of the horizon."""
        programme, state = inputs.programmes[self.programme], inputs.state.get(self.id, {})
        starts = [min(call.start_utc for call in event) for event in events_of([c for c in inputs.calls if c.asset == self.id])]
        at = [inputs.until(start) for start in starts if inputs.start_utc <= start < inputs.times[-1]]
        days = np.bincount([int(inputs.days[min(t, inputs.steps - 1)]) for t in at], minlength=len(inputs.civil_days))
        left = [programme.events_per_season - len(at), *(programme.events_per_day - days).tolist()]
        left[0], left[1] = state.get("events_left", left[0]), state.get("events_left_today", left[1])
        return [max(0.0, float(one)) for one in left]

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs = model.m, model.inputs
        told = {a.id: a._announced(inputs) for a in group}
        events = {a.id: a._possible(inputs, told[a.id].busy) for a in group}
        net = {a.id: inputs.power(*a.series) - told[a.id].reduced_kw + told[a.id].rebound_kw for a in group}
        for asset in group:
            model.withdraw(asset.balance, net[asset.id])
        model.ids("RESPONSE", (a.id for a in group))
        keys = [(a.id, k) for a in group for k in range(len(events[a.id].start))]
        model.ids("RESPONSE_EVENT", keys or [(group[0].id, -1)])  # one that is never called, when none is possible
        model.variable("response_called", m.RESPONSE_EVENT, upper=1.0 if keys else 0.0, integer=True)
        model.variable("response_reduced_kw", m.RESPONSE, m.T)
        model.variable("response_rebound_kw", m.RESPONSE, m.T)
        _profiles(model, events)
        _limits(model, events, {a.id: a._left(inputs) for a in group})
        model.inject([(a.id, a.balance) for a in group], lambda m, a, t: m.response_reduced_kw[a, t] - m.response_rebound_kw[a, t])
        price = [p for a in group for p in a._price(inputs, events[a.id].energy_kwh, np.ones(1), events[a.id].beyond_kwh).tolist()]
        model.parameter("response_price", m.RESPONSE_EVENT, price or [0.0])
        fixed = sum(a._account(inputs, told[a.id].reduced_kw, told[a.id].starts, told[a.id].beyond_kwh).total for a in group)
        model.costs.append(lambda m: fixed + sum(m.response_price[k] * m.response_called[k] for k in m.RESPONSE_EVENT))
        load = {asset: power.tolist() for asset, power in net.items()}
        for quantity in ("power_kw", "command_kw"):
            model.holdable(quantity, [*load], lambda m, a, t: load[a][t] - m.response_reduced_kw[a, t] + m.response_rebound_kw[a, t], "<=")
        model.holdable("reduced_kw", [*load], lambda m, a, t: m.response_reduced_kw[a, t] + float(told[a].reduced_kw[t]))

    def _price(self, inputs: PlanInput, energy_kwh: Series, starts: Series, beyond_kwh: Series) -> Series:
        """float[events]: what events cost; energy that comes back after the horizon is worth the mean price of imports."""
        programme = inputs.programmes[self.programme]
        paid = energy_kwh * programme.payment_per_kwh + starts * self.offered_kw * programme.payment_per_kw
        return paid + beyond_kwh * float(np.mean(inputs.import_price_per_kwh + inputs.carbon_per_kwh))

    def _account(self, inputs: PlanInput, reduced_kw: Series, starts: int, beyond_kwh: float) -> Cost:
        energy, none = np.array([reduced_kw.sum() * inputs.step_h]), np.zeros(1)
        later = float(self._price(inputs, none, none, np.array([beyond_kwh]))[0])
        return Cost(demand_response=float(self._price(inputs, energy, np.array([float(starts)]), none)[0]), storage=later)

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        found = {}
        chosen = iter(solved["response_called"].ravel())
        for i, asset in enumerate(group):
            told = asset._announced(inputs)
            events = asset._possible(inputs, told.busy)
            called = told.called.copy()
            for start, end in zip(events.start, events.end, strict=True):
                if next(chosen) > 0.5:
                    called[start:end] = 1.0
            found[asset.id] = asset._values(
                inputs, told.reduced_kw + solved["response_reduced_kw"][i], told.rebound_kw + solved["response_rebound_kw"][i], called
            )
        return found

    def _values(self, inputs: PlanInput, reduced_kw: Series, rebound_kw: Series, called: Series) -> Values:
        power = inputs.power(*self.series) - reduced_kw + rebound_kw
        return {"power_kw": power, "reduced_kw": reduced_kw, "rebound_kw": rebound_kw, "called": called}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        told = self._announced(inputs)  # what was announced is promised
        return self._values(inputs, told.reduced_kw, told.rebound_kw, told.called)

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        told, h = self._announced(inputs), inputs.step_h
        share = inputs.programmes[self.programme].rebound_share
        more, back = values["reduced_kw"] - told.reduced_kw, values["rebound_kw"] - told.rebound_kw
        beyond = told.beyond_kwh + h * float(share * more.sum() - back.sum())
        own = (values["called"] > 0.5) & (told.called < 0.5)
        starts = told.starts + int(np.sum(own & ~np.concatenate([[False], own[:-1]])))
        return Settled({self.balance: -values["power_kw"]}, self._account(inputs, values["reduced_kw"], starts, beyond))


def _profiles(model: "Formulation", events: dict[str, Possible]) -> None:
    """Power taken away and coming back, as sums over the events that are called."""
    m, steps = model.m, model.inputs.steps
    during: dict[tuple[str, int], list[int]] = {}
    after: dict[tuple[str, int], list[int]] = {}
    for asset, found in events.items():
        for k, (start, end) in enumerate(zip(found.start.tolist(), found.end.tolist(), strict=True)):
            for t in range(start, end):
                during.setdefault((asset, t), []).append(k)
            for t in range(end, min(end + max(found.back, 1), steps)):  # without a pause two events were one, longer than allowed
                after.setdefault((asset, t), []).append(k)
    offer = {asset: found.offer_kw.tolist() for asset, found in events.items()}
    back = {asset: found.rebound_kw.tolist() for asset, found in events.items()}

    def reduced(m: Any, a: str, t: int) -> Any:
        return m.response_reduced_kw[a, t] - offer[a][t] * sum(m.response_called[a, k] for k in during.get((a, t), ())) == 0

    def rebound(m: Any, a: str, t: int) -> Any:
        return m.response_rebound_kw[a, t] - sum(back[a][k] * m.response_called[a, k] for k in after.get((a, t), ())) == 0

    model.constraint("response_reduced", m.RESPONSE, m.T, by_row=True, rule=reduced)
    model.constraint("response_rebound", m.RESPONSE, m.T, by_row=True, rule=rebound)
    busy = [key for key in {**during, **after} if len(during.get(key, ())) + len(after.get(key, ())) > 1]
    model.constraint(
        "response_one_at_a_time",
        model.ids("RESPONSE_BUSY", sorted(busy)),
        by_row=True,
        rule=lambda m, a, t: sum(m.response_called[a, k] for k in (*during.get((a, t), ()), *after.get((a, t), ()))) <= 1,
        words=Words("one event at a time, with what comes back after it"),
    )


def _limits(model: "Formulation", events: dict[str, Possible], left: dict[str, list[float]]) -> None:
    """At most so many events in the season, and on each civil day, by the day of their start."""
    inputs = model.inputs
    of_day: dict[tuple[str, int], list[int]] = {}
    for asset, found in events.items():
        for k, start in enumerate(found.start.tolist()):
            of_day.setdefault((asset, int(inputs.days[start])), []).append(k)
    model.constraint(
        "response_events_per_day",
        model.ids("RESPONSE_DAY", of_day),
        by_row=True,
        rule=lambda m, a, day: sum(m.response_called[a, k] for k in of_day[a, day]) <= left[a][1 + day],
        words=Words("at most {value} events a day", by_day=True),
    )
    model.constraint(
        "response_events_per_season",
        model.ids("RESPONSE_SEASON", [asset for asset, found in events.items() if len(found.start)]),
        by_row=True,
        rule=lambda m, a: sum(m.response_called[a, k] for k in range(len(events[a].start))) <= left[a][0],
        words=Words("at most {value} more events in the season"),
    )
