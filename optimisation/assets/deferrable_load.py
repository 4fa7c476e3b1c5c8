"""A load that asks for energy, not for hours: so much within each daily window, at any power it can run at."""
# ruff: noqa: ARG002, ARG003, ARG005 - every kind answers the same calls, and Pyomo gives every rule its model

from collections.abc import Sequence
from datetime import time
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from city.problems import Problem
from optimisation.asset import TOLERANCE, AssetKind, Left, Past, Solved, column
from optimisation.inputs import PlanInput, Series
from optimisation.parts.commitment import Committed, commit
from optimisation.parts.ramp import Ramp, ramps
from optimisation.parts.windows import Window, windows
from optimisation.results import Breach, Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class DeferrableLoad(Committed):
    """Takes `energy_kwh` in each window, at `least_kw` to `max_kw` while it runs, within its ramps."""

    kind: Literal["deferrable_load"] = "deferrable_load"
    state_needed: ClassVar[tuple[str, ...]] = ()
    state_taken: ClassVar[tuple[str, ...]] = ("running", "since_steps", "starts_today", "power_kw", "done_kwh")
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "running")
    energy_kwh: float = Field(ge=0, description="energy that each window must see [kWh]")
    max_kw: float = Field(gt=0, description="most it draws [kW]")
    least_kw: float = Field(default=0.0, ge=0, description="least it draws while it runs [kW]")
    from_local: time = Field(default=time(0, 0), description="local time from which it may run")
    until_local: time = Field(default=time(0, 0), description="local time by which it is done; equal to from_local: the whole day")
    ramp_up_kw_per_h: float | None = Field(default=None, gt=0, description="how fast it may rise [kW/h]; none: at once")
    ramp_down_kw_per_h: float | None = Field(default=None, gt=0, description="how fast it may fall [kW/h]; none: at once")
    short_price_per_kwh: float | None = Field(
        default=None, ge=0, description="price of energy missing at the end of a window [currency/kWh]; none: it must be there"
    )

    @model_validator(mode="after")
    def _powers(self) -> Self:
        if self.least_kw > self.max_kw:
            raise ValueError(f"least_kw {self.least_kw} lies above max_kw {self.max_kw}")
        return self

    def asked(self, inputs: PlanInput) -> list[tuple[Window, float]]:
        """Each window with the energy it still must see [kWh]: what was taken already, and what may be taken later, is taken off.

        Where nobody told what a window has seen, what no longer fits into it counts as taken.
        """
        done, found = float(inputs.state.get(self.id, {}).get("done_kwh", 0.0)), []
        for w in windows(inputs, self.from_local, self.until_local):
            kwh = self.energy_kwh - (done if w.begun else 0.0) - w.after_h * self.max_kw
            fits = (w.end - w.first) * inputs.step_h * self.max_kw if self._unknown(inputs, w) else kwh
            found.append((w, max(min(kwh, fits), 0.0)))
        return found

    def done(self, past: Past) -> dict[str, float]:
        """Energy taken since its window opened."""
        if "power_kw" not in past.values:
            return {}
        taken = float(past.since(self.from_local, "power_kw").sum()) * past.step_h
        return {"done_kwh": taken + past.earlier(self.from_local, "done_kwh")}

    def _unknown(self, inputs: PlanInput, window: Window) -> bool:
        """Has it opened, and nobody told what was taken since?"""
        return window.begun and "done_kwh" not in inputs.state.get(self.id, {})

    def notes(self, inputs: PlanInput) -> list[str]:
        if not any(self._unknown(inputs, window) for window, _ in self.asked(inputs)):
            return []
        return [f"{self.id}: what it has taken since its window opened is unknown (state 'done_kwh'); all that still fits is planned."]

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        minutes = (self.until_local.hour - self.from_local.hour) * 60 + self.until_local.minute - self.from_local.minute
        most = (minutes % 1440 or 1440) / 60 * self.max_kw
        if self.energy_kwh <= most * (1 + TOLERANCE):
            return []
        return [Problem(f"asset {self.id}, energy_kwh", f"{self.energy_kwh:g} kWh", f"at most {most:g} kWh in its window", "Widen it.")]

    def open(self, inputs: PlanInput) -> Series:
        """float[steps]: 1 inside its windows."""
        return inputs.between(self.from_local, self.until_local).astype(float)

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs = model.m, model.inputs
        units = [a.unit(inputs) for a in group]
        running = commit(model, "deferrable", units, can=np.array([a.open(inputs) for a in group]))
        ids = model.ids("DEFERRABLE", (a.id for a in group))
        power = model.variable("deferrable_kw", ids, m.T)
        for side, sign, limit in (("max", 1.0, column(group, "max_kw")), ("least", -1.0, column(group, "least_kw"))):
            kw = model.parameter(f"deferrable_{side}_kw", ids, limit)
            words = Words(f"draws at {'most' if side == 'max' else 'least'} its {side}_kw while it runs", news=False)
            rule = lambda m, a, t, s=sign, kw=kw: s * power[a, t] - s * kw[a] * running[a, t] <= 0  # noqa: E731
            model.constraint(f"deferrable_{side}", ids, m.T, rule=rule, words=words)
        ramps(model, "deferrable", power, [a.ramp(inputs) for a in group], committed=True)
        model.inject([(a.id, a.balance) for a in group], lambda m, a, t: -1.0 * power[a, t])
        model.holdable("power_kw", [a.id for a in group], lambda m, a, t: 1.0 * power[a, t])
        model.holdable("running", [a.id for a in group], lambda m, a, t: 1.0 * running[a, t])
        cls._energy(model, group)

    def ramp(self, inputs: PlanInput) -> Ramp:
        up, down = (np.inf if kw is None else kw * inputs.step_h for kw in (self.ramp_up_kw_per_h, self.ramp_down_kw_per_h))
        state = inputs.state.get(self.id, {})
        before = float(state.get("power_kw", np.nan)) if self.runs_at_start(inputs) else 0.0
        return Ramp(self.id, up, down, before, at_start=max(self.least_kw, up), at_stop=max(self.least_kw, down))

    @staticmethod
    def _energy(model: "Formulation", group: Sequence["DeferrableLoad"]) -> None:
        h, power = model.inputs.step_h, model.m.deferrable_kw
        asked = {(a.id, k): both for a in group for k, both in enumerate(a.asked(model.inputs))}
        price = {a.id: a.short_price_per_kwh for a in group}
        keys = model.ids("DEFERRABLE_WINDOW", asked)
        most = np.array([0.0 if price[a] is None else kwh for (a, _), (_, kwh) in asked.items()])
        short = model.variable("deferrable_short_kwh", keys, upper=most)
        model.constraint(
            "deferrable_energy",
            keys,
            by_row=True,
            rule=lambda m, a, k: (
                h * sum(power[a, t] for t in range(asked[a, k][0].first, asked[a, k][0].end)) + short[a, k] >= asked[a, k][1]
            ),
            words=Words("takes {value} in its window", "kWh", by_day=True),
        )
        prices = model.parameter("deferrable_short_price", keys, [price[a] or 0.0 for a, _ in asked])
        model.costs.append(lambda m: sum(prices[k] * short[k] for k in keys))

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        on = np.rint(solved["deferrable_running"]) + 0.0
        return {a.id: {"power_kw": solved["deferrable_kw"][i], "running": on[i]} for i, a in enumerate(group)}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """Full power from the moment its window opens until its energy is taken."""
        power, last = np.zeros(inputs.steps), self.ramp(inputs)
        before = 0.0 if np.isnan(last.before) else last.before
        for window, kwh in self.asked(inputs):
            for t in range(window.first, window.end):
                power[t] = min(self.max_kw, before + float(np.min(last.up)), kwh / inputs.step_h)
                power[t] = max(power[t], self.least_kw) if kwh > 1e-9 else 0.0
                kwh, before = kwh - power[t] * inputs.step_h, power[t]
        return {"power_kw": power, "running": (power > 0).astype(float)}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        breaches = []
        for window, kwh in self.asked(inputs):
            short = kwh - float(values["power_kw"][window.first : window.end].sum()) * inputs.step_h
            if short > TOLERANCE * max(self.energy_kwh, 1.0):
                span = f"{inputs.said(window.first)} to {inputs.said(window.end)}"
                sentence = f"{self.id} lacks {short:,.1f} kWh of {kwh:,.1f} kWh from {span}."
                breaches.append(Breach(self.id, "energy in its window", short, "kWh", self.short_price_per_kwh or 0.0, sentence))
        cost = Cost(wear=self.starts(inputs, values["running"]) * self.start_price, breaches=sum(b.cost for b in breaches))
        return Settled({self.balance: -values["power_kw"]}, cost, breaches=tuple(breaches))
