"""The ledger: batches in the order they were sealed, as known now or as known then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon.ledger import book as sums
from carbon.ledger import files
from carbon.ledger.batch import GENESIS, NOTHING, Batch, Header, Line, Rule
from carbon.ledger.chain import seal
from carbon.ledger.civil import Period, from_micros, micros
from carbon.ledger.coverage import STATES, coverage
from city.clock import as_utc
from city.frames import TIME
from city.problems import fault

NUMBER = 1 << 32  # `reverses` is number x this + row


@dataclass(frozen=True)
class Sealed:
    """A batch with its header, in memory or in the folder of its file, from which it is mapped when asked for."""

    header: Header
    source: Batch | Path

    @property
    def batch(self) -> Batch:
        return self.source if isinstance(self.source, Batch) else files.read(self.source, self.header)

    @property
    def lines(self) -> tuple[Line, ...]:
        return self.batch.lines

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.batch.rules

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        return self.batch.columns


@dataclass(frozen=True)
class Ledger:
    """Sealed batches in the order of their numbers: all of a chain, or those that a question is about."""

    batches: tuple[Sealed, ...]

    @classmethod
    def of(cls, batches: Sequence[Batch], genesis: str = GENESIS) -> "Ledger":
        """The ledger of batches in memory, sealed in the order given."""
        made: list[Sealed] = []
        for batch in batches:
            made.append(Sealed(seal(batch, made[-1].header if made else None, genesis), batch))
        return cls(tuple(made))

    @classmethod
    def open(cls, headers: Sequence[Header], folder: Path) -> "Ledger":
        """The ledger of batches whose files lie in a folder; a file is opened when it is needed."""
        return cls(tuple(Sealed(header, folder) for header in headers))

    @property
    def root(self) -> str:
        """Root after the last batch, hex."""
        return self.batches[-1].header.root if self.batches else GENESIS

    def as_known(self, at_utc: datetime) -> "Ledger":
        """The ledger as it stood at a time: without the batches that became known later."""
        at = as_utc(at_utc)
        return Ledger(tuple(one for one in self.batches if one.header.known_at_utc <= at))

    def between(self, start: datetime | None, end: datetime | None) -> "Ledger":
        """Its batches with periods that touch [start, end)."""
        first, last = (micros(as_utc(time)) if time else None for time in (start, end))
        return Ledger(
            tuple(
                one
                for one in self.batches
                if one.header.rows and (first is None or one.header.end > first) and (last is None or one.header.start < last)
            )
        )

    def book(
        self,
        by: Sequence[str] = sums.KEYS,
        *,
        zone: str,
        period: Period | None = "M",
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Exact sums of the entries whose period starts in [start, end), as `carbon.ledger.book.book` says."""
        some = self.between(start, end)
        if not some.batches:
            empty: dict[str, Any] = {name: "int64" if name == "scope" else "str" for name in sums.KEYS if name in by or name in sums.KEPT}
            empty |= ({"period": "str"} if period else {}) | dict.fromkeys(sums.SUMS, "int64")
            return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in empty.items()})
        first = micros(as_utc(start)) if start else min(one.header.start for one in some.batches)
        last = micros(as_utc(end)) if end else max(one.header.end for one in some.batches)
        return sums.book(lambda: (one.batch for one in some.batches), by, zone, period, first, last)

    def entries(self, account_id: str | None = None, start: datetime | None = None, end: datetime | None = None) -> pd.DataFrame:
        """The entries of an account (none: of all) whose period starts in [start, end), reversals among them: a LEDGER frame.

        In the order they were posted. `reverses` names the entry that one takes back, `<batch>-<row>`.
        """
        first, last = (micros(as_utc(time)) if time else None for time in (start, end))
        parts = [_entries(one, account_id, first, last) for one in self.between(start, end).batches]
        parts = [part for part in parts if len(part)] or [_entries(one, account_id, 0, 0) for one in _NONE]
        made = pd.concat(parts, ignore_index=True)
        texts = ("account_id", "point_id", "quantity", "activity", "rule_id", "gas", "kind", "basis", "state", "reason")
        return made.astype(dict.fromkeys(texts, "category"))

    def live(self, start: int, end: int) -> Iterator[tuple[Sealed, Batch, NDArray[np.intp]]]:
        """Of each batch the rows that start in [start, end) [us since 1970 UTC], take nothing back and are not taken back."""
        taken: dict[int, list[NDArray[np.int64]]] = {}
        for one in self.batches:
            reverses = one.columns["reverses"]
            for name in np.unique(reverses[reverses != NOTHING] // NUMBER).tolist():
                taken.setdefault(name, []).append(reverses[reverses // NUMBER == name] % NUMBER)
        for one in self.batches:
            batch = one.batch
            column = batch.columns
            good = (column["start"] >= start) & (column["start"] < end) & (column["reverses"] == NOTHING)
            for rows in taken.get(one.header.number, []):
                good[rows] = False
            yield one, batch, np.flatnonzero(good)


_EMPTY = Batch((), (), {name: np.zeros(0, dtype) for name, dtype in files.COLUMNS.items()}, from_micros(0))
_NONE = Ledger.of([_EMPTY]).batches


def entry_id(number: int, row: int) -> str:
    """The name of an entry: its batch and its row there."""
    return f"{number}-{row}"


def find(ledger: Ledger, name: str) -> tuple[Sealed, int]:
    """The batch and the row of an entry by its name. Raises `PenstockError` when there is none."""
    number, _, row = name.partition("-")
    for one in ledger.batches:
        if str(one.header.number) == number and row.isdecimal() and int(row) < one.header.rows:
            return one, int(row)
    raise fault(f"entry '{name}'", "not in the ledger", "<batch>-<row>, such as 12-345", "Check the name.")


def _entries(one: Sealed, account_id: str | None, first: int | None, last: int | None) -> pd.DataFrame:
    batch = one.batch
    column = batch.columns
    good = np.ones(batch.rows, bool) if first is None else column["start"] >= first
    if last is not None:
        good &= column["start"] < last
    if account_id is not None:
        wanted = np.array([line.account_id == account_id for line in batch.lines], bool)
        good &= wanted[column["line"]]
    rows = np.flatnonzero(good)
    part = {name: values[rows] for name, values in column.items()}
    back = [entry_id(*divmod(name, NUMBER)) if name != NOTHING else None for name in part["reverses"].tolist()]
    made: dict[str, Any] = {"entry_id": pd.array([entry_id(one.header.number, row) for row in rows.tolist()], dtype="str")}
    for name in ("account_id", "point_id", "quantity", "scope", "activity"):
        made[name] = _taken([getattr(line, name) for line in batch.lines], part["line"])
    for name in ("start", "end"):
        times = part["start"] + (part["seconds"] * np.int64(1_000_000) if name == "end" else 0)
        made[f"period_{name}_utc"] = pd.DatetimeIndex(times.view("datetime64[us]"), tz="UTC")
    made |= {"amount": part["amount"], "mg": part["mg"]}
    for name in ("gas", "rule_id", "kind", "basis"):
        made[name] = _taken([getattr(rule, name) for rule in batch.rules], part["rule"])
    made |= {name: part[name].astype(np.int64) for name in ("quality", "version", "counts")}
    made["state"] = _taken(list(STATES), coverage(part["quality"]))
    made["reverses"] = pd.array(back, dtype="str")
    made["known_at_utc"] = pd.Series(batch.known_at_utc, index=range(len(rows)), dtype=TIME).array
    made["reason"] = pd.array([batch.reason] * len(rows), dtype="str")
    return pd.DataFrame(made)


def _taken(values: list[Any], codes: NDArray[np.integer[Any]]) -> Any:
    kind = "int64" if values and isinstance(values[0], int) else "str"
    return pd.Series(values, dtype=kind).take(codes).array
