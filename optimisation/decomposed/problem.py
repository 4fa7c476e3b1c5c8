"""The mathematical problem of one feeder: its own plan, with the rows of the balance it shares with the city set apart.

What a feeder exchanges [kW] is what it gives to that balance. At a price only its cost changes; for a plan it is asked
to give at least so much, and what it gives less is priced dearer than anything else.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import highspy
import numpy as np
import scipy.sparse as sp

from city.problems import fault
from optimisation import solve
from optimisation.arrays import Arrays, Floats
from optimisation.formulation import Formulation
from optimisation.matrix import Compiled

REL_GAP = 1e-4  # of a feeder with integers
MAX_NODES = 500
GIVING = 0.01  # of its price: what giving more than asked is paid, so that nobody throws away what is free
ROUNDING_KW = 1e-6  # what a mix of answers may miss an exchange by, for the tolerance of each of them
_STATUS = tuple(highspy.HighsBasisStatus(code) for code in range(5))


@dataclass(frozen=True)
class Apart:
    """A feeder's arrays with the rows of the shared balance, from `first` on, free; `withdrawn_kw` float[steps] is what they asked for.

    The objective includes what is constant.
    """

    arrays: Arrays
    first: int
    withdrawn_kw: Floats

    @property
    def steps(self) -> int:
        return len(self.withdrawn_kw)

    @property
    def coupling(self) -> sp.csr_array:
        """What one of each column gives to the shared balance: [steps, columns] [kW]."""
        a = self.arrays
        whole = sp.csc_array((a.value, a.index, a.start), shape=(len(a.row_lower), len(a.cost)))
        return whole[self.first : self.first + self.steps].tocsr()

    def cost(self, x: Floats) -> float:
        """Cost of an answer [currency], whatever it exchanges."""
        return float(self.arrays.cost @ x) + self.arrays.offset

    def exchange_kw(self, x: Floats) -> Floats:
        """float[steps]: what an answer gives to the shared balance [kW]."""
        return self.coupling @ x - self.withdrawn_kw

    def save(self, file: Path) -> None:
        np.savez(file, first=self.first, withdrawn_kw=self.withdrawn_kw, **{f.name: getattr(self.arrays, f.name) for f in fields(Arrays)})


def load(file: Path) -> Apart:
    """A problem that was saved."""
    with np.load(file) as kept:
        arrays = {f.name: kept[f.name] for f in fields(Arrays)}
        return Apart(Arrays(**{**arrays, "offset": float(arrays["offset"])}), int(kept["first"]), kept["withdrawn_kw"])


def apart(formulation: Formulation, found: Compiled, balance: str) -> Apart:
    """Free the rows of the shared balance. Raises `PenstockError` when nothing gives to it or takes from it."""
    first = found.first_row.get(f"balance_of_{balance}")
    if first is None:
        raise fault(
            f"balance '{balance}'", "nothing gives to it or takes from it", "a line or a grid", "Name the balance that feeders share."
        )
    rows = slice(first, first + formulation.inputs.steps)
    low, high = found.arrays.row_lower.copy(), found.arrays.row_upper.copy()
    withdrawn = low[rows].copy()
    low[rows], high[rows] = -np.inf, np.inf
    offset = found.arrays.offset + formulation.constant
    return Apart(replace(found.arrays, row_lower=low, row_upper=high, offset=offset), first, withdrawn)


def priced(problem: Apart, prices: Floats) -> Arrays:
    """Cost less what the exchange is paid at `prices` float[steps] [currency/kW over a step]."""
    a = problem.arrays
    return replace(a, cost=a.cost - problem.coupling.T @ prices, offset=a.offset + float(prices @ problem.withdrawn_kw))


def asked(problem: Apart, prices: Floats, exchange_kw: Floats, short_price: float) -> Arrays:
    """The problem that gives `exchange_kw` float[steps], or more where a price is paid; `short_price` [currency/kW] on less.

    No feeder then costs more than the mix that asked for it. The last `steps` columns are what is missing.
    """
    a, steps = priced(problem, GIVING * prices), problem.steps
    low, high = a.row_lower.copy(), a.row_upper.copy()
    rows = slice(problem.first, problem.first + steps)
    low[rows] = exchange_kw + problem.withdrawn_kw - ROUNDING_KW
    high[rows] = np.where(prices > 0, np.inf, exchange_kw + problem.withdrawn_kw + ROUNDING_KW)
    return Arrays(
        cost=np.append(a.cost, np.full(steps, short_price)),
        offset=a.offset,
        start=np.append(a.start, a.start[-1] + np.arange(1, steps + 1)).astype(np.int32),
        index=np.append(a.index, np.arange(problem.first, problem.first + steps)).astype(np.int32),
        value=np.append(a.value, np.ones(steps)),
        row_lower=low,
        row_upper=high,
        col_lower=np.append(a.col_lower, np.zeros(steps)),
        col_upper=np.append(a.col_upper, np.full(steps, np.inf)),
        integer=np.append(a.integer, np.zeros(steps, dtype=bool)),
    )


@dataclass(frozen=True)
class Best:
    """`bound` is the least the objective can be, `x` an answer, `basis` int8[columns + rows] where it ended (none with integers)."""

    bound: float
    x: Floats
    row_dual: Floats
    col_dual: Floats
    basis: np.ndarray | None
    iterations: int


def best(arrays: Arrays, basis: np.ndarray | None = None) -> Best | None:
    """The cheapest answer, from the basis of an earlier one with another cost; None when there is none."""
    integers = bool(arrays.integer.any())
    highs = solve.handed_over(arrays, REL_GAP, MAX_NODES)
    if basis is not None and not integers:
        begin = highspy.HighsBasis()
        status = [_STATUS[code] for code in basis.tolist()]
        begin.col_status, begin.row_status, begin.valid = status[: len(arrays.cost)], status[len(arrays.cost) :], True
        highs.setBasis(begin)
    if solve.run(highs) == "infeasible":
        return None
    info, answer = highs.getInfo(), highs.getSolution()
    x, row_dual, col_dual = (np.asarray(a, dtype=float) for a in (answer.col_value, answer.row_dual, answer.col_dual))
    if integers:
        return Best(float(info.mip_dual_bound), x, row_dual, col_dual, None, int(info.simplex_iteration_count))
    now = highs.getBasis()
    ended = np.array([int(code) for code in (*now.col_status, *now.row_status)], dtype=np.int8)
    return Best(float(info.objective_function_value), x, row_dual, col_dual, ended, int(info.simplex_iteration_count))
