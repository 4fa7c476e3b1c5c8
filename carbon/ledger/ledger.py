"""The ledger: batches in the order they were sealed, as known now or as known then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from carbon.ledger import book, entries
from carbon.ledger.batch import GENESIS, Batch, Header
from carbon.ledger.chain import seal
from carbon.ledger.civil import Period, micros
from carbon.ledger.entries import Sealed, entry_id
from city.clock import as_utc
from city.problems import fault

if TYPE_CHECKING:
    import pandas as pd

_EVER = 1 << 62  # [us]: some 146,000 years


@dataclass(frozen=True)
class Ledger:
    """Sealed batches in the order of their numbers: all of a chain, or those that a question is about."""

    batches: tuple[Sealed, ...]

    @classmethod
    def of(cls, batches: Sequence[Batch], genesis: str = GENESIS) -> Ledger:
        """The ledger of batches in memory, sealed in the order given."""
        made: list[Sealed] = []
        for batch in batches:
            made.append(Sealed(seal(batch, made[-1].header if made else None, genesis), batch))
        return cls(tuple(made))

    @classmethod
    def open(cls, headers: Sequence[Header], folder: Path) -> Ledger:
        """The ledger of batches whose files lie in a folder; a file is opened when it is needed."""
        return cls(tuple(Sealed(header, folder) for header in headers))

    @property
    def root(self) -> str:
        """Root after the last batch, hex."""
        return self.batches[-1].header.root if self.batches else GENESIS

    def as_known(self, at_utc: datetime) -> Ledger:
        """The ledger as it stood at a time: without the batches that became known later. Sums and root are those of that time."""
        at = as_utc(at_utc)
        return Ledger(tuple(one for one in self.batches if one.header.known_at_utc <= at))

    def between(self, start: datetime | None, end: datetime | None) -> Ledger:
        """Its batches with periods that touch [start, end); none: without that limit. Without any it is whole, empty batches included."""
        return self if start is None and end is None else Ledger(self.touching(*_span(start, end)))

    def book(
        self,
        by: Sequence[str] = book.KEYS,
        *,
        zone: str,
        period: Period | None = "M",
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Exact sums of the entries whose period starts in [start, end), as `carbon.ledger.book.book` says."""
        first, last = _span(start, end)
        some = self.touching(first, last)
        if some:  # periods are those of the entries, where no limit is given
            first = first if start else min(one.header.start for one in some)
            last = last if end else max(one.header.end for one in some)
        return book.book(some, by, zone, period, first, last)

    def entries(self, account_id: str | None = None, start: datetime | None = None, end: datetime | None = None) -> pd.DataFrame:
        """The entries of an account (none: of all) whose period starts in [start, end), reversals among them: a LEDGER frame.

        In the order they were posted. `reverses` names the entry that one takes back, `<batch>-<row>`.
        """
        first, last = _span(start, end)
        return entries.table(self.touching(first, last), account_id, first, last)

    def find(self, name: str) -> tuple[Sealed, int]:
        """The batch and the row of an entry by its name. Raises `PenstockError` when there is none."""
        row = name.rpartition("-")[2]
        for one in self.batches:
            if row.isdecimal() and len(row) < 10 and int(row) < one.header.rows and entry_id(one.header.number, int(row)) == name:
                return one, int(row)
        raise fault(f"entry '{name}'", "not in the ledger", "<batch>-<row>, such as 12-345", "Check the name.")

    def touching(self, first: int, last: int) -> tuple[Sealed, ...]:
        """Its batches with periods that touch [first, last) [us since 1970 UTC]."""
        return tuple(one for one in self.batches if one.header.rows and one.header.end > first and one.header.start < last)


def _span(start: datetime | None, end: datetime | None) -> tuple[int, int]:
    return micros(as_utc(start)) if start else -_EVER, micros(as_utc(end)) if end else _EVER
