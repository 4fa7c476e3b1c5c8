"""Pyomo expressions as coefficients, whole index sets at a time instead of row by row.

An indexed constraint that Pyomo holds as one template, `x[b, t + 1] - x[b, t] == y[b, t]`, is walked once: an index is an array
along an axis of its own, a variable the array of its columns, a sum over a set one more axis. An expression without indices goes
the same way, with plain numbers for arrays.

References: Bynum et al., Pyomo - Optimization Modeling in Python, 3rd ed., Springer 2021 (expression trees, templates).
"""

# ruff: noqa: ARG002 - every node is walked by the same call, whether or not it needs the depth
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from itertools import product
from operator import add
from typing import Any, NamedTuple

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.core.base.var import VarData
from pyomo.core.expr.numeric_expr import DivisionExpression, NegationExpression, ProductExpression, SumExpression
from pyomo.core.expr.template_expr import GetItemExpression, IndexTemplate, TemplateSumExpression

Array = Any  # a number, or an array with one axis per index, the newest axis first


class Places:
    """Where the members of an indexed component stand: in the order of its subsets, the last one fastest."""

    def __init__(self, sets: Sequence[Any]) -> None:
        self.sets = [list(members) for members in sets]
        self.widths = [members.dimen if isinstance(members.dimen, int) else 1 for members in sets]
        self.shape = tuple(len(members) for members in self.sets)
        self._at = [{member: i for i, member in enumerate(members)} for members in self.sets]

    def members(self) -> list[tuple[Any, ...]]:
        """The index of every member, in order."""
        return [sum(((part if isinstance(part, tuple) else (part,)) for part in parts), ()) for parts in product(*self.sets)]

    def of(self, parts: Sequence[Array]) -> Array:
        """Position of the members with these indices; raises KeyError for one that is not a member."""
        place: Array = 0
        for at, width in zip(self._at, self.widths, strict=True):
            mine, parts = parts[:width], parts[width:]
            place = place * len(at) + (_looked_up(at, mine[0]) if width == 1 else _looked_up_together(at, mine))
        return place


def _looked_up(at: Mapping[Any, int], keys: Array) -> Array:
    if not isinstance(keys, np.ndarray):
        return at[keys]
    return np.array([at[key] for key in keys.ravel().tolist()], dtype=np.int64).reshape(keys.shape)


def _looked_up_together(at: Mapping[Any, int], keys: Sequence[Array]) -> Array:
    if not any(isinstance(key, np.ndarray) for key in keys):
        return at[tuple(keys)]
    spread = np.broadcast_arrays(*keys)
    members = zip(*(key.ravel().tolist() for key in spread), strict=True)
    return np.array([at[member] for member in members], dtype=np.int64).reshape(spread[0].shape)


class Term(NamedTuple):
    """`value` times the variable in `column`, summed over the axes `over`."""

    column: Array
    value: Array
    over: tuple[Array, ...] = ()


@dataclass
class Linear:
    """A constant and terms."""

    constant: Array
    terms: list[Term] = field(default_factory=list)

    def times(self, factor: Array) -> "Linear":
        return Linear(self.constant * factor, [Term(column, value * factor, over) for column, value, over in self.terms])


