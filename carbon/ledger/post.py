"""Posting: usage in, exact entries out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon.accounts import Account, check, lines_of
from carbon.factors import Factor
from carbon.ledger.batch import COLUMNS, NOTHING, Batch, no_entries
from carbon.ledger.mass import masses
from carbon.ledger.usage import CHUNK, Usage, ordered
from carbon.ledger.weighing import Weighed, weigh
from city import quality as q
from city.places import Site


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
    points = tuple(line.point_id for line in lines)
    rows = ordered(usage, numbers, points)
    if not len(rows.place):
        return no_entries(lines, known_at_utc, reason)
    weighed = weigh(rows, points, books, factors, zone)
    return Batch(lines, weighed.rules, _columns(rows, weighed), known_at_utc, reason)


def _columns(rows: Usage, weighed: Weighed) -> dict[str, NDArray[Any]]:
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
    width = int(gases.max())
    table = np.array([rule for together in weighed.sets for rule in (*together, *[-1] * (width - len(together)))], np.int32)
    count = len(rows.place)
    made = {name: np.empty(count, COLUMNS[name]) for name in ("line", "rule", "seconds", "amount")}
    made |= {"start": rows.start, "quality": rows.quality, "version": rows.version}
    made["counts"] = np.broadcast_to(np.equal(nth, 0).astype(COLUMNS["counts"]), count)
    made["reverses"] = np.broadcast_to(COLUMNS["reverses"].type(NOTHING), count)
    for first in range(0, count, CHUNK):  # so that the intermediate results stay in the cache
        some = slice(first, first + CHUNK)
        made["line"][some] = rows.place[some] >> 1
        made["rule"][some] = table[which[some] * width + (nth[some] if nth.ndim else 0)]
        made["seconds"][some] = (rows.end[some] - rows.start[some]) // 1_000_000
        made["amount"][some] = np.where(q.usable(rows.quality[some]), rows.amount[some], 0)
    made["mg"] = masses(made["amount"], made["rule"], weighed.rules)
    return {name: made[name] for name in COLUMNS}
