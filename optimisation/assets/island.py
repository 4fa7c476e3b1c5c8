"""A microgrid that must be able to stand alone: its critical load is carried for some hours from any step on.

Whenever the grid might go, the members have to be able to share the critical load of the next `hours` among them, each within its power
and within the energy that it then holds: a flow from members to steps, which is part of the model for every step. For given energies
the largest flow is told by its smallest cut: energy is lacking when, for some n, the n largest loads exceed what members can bring into
n steps. References: Ford and Fulkerson, Maximal flow through a network, Canad. J. Math. 8 (1956), 399-404; Evans, Tindemans and Angeli,
Robustly maximal utilisation of energy-constrained distributed resources, Power Systems Computation Conference 2018.
"""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from city.problems import Problem
from optimisation.asset import AssetKind, Left, Solved, of_kind
from optimisation.inputs import PlanInput, Series
from optimisation.results import Breach, Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation

TOLERANCE_KWH = 1e-4


class Island(AssetKind):
    """A reserve, not a flow: what batteries, supplies and diesel sets hold back. `hours` are rounded up to whole steps."""

    kind: Literal["island"] = "island"
    stage: ClassVar[int] = 2
    follows: ClassVar[int] = 6
    planned: ClassVar[tuple[str, ...]] = ("critical_kw", "short_kwh")
    series: tuple[str, ...] = Field(
        min_length=1,
        description="ids of the forecasts that add up to its critical load; what hangs behind a ups among its members belongs to it",
    )
    hours: float = Field(gt=0, description="how long it must carry that load from any step on [h]")
    members: tuple[str, ...] = Field(default=(), description="ids of the assets that carry it, and no other island; none: all that can")
    reserve_price_per_kwh_h: float | None = Field(
        default=10.0,
        gt=0,
        description="price of energy that could not be carried [currency per kWh and hour]; none: it is no wish but a limit",
    )

    @property
    def series_needed(self) -> tuple[str, ...]:
        return self.series

    def steps(self, inputs: PlanInput) -> int:
        """How many steps it must stand alone."""
        return int(np.ceil(self.hours / inputs.step_h - 1e-9))

    def ahead_kw(self, inputs: PlanInput) -> NDArray[np.float64]:
        """float[steps, steps alone]: the load to carry if the grid goes at each step [kW]; after the horizon the last day is repeated."""
        load, alone = np.maximum(inputs.power(*self.series), 0.0), self.steps(inputs)
        day = round(24 / inputs.step_h)
        later = [load[inputs.steps - day + k % day] if day <= inputs.steps else load[-1] for k in range(alone)]
        return np.lib.stride_tricks.sliding_window_view(np.concatenate([load, later]), alone)[: inputs.steps]

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        can = [a.id for a in assets if hasattr(a, "usable_kwh")]
        allowed = f"one of {', '.join(can) or 'no assets that store energy or burn fuel'}"
        wrong = [name for name in self.members if name not in can]
        if not can and not self.members:
            return [Problem(f"asset {self.id}, members", "nothing that can carry its load", allowed, "Add a battery, a ups or a diesel.")]
        found = [Problem(f"asset {self.id}, members", f"'{name}'", allowed, "Name what can carry its load.") for name in wrong]
        before = assets[: assets.index(self)]
        for other in of_kind(before, Island):
            both = [name for name in can if name in (self.members or can) and name in (other.members or can)]
            if both:  # the grid goes for both at once: its energy cannot be there twice
                observed = f"{', '.join(both)} would carry '{other.id}' too"
                found.append(Problem(f"asset {self.id}, members", observed, "members of its own", "Name the members of each island."))
        return found

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        for number, island in enumerate(group):
            island._carry(model, f"island_{number}")

    def _carry(self, model: "Formulation", name: str) -> None:
        """The flow from members to the steps alone, for every step at which the grid might go."""
        m, h, load = model.m, model.inputs.step_h, self.ahead_kw(model.inputs)
        firms = {asset: firm for asset, firm in model.firms.items() if not self.members or asset in self.members}
        me, alone = model.ids(f"{name}_id", [self.id]), model.ids(f"{name}_alone", range(load.shape[1]))
        ids = model.ids(f"{name}_members", firms)
        power = np.array([[[firm.power_kw]] for firm in firms.values()])
        given = model.variable(f"{name}_kw", ids, m.T, alone, upper=power)
        hard = self.reserve_price_per_kwh_h is None
        short = model.variable(f"{name}_short_kw", m.T, alone, upper=0.0 if hard else np.inf)
        asked = model.parameter(f"{name}_asked_kw", m.T * alone, load)
        model.constraint(
            f"{name}_carried",
            me,
            m.T,
            alone,
            rule=lambda _m, _i, t, k: sum(given[a, t, k] for a in ids) + short[t, k] >= asked[t, k],
            words=Words(f"critical load of {{value}} carried for {self.hours:g} h without the grid", "kW"),
        )
        for number, (asset, firm) in enumerate(firms.items()):
            if firm.energy is not None:
                model.constraint(
                    f"{name}_energy_{number}",
                    me,
                    m.T,
                    rule=lambda m, _, t, a=asset, energy=firm.energy: h * sum(given[a, t, k] for k in alone) - energy(m, a, t) <= 0,
                )
        price = (self.reserve_price_per_kwh_h or 0.0) * h * h
        model.costs.append(lambda m: sum(price * short[t, k] for t in m.T for k in alone))

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        return {a.id: a.values(inputs, solved[f"island_{n}_short_kw"].sum(axis=1) * inputs.step_h) for n, a in enumerate(group)}

    def values(self, inputs: PlanInput, short_kwh: Series) -> Values:
        """Its PLAN quantities: the critical load, and what of it could not be carried if the grid went at each step."""
        return {"critical_kw": self.ahead_kw(inputs)[:, 0], "short_kwh": short_kwh}

    def shortage_kwh(self, inputs: PlanInput, firm_kw: Mapping[str, float], usable_kwh: Mapping[str, Series]) -> Series:
        """float[steps]: what could not be carried with this power [kW] and energy float[steps + 1] [kWh] of the members."""
        h, load = inputs.step_h, -np.sort(-self.ahead_kw(inputs), axis=1)
        most = np.arange(1, load.shape[1] + 1) * h
        brought = [np.minimum(usable_kwh[a][:-1, None], most * kw) for a, kw in firm_kw.items()]
        return np.maximum((np.cumsum(load, axis=1) * h - np.sum(brought, axis=0)).max(axis=1), 0.0)

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """What its members could carry when nobody plans."""
        able: list[Any] = [a for a in assets if hasattr(a, "usable_kwh") and (not self.members or a.id in self.members)]
        usable = {a.id: a.usable_kwh(inputs, a.idle(inputs, assets, left)) for a in able}
        return self.values(inputs, self.shortage_kwh(inputs, {a.id: a.firm_kw for a in able}, usable))

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        short = values["short_kwh"]
        steps = np.flatnonzero(short > TOLERANCE_KWH)
        if not len(steps):
            return Settled()
        amount, price = float(short.sum() * inputs.step_h), self.reserve_price_per_kwh_h or 0.0
        sentence = (
            f"{self.id} could not carry its critical load for {self.hours:g} h if the grid went in one of {len(steps)} steps, "
            f"first at {inputs.said(int(steps[0]))}: up to {short.max():,.1f} kWh are lacking."
        )
        breach = Breach(self.id, "critical load", amount, "kWh h", price, sentence)
        return Settled(cost=Cost(breaches=breach.cost), breaches=(breach,))
