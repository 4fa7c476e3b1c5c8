"""What turns one energy into another: power or fuel into heat, power or heat into cold. One variable, what it gives, and shares of it."""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from optimisation.asset import AssetKind, Left, Solved, column
from optimisation.inputs import PlanInput, Series
from optimisation.parts.commitment import Committed, commit
from optimisation.results import Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation

ON_KW = 1e-6  # what gives more than this runs [kW]


class Converter(Committed):
    """Gives up to `max_kw` to the balance of its port `output`, and draws `per_kw` of each kW it gives from others.

    It is a mere range of power unless a least load, a start or a shortest run says that it is on or off.
    """

    state_needed: ClassVar[tuple[str, ...]] = ()
    state_taken: ClassVar[tuple[str, ...]] = ("running", "since_steps", "starts_today")
    output: ClassVar[str]  # the port it gives to
    gives: ClassVar[str]  # the PLAN quantity of what it gives
    max_kw: float = Field(gt=0, description="most it gives [kW]")
    min_share: float = Field(default=0.0, ge=0, le=1, description="least it gives while it runs, part of max_kw [1]")
    wear_price_per_kwh: float = Field(default=0.0, ge=0, description="upkeep of each kWh it gives [currency/kWh]")

    @property
    def switched(self) -> bool:
        """Does it make a difference whether it is on or off?"""
        lengths = self.min_up_steps > 1 or self.min_down_steps > 1
        return self.min_share > 0 or self.start_price > 0 or lengths or self.max_starts_per_day is not None

    def per_kw(self, inputs: PlanInput) -> Mapping[str, Series]:
        """Port -> float[steps]: what it draws from there for each kW it gives [1]."""
        raise NotImplementedError

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, name = model.m, cls.model_fields["kind"].default
        ids = model.ids(name.upper(), (a.id for a in group))
        most = Words("gives at most {value}", "kW")
        given = model.variable(f"{name}_kw", ids, m.T, upper=column(group, "max_kw")[:, None], at_most=most)
        model.inject([(a.id, getattr(a, cls.output)) for a in group], lambda _, a, t: given[a, t])
        drawn: dict[str, dict[str, Series]] = {}
        for a in group:
            for port, share in a.per_kw(model.inputs).items():
                drawn.setdefault(port, {})[a.id] = share
        for port, shares in drawn.items():
            takers = model.ids(f"{name}_{port}_ids", shares)
            share = model.parameter(f"{name}_{port}", takers * m.T, np.array(list(shares.values())))
            ports = [(a.id, getattr(a, port)) for a in group if a.id in shares]
            model.inject(ports, lambda _, a, t, share=share: -share[a, t] * given[a, t])
        if column(group, "wear_price_per_kwh").any():
            wear = model.parameter(f"{name}_wear", ids, column(group, "wear_price_per_kwh") * model.inputs.step_h)
            model.costs.append(lambda m: sum(wear[a] * given[a, t] for a in ids for t in m.T))
        model.holdable(cls.gives, [a.id for a in group], lambda _, a, t: 1.0 * given[a, t])
        cls._switch(model, name, given, [a for a in group if a.switched])

    @classmethod
    def _switch(cls, model: "Formulation", name: str, given: Any, group: Sequence[Self]) -> None:
        if not group:
            return
        m = model.m
        running = commit(model, name, [a.unit(model.inputs) for a in group])
        units = getattr(m, f"{name.upper()}_UNIT")
        most = model.parameter(f"{name}_most", units, column(group, "max_kw"))
        least = model.parameter(f"{name}_least", units, column(group, "max_kw") * column(group, "min_share"))
        model.constraint(f"{name}_when_on", units, m.T, rule=lambda _, a, t: given[a, t] - most[a] * running[a, t] <= 0)
        words = Words("gives its least load while it runs", news=False)
        model.constraint(f"{name}_least_load", units, m.T, rule=lambda _, a, t: given[a, t] - least[a] * running[a, t] >= 0, words=words)
        model.holdable("running", [a.id for a in group], lambda _, a, t: 1.0 * running[a, t])

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        name = cls.model_fields["kind"].default
        runs = dict(zip((a.id for a in group if a.switched), solved.get(f"{name}_running", ()), strict=True))
        return {
            a.id: a.values(inputs, given, np.rint(runs[a.id]) + 0.0 if a.id in runs else None)
            for a, given in zip(group, solved[f"{name}_kw"], strict=True)
        }

    def values(self, inputs: PlanInput, given: Series, running: Series | None = None) -> Values:
        """Its PLAN quantities: what it gives, whether it runs, and what it draws from `balance` if it does [kW]."""
        share = self.per_kw(inputs).get("balance")
        drawn = {} if share is None else {"power_kw": given * share}
        return {self.gives: given, "running": (given > ON_KW).astype(float) if running is None else running, **drawn}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """Covers what is asked for, in the order of the file, up to its limit; below its least load it switches within the step."""
        return self.values(inputs, np.clip(left[getattr(self, self.output)], 0.0, self.max_kw))

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        given = values[self.gives]
        flows = {getattr(self, self.output): given}
        for port, share in self.per_kw(inputs).items():
            balance = getattr(self, port)
            flows[balance] = flows.get(balance, 0.0) - share * given
        starts = self.starts(inputs, values["running"]) if self.start_price else 0.0
        return Settled(flows, Cost(wear=starts * self.start_price + self.wear_price_per_kwh * float(given.sum()) * inputs.step_h))
