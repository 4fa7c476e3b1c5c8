"""A plain Pyomo model as arrays for our solve, for problems that are no plan of assets: which valves, in which order, by whom.

References: Bynum et al., Pyomo - Optimization Modeling in Python, 3rd ed., Springer 2021.
"""

from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.common.gc_manager import PauseGC
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from optimisation.arrays import Arrays, Floats


def arrays(m: pyo.ConcreteModel) -> tuple[Arrays, list[Any]]:
    """The model as arrays, and its variables in the order of their columns. Its one objective is minimised."""
    with PauseGC():
        form = LinearStandardFormCompiler().write(m, mixed_form=True)
    matrix, right = form.A.tocsc(), np.asarray(form.rhs, dtype=float)
    kind = np.array([row.bound_type for row in form.rows])  # 0: equal, 1: at most, -1: at least
    low, high = (np.array([_bound(column, side) for column in form.columns]) for side in (0, 1))
    made = Arrays(
        cost=form.c.toarray().ravel(),
        offset=float(form.c_offset[0]),
        start=matrix.indptr.astype(np.int32),
        index=matrix.indices.astype(np.int32),
        value=matrix.data,
        row_lower=np.where(kind <= 0, right, -np.inf),
        row_upper=np.where(kind >= 0, right, np.inf),
        col_lower=low,
        col_upper=high,
        integer=np.array([column.is_integer() or column.is_binary() for column in form.columns]),
    )
    return made, list(form.columns)


def _bound(column: Any, side: int) -> float:
    limit = column.bounds[side]
    return float(limit) if limit is not None else (-np.inf, np.inf)[side]


def take(columns: list[Any], x: Floats) -> None:
    """Put a solution's values into the model's variables."""
    for column, value in zip(columns, x.tolist(), strict=True):
        column.set_value(round(value) if column.is_integer() or column.is_binary() else value, skip_validation=True)


def guess(columns: list[Any]) -> Floats:
    """What the model's variables hold now, as a start for the solver; not-a-number where nothing was set."""
    return np.array([np.nan if column.value is None else float(column.value) for column in columns])
