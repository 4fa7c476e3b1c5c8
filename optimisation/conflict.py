"""Which told limits cannot hold together: minimal sets of them, until what is left of the city can be planned.

A *fact* is one told limit of one asset: a side of a bounded quantity over all steps, or a named constraint. HiGHS names an
infeasible subset of the linear relaxation; by asking "is there still no answer without these?" the set is then made minimal with
integers too, which the relaxation knows nothing of. Definitions (balances, no negative power) are never dropped.

References: Chinneck, Feasibility and Infeasibility in Optimization, Springer 2008, ch. 6; Junker, QuickXplain: Preferred
Explanations and Relaxations for Over-Constrained Problems, AAAI 2004, 167-172.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import highspy
import numpy as np
from numpy.typing import NDArray

from city.problems import PenstockError
from optimisation.arrays import Arrays
from optimisation.solve import handed_over, run
from optimisation.words import Words

QUESTION_NODES = 2000  # per question; one that is not settled counts as "there may be an answer", which keeps its facts


@dataclass(frozen=True)
class Fact:
    """Rows or column bounds that stand and fall together. `side` is row, lower or upper; `steps` where they apply."""

    component: str
    asset: str
    side: str
    positions: NDArray[np.int64]
    steps: NDArray[np.int64]
    words: Words


@dataclass(frozen=True)
class Conflict:
    """Facts (their numbers) of which no one can be left out; `where` in a fact the relaxation's conflict lies, where that is known.

    `alone`: those of which one is enough to change, once the other conflicts are mended, for the whole city to have an answer.
    """

    facts: tuple[int, ...]
    where: dict[int, NDArray[np.bool_]]
    alone: tuple[int, ...]


def without(arrays: Arrays, dropped: Iterable[Fact]) -> Arrays:
    """The same problem with these facts gone."""
    limits = {name: getattr(arrays, name).copy() for name in ("col_lower", "col_upper", "row_lower", "row_upper")}
    for fact in dropped:
        if fact.side in ("row", "lower"):
            limits["row_lower" if fact.side == "row" else "col_lower"][fact.positions] = -np.inf
        if fact.side in ("row", "upper"):
            limits["row_upper" if fact.side == "row" else "col_upper"][fact.positions] = np.inf
    return replace(arrays, **limits)


def relaxed(arrays: Arrays) -> Arrays:
    """The same problem without whole numbers."""
    return replace(arrays, integer=np.zeros_like(arrays.integer))


def feasible(arrays: Arrays) -> bool | None:
    """Is there any answer at all? None when the node limit ends the question."""
    try:
        return run(handed_over(replace(arrays, cost=np.zeros_like(arrays.cost)), rel_gap=1.0, max_nodes=QUESTION_NODES)) != "infeasible"
    except PenstockError:
        return None


def relaxation_conflict(arrays: Arrays, told: Sequence[Fact]) -> dict[int, NDArray[np.bool_]]:
    """Facts in HiGHS's infeasible subset of the linear relaxation: number -> where in the fact; empty if that has an answer.

    HiGHS's elastic filter is asked for, which leaves a few rows too many: making them irreducible takes it seconds, `_minimal` none.
    """
    linear = relaxed(arrays)
    if feasible(linear) is not False:
        return {}
    highs = handed_over(linear)
    highs.setOptionValue("iis_strategy", int(highspy.IisStrategy.kIisStrategyFromLp))
    status, iis = highs.getIis()
    if status != highspy.HighsStatus.kOk or not iis.valid_:
        return {}
    rows = np.zeros(len(arrays.row_lower), dtype=bool)
    rows[np.asarray(iis.row_index_, dtype=int)] = True
    cols = {side: np.zeros(len(arrays.cost), dtype=bool) for side in ("lower", "upper")}
    for col, bound in zip(iis.col_index_, iis.col_bound_, strict=True):
        for side, codes in (("lower", (2, 4)), ("upper", (3, 4))):  # IisBoundStatus: 2 lower, 3 upper, 4 boxed
            cols[side][col] = cols[side][col] or int(bound) in codes
    hits = {i: (rows if fact.side == "row" else cols[fact.side])[fact.positions] for i, fact in enumerate(told)}
    return {i: where for i, where in hits.items() if where.any()}


def conflicts(arrays: Arrays, told: Sequence[Fact]) -> list[Conflict]:
    """Disjoint minimal sets of facts, one after the other until the rest can hold; empty when no fact is to blame."""

    def clash(dropped: Iterable[int]) -> bool:
        return feasible(without(arrays, [told[i] for i in dropped])) is False

    every = set(range(len(told)))
    if clash(every):
        return []
    found: list[tuple[list[int], dict[int, NDArray[np.bool_]]]] = []
    left = set(every)
    while clash(every - left):
        found.append(_one(arrays, told, left, lambda kept: clash(every - set(kept))))
        left -= set(found[-1][0])
    mended = every - left
    return [Conflict(tuple(facts), where, tuple(i for i in facts if not clash(mended - set(facts) | {i}))) for facts, where in found]


def _one(
    arrays: Arrays, told: Sequence[Fact], left: set[int], clash: Callable[[Iterable[int]], bool]
) -> tuple[list[int], dict[int, NDArray[np.bool_]]]:
    """One minimal set among the facts that are left, and where the relaxation sees it."""
    hits = relaxation_conflict(without(arrays, [fact for i, fact in enumerate(told) if i not in left]), told)
    named = {told[i].asset for i in hits}
    # A row may imply a bound (who rests cannot run): bounds come first, so that the plain bound stays as the reason.
    order = sorted(left, key=lambda i: (told[i].side == "row", i))
    few = [i for i in order if i in hits or (told[i].side != "row" and told[i].asset in named)]
    return sorted(_minimal(clash, [], False, few if few and clash(few) else order)), hits


def _minimal(clash: Callable[[Iterable[int]], bool], base: list[int], grown: bool, suspects: list[int]) -> list[int]:
    """QuickXplain: the fewest of `suspects`, those that come first preferred, that clash together with `base`."""
    if grown and clash(base):
        return []
    if len(suspects) == 1:
        return suspects
    first, second = suspects[: len(suspects) // 2], suspects[len(suspects) // 2 :]
    later = _minimal(clash, base + first, bool(first), second)
    return _minimal(clash, base + later, bool(later), first) + later
