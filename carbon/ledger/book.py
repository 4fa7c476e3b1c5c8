"""Exact sums of entries by what their lines and rules say and by civil period."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from carbon.ledger.batch import NOTHING, Batch, Line, Rule
from carbon.ledger.civil import Period, Periods
from carbon.ledger.coverage import STATES, coverage
from carbon.ledger.entries import Sealed
from city.problems import fault

if TYPE_CHECKING:
    import pandas as pd

OF_LINE = ("account_id", "site", "district", "sector", "scope", "gpc", "activity", "carrier", "quantity")
OF_RULE = ("kind", "basis", "gas", "rule_id")
KEYS = (*OF_LINE, *OF_RULE)
KEPT = ("quantity", "kind", "basis", "gas")  # a sum over two of them would mean nothing
SUMS = ("amount", "mg", *STATES, "mg_estimated", "mg_substituted")
CHUNK = 1 << 16  # rows at a time
_ADDABLE = 1 << (62 - 16)  # a chunk of smaller numbers cannot pass 64 bits


def book(batches: Sequence[Sealed], by: Sequence[str], zone: str, period: Period | None, first: int, last: int) -> pd.DataFrame:
    """Sums of the entries that start in [first, last) [us since 1970 UTC].

    Columns: those of `by` and always `KEPT`, in the order of `KEYS`; `period` (none: the whole time in one sum); `SUMS`: amount
    [stored units] and the number of measured, estimated, substituted and missing usage rows, of each first gas; mg, and what of it is
    estimated and substituted [mg of the gas]. A reversal takes its entry off all of them. All int64, ordered by their keys. Raises
    `PenstockError` for an unknown column and for a sum beyond 64 bits.
    """

    import pandas as pd

    if unknown := sorted(set(by) - set(KEYS)):
        raise fault("ledger sums", f"by {', '.join(unknown)}", ", ".join(KEYS), "Choose among them.")
    names = [name for name in KEYS if name in by or name in KEPT]
    lines = _Groups([name for name in names if name in OF_LINE])
    rules = _Groups([name for name in names if name in OF_RULE])
    for one in batches:
        batch = one.batch
        lines.add(batch.lines)
        rules.add(batch.rules)
    lines.settle()
    rules.settle()
    periods = Periods(first, max(first, last - 1), zone, period) if period and batches else None
    width = len(periods.labels) if periods else 1
    runs = [run for one in batches for run in _runs(one.batch, lines, rules, periods, width, first, last)]
    keys, sums = _added(runs)
    made = {**lines.columns(keys // width // max(len(rules.found), 1)), **rules.columns(keys // width % max(len(rules.found), 1))}
    frame = pd.DataFrame({name: made[name] for name in names})
    if period:
        labels = periods.labels if periods else []
        frame["period"] = pd.Series(labels, dtype="str").take(keys % width).array
    return frame.assign(**sums)


@dataclass
class _Groups:
    """The distinct values of some fields of lines or rules, numbered in order."""

    names: list[str]

    def __post_init__(self) -> None:
        self.found: dict[tuple[Any, ...], int] = {}
        self._seen: dict[int, tuple[Any, list[tuple[Any, ...]]]] = {}  # keeps what it has seen, so that no id comes again
        self._codes: dict[int, NDArray[np.int64]] = {}

    def add(self, rows: Sequence[Line] | Sequence[Rule]) -> None:
        if id(rows) not in self._seen:
            get = attrgetter(*self.names) if len(self.names) > 1 else (lambda row: (getattr(row, self.names[0]),))
            said = [get(row) for row in rows]
            self._seen[id(rows)] = rows, said
            for one in said:  # lines read from their file again, after `settle`, keep their number
                self.found.setdefault(one, 0)

    def settle(self) -> None:
        self.found = {said: number for number, said in enumerate(sorted(self.found))}

    def codes(self, rows: Sequence[Line] | Sequence[Rule]) -> NDArray[np.int64]:
        """int64[n]: the number of each row."""
        self.add(rows)
        if id(rows) not in self._codes:
            self._codes[id(rows)] = np.array([self.found[said] for said in self._seen[id(rows)][1]], np.int64)
        return self._codes[id(rows)]

    def columns(self, numbers: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The fields of numbered groups."""

        import pandas as pd

        made = {}
        for place, name in enumerate(self.names):
            values = pd.Series([said[place] for said in self.found], dtype="int64" if name == "scope" else "str")
            made[name] = values.take(numbers).array
        return made


_Run = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _runs(batch: Batch, lines: _Groups, rules: _Groups, periods: Periods | None, width: int, first: int, last: int) -> Iterator[_Run]:
    """Key x 4 + state, amount, mg and rows of stretches of entries that have the same. Entries come in order, so there are few."""
    line_of, rule_of = lines.codes(batch.lines) * (max(len(rules.found), 1) * width), rules.codes(batch.rules) * width
    for begin in range(0, batch.rows, CHUNK):
        part = {name: column[begin : begin + CHUNK] for name, column in batch.columns.items()}
        inside = (part["start"] >= first) & (part["start"] < last)
        if not inside.all():
            part = {name: column[inside] for name, column in part.items()}
        if not len(part["start"]):
            continue
        key = line_of[part["line"]] + rule_of[part["rule"]]
        if periods:
            key += periods.of(part["start"])
        key = key * len(STATES) + coverage(part["quality"])
        counts = part["counts"].astype(np.int64)
        amount, mg = part["amount"] * counts, part["mg"]
        entries = np.where(part["reverses"] == NOTHING, counts, -counts)
        edge = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
        if max(max(int(column.max()), -int(column.min())) for column in (amount, mg)) < _ADDABLE:
            yield key[edge], np.add.reduceat(amount, edge), np.add.reduceat(mg, edge), np.add.reduceat(entries, edge)
        else:  # left to the last step, which proves every sum
            yield key, amount, mg, entries


def _added(runs: Sequence[_Run]) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """Distinct keys in order, and `SUMS` of each."""
    stated, amount, mg, entries = (np.concatenate([run[i] for run in runs]) if runs else np.zeros(0, np.int64) for i in range(4))
    del runs
    keys, group = np.unique(stated // len(STATES), return_inverse=True)
    state = stated % len(STATES)
    made = {"amount": _exact(amount, group, len(keys), "amount"), "mg": _exact(mg, group, len(keys), "mg")}
    for number, name in enumerate(STATES):
        made[name] = _exact(np.where(state == number, entries, 0), group, len(keys), name)
    for name in ("estimated", "substituted"):
        made[f"mg_{name}"] = _exact(np.where(state == STATES.index(name), mg, 0), group, len(keys), f"mg_{name}")
    return keys, made


def _exact(values: NDArray[np.int64], group: NDArray[np.intp], groups: int, name: str) -> NDArray[np.int64]:
    """Sums by group, exact or refused: high and low 32 bits are added apart, neither of which can pass 64 bits below 2^31 values."""
    high, low = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
    np.add.at(high, group, values >> 32)
    np.add.at(low, group, values & 0xFFFFFFFF)
    high += low >> 32
    if len(high) and (int(high.max()) >= 1 << 31 or int(high.min()) < -(1 << 31)):
        raise fault(f"ledger sum of {name}", "a sum beyond 64 bits", "sums below 2^63", "Sum a shorter span, and check the largest entry.")
    return (high << 32) | (low & 0xFFFFFFFF)
