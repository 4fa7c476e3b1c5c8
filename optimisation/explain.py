"""Why a plan is impossible, and which limits shaped a possible one, in sentences made from the names of the model.

A *fact* is one told limit of one asset: a side of a bounded quantity over all steps, or a named constraint. When a model has
no answer, HiGHS names an irreducible set of the linear relaxation; a deletion filter over the facts then makes the set minimal
with integers too: drop any one of it and the rest is feasible. Definitions (balances, no negative power) are never dropped.

References: Chinneck, Feasibility and Infeasibility in Optimization, Springer 2008, ch. 6 (deletion filter).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import highspy
import numpy as np
from numpy.typing import NDArray

from city.problems import PenstockError
from optimisation.formulation import Formulation
from optimisation.solve import Arrays, Compiled, Solution, handed_over, run
from optimisation.words import Words

FILTER_NODES = 2000  # per feasibility question of the filter; a question that is not settled keeps its fact


@dataclass(frozen=True)
class Fact:
    """Rows or column bounds that stand and fall together. `side` is row, lower or upper; `steps` where they apply."""

    component: str
    asset: str
    side: str
    positions: NDArray[np.int64]
    steps: NDArray[np.int64]
    words: Words


def facts(formulation: Formulation, found: Compiled) -> list[Fact]:
    """Every told limit of the model, in the model's order."""
    answer = [fact for name in formulation.spreads for fact in _bounds(formulation, found, name)]
    rows: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for at, (name, index) in enumerate(found.rows):
        if name in formulation.row_words:
            asset, step = _asset_and_step(index)
            rows.setdefault((name, asset), []).append((at, step))
    for (name, asset), members in rows.items():
        positions, steps = (np.array(part, dtype=np.int64) for part in zip(*members, strict=True))
        answer.append(Fact(name, asset, "row", positions, steps, formulation.row_words[name]))
    return answer


def _asset_and_step(index: object) -> tuple[str, int]:
    parts = index if isinstance(index, tuple) else (index,)
    return str(parts[0]), int(parts[1]) if len(parts) > 1 else -1


def _bounds(formulation: Formulation, found: Compiled, name: str) -> Iterable[Fact]:
    spread, at = formulation.spreads[name], found.columns[name]
    indices = [_asset_and_step(index) for index in product(*spread.places.sets)]
    assets = np.array([asset for asset, _ in indices])
    steps = np.array([step for _, step in indices], dtype=np.int64)
    for side, limits, words in (("lower", spread.lower, spread.says_lower), ("upper", spread.upper, spread.says_upper)):
        if words is None:
            continue
        told = np.isfinite(limits)
        if name.endswith(("_kwh", "_m3")):
            told &= steps != 0  # the start is a reading, not a limit
        elif side == "lower":
            told &= limits != 0.0  # that nothing runs backwards is a definition
        for asset in dict.fromkeys(assets[told].tolist()):
            mine = told & (assets == asset)
            yield Fact(name, asset, side, at[mine], steps[mine], words)


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


def without(arrays: Arrays, dropped: Iterable[Fact]) -> Arrays:
    """The same problem with these facts gone."""
    copies = {name: getattr(arrays, name).copy() for name in ("col_lower", "col_upper", "row_lower", "row_upper")}
    for fact in dropped:
        if fact.side == "row":
            copies["row_lower"][fact.positions], copies["row_upper"][fact.positions] = -np.inf, np.inf
        else:
            copies[f"col_{fact.side}"][fact.positions] = -np.inf if fact.side == "lower" else np.inf
    return Arrays(arrays.cost, arrays.offset, arrays.start, arrays.index, arrays.value, integer=arrays.integer, **copies)


def feasible(arrays: Arrays) -> bool | None:
    """Is there any answer at all? None when the node limit ends the question."""
    asked = Arrays(**{**arrays.__dict__, "cost": np.zeros_like(arrays.cost)})
    try:
        return run(handed_over(asked, rel_gap=1.0, max_nodes=FILTER_NODES)) != "infeasible"
    except PenstockError:
        return None


