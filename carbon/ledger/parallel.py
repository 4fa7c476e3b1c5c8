"""Posting in several processes, each some of the accounts; the batch is the same to the bit."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from carbon.accounts import Account, check
from carbon.factors import Factor
from carbon.ledger import files
from carbon.ledger.batch import COLUMNS, Batch, Header
from carbon.ledger.chain import seal
from carbon.ledger.post import post, posted
from carbon.ledger.weighing import order_of
from city.places import Site

_work: Callable[[Sequence[Account]], Header]  # what a process forked off is to do; a fork shares the usage, sending it would copy it


def post_in(
    processes: int,
    usage: pd.DataFrame,
    accounts: Sequence[Account],
    sites: Sequence[Site],
    factors: tuple[Factor, ...],
    known_at_utc: datetime,
    *,
    zone: str,
    reason: str = "",
) -> Batch:
    """`carbon.ledger.post.post` in `processes` processes: what it returns and raises is the same. For recomputing years at once.

    Parts of the batch go through files, as they are larger than what processes may send each other.
    """
    global _work
    if processes == 1:
        return post(usage, accounts, sites, factors, known_at_utc, zone=zone, reason=reason)
    check(accounts)
    books = sorted(accounts, key=lambda account: account.id)
    parts = [books[len(books) * i // processes : len(books) * (i + 1) // processes] for i in range(processes)]
    with TemporaryDirectory(prefix="penstock-ledger-") as folder:

        def part(some: Sequence[Account]) -> Header:
            batch = posted(usage, some, sites, factors, known_at_utc, zone, reason)
            return seal(batch, merkle=files.write(batch, Path(folder), flushed=False))

        _work = part
        with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
            headers = list(pool.map(_run, parts))
        return joined([files.read(Path(folder), header) for header in headers])


def _run(accounts: Sequence[Account]) -> Header:
    return _work(accounts)


def joined(parts: Sequence[Batch]) -> Batch:
    """One batch of parts whose accounts follow each other."""
    rules = sorted({rule for part in parts for rule in part.rules}, key=order_of)
    place = {rule: number for number, rule in enumerate(rules)}
    columns = {name: np.empty(sum(part.rows for part in parts), dtype) for name, dtype in COLUMNS.items()}
    line = row = 0
    for part in parts:
        some = slice(row, row + part.rows)
        for name, column in part.columns.items():
            columns[name][some] = column
        columns["line"][some] += line
        if part.rows:
            columns["rule"][some] = np.array([place[rule] for rule in part.rules], np.int32)[part.columns["rule"]]
        line, row = line + len(part.lines), row + part.rows
    lines = tuple(line for part in parts for line in part.lines)
    return Batch(lines, tuple(rules), columns, parts[0].known_at_utc, parts[0].reason)
