"""The mathematical model of one plan: Pyomo variables and constraints, each with a name and the words that explain it.

A kind of asset is built once for all its assets: variables are indexed (asset, step), constraints are written as rules over
the same index, so that Pyomo expands one template per kind instead of one expression tree per row.

References: Bynum et al., Pyomo - Optimization Modeling in Python, 3rd ed., Springer 2021 (components and rules).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.core.base.constraint as constraint_module
import pyomo.core.base.objective as objective_module
import pyomo.environ as pyo
from numpy.typing import ArrayLike, NDArray
from pyomo.common.gc_manager import PauseGC

from optimisation import orders
from optimisation.expression import Places
from optimisation.inputs import PlanInput, Series
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.risk.buffer import Buffer

Rule = Callable[..., Any]
Limits = Mapping[str, float]  # asset -> most [kW]


@dataclass(frozen=True)
class Spread:
    """An indexed variable with its bounds, float[len(ids) * steps] in index order."""

    places: Places
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    integer: bool
    says_lower: Words | None
    says_upper: Words | None


@dataclass(frozen=True)
class Firm:
    """What an asset can carry on its own: `power_kw`, and `energy(m, asset, instant)` [kWh]; None: as long as it must."""

    power_kw: float
    energy: Rule | None = None


@contextmanager
def templates(on: bool = True) -> Iterator[None]:
    """Let Pyomo keep one template per indexed component while building (or not), with the garbage collector paused.

    The two flags are module globals of Pyomo (6.9.5 .. 6.10); a test holds that the matrix is the same without them.
    """
    before = constraint_module.TEMPLATIZE_CONSTRAINTS, objective_module.TEMPLATIZE_OBJECTIVES
    constraint_module.TEMPLATIZE_CONSTRAINTS = objective_module.TEMPLATIZE_OBJECTIVES = on
    try:
        with PauseGC():
            yield
    finally:
        constraint_module.TEMPLATIZE_CONSTRAINTS, objective_module.TEMPLATIZE_OBJECTIVES = before


@dataclass
class Formulation:
    """Collects what the kinds of assets add. `m` is the Pyomo model, `m.T` its steps, `m.T1` its instants (one more)."""

    inputs: PlanInput
    sign_steps: frozenset[int] = frozenset()
    m: pyo.ConcreteModel = field(default_factory=pyo.ConcreteModel)
    spreads: dict[str, Spread] = field(default_factory=dict)
    parameters: dict[str, tuple[NDArray[np.float64], Places]] = field(default_factory=dict)
    row_words: dict[str, Words] = field(default_factory=dict)
    flows: dict[str, list[tuple[pyo.Set, Rule]]] = field(default_factory=dict)
    withdrawn_kw: dict[str, Series] = field(default_factory=dict)
    costs: list[Rule] = field(default_factory=list)
    emissions: list[Rule] = field(default_factory=list)
    firms: dict[str, Firm] = field(default_factory=dict)
    buffers: list["Buffer"] = field(default_factory=list)
    holds: dict[tuple[str, str], tuple[Rule, str]] = field(default_factory=dict)
    inflows: dict[str, list[Rule]] = field(default_factory=dict)  # tank -> what enters it, rule(m, step) [m3/h]
    outflows: dict[str, list[Rule]] = field(default_factory=dict)  # tank -> what other tanks draw from it, rule(m, step) [m3/h]
    duals_of: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    constant: float = 0.0

    def __post_init__(self) -> None:
        self.m.T = pyo.RangeSet(0, self.inputs.steps - 1)
        self.m.T1 = pyo.RangeSet(0, self.inputs.steps)

    def ids(self, name: str, members: Iterable[Any]) -> pyo.Set:
        """A set of asset ids (or days, or steps), in the order given."""
        self.m.add_component(name, pyo.Set(initialize=list(members), ordered=True))
        return self.m.component(name)

    def parameter(self, name: str, index: pyo.Set, values: ArrayLike) -> pyo.Param:
        """Data a rule may look up; a plain list or array would make Pyomo fall back to one expression per row."""
        flat = np.asarray(values, dtype=float).ravel()
        self.parameters[name] = flat, Places(list(index.subsets()))
        self.m.add_component(name, pyo.Param(index, initialize=dict(zip(index, flat.tolist(), strict=True)), within=pyo.Any))
        return self.m.component(name)

    def variable(
        self,
        name: str,
        *index: pyo.Set,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = np.inf,
        integer: bool = False,
        at_least: Words | None = None,
        at_most: Words | None = None,
    ) -> pyo.Var:
        """An indexed variable. Bounds are scalars or arrays that broadcast to the index's shape (assets, steps)."""
        places = Places([part for members in index for part in members.subsets()])
        low, high = (np.broadcast_to(np.asarray(bound, dtype=float), places.shape).ravel() for bound in (lower, upper))
        self.spreads[name] = Spread(places, low, high, integer, at_least, at_most)
        self.m.add_component(name, pyo.Var(*index, within=pyo.Integers if integer else pyo.Reals, dense=False, bounds=self._bounds(name)))
        return self.m.component(name)

    def _bounds(self, name: str) -> Rule:
        """Pyomo asks for the bounds of those members only that a rule touches one by one."""

        def bounds(_: Any, *index: Any) -> tuple[float | None, float | None]:
            spread = self.spreads[name]
            low, high = (float(limits[spread.places.of(index)]) for limits in (spread.lower, spread.upper))
            return low if low > -np.inf else None, high if high < np.inf else None

        return bounds

    def constraint(self, name: str, *index: pyo.Set, rule: Rule, words: Words | None = None, by_row: bool = False) -> pyo.Constraint:
        """A named, indexed constraint; without `words` it is a definition that always holds.

        A rule that looks its index up in Python (a list, a dict, an `if`) must say `by_row`: it is called once per row instead
        of once with a symbolic index.
        """
        with templates(not by_row):
            self.m.add_component(name, pyo.Constraint(*index, rule=rule))
        if words is not None:
            self.row_words[name] = words
        return self.m.component(name)

    def inject(self, ports: Sequence[tuple[str, str]], flow: Rule) -> None:
        """Let `flow(m, asset, step)` [kW] enter a balance, for every (asset, balance) of `ports`; once for each port of a kind."""
        members: dict[str, list[str]] = {}
        for asset, balance in ports:
            members.setdefault(balance, []).append(asset)
        for balance, assets in members.items():
            parts = self.flows.setdefault(balance, [])
            parts.append((self.ids(f"part_{len(parts)}_of_{balance}", assets), flow))

    def withdraw(self, balance: str, power_kw: Series) -> None:
        """Power [kW] that is taken from a balance whatever the plan does."""
        self.withdrawn_kw[balance] = self.withdrawn_kw.get(balance, np.zeros(self.inputs.steps)) + power_kw

    @property
    def burning(self) -> list[int]:
        """Steps at which wasting energy would pay: a price is negative, or a first answer flowed both ways."""
        inputs = self.inputs
        pays = (inputs.import_price_per_kwh + inputs.carbon_per_kwh < 0) | (inputs.export_price_per_kwh < 0)
        return sorted(set(np.flatnonzero(pays).tolist()) | self.sign_steps)

    def one_way(self, name: str, ids: pyo.Set, steps: Sequence[int], one: tuple[str, Limits], other: tuple[str, Limits]) -> None:
        """A direction binary at these steps: of two variables [asset, step], each with its most [kW], at most one flows."""
        if not steps:
            return
        (first, first_kw), (second, second_kw) = one, other
        at = self.ids(f"{name}_sign_steps", steps)
        self.variable(f"{name}_sign", ids, at, upper=1.0, integer=True)
        for side, rule in (
            (first, lambda m, a, t: getattr(m, first)[a, t] <= first_kw[a] * getattr(m, f"{name}_sign")[a, t]),
            (second, lambda m, a, t: getattr(m, second)[a, t] <= second_kw[a] * (1 - getattr(m, f"{name}_sign")[a, t])),
        ):
            self.constraint(f"{side}_one_way", ids, at, by_row=True, rule=rule)

    def firm(self, ids: Sequence[str], power_kw: Sequence[float], energy: Rule | None = None) -> None:
        """Let these assets carry critical load on their own, e.g. while the city's grid is away."""
        self.firms |= {asset: Firm(float(power), energy) for asset, power in zip(ids, power_kw, strict=True)}

    def holdable(self, quantity: str, ids: Sequence[str], expression: Rule, relation: str = "==") -> None:
        """Let an operator hold `quantity` of these assets: `expression(m, asset, step)` == (or <=) the held value."""
        for asset in ids:
            self.holds[(asset, quantity)] = (expression, relation)

    def close(self) -> None:
        """Add the balances, what people ordered and approved, and the objective; call it once, after every kind."""
        for balance in sorted({*self.flows, *self.withdrawn_kw}):
            self._balance(balance)
        orders.hold(self)
        orders.cut(self)
        orders.price_changes(self)
        costs = self.costs
        self.m.total_cost = pyo.Objective(rule=lambda m: sum(f(m) for f in costs)) if costs else pyo.Objective(expr=0.0)

    def _balance(self, balance: str) -> None:
        m, parts = self.m, self.flows.get(balance, [])
        withdrawn = self.parameter(f"withdrawn_kw_of_{balance}", m.T, self.withdrawn_kw.get(balance, np.zeros(self.inputs.steps)))
        name = f"balance_of_{balance}"  # no kind names its own so, whatever a city calls a balance
        self.constraint(name, m.T, rule=lambda m, t: sum(sum(flow(m, a, t) for a in ids) for ids, flow in parts) == withdrawn[t])
        self.duals_of[balance] = (name, None)
