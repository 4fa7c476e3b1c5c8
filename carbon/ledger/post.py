"""Posting: usage in, exact entries out."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon.accounts import Account, apply, check, lines_of
from carbon.accounts.periods import spanning
from carbon.factors import Factor
from carbon.ledger.batch import COLUMNS, NOTHING, Batch, Rule, no_entries
from carbon.ledger.civil import Periods, from_micros
from carbon.ledger.mass import masses
from carbon.ledger.usage import CHUNK, SUPPLIES, Usage, ordered
from city import quality as q
from city.places import Site
from city.problems import PenstockError

# What names or places an account and has no say in its rules: accounts that differ in nothing else share them.
_NAMES = {"id", "point", "site", "sector", "activity", "gpc", "within", "adds", "stated"}


def post(
    usage: pd.DataFrame,
    accounts: Sequence[Account],
    sites: Sequence[Site],
    factors: tuple[Factor, ...],
    known_at_utc: datetime,
    *,
    zone: str,
    reason: str = "",
) -> Batch:
    """Entries for the usage of the accounts' points: one per usage row and gas, ordered by account, supply, gas and start.

    `usage` is a USAGE frame with amounts in stored integers [Wh, mL, g]; text columns may be categorical, and a column `supply` (grid or
    own) may split electricity. The order of its rows changes nothing. Rows of points without an account are left out; every account has
    its line, with or without usage. The rules are those of the civil day in `zone` on which a period starts. A row whose quality is not
    usable becomes entries of amount 0 and 0 mg that keep their quality, so that they are counted as missing.

    Raises `PenstockError` for usage that cannot be right (see `carbon.ledger.usage.ordered`), accounts that count twice, factors that
    are not in force, and a period across a change of rules. Nothing is posted in part.
    """
    check(accounts)
    return posted(usage, accounts, sites, factors, known_at_utc, zone, reason)


def posted(
    usage: pd.DataFrame,
    accounts: Sequence[Account],
    sites: Sequence[Site],
    factors: tuple[Factor, ...],
    known_at_utc: datetime,
    zone: str,
    reason: str,
) -> Batch:
    """As `post`, for accounts that have been checked together with all others."""
    books = sorted(accounts, key=lambda account: account.id)
    stood = lines_of(books, sites)
    lines = tuple(stood[account.id] for account in books)
    numbers = {(line.point_id, line.quantity): number for number, line in enumerate(lines)}
    rows = ordered(usage, numbers, tuple(line.point_id for line in lines))
    if not len(rows.place):
        return no_entries(lines, known_at_utc, reason)
    weighed = _Rules.of(rows, books, factors, zone)
    return Batch(lines, weighed.rules, _columns(rows, weighed), known_at_utc, reason)


@dataclass(frozen=True)
class _Rules:
    """The rules of n usage rows: `sets[which[i]]` are the places in `rules` that weigh row i, one per gas."""

    rules: tuple[Rule, ...]
    sets: tuple[tuple[int, ...], ...]
    which: NDArray[np.int32]

    @classmethod
    def of(cls, rows: Usage, books: Sequence[Account], factors: tuple[Factor, ...], zone: str) -> "_Rules":
        days = Periods(int(rows.start.min()), int(rows.end.max()) - 1, zone, "D")
        count = len(days.labels)
        kind_of, kinds = _kinds(books)
        case, across = np.empty(len(rows.place), np.int64), []
        for begin in range(0, len(case), CHUNK):
            some = slice(begin, begin + CHUNK)
            day = days.of(rows.start[some])
            case[some] = kind_of[rows.place[some]] * count + day
            across.append(begin + np.flatnonzero(rows.end[some] > days.edges[day + 1]))
        long = np.concatenate(across)
        there = kind_of[rows.place[long]] * count + days.of(rows.end[long] - 1)
        needed = np.zeros(len(kinds) * count, bool)
        needed[case] = True
        needed[there] = True
        found: dict[tuple[Rule, ...], int] = {}
        table = np.zeros(len(needed), np.int32)
        applied = _applied(kinds, factors)
        for number in np.flatnonzero(needed).tolist():
            rules_then = applied(number // count, date.fromisoformat(days.labels[number % count]))
            table[number] = found.setdefault(rules_then, len(found))
        which = table[case]
        problems = []
        for row, last in zip(long.tolist(), there.tolist(), strict=True):
            if which[row] != table[last]:
                on_days = [date.fromisoformat(days.labels[number % count]) for number in (int(case[row]), last)]
                period = (from_micros(rows.start[row]), from_micros(rows.end[row]))
                problems.append(spanning(books[rows.place[row] // 2], *period, *on_days))
        if problems:
            raise PenstockError(problems[:20])
        rules = sorted({rule for together in found for rule in together}, key=order_of)
        place = {rule: number for number, rule in enumerate(rules)}
        return cls(tuple(rules), tuple(tuple(place[rule] for rule in together) for together in found), which)


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


def _columns(rows: Usage, weighed: _Rules) -> dict[str, NDArray[Any]]:
    """The columns of the batch; a row of g gases becomes g entries."""
    gases = np.array([len(together) for together in weighed.sets], np.int32)
    nth: NDArray[Any] = np.zeros((), np.int32)
    which = weighed.which
    if gases.max() > 1:
        per_row = gases[which]
        index = np.concatenate([np.flatnonzero(per_row > k) for k in range(gases.max())])
        nth = np.repeat(np.arange(gases.max(), dtype=np.int32), [int((per_row > k).sum()) for k in range(gases.max())])
        order = np.lexsort((index, nth, rows.place[index]))
        index, nth = index[order], nth[order]
        rows, which = rows.take(index), which[index]
    table = np.array([[*together, *[-1] * (int(gases.max()) - len(together))] for together in weighed.sets], np.int32)
    count = len(rows.place)
    made = {name: np.empty(count, COLUMNS[name]) for name in ("line", "rule", "seconds", "amount")}
    made |= {"start": rows.start, "quality": rows.quality, "version": rows.version}
    made["counts"] = np.broadcast_to(np.equal(nth, 0).astype(COLUMNS["counts"]), count)
    made["reverses"] = np.broadcast_to(COLUMNS["reverses"].type(NOTHING), count)
    for first in range(0, count, CHUNK):  # so that the intermediate results stay in the cache
        some = slice(first, first + CHUNK)
        made["line"][some] = rows.place[some] // 2
        made["rule"][some] = table[which[some], nth[some] if nth.ndim else nth]
        made["seconds"][some] = (rows.end[some] - rows.start[some]) // 1_000_000
        made["amount"][some] = np.where(q.usable(rows.quality[some]), rows.amount[some], 0)
    made["mg"] = masses(made["amount"], made["rule"], weighed.rules)
    return {name: made[name] for name in COLUMNS}
