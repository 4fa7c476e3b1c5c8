"""The root of a city and the answers of its feeders so far: the best mix of them, and the prices that go with it.

A mix of answers of a feeder whose problem is linear is an answer again; of one with integers only one of them is. `Master.mix` takes
for each feeder a mix that sums to its weight, so that the shared balance closes; what is missing there or too much has a price of its
own, `dearest` and `cheapest`, between which the prices of the mix then lie: the box of the stabilised method. The bound is the sum of
the least that every part can cost.

References: Dantzig and Wolfe, Decomposition principle for linear programs, Operations Research 8 (1960), 101-111; Marsten, Hogan and
Blankenship, The boxstep method for large-scale optimization, Operations Research 23 (1975), 389-405; Geoffrion, Lagrangean
relaxation for integer programming, Mathematical Programming Study 2 (1974), 82-114.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from optimisation import solve
from optimisation.arrays import Arrays, Floats
from optimisation.decomposed import problem
from optimisation.decomposed.feeder import Answer
from optimisation.decomposed.problem import Apart

KEPT_ROUNDS = 12  # an answer that no mix has used for so many rounds is dropped


@dataclass(frozen=True)
class Mix:
    """`cost` [currency] of a mix with its prices float[steps] [currency/kW over a step]; `missing_kw` float[steps]: what the shared
    balance lacks, below zero: has too much; `exchanges` float[steps] [kW] of each feeder; `root` is the answer of the root."""

    cost: float
    prices: Floats
    missing_kw: Floats
    exchanges: Mapping[str, Floats]
    root: solve.Solution

    @property
    def closes(self) -> bool:
        return bool(np.abs(self.missing_kw).max() < 1e-3)


@dataclass
class Master:
    """Grows by the answers of each round."""

    root: Apart
    answers: list[Answer] = field(default_factory=list)
    unused: list[int] = field(default_factory=list)

    def add(self, answers: Sequence[Answer]) -> None:
        self.answers += answers
        self.unused += [0] * len(answers)

    def bound(self, prices: Floats) -> float:
        """The least that the root can cost, less what the shared balance pays it."""
        found = problem.best(problem.priced(self.root, prices))
        return -np.inf if found is None else found.bound

    def mix(self, weights: Mapping[str, float], cheapest: Floats, dearest: Floats, integers: bool = False) -> Mix:
        """The cheapest mix of answers of the feeders that have a weight.

        With `integers` the root's are whole, and a feeder with integers has one of its answers, not a mix.
        """
        used = [number for number, answer in enumerate(self.answers) if answer.name in weights]
        arrays = self._arrays(used, weights, cheapest, dearest)
        whole = arrays if integers else replace(arrays, integer=np.zeros_like(arrays.integer))
        solution = solve.solved(whole, problem.REL_GAP, problem.MAX_NODES)
        own, steps = len(self.root.arrays.cost), self.root.steps
        if solution.ended == "infeasible":
            return Mix(np.inf, np.full(steps, np.nan), np.full(steps, np.inf), {}, solution)
        missing = solution.x[own : own + steps] - solution.x[own + steps : own + 2 * steps]
        exchanges = {name: np.zeros(steps) for name in weights}
        for number, share in zip(used, solution.x[own + 2 * steps :].tolist(), strict=True):
            answer = self.answers[number]
            self.unused[number] = 0 if share > 0 else self.unused[number] + 1
            exchanges[answer.name] += share / weights[answer.name] * answer.exchange_kw
        prices = solution.row_dual[self.root.first : self.root.first + steps]
        return Mix(solution.objective, prices, missing, exchanges, replace(solution, x=solution.x[:own]))

    def forget(self) -> None:
        """Drop what has not been used for long; a later answer may bring it back."""
        kept = [number for number, rounds in enumerate(self.unused) if rounds < KEPT_ROUNDS]
        self.answers, self.unused = [self.answers[number] for number in kept], [self.unused[number] for number in kept]

    def _arrays(self, used: Sequence[int], weights: Mapping[str, float], cheapest: Floats, dearest: Floats) -> Arrays:
        """Columns: the root's, what is missing, what is too much, the answers. Rows: the root's, and one sum per feeder."""
        root, (first, steps) = self.root.arrays, (self.root.first, self.root.steps)
        rows, row_of = len(root.row_lower), {name: number for number, name in enumerate(weights)}
        answers = [self.answers[number] for number in used]
        at, n = first + np.arange(steps), len(answers)
        each = sp.csc_array((np.ones(steps), (at, np.arange(steps))), shape=(rows, steps))
        given = np.concatenate([np.zeros(0), *(answer.exchange_kw for answer in answers)])
        exchanged = sp.csc_array((given, np.tile(at, n), np.arange(n + 1) * steps), shape=(rows, n))
        sums = sp.csc_array((np.ones(n), ([row_of[a.name] for a in answers], np.arange(n))), shape=(len(weights), n))
        own = sp.csc_array((root.value, root.index, root.start), shape=(rows, len(root.cost)))
        matrix = sp.block_array([[own, each, -each, exchanged], [None, None, None, sums]], format="csc")
        low, high = root.row_lower.copy(), root.row_upper.copy()
        low[first : first + steps] = high[first : first + steps] = self.root.withdrawn_kw
        sum_of = np.array(list(weights.values()))
        free = np.full(2 * steps + n, np.inf)
        return Arrays(
            cost=np.concatenate([root.cost, dearest, -cheapest, [answer.cost for answer in answers]]),
            offset=root.offset,
            start=matrix.indptr.astype(np.int32),
            index=matrix.indices.astype(np.int32),
            value=matrix.data,
            row_lower=np.concatenate([low, sum_of]),
            row_upper=np.concatenate([high, sum_of]),
            col_lower=np.concatenate([root.col_lower, np.zeros(len(free))]),
            col_upper=np.concatenate([root.col_upper, free]),
            integer=np.concatenate([root.integer, np.zeros(2 * steps, dtype=bool), [answer.integers for answer in answers]]).astype(bool),
        )
