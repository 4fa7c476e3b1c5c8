"""The mathematical model of one plan: Pyomo variables and constraints, each with a name and the words that explain it.

A kind of asset is built once for all its assets: variables are indexed (asset, step), constraints are written as rules over
the same index, so that Pyomo expands one template per kind instead of one expression tree per row.

References: Bynum et al., Pyomo - Optimization Modeling in Python, 3rd ed., Springer 2021 (components and rules).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyomo.core.base.constraint as constraint_module
import pyomo.core.base.objective as objective_module
import pyomo.environ as pyo
from numpy.typing import ArrayLike, NDArray
from pyomo.common.gc_manager import PauseGC

from optimisation.inputs import PlanInput, Series
from optimisation.words import Words

Rule = Callable[..., Any]


@dataclass(frozen=True)
class Spread:
    """An indexed variable with its bounds, float[len(ids) * steps] in index order."""

    var: pyo.Var
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    integer: bool
    says_lower: Words | None
    says_upper: Words | None


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
    row_words: dict[str, Words] = field(default_factory=dict)
    injections: list[Rule] = field(default_factory=list)
    withdrawn_kw: Series = field(init=False)
    costs: list[Rule] = field(default_factory=list)
    holds: dict[tuple[str, str], tuple[Rule, str]] = field(default_factory=dict)
    inflows: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    duals_of: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    constant: float = 0.0

    def __post_init__(self) -> None:
        self.withdrawn_kw = np.zeros(self.inputs.steps)
        self.m.T = pyo.RangeSet(0, self.inputs.steps - 1)
        self.m.T1 = pyo.RangeSet(0, self.inputs.steps)

    def ids(self, name: str, members: Iterable[Any]) -> pyo.Set:
        """A set of asset ids (or days, or steps), in the order given."""
        self.m.add_component(name, pyo.Set(initialize=list(members), ordered=True))
        return self.m.component(name)

    def parameter(self, name: str, index: pyo.Set, values: ArrayLike) -> pyo.Param:
        """Data a rule may look up; a plain list or array would make Pyomo fall back to one expression per row."""
        data = dict(zip(index, np.asarray(values, dtype=float).ravel().tolist(), strict=True))
        self.m.add_component(name, pyo.Param(index, initialize=data, mutable=True, within=pyo.Reals))
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
        self.m.add_component(name, pyo.Var(*index, within=pyo.Integers if integer else pyo.Reals))
        var = self.m.component(name)
        shape = tuple(len(s) for s in index)
        low, high = (np.broadcast_to(np.asarray(bound, dtype=float), shape).ravel() for bound in (lower, upper))
        for data, a, b in zip(var.values(), low.tolist(), high.tolist(), strict=True):
            data.setlb(a if a > -np.inf else None)
            data.setub(b if b < np.inf else None)
        self.spreads[name] = Spread(var, low, high, integer, at_least, at_most)
        return var

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

    def withdraw(self, power_kw: Series) -> None:
        """Power [kW] that is taken from the city whatever the plan does."""
        self.withdrawn_kw = self.withdrawn_kw + power_kw

    def holdable(self, quantity: str, ids: Sequence[str], expression: Rule, relation: str = "==") -> None:
        """Let an operator hold `quantity` of these assets: `expression(m, asset, step)` == (or <=) the held value."""
        for asset in ids:
            self.holds[(asset, quantity)] = (expression, relation)

    def close(self) -> None:
        """Add the electricity balance, the manual holds and the objective; call it once, after every kind was built."""
        m, inputs = self.m, self.inputs
        withdrawn = self.parameter("withdrawn_kw", m.T, self.withdrawn_kw)
        injections = self.injections
        self.constraint("electricity_balance", m.T, rule=lambda m, t: sum(f(m, t) for f in injections) == withdrawn[t])
        self.duals_of["electricity"] = ("electricity_balance", None)
        for number, lock in enumerate(inputs.locks):
            expression, relation = self.holds[(lock.asset, lock.quantity)]
            steps = self.ids(f"HOLD_{number}_STEPS", range(inputs.until(lock.until_utc)))
            one = self.ids(f"HOLD_{number}", [lock.asset])
            self.constraint(
                f"manual_hold_{number}",
                one,
                steps,
                rule=_hold_rule(expression, relation, lock.value),
                words=Words(f"manual hold of {lock.quantity} at {lock.value:g} until {lock.until_utc:%Y-%m-%dT%H:%MZ}"),
                by_row=True,
            )
        costs = self.costs
        m.total_cost = pyo.Objective(rule=lambda m: sum(f(m) for f in costs))


def _hold_rule(expression: Rule, relation: str, value: float) -> Rule:
    if relation == "<=":
        return lambda m, a, t: expression(m, a, t) <= value
    return lambda m, a, t: expression(m, a, t) == value
