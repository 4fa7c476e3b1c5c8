"""How much of a span of time the entries of each account stand for, and how well: what `service.books.completeness` is held against.

It holds all rows at once and lays the intervals of an account over each other; the product adds seconds up batch by batch.
"""

from datetime import datetime

import numpy as np
import pandas as pd

from carbon.ledger.civil import micros
from carbon.ledger.coverage import STATES, coverage
from carbon.ledger.entries import ends, standing
from carbon.ledger.ledger import Ledger
from city.clock import as_utc
from city.frames import TIME

SILENT = "silent"  # no entry says anything of that time


def completeness(ledger: Ledger, start: datetime, end: datetime) -> pd.DataFrame:
    """Of [start, end) the seconds of each account that are measured, estimated, substituted, missing and silent, and `first_silent_utc`.

    All int64 [s] and adding up to the span exactly; entries that were taken back do not count, and grid and own supply of an hour count
    once. Silence is reported, never filled. Accounts are those that the ledger's batches know, with or without entries; ordered by id.
    """
    first, last = micros(as_utc(start)), micros(as_utc(end))
    accounts: dict[str, int] = {}
    parts = []
    for one in ledger.batches:
        known = [accounts.setdefault(line.account_id, len(accounts)) for line in one.lines]
        parts.append((one.header.number, np.array(known, np.int64)))
    of_batch = dict(parts)
    rows = []
    for one, batch, some in standing(ledger.batches, first, last):
        column = {name: values[some] for name, values in batch.columns.items()}
        counts = column["counts"] == 1
        found = (of_batch[one.header.number][column["line"]], column["start"], ends(column), coverage(column["quality"]).astype(np.int64))
        rows.append([values[counts] for values in found])
    account, begin, until, state = (np.concatenate([row[i] for row in rows]) if rows else np.zeros(0, np.int64) for i in range(4))
    order = np.lexsort((state, begin, account))
    account, state = account[order], state[order]
    begin, until = ((np.clip(times[order], first, last) - first) // 1_000_000 for times in (begin, until))
    span = (last - first) // 1_000_000
    # What the entries of an account before cover already: accounts are laid end to end, so that one running maximum serves all.
    reached = np.maximum.accumulate(np.append(0, account * (span + 1) + until))[:-1] - account * (span + 1)
    reached = np.maximum(reached, 0)
    seconds = np.zeros((len(accounts), len(STATES)), np.int64)
    np.add.at(seconds, (account, state), np.maximum(until - np.maximum(begin, reached), 0))
    gap = np.full(len(accounts), span)  # the first second that is silent
    np.maximum.at(ended := np.zeros(len(accounts), np.int64), account, until)
    gap[ended < span] = ended[ended < span]
    np.minimum.at(gap, account[begin > reached], reached[begin > reached])
    made = pd.DataFrame({"account_id": pd.array(list(accounts), dtype="str"), **dict(zip(STATES, seconds.T, strict=True))})
    made[SILENT] = span - seconds.sum(axis=1)
    silence = pd.Series(pd.to_datetime(first + gap * 1_000_000, unit="us", utc=True)).astype(TIME)
    made["first_silent_utc"] = silence.where(made[SILENT] > 0)
    return made.sort_values("account_id", ignore_index=True)
