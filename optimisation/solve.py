"""Arrays -> HiGHS -> answer. Ends by gap or by a work limit that counts nodes, never by seconds.

`solved` hands the arrays to HiGHS on one thread. A mixed-integer answer is followed by the linear program with the integers
fixed at it: that one gives the shadow prices.

References: Huangfu and Hall, Parallelizing the dual revised simplex method, Math. Prog. Comp. 10 (2018), 119-142 (HiGHS).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Literal

import highspy
import numpy as np

from city.problems import fault
from optimisation import interior
from optimisation.arrays import Arrays, Floats

REL_GAP = 1e-3
MAX_NODES = 5000


Ended = Literal["gap", "limit", "infeasible"]


@dataclass(frozen=True)
class Solution:
    """`ended` is how HiGHS ended; `x`, `row_dual` and `col_dual` are empty when there is no feasible answer."""

    ended: Ended
    objective: float
    gap: float
    x: Floats
    row_dual: Floats
    col_dual: Floats
    nodes: int
    iterations: int
    notes: tuple[str, ...] = ()


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
        ("mip_heuristic_run_root_reduced_cost", False),  # two thirds of the time of a district's plan, and no better answer
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


def run(highs: highspy.Highs) -> Ended:
    """Run to its end. Raises `PenstockError` when HiGHS fails or the cost has no floor."""
    highs.run()
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kUnboundedOrInfeasible:  # presolve cannot tell which
        highs.setOptionValue("presolve", "off")
        highs.run()
        status = highs.getModelStatus()
    feasible = highs.getInfo().primal_solution_status == int(highspy.SolutionStatus.kSolutionStatusFeasible)
    if status == highspy.HighsModelStatus.kOptimal:
        return "gap"
    if status == highspy.HighsModelStatus.kInfeasible:
        return "infeasible"
    if status == highspy.HighsModelStatus.kSolutionLimit and feasible:
        return "limit"
    said = f"HiGHS ended with '{highs.modelStatusToString(status)}'"
    if status in (highspy.HighsModelStatus.kUnbounded, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        raise fault("optimisation", said, "a cost with a floor", "Give imports a price or a connection limit.")
    cure = (
        "Raise the node limit."
        if status == highspy.HighsModelStatus.kSolutionLimit
        else "Look for a price or a limit that is far too large."
    )
    raise fault("optimisation", said, "optimal or infeasible", cure)


Seen = Callable[[Floats | None, float], None]
Solver = Callable[[Arrays, float, int, Floats | None], Solution]
BOUND_EVERY_S = 1.0  # how often a search without a better answer still tells its bound [s]


def solved(
    arrays: Arrays,
    rel_gap: float = REL_GAP,
    max_nodes: int = MAX_NODES,
    start: Floats | None = None,
    seen: Seen | None = None,
    *,
    prices: bool = True,
) -> Solution:
    """Solve, and for integers once more with them fixed, for the shadow prices; not `prices`: only their answer, as found.

    `start` is a guess of x, float[columns], not-a-number where there is none: HiGHS completes it and goes on from there. `seen` is
    called with every better x as it is found, and now and then without one, each time with the cost that no answer can be below.
    """
    if not arrays.integer.any():
        return linear(arrays)
    highs = handed_over(arrays, rel_gap, max_nodes)
    if start is not None:
        _begin(highs, arrays, start)
    if seen is not None:
        _tell(highs, seen)
    ended = run(highs)
    if ended == "infeasible":
        return _infeasible(highs)
    info = highs.getInfo()
    x, gap = np.asarray(highs.getSolution().col_value, dtype=float), float(info.mip_gap)
    answer = priced(arrays, x) if prices else _answer(highs, ended)
    return replace(
        answer,
        ended=ended,
        gap=gap,
        nodes=max(int(info.mip_node_count), 0),
        iterations=int(info.simplex_iteration_count) + answer.iterations,
    )


def priced(arrays: Arrays, x: Floats) -> Solution:
    """The linear program with the integers fixed at `x`: the same plan or a better one, and what one more of everything is worth."""
    low, high = arrays.col_lower.copy(), arrays.col_upper.copy()
    low[arrays.integer] = high[arrays.integer] = np.rint(x[arrays.integer])
    answer = linear(arrays.with_bounds(low, high, np.zeros_like(arrays.integer)))
    if answer.ended == "infeasible":
        raise fault("optimisation", "the answer fails with its integers fixed", "feasible within 1e-6", "Scale the asset's limits.")
    return answer


def linear(arrays: Arrays, large: int = interior.LARGE) -> Solution:
    """A problem without integers: by the interior point method from `large` coefficients on, where its answer stands the check."""
    if len(arrays.value) >= large:
        highs = handed_over(arrays)
        if interior.run(highs):
            answer = _answer(highs, "gap")
            if interior.holds(arrays, answer.x, answer.row_dual):
                return answer
    highs = handed_over(arrays)
    ended = run(highs)
    return _infeasible(highs) if ended == "infeasible" else _answer(highs, ended)


def _begin(highs: highspy.Highs, arrays: Arrays, start: Floats) -> None:
    """Give HiGHS the integers of a guess; it finds the rest, or drops the guess where it does not fit."""
    known = np.flatnonzero(arrays.integer & np.isfinite(start)).astype(np.int32)
    if len(known):
        guess = np.clip(np.rint(start), arrays.col_lower, arrays.col_upper)[known]
        highs.setSolution(len(known), known, guess)


def _tell(highs: highspy.Highs, seen: Seen) -> None:
    told = monotonic()

    def better(event: Any) -> None:
        seen(np.array(event.data_out.mip_solution, dtype=float), float(event.data_out.mip_dual_bound))

    def searching(event: Any) -> None:
        nonlocal told
        if monotonic() - told >= BOUND_EVERY_S:
            told = monotonic()
            seen(None, float(event.data_out.mip_dual_bound))

    highs.cbMipImprovingSolution.subscribe(better)
    highs.cbMipInterrupt.subscribe(searching)


def _infeasible(highs: highspy.Highs) -> Solution:
    info, empty = highs.getInfo(), np.zeros(0)
    return Solution("infeasible", np.nan, np.nan, empty, empty, empty, max(int(info.mip_node_count), 0), int(info.simplex_iteration_count))


def _answer(highs: highspy.Highs, ended: Ended) -> Solution:
    answer, info = highs.getSolution(), highs.getInfo()
    x, row_dual, col_dual = (np.asarray(a, dtype=float) for a in (answer.col_value, answer.row_dual, answer.col_dual))
    return Solution(ended, float(info.objective_function_value), 0.0, x, row_dual, col_dual, 0, int(info.simplex_iteration_count))