@dataclass(frozen=True)
class Walk:
    """Walks one expression. `columns`: first column and places of each variable; `values`: those of each parameter."""

    columns: Mapping[str, tuple[int, Places]]
    values: Mapping[str, tuple[NDArray[np.float64], Places]]
    indices: dict[int, Array] = field(default_factory=dict)

    def axis(self, templates: Sequence[IndexTemplate], members: Sequence[Any], number: int) -> NDArray[np.int64]:
        """Let these indices run over `members` along axis `number`, counted from the last; gives the positions along it."""
        shape = (-1,) + (1,) * number
        for template, part in zip(templates, [members] if len(templates) == 1 else zip(*members, strict=True), strict=True):
            kind = np.int64 if all(type(member) is int for member in part) else object
            self.indices[id(template)] = np.array(part, dtype=kind).reshape(shape)
        return np.arange(len(members)).reshape(shape)

    def linear(self, node: Any, depth: int) -> Linear:
        """The expression as a constant and terms; `depth` axes are in use. Raises `NotImplementedError` for what is not known here."""
        walk = _walk_of(node.__class__)
        if walk is not None:
            return walk(self, node, depth)
        if node.is_potentially_variable():
            raise NotImplementedError(f"{type(node).__name__} of variables")
        if node.is_expression_type():
            return Linear(node._apply_operation([self.linear(part, depth).constant for part in node.args]))
        return Linear(pyo.value(node))

    def number(self, node: Any, depth: int) -> Linear:
        return Linear(node)

    def index(self, node: IndexTemplate, depth: int) -> Linear:
        return Linear(self.indices[id(node)])

    def variable(self, node: VarData, depth: int) -> Linear:
        first, places = self.columns[node.parent_component().local_name]
        index = node.index()
        return Linear(0.0, [Term(first + places.of(index if isinstance(index, tuple) else (index,)), 1.0)])

    def member(self, node: GetItemExpression, depth: int) -> Linear:
        """A variable or a parameter at an index."""
        name, *index = node.args
        parts, name = [self.linear(part, depth).constant for part in index], name.local_name
        if name in self.columns:
            first, places = self.columns[name]
            return Linear(0.0, [Term(first + places.of(parts), 1.0)])
        if name in self.values:
            values, places = self.values[name]
            return Linear(values[places.of(parts)])
        raise NotImplementedError(name)

    def product(self, node: ProductExpression, depth: int) -> Linear:
        one, other = (self.linear(part, depth) for part in node.args)
        if one.terms and other.terms:
            raise NotImplementedError("a product of variables")
        return one.times(other.constant) if one.terms else other.times(one.constant)

    def ratio(self, node: DivisionExpression, depth: int) -> Linear:
        one, other = (self.linear(part, depth) for part in node.args)
        if other.terms:
            raise NotImplementedError("a division by a variable")
        return one.times(1.0 / other.constant)

    def sum(self, node: SumExpression, depth: int) -> Linear:
        parts = [self.linear(part, depth) for part in node.args]
        return Linear(reduce(add, (part.constant for part in parts)), [term for part in parts for term in part.terms])

    def opposite(self, node: NegationExpression, depth: int) -> Linear:
        return self.linear(node.args[0], depth).times(-1.0)

    def sum_over(self, node: TemplateSumExpression, depth: int) -> Linear:
        """A sum over sets: an axis each, which sums beside this one may use again, for their terms never meet."""
        inner, *sets = node.template_args()
        if any(members.is_expression_type() for members in sets):
            raise NotImplementedError("a sum over a set that depends on an index")
        over = tuple(
            self.axis(group, list(members), depth + k) for k, (group, members) in enumerate(zip(node.template_iters(), sets, strict=True))
        )
        part = self.linear(inner, depth + len(over))
        constant = np.asarray(part.constant + sum(0.0 * axis for axis in over))
        constant = constant.sum(axis=tuple(constant.ndim - 1 - depth - k for k in range(len(over))), keepdims=True)
        return Linear(constant, [Term(column, value, (*over, *mine)) for column, value, mine in part.terms])


KINDS: Mapping[type, Callable[[Walk, Any, int], Linear]] = {
    int: Walk.number,
    float: Walk.number,
    str: Walk.number,
    np.number: Walk.number,
    IndexTemplate: Walk.index,
    VarData: Walk.variable,
    GetItemExpression: Walk.member,
    TemplateSumExpression: Walk.sum_over,
    ProductExpression: Walk.product,
    DivisionExpression: Walk.ratio,
    SumExpression: Walk.sum,
    NegationExpression: Walk.opposite,
}


@cache
def _walk_of(kind: type) -> Callable[[Walk, Any, int], Linear] | None:
    return next((walk for known, walk in KINDS.items() if issubclass(kind, known)), None)
