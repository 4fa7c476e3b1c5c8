"""Why a plan is impossible, and which limits shaped a possible one, in sentences made from the names of the model."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from optimisation.arrays import Arrays
from optimisation.conflict import Conflict, Fact
from optimisation.formulation import Formulation
from optimisation.matrix import Compiled
from optimisation.solve import Solution
from optimisation.words import Words


def facts(formulation: Formulation, found: Compiled) -> list[Fact]:
    """Every told limit of the model, in the model's order."""
    answer = [fact for name in formulation.spreads for fact in _bounds(formulation, found, name)]
    for name, words in formulation.row_words.items():
        if name in found.first_row:
            index = [part if isinstance(part, tuple) else (part,) for part in found.index(name)]
            for asset, members in _by_asset(index).items():
                answer.append(_fact(name, asset, "row", found.first_row[name] + members, index, members, words))
    return answer


def _by_asset(index: Sequence[tuple[object, ...]]) -> dict[str, NDArray[np.int64]]:
    """The members of each asset, which is the first part of an index."""
    groups: dict[str, list[int]] = {}
    for at, part in enumerate(index):
        groups.setdefault(str(part[0]), []).append(at)
    return {asset: np.array(members, dtype=np.int64) for asset, members in groups.items()}


def _fact(
    name: str,
    asset: str,
    side: str,
    positions: NDArray[np.int64],
    index: Sequence[tuple[object, ...]],
    members: NDArray[np.int64],
    words: Words,
) -> Fact:
    steps = [step if len(index[at]) > 1 and isinstance(step := index[at][1], int) else -1 for at in members.tolist()]
    return Fact(name, asset, side, positions, np.array(steps, dtype=np.int64), words)


def _bounds(formulation: Formulation, found: Compiled, name: str) -> Iterable[Fact]:
    spread, at = formulation.spreads[name], found.columns[name]
    sides = [("lower", spread.lower, spread.says_lower), ("upper", spread.upper, spread.says_upper)]
    told = [(side, limits, words) for side, limits, words in sides if words is not None]
    if not told:
        return
    index = spread.places.members()
    for side, limits, words in told:
        holds = np.isfinite(limits)
        if name.endswith(("_kwh", "_m3")):
            holds &= np.array([part[-1] != 0 for part in index])  # the start is a reading, not a limit
        elif side == "lower":
            holds &= limits != 0.0  # that nothing runs backwards is a definition
        for asset, members in _by_asset(index).items():
            mine = members[holds[members]]
            if len(mine):
                yield _fact(name, asset, side, at[mine], index, mine, words)


def said(formulation: Formulation, arrays: Arrays, fact: Fact, where: NDArray[np.bool_] | None = None) -> str:
    """The fact as words: `tank: volume at least 500 m3 (empty)`, with the span of `where` when that is less than all steps."""
    if fact.side == "row":
        limits = np.where(np.isfinite(arrays.row_lower), arrays.row_lower, arrays.row_upper)[fact.positions]
    else:
        limits = (arrays.col_lower if fact.side == "lower" else arrays.col_upper)[fact.positions]
    span = ""
    if where is not None and 0 < where.sum() < len(where) and fact.steps[0] >= 0:
        steps, limits = fact.steps[where], limits[where]
        last = min(int(steps.max()) + 1, formulation.inputs.steps)
        if not fact.words.by_day:
            span = f" ({formulation.inputs.said(int(steps.min()))} to {formulation.inputs.said(last)})"
    return f"{fact.asset}: {fact.words.say(float(limits.min()), float(limits.max()))}{span}"


FIRST, FURTHER = "The plan is impossible", "Even without these it is impossible"  # how the sentences of a conflict begin


def reasons(formulation: Formulation, found: Compiled, told: Sequence[Fact], clashes: Sequence[Conflict] | None) -> tuple[str, ...]:
    """Sentences for an impossible plan: the first sums up, the others name one limit each; again for every further conflict."""
    if clashes is None:
        return (f"{FIRST}; which limits clash was not found in the time the solver has.",)
    if not clashes:
        return (f"{FIRST}: what is forecast and held leaves no answer even without any configured limit.",)
    answer = []
    for number, clash in enumerate(clashes):
        start = FIRST if number == 0 else FURTHER
        if len(clash.facts) == 1:
            answer.append(f"{start}: 1 limit cannot hold.")
        elif len(clash.alone) == len(clash.facts):
            answer.append(f"{start}: {len(clash.facts)} limits cannot hold together; without any one of them the rest can.")
        else:
            enough = "it is enough to change one marked (enough)" if clash.alone else "it is not enough to change one of them"
            answer.append(f"{start}: {len(clash.facts)} limits cannot hold together; {enough}.")
        for i in clash.facts:
            mark = " (enough)" if i in clash.alone and len(clash.alone) < len(clash.facts) else ""
            answer.append(f"{said(formulation, found.arrays, told[i], clash.where.get(i))}{mark}")
    return tuple(answer)


def clashes(told: Sequence[str], assets: Iterable[str]) -> list[dict[str, list[str]]]:
    """The sentences of `reasons` by conflict and asset, {asset: its limits in words}; empty where no limit is named."""
    found: list[dict[str, list[str]]] = []
    names = sorted(assets, key=len, reverse=True)  # an id may begin like another one
    for sentence in told:
        if sentence.startswith((FIRST, FURTHER)):
            found.append({})
        elif found:
            asset = next((name for name in names if sentence.startswith(f"{name}: ")), "")
            found[-1].setdefault(asset, []).append(sentence)
    return [one for one in found if one]


def worths(found: Compiled, solution: Solution, fact: Fact) -> NDArray[np.float64]:
    """What one more of the limit would save at each of its positions, with the plan's whole numbers as they are.

    A row in which nothing but whole numbers stands has no price then, nor has the bound of a whole number.
    """
    at, arrays = fact.positions, found.arrays
    if fact.side == "row":
        return np.where(found.movable[at], np.abs(solution.row_dual[at]), 0.0)
    low, high = arrays.col_lower[at], arrays.col_upper[at]
    reached = np.isclose(solution.x[at], low if fact.side == "lower" else high, rtol=1e-6, atol=1e-6)
    return np.where(reached & (low < high) & ~arrays.integer[at], np.abs(solution.col_dual[at]), 0.0)


def binding(formulation: Formulation, found: Compiled, solution: Solution, most: int = 12) -> tuple[str, ...]:
    """Limits that cost something, dearest first: how often they bind, from when, and what all of it adds up to."""
    told: list[tuple[float, str]] = []
    inputs = formulation.inputs
    if not len(solution.row_dual):
        return ()
    for fact in facts(formulation, found):
        if not fact.words.news:
            continue
        prices = worths(found, solution, fact)
        binds = prices > 1e-6
        if not binds.any():
            continue
        what, worth = said(formulation, found.arrays, fact), float(prices[binds].max())
        unit = f"{inputs.currency}/{fact.words.unit}" if fact.words.unit else inputs.currency
        when = ""
        if fact.words.by_day:
            when = f" on {_counted(int(binds.sum()), 'day')}"
        elif fact.steps[0] >= 0:
            steps = np.unique(fact.steps[binds])
            when = f" in {_counted(len(steps), 'step')}, first {inputs.said(int(steps[0]))}"
        told.append((float(prices.sum()), f"{what}: binds{when}; one more would save up to {worth:,.4g} {unit}."))
    return tuple(sentence for _, sentence in sorted(told, key=lambda pair: (-pair[0], pair[1]))[:most])


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