def relaxation_conflict(arrays: Arrays, told: list[Fact]) -> dict[int, NDArray[np.bool_]]:
    """Facts in HiGHS's irreducible set of the linear relaxation: position in `told` -> where in the fact; empty if it is feasible."""
    relaxed = arrays.with_bounds(arrays.col_lower, arrays.col_upper, np.zeros_like(arrays.integer))
    if feasible(relaxed) is not False:
        return {}
    highs = handed_over(relaxed)
    highs.run()
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


def conflict(formulation: Formulation, found: Compiled) -> list[tuple[Fact, NDArray[np.bool_] | None]]:
    """A minimal set of facts that cannot hold together, with where in them the relaxation's conflict lies (None: not known)."""
    told, arrays = facts(formulation, found), found.arrays
    hits = relaxation_conflict(arrays, told)
    named = {told[i].asset for i in hits}
    # A row may imply a bound (who rests cannot run): rows are tried first, so that the plain bound stays as the reason.
    kept = sorted(
        (i for i, f in enumerate(told) if i in hits or (f.side != "row" and f.asset in named)), key=lambda i: told[i].side != "row"
    )
    if not kept or feasible(without(arrays, [f for i, f in enumerate(told) if i not in kept])) is not False:
        kept = sorted(range(len(told)), key=lambda i: told[i].side != "row")
    outside = set(range(len(told))) - set(kept)
    for i in list(kept):
        if feasible(without(arrays, [told[j] for j in outside | {i}])) is False:
            outside.add(i)
            kept.remove(i)
    return [(told[i], hits.get(i)) for i in kept]


def reasons(formulation: Formulation, found: Compiled) -> tuple[str, ...]:
    """Sentences for an impossible plan: the first sums up, the others name one limit each."""
    named = [said(formulation, found.arrays, fact, where) for fact, where in conflict(formulation, found)]
    if not named:
        return ("The plan is impossible: what is forecast and held leaves no answer even without any configured limit.",)
    one = "cannot hold" if len(named) == 1 else "cannot hold together; without any one of them the rest can"
    return (f"The plan is impossible: {len(named)} limits {one}.".replace("1 limits", "1 limit"), *named)


def binding(formulation: Formulation, found: Compiled, solution: Solution, most: int = 12) -> tuple[str, ...]:
    """Limits that cost something, dearest first: how often they bind, from when, and what all of it adds up to."""
    told: list[tuple[float, str]] = []
    inputs = formulation.inputs
    if not len(solution.row_dual):
        return ()
    for fact in facts(formulation, found):
        if not fact.words.news:
            continue
        prices = np.abs((solution.row_dual if fact.side == "row" else solution.col_dual)[fact.positions])
        if fact.side != "row":
            at = fact.positions
            low, high, x = found.arrays.col_lower[at], found.arrays.col_upper[at], solution.x[at]
            reached = np.isclose(x, low if fact.side == "lower" else high, rtol=1e-6, atol=1e-6)
            prices = np.where(reached & (low < high) & ~found.arrays.integer[at], prices, 0.0)
        binds = prices > 1e-6
        if not binds.any():
            continue
        what, worth = said(formulation, found.arrays, fact), float(prices[binds].max())
        unit = f"{inputs.currency}/{fact.words.unit}" if fact.words.unit else inputs.currency
        when = ""
        if fact.words.by_day:
            when = f" on {int(binds.sum())} days"
        elif fact.steps[0] >= 0:
            when = f" in {int(binds.sum())} steps, first {inputs.said(int(fact.steps[binds].min()))}"
        told.append((float(prices.sum()), f"{what}: binds{when}; one more would save up to {worth:,.4g} {unit}."))
    return tuple(sentence for _, sentence in sorted(told, key=lambda pair: (-pair[0], pair[1]))[:most])
