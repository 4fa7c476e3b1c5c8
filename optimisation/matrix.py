"""The matrix of a plan: what HiGHS is given, and the way back from its rows and columns to names.

Every variable is a run of columns and every constraint a run of rows, both in the order in which they were declared.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyomo.environ as pyo
import scipy.sparse as sp
from numpy.typing import NDArray
from pyomo.common.gc_manager import PauseGC
from pyomo.core.expr.relational_expr import EqualityExpression, RangedExpression

from optimisation.arrays import Arrays, Floats
from optimisation.expression import Linear, Walk
from optimisation.formulation import Formulation

UNKNOWN = (NotImplementedError, KeyError, TypeError, ValueError)
"""What the walk raises over a template it cannot take whole, e.g. a logarithm of data or a sum over an empty set of pairs."""


@dataclass(frozen=True)
class Compiled:
    """Arrays with their way back: the columns of each variable, in index order, and the first row of each constraint."""

    arrays: Arrays
    columns: dict[str, NDArray[np.int64]]
    first_row: dict[str, int]
    model: Any

    def index(self, constraint: str) -> list[Any]:
        """The index of each of a constraint's rows."""
        return list(self.model.component(constraint))

    @cached_property
    def rows(self) -> tuple[tuple[str, object], ...]:
        """Component name and index of each row; made only when somebody asks."""
        return tuple((name, index) for name in self.first_row for index in self.index(name))

    @cached_property
    def movable(self) -> NDArray[np.bool_]:
        """Rows in which something but whole numbers stands, bool[rows]."""
        a = self.arrays
        column = np.repeat(np.arange(len(a.cost)), np.diff(a.start))
        return np.bincount(a.index[~a.integer[column]], minlength=len(a.row_lower)) > 0


def compiled(formulation: Formulation) -> Compiled:
    """Read the arrays out of the Pyomo model."""
    with PauseGC():
        columns, n = {}, 0
        for name, spread in formulation.spreads.items():
            columns[name] = np.arange(n, n + len(spread.lower))
            n += len(spread.lower)
        read = _Rows(
            {name: (int(at[0]) if len(at) else 0, formulation.spreads[name].places) for name, at in columns.items()},
            formulation.parameters,
        )
        for constraint in formulation.m.component_objects(pyo.Constraint):
            read.constraint(constraint)
        cost, offset = read.objective(next(formulation.m.component_objects(pyo.Objective)), n)
        spreads = formulation.spreads.values()
        matrix = read.matrix(n)
        arrays = Arrays(
            cost=cost,
            offset=offset,
            start=matrix.indptr.astype(np.int32),
            index=matrix.indices.astype(np.int32),
            value=matrix.data,
            row_lower=np.concatenate([np.zeros(0), *read.lower]),
            row_upper=np.concatenate([np.zeros(0), *read.upper]),
            col_lower=np.concatenate([np.zeros(0), *(spread.lower for spread in spreads)]),
            col_upper=np.concatenate([np.zeros(0), *(spread.upper for spread in spreads)]),
            integer=np.concatenate([np.zeros(0, dtype=bool), *(np.full(len(spread.lower), spread.integer) for spread in spreads)]),
        )
        return Compiled(arrays, columns, read.first, formulation.m)


def values(formulation: Formulation, found: Compiled, x: Floats) -> dict[str, Floats]:
    """The value of every variable, float[assets, steps]."""
    return {name: x[found.columns[name]].reshape(spread.places.shape) for name, spread in formulation.spreads.items()}


def duals(found: Compiled, row_dual: Floats, components: Iterable[str]) -> dict[str, dict[object, float]]:
    """The shadow price of each row of these constraints, by index."""
    wanted = {}
    for name in components:
        index, first = found.index(name), found.first_row[name]
        wanted[name] = dict(zip(index, row_dual[first : first + len(index)].tolist(), strict=True))
    return wanted


