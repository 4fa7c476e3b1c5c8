"""Restatement: what changed is taken back by reversal and posted anew, with a reason. Nothing that was posted is touched."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon.accounts import Account
from carbon.factors import Factor
from carbon.ledger.batch import COLUMNS, NOTHING, Batch, Line, Rule
from carbon.ledger.civil import from_micros, micros
from carbon.ledger.entries import NUMBER, Sealed, ends, entry_id, standing
from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from city.clock import as_utc
from city.places import Site
from city.problems import PenstockError, Problem, fault

_SAID = ("start", "seconds", "amount", "mg", "quality", "counts", "rule", "line")  # all but the version: what an entry says


def restate(
    ledger: Ledger,
    usage: pd.DataFrame,
    accounts: Sequence[Account],
    sites: Sequence[Site],
    factors: tuple[Factor, ...],
    known_at_utc: datetime,
    *,
    zone: str,
    reason: str,
    start: datetime,
    end: datetime,
    account_ids: Collection[str] | None = None,
) -> Batch | None:
    """What makes the ledger say, for accounts and periods starting in [start, end), what `post` makes of `usage` now; none when it does.

    An entry that differs in anything but its version is reversed - amount and mass negated, `reverses` its name - and the new one is
    posted; equal ones are left alone, and entries whose usage is gone are reversed. `account_ids` limits this to some accounts, closed
    ones among them. Raises `PenstockError` without a reason, for usage outside [start, end) or of a time that an entry from before it
    counts already, and as `post` does.
    """
    if not reason.strip():
        raise fault("restatement", "no reason", "a sentence that says why", "Say what changed.")
    first, last = micros(as_utc(start)), micros(as_utc(end))
    chosen = [account for account in accounts if account_ids is None or account.id in account_ids]
    made = post(usage, chosen, sites, factors, known_at_utc, zone=zone, reason=reason)
    outside = (made.columns["start"] < first) | (made.columns["start"] >= last)
    if outside.any():
        observed = f"usage from {from_micros(made.columns['start'][np.argmax(outside)]):%Y-%m-%dT%H:%MZ}"
        raise fault("restatement", observed, f"periods that start in [{start.isoformat()}, {end.isoformat()})", "Widen the span.")
    found = _Entries()
    for one, batch, rows in standing(ledger.batches, first, last):
        wanted = np.array([account_ids is None or line.account_id in account_ids for line in batch.lines], bool)
        rows = rows[(batch.columns["start"][rows] >= first) & wanted[batch.columns["line"][rows]]]
        found.add(batch, rows, one.header.number)
    found.add(made, np.arange(made.rows), None)
    changed = found.changes(known_at_utc, reason)
    if changed is not None:
        doubled(ledger, changed)  # an entry that began before the span and reaches into it is not restated
    return changed


class _Entries:
    """Entries of several batches over common dictionaries: those that stand, then those that should."""

    def __init__(self) -> None:
        self.lines: dict[Line, int] = {}
        self.rules: dict[Rule, int] = {}
        self.parts: list[dict[str, NDArray[Any]]] = []

    def add(self, batch: Batch, rows: NDArray[np.intp], number: int | None) -> None:
        """Add rows of a batch: of a sealed one by its number, which are to be reversed, or of a new one."""
        part = {name: column[rows] for name, column in batch.columns.items()}
        if number is not None:
            part["reverses"] = number * NUMBER + rows
        line = np.array([self.lines.setdefault(line, len(self.lines)) for line in batch.lines], np.int32)
        rule = np.array([self.rules.setdefault(rule, len(self.rules)) for rule in batch.rules], np.int32)
        part["line"], part["rule"] = line[part["line"]], rule[part["rule"]]
        self.parts.append(part)

    def changes(self, known_at_utc: datetime, reason: str) -> Batch | None:
        """The batch of reversals and new entries; what stands and should stand cancels."""
        column = {name: np.concatenate([part[name] for part in self.parts]) for name in COLUMNS}
        order = np.lexsort([column[name] for name in _SAID])
        new = column["reverses"][order] == NOTHING
        same = new[1:] != new[:-1]
        for name in _SAID:
            same &= column[name][order[1:]] == column[name][order[:-1]]
        stays = np.append(same, False) | np.append(False, same) if len(order) else np.zeros(0, bool)
        rows = order[~stays]
        if not len(rows):
            return None
        column = {name: column[name][rows] for name in COLUMNS}
        back = np.where(column["reverses"] == NOTHING, 1, -1)
        column["amount"], column["mg"] = column["amount"] * back, column["mg"] * back
        lines, column["line"] = _dense(list(self.lines), column["line"])
        rules, column["rule"] = _dense(list(self.rules), column["rule"])
        order = np.lexsort((back, column["start"], column["rule"], column["line"]))
        return Batch(lines, rules, {name: column[name][order].astype(dtype) for name, dtype in COLUMNS.items()}, known_at_utc, reason)


def _dense(values: list[Any], codes: NDArray[np.int32]) -> tuple[tuple[Any, ...], NDArray[np.intp]]:
    """The values that are used, in order, and the codes into them."""
    used = sorted(np.unique(codes).tolist(), key=lambda code: [getattr(values[code], name) for name in values[code].__dataclass_fields__])
    place = np.zeros(len(values), np.intp)
    place[used] = np.arange(len(used))
    return tuple(values[code] for code in used), place[codes]


def doubled(ledger: Ledger, batch: Batch) -> None:
    """Raise `PenstockError` for each entry of a new batch that counts a time of a point which an entry that still stands counts already."""
    if not batch.rows:
        return
    first, last = int(batch.columns["start"].min()), int(ends(batch.columns).max())
    taken = set(batch.columns["reverses"][batch.columns["reverses"] != NOTHING].tolist())
    keys: dict[tuple[str, str, str], int] = {}
    spans = [_spans(batch, np.flatnonzero(batch.columns["reverses"] == NOTHING), keys, None)]
    for one, old, rows in standing(ledger.batches, first, last):
        kept = rows[~np.isin(one.header.number * NUMBER + rows, list(taken))] if taken else rows
        if len(kept):
            spans.append(_spans(old, kept, keys, one))
    key, start, end, name = (np.concatenate([span[i] for span in spans]) for i in range(4))
    if not ((key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & (start[1:] >= start[:-1]))).all():  # as those of one posting are
        order = np.lexsort((start, key))
        key, start, end, name = key[order], start[order], end[order], name[order]
    problems = []
    for row in np.flatnonzero((key[1:] == key[:-1]) & (start[1:] < end[:-1])).tolist()[:20]:
        point = list(keys)[key[row]][0]
        told = " and ".join(entry_id(*divmod(one, NUMBER)) if one != NOTHING else "a new entry" for one in name[row : row + 2].tolist())
        observed = f"counted twice from {from_micros(start[row + 1]):%Y-%m-%dT%H:%MZ}: {told}"
        problems.append(Problem(f"point '{point}'", observed, "one entry at a time", "Restate the period instead of posting it again."))
    if problems:
        raise PenstockError(problems)


def _spans(batch: Batch, rows: NDArray[np.intp], keys: dict[tuple[str, str, str], int], one: Sealed | None) -> list[NDArray[np.int64]]:
    """Point and basis, start, end and name of the first gas's entries. Grid and own supply of a point differ in their basis."""
    part = {name: column[rows] for name, column in batch.columns.items()}
    first = part["counts"] == 1
    rows, part = rows[first], {name: column[first] for name, column in part.items()}
    places = np.array(
        [[keys.setdefault((line.point_id, line.quantity, rule.basis), len(keys)) for rule in batch.rules] for line in batch.lines],
        np.int64,
    ).reshape(len(batch.lines), len(batch.rules))
    name = one.header.number * NUMBER + rows if one else np.full(len(rows), NOTHING)
    return [places[part["line"], part["rule"]], part["start"], ends(part), name]
