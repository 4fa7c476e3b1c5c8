"""Which rules weigh each usage row: those of its account on the civil day on which its period starts."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from carbon.accounts import Account, apply
from carbon.accounts.periods import spanning
from carbon.factors import Factor
from carbon.ledger.batch import Rule
from carbon.ledger.civil import Periods, from_micros
from carbon.ledger.usage import CHUNK, SUPPLIES, Usage
from city.problems import PenstockError, Problem

# What names or places an account and has no say in its rules: accounts that differ in nothing else share them.
_NAMES = {"id", "point", "site", "sector", "activity", "gpc", "within", "adds", "stated"}
_SHOWN = 20  # faults named in one refusal


@dataclass(frozen=True)
class Weighed:
    """The rules of n usage rows: `sets[which[i]]` are the places in `rules` that weigh row i, one per gas."""

    rules: tuple[Rule, ...]
    sets: tuple[tuple[int, ...], ...]
    which: NDArray[np.int32]


def weigh(rows: Usage, points: tuple[str, ...], books: Sequence[Account], factors: tuple[Factor, ...], zone: str) -> Weighed:
    """The rules of usage rows, looked up once per kind of account and civil day.

    Raises `PenstockError` naming the first row of each day without a factor, and each period across a change of rules.
    """
    days = Periods(int(rows.start.min()), int(rows.end.max()) - 1, zone, "D")
    kind_of, kinds = _kinds(books)
    first, long, last = _cases(rows, days, kind_of)
    needed = np.zeros(len(kinds) * len(days.labels), bool)
    needed[first] = needed[last] = True
    found: dict[tuple[Rule, ...], int] = {}
    table = np.zeros(len(needed), np.int32)
    problems: list[Problem] = []
    applied = _applied(kinds, factors)
    for case in np.flatnonzero(needed).tolist():
        kind, day = divmod(case, len(days.labels))
        try:
            table[case] = found.setdefault(applied(kind, date.fromisoformat(days.labels[day])), len(found))
        except PenstockError as error:
            row = np.append(np.flatnonzero(first == case)[:1], long[last == case][:1])[0]
            problems += (replace(one, subject=f"{rows.said(row, points)}: {one.subject}") for one in error.problems)
            if len(problems) >= _SHOWN:
                break
    if problems:
        raise PenstockError(problems)
    which = table[first]
    for row in np.flatnonzero(which[long] != table[last])[:_SHOWN].tolist():
        on = [date.fromisoformat(days.labels[case % len(days.labels)]) for case in (int(first[long[row]]), int(last[row]))]
        period = [from_micros(times[long[row]]) for times in (rows.start, rows.end)]
        problems.append(spanning(books[rows.place[long[row]] // 2], period[0], period[1], on[0], on[1]))
    if problems:
        raise PenstockError(problems)
    rules = sorted({rule for together in found for rule in together}, key=order_of)
    place = {rule: number for number, rule in enumerate(rules)}
    return Weighed(tuple(rules), tuple(tuple(place[rule] for rule in together) for together in found), which)


def _cases(rows: Usage, days: Periods, kind_of: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.int64]]:
    """Kind x days + day on which each row starts; the rows that end on a later day, and the same of that day."""
    first, across = np.empty(len(rows.place), np.int64), []
    for begin in range(0, len(first), CHUNK):
        some = slice(begin, begin + CHUNK)
        day = days.of(rows.start[some])
        first[some] = kind_of[rows.place[some]] * len(days.labels) + day
        across.append(begin + np.flatnonzero(rows.end[some] > days.edges[day + 1]))
    long = np.concatenate(across)
    return first, long, kind_of[rows.place[long]] * len(days.labels) + days.of(rows.end[long] - 1)


def _applied(
    kinds: Sequence[tuple[Account, Literal["grid", "own"]]], factors: tuple[Factor, ...]
) -> Callable[[int, date], tuple[Rule, ...]]:
    """What gives the rules of a kind on a day. They change only where a factor begins or ends to be valid: in between they are known."""
    begins = sorted(factor.valid_from for factor in factors if factor.valid_from)
    ends = sorted(factor.valid_to for factor in factors if factor.valid_to)
    known: dict[tuple[int, int, int], tuple[Rule, ...]] = {}

    def rules(kind: int, on: date) -> tuple[Rule, ...]:
        span = kind, bisect_right(begins, on), bisect_left(ends, on)
        if span not in known:
            account, supply = kinds[kind]
            known[span] = apply(account, factors, on, supply)
        return known[span]

    return rules


def order_of(rule: Rule) -> tuple[Any, ...]:
    """By what rules are put in order: all that they say."""
    return tuple(getattr(rule, name) for name in rule.__dataclass_fields__)


def _kinds(books: Sequence[Account]) -> tuple[NDArray[np.int64], list[tuple[Account, Literal["grid", "own"]]]]:
    """For each place of `Usage` the number of its kind; of each kind one account and the supply. Accounts of a kind share all rules."""
    kinds: dict[str, int] = {}
    shown: list[tuple[Account, Literal["grid", "own"]]] = []
    of_place = []
    for account in books:
        said = type(account).__name__ + account.model_dump_json(exclude=_NAMES)
        for supply in SUPPLIES:
            of_place.append(kinds.setdefault(said + supply, len(kinds)))
            if len(shown) < len(kinds):
                shown.append((account, supply))
    return np.array(of_place, np.int64), shown