@dataclass
class _Rows:
    """Coefficients (row, column, value) as they come, and the limits of the rows."""

    columns: Any
    values: Any
    first: dict[str, int] = field(default_factory=dict)
    count: int = 0
    triplets: list[tuple[Any, Any, Any]] = field(default_factory=list)
    lower: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)

    def constraint(self, constraint: pyo.Constraint) -> None:
        """The rows of a constraint, in the order of its index."""
        if not len(constraint):
            return
        self.first[constraint.local_name] = self.count
        template = getattr(next(iter(constraint.values())), "template_expr", None)
        if template is None or not self._together(constraint, *template()):
            self._one_by_one(constraint)
        self.count += len(constraint)

    def _together(self, constraint: pyo.Constraint, expression: Any, indices: Any) -> bool:
        """All rows from the template; False where it needs Pyomo to expand it."""
        walk, done, sets = Walk(self.columns, self.values), 0, list(constraint.index_set().subsets())
        row: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        for number, members in zip(reversed(range(len(sets))), sets, strict=True):
            width = members.dimen
            row = row * len(members) + walk.axis(indices[done : done + width], list(members), number)
            done += width
        try:
            body, low, high = _row(walk, expression, len(sets))
        except UNKNOWN:
            return False
        self._add(self.count + row, body)
        for limits, limit in ((self.lower, low), (self.upper, high)):
            limits.append(np.broadcast_arrays(limit, row)[0].ravel().astype(float))
        return True

    def _one_by_one(self, constraint: pyo.Constraint) -> None:
        walk, low, high, rows, columns, values = Walk(self.columns, self.values), [], [], [], [], []
        for row, data in enumerate(constraint.values(), self.count):
            body, least, most = _row(walk, data.expr, 0)
            low.append(least)
            high.append(most)
            for column, value, _ in body.terms:
                rows.append(row)
                columns.append(column)
                values.append(value)
        self.triplets.append((np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64), np.array(values, dtype=float)))
        self.lower.append(np.array(low, dtype=float))
        self.upper.append(np.array(high, dtype=float))

    def _add(self, row: Any, body: Linear) -> None:
        for column, value, over in body.terms:
            rows, columns, values = np.broadcast_arrays(row, column, value, *over)[:3]
            self.triplets.append((rows.ravel(), columns.ravel(), values.ravel().astype(float)))

    def matrix(self, columns: int) -> Any:
        """All coefficients by columns, those of one place added up."""
        if not self.triplets:
            return sp.csc_array((self.count, columns))
        rows, cols, values = (np.concatenate(part) for part in zip(*self.triplets, strict=True))
        matrix = sp.csc_array((values, (rows, cols)), shape=(self.count, columns))
        matrix.eliminate_zeros()
        return matrix

    def objective(self, objective: pyo.Objective, columns: int) -> tuple[Floats, float]:
        template = getattr(objective, "template_expr", None)
        walk = Walk(self.columns, self.values)
        try:
            total = walk.linear(objective.expr if template is None else template()[0], 0)
        except UNKNOWN:
            total = walk.linear(objective.expr, 0)
        costs = _Rows(self.columns, self.values, count=1)
        costs._add(0, total)
        return np.asarray(costs.matrix(columns).todense()).ravel(), float(np.sum(total.constant))


def _row(walk: Walk, expression: Any, depth: int) -> tuple[Linear, Any, Any]:
    """Body and limits of a relation: the side with variables stays, what is constant goes to the limits."""
    if isinstance(expression, RangedExpression):
        low, body, high = (walk.linear(part, depth) for part in expression.args)
        return body, low.constant - body.constant, high.constant - body.constant
    left, right = (walk.linear(part, depth) for part in expression.args)
    if not left.terms:
        limit = left.constant - right.constant
        return right, limit, limit if isinstance(expression, EqualityExpression) else np.inf
    body = Linear(left.constant, left.terms + right.times(-1.0).terms)
    limit = right.constant - left.constant
    return body, limit if isinstance(expression, EqualityExpression) else -np.inf, limit
