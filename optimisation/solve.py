"""Pyomo model -> arrays -> HiGHS -> answer. Ends by gap or by a work limit that counts nodes, never by seconds.

`compiled` reads the model out with Pyomo's LinearStandardFormCompiler, `solved` hands the arrays to HiGHS on one thread. A
mixed-integer answer is followed by the linear program with the integers fixed at it: that one gives the shadow prices.

References: Huangfu and Hall, Parallelizing the dual revised simplex method, Math. Prog. Comp. 10 (2018), 119-142 (HiGHS).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import highspy
import numpy as np
from numpy.typing import NDArray
from pyomo.common.gc_manager import PauseGC
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from city.problems import fault
from optimisation.formulation import Formulation

REL_GAP = 1e-3
MAX_NODES = 5000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Arrays:
    """min cost @ x + offset with row_lower <= A x <= row_upper and col_lower <= x <= col_upper; A by columns (start, index, value)."""

    cost: Floats
    offset: float
    start: NDArray[np.int32]
    index: NDArray[np.int32]
    value: Floats
    row_lower: Floats
    row_upper: Floats
    col_lower: Floats
    col_upper: Floats
    integer: NDArray[np.bool_]

    def with_bounds(self, col_lower: Floats, col_upper: Floats, integer: NDArray[np.bool_]) -> "Arrays":
        return replace(self, col_lower=col_lower, col_upper=col_upper, integer=integer)


@dataclass(frozen=True)
class Compiled:
    """Arrays with their way back: position of each variable's members (-1: in no row), and the constraint of each row.

    `model` is held because constraints know their model weakly only.
    """

    arrays: Arrays
    columns: dict[str, NDArray[np.int64]]
    constraints: list[Any]
    model: Any

    @cached_property
    def rows(self) -> tuple[tuple[str, object], ...]:
        """Component name and index of each row; made only when somebody asks, it takes as long as the form itself."""
        return tuple((row.parent_component().local_name, row.index()) for row in self.constraints)


@dataclass(frozen=True)
class Solution:
    """`ended` is how HiGHS ended; `x`, `row_dual` and `col_dual` are empty when there is no feasible answer."""

    ended: Literal["gap", "limit", "infeasible"]
    objective: float
    gap: float
    x: Floats
    row_dual: Floats
    col_dual: Floats
    nodes: int
    iterations: int


def version() -> str:
    """The installed HiGHS, e.g. `1.15.1`."""
    return str(highspy.Highs().version())


def compiled(formulation: Formulation) -> Compiled:
    """Read the arrays out of the Pyomo model: 0 equal, 1 at most, -1 at least per row, bounds from the columns."""
    with PauseGC():
        form = LinearStandardFormCompiler().write(formulation.m, mixed_form=True)
        sense = np.fromiter((row.bound_type for row in form.rows), np.int8, len(form.rows))
        rhs = np.asarray(form.rhs, dtype=float)
        position = {id(data): i for i, data in enumerate(form.columns)}
        n = len(form.columns)
        low, high, integer = np.full(n, -np.inf), np.full(n, np.inf), np.zeros(n, dtype=bool)
        columns = {}
        for name, spread in formulation.spreads.items():
            at = np.fromiter((position.get(id(data), -1) for data in spread.var.values()), np.int64, len(spread.lower))
            columns[name] = at
            used = at >= 0
            low[at[used]], high[at[used]], integer[at[used]] = spread.lower[used], spread.upper[used], spread.integer
        arrays = Arrays(
            cost=np.asarray(form.c.todense(), dtype=float).ravel(),
            offset=float(form.c_offset[0]),
            start=form.A.indptr.astype(np.int32),
            index=form.A.indices.astype(np.int32),
            value=form.A.data.astype(float),
            row_lower=np.where(sense <= 0, rhs, -np.inf),
            row_upper=np.where(sense >= 0, rhs, np.inf),
            col_lower=low,
            col_upper=high,
            integer=integer,
        )
        return Compiled(arrays, columns, [row.constraint for row in form.rows], formulation.m)


def handed_over(arrays: Arrays, rel_gap: float = REL_GAP, max_nodes: int = MAX_NODES) -> highspy.Highs:
    """A HiGHS instance that holds the problem and has not run yet."""
    highs = highspy.Highs()
    for name, setting in (
        ("output_flag", False),
        ("threads", 1),
        ("random_seed", 1),
        ("mip_rel_gap", rel_gap),
        ("mip_max_nodes", max_nodes),
    ):
        if highs.setOptionValue(name, setting) != highspy.HighsStatus.kOk:
            raise fault(f"HiGHS option {name}", f"refused {setting}", "an option of this HiGHS", "Install the pinned highspy.")
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(arrays.cost), len(arrays.row_lower)
    lp.col_cost_, lp.offset_ = arrays.cost, arrays.offset
    lp.col_lower_, lp.col_upper_ = arrays.col_lower, arrays.col_upper
    lp.row_lower_, lp.row_upper_ = arrays.row_lower, arrays.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = arrays.start, arrays.index, arrays.value
    if arrays.integer.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[flag] for flag in arrays.integer.tolist()]
    if highs.passModel(lp) == highspy.HighsStatus.kError:
        raise fault("optimisation model", "HiGHS refused the arrays", "finite coefficients, lower <= upper", "Check the asset's limits.")
    return highs


def run(highs: highspy.Highs) -> Literal["gap", "limit", "infeasible"]:
    """Run to its end. Raises `PenstockError` when HiGHS fails or the cost has no floor."""
    highs.run()
    status = highs.getModelStatus()
    feasible = highs.getInfo().primal_solution_status == int(highspy.SolutionStatus.kSolutionStatusFeasible)
    if status == highspy.HighsModelStatus.kOptimal:
        return "gap"
    if status == highspy.HighsModelStatus.kInfeasible:
        return "infeasible"
    if status == highspy.HighsModelStatus.kUnboundedOrInfeasible:
        highs.setOptionValue("presolve", "off")
        highs.run()
        return run_again(highs)
    if status == highspy.HighsModelStatus.kSolutionLimit and feasible:
        return "limit"
    raise fault("optimisation", f"HiGHS ended with '{highs.modelStatusToString(status)}'", "optimal or infeasible", "Raise the node limit.")


def run_again(highs: highspy.Highs) -> Literal["gap", "limit", "infeasible"]:
    """What a run without presolve says: presolve alone cannot tell unbounded from infeasible."""
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return "infeasible"
    if status == highspy.HighsModelStatus.kOptimal:
        return "gap"
    raise fault(
        "optimisation",
        f"HiGHS ended with '{highs.modelStatusToString(status)}'",
        "a cost with a floor",
        "Give imports a price or a connection limit.",
    )


def solved(arrays: Arrays, rel_gap: float = REL_GAP, max_nodes: int = MAX_NODES) -> Solution:
    """Solve, and for integers once more with them fixed, for the shadow prices."""
    highs = handed_over(arrays, rel_gap, max_nodes)
    ended = run(highs)
    info = highs.getInfo()
    nodes, iterations = max(int(info.mip_node_count), 0), int(info.simplex_iteration_count)
    if ended == "infeasible":
        empty = np.zeros(0)
        return Solution("infeasible", np.nan, np.nan, empty, empty, empty, nodes, iterations)
    gap = 0.0
    if arrays.integer.any():
        gap = float(info.mip_gap)
        fixed = np.rint(np.asarray(highs.getSolution().col_value)[arrays.integer])
        low, high = arrays.col_lower.copy(), arrays.col_upper.copy()
        low[arrays.integer] = high[arrays.integer] = fixed
        highs = handed_over(arrays.with_bounds(low, high, np.zeros_like(arrays.integer)))
        if run(highs) == "infeasible":
            raise fault("optimisation", "the answer fails with its integers fixed", "feasible within 1e-6", "Scale the asset's limits.")
        info = highs.getInfo()
        iterations += int(info.simplex_iteration_count)
    answer = highs.getSolution()
    x, row_dual, col_dual = (np.asarray(a, dtype=float) for a in (answer.col_value, answer.row_dual, answer.col_dual))
    return Solution(ended, float(info.objective_function_value), gap, x, row_dual, col_dual, nodes, iterations)


def values(formulation: Formulation, found: Compiled, x: Floats) -> dict[str, Floats]:
    """The value of every variable, float[assets, steps]; a variable that is in no row takes its bound nearest to zero."""
    answer = {}
    for name, spread in formulation.spreads.items():
        at = found.columns[name]
        free = np.clip(0.0, spread.lower, spread.upper)
        flat = np.where(at >= 0, x[np.maximum(at, 0)], free) if len(x) else free
        answer[name] = flat.reshape([len(s) for s in spread.var.index_set().subsets()])
    return answer


def duals(found: Compiled, row_dual: Floats, components: Iterable[str]) -> dict[str, dict[object, float]]:
    """The shadow price of each row of these constraints, by index."""
    wanted: dict[str, dict[object, float]] = {name: {} for name in components}
    for (name, index), price in zip(found.rows, row_dual.tolist(), strict=True):
        if name in wanted:
            wanted[name][index] = price
    return wanted
