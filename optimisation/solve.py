"""Arrays -> HiGHS -> answer. Ends by gap or by a work limit that counts nodes, never by seconds.

`solved` hands the arrays to HiGHS on one thread. A mixed-integer answer is followed by the linear program with the integers
fixed at it: that one gives the shadow prices.

References: Huangfu and Hall, Parallelizing the dual revised simplex method, Math. Prog. Comp. 10 (2018), 119-142 (HiGHS).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import highspy
import numpy as np

from city.problems import fault
from optimisation.formulation import Formulation
from optimisation.matrix import Arrays, Compiled, Floats, compiled

__all__ = ["Arrays", "Compiled", "Solution", "compiled", "duals", "handed_over", "run", "solved", "values", "version"]

REL_GAP = 1e-3
MAX_NODES = 5000


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
    status = highs.passModel(
        len(arrays.cost),
        len(arrays.row_lower),
        len(arrays.value),
        int(highspy.MatrixFormat.kColwise),
        int(highspy.ObjSense.kMinimize),
        arrays.offset,
        arrays.cost,
        arrays.col_lower,
        arrays.col_upper,
        arrays.row_lower,
        arrays.row_upper,
        arrays.start,
        arrays.index,
        arrays.value,
        arrays.integer.astype(np.int32),  # HighsVarType: 0 continuous, 1 integer
    )
    if status == highspy.HighsStatus.kError:
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
    """The value of every variable, float[assets, steps]."""
    return {name: x[found.columns[name]].reshape(spread.places.shape) for name, spread in formulation.spreads.items()}


def duals(found: Compiled, row_dual: Floats, components: Iterable[str]) -> dict[str, dict[object, float]]:
    """The shadow price of each row of these constraints, by index."""
    wanted = {}
    for name in components:
        index, first = found.index(name), found.first_row[name]
        wanted[name] = dict(zip(index, row_dual[first : first + len(index)].tolist(), strict=True))
    return wanted
