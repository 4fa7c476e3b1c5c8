"""Single entries: their names, the rows of a batch as a table, and what of the ledger still stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from carbon.ledger import files
from carbon.ledger.batch import NOTHING, Batch, Header, Line, Rule, no_entries, same_throughout
from carbon.ledger.coverage import STATES, coverage
from city.frames import TIME

if TYPE_CHECKING:
    import pandas as pd

NUMBER = 1 << 32  # `reverses` is number x this + row
_TEXTS = ("account_id", "point_id", "quantity", "activity", "rule_id", "gas", "kind", "basis", "state", "reason")


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


def entry_id(number: int, row: int) -> str:
    """The name of an entry: its batch and its row there."""
    return f"{number}-{row}"


def ends(columns: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
    """int64[n]: end of each period [us since 1970 UTC]."""
    return columns["start"] + columns["seconds"] * np.int64(1_000_000)


def standing(batches: Sequence[Sealed], start: int, end: int) -> Iterator[tuple[Sealed, Batch, NDArray[np.intp]]]:
    """Of each batch the rows whose period touches [start, end) [us since 1970 UTC], that take nothing back and are not taken back."""
    taken: dict[int, list[NDArray[np.int64]]] = {}
    for one in batches:
        reverses = one.columns["reverses"]
        if same_throughout(reverses) and reverses[0] == NOTHING:
            continue  # as in most batches
        reverses = reverses[reverses != NOTHING]
        for number in np.unique(reverses // NUMBER).tolist():
            taken.setdefault(number, []).append(reverses[reverses // NUMBER == number] % NUMBER)
    for one in batches:
        batch = one.batch
        column = batch.columns
        good = (column["start"] < end) & (ends(column) > start) & (column["reverses"] == NOTHING)
        for rows in taken.get(one.header.number, []):
            good[rows] = False
        yield one, batch, np.flatnonzero(good)


def table(batches: Sequence[Sealed], account_id: str | None, first: int, last: int) -> pd.DataFrame:
    """The entries of an account (none: of all) that start in [first, last) [us since 1970 UTC], reversals among them."""

    import pandas as pd

    parts = [_rows(one.batch, one.header.number, account_id, first, last) for one in batches]
    return pd.concat(parts or [_rows(no_entries(), 0, None, 0, 0)], ignore_index=True).astype(dict.fromkeys(_TEXTS, "category"))


def _rows(batch: Batch, number: int, account_id: str | None, first: int, last: int) -> pd.DataFrame:
    import pandas as pd

    column = batch.columns
    good = (column["start"] >= first) & (column["start"] < last)
    if account_id is not None:
        wanted = np.array([line.account_id == account_id for line in batch.lines], bool)
        good &= wanted[column["line"]]
    rows = np.flatnonzero(good)
    part = {name: values[rows] for name, values in column.items()}
    made: dict[str, Any] = {"entry_id": pd.array([entry_id(number, row) for row in rows.tolist()], dtype="str")}
    for name in ("account_id", "point_id", "quantity", "scope", "activity"):
        made[name] = _taken([getattr(line, name) for line in batch.lines], part["line"], name)
    made["period_start_utc"] = pd.DatetimeIndex(part["start"].view("datetime64[us]"), tz="UTC")
    made["period_end_utc"] = pd.DatetimeIndex(ends(part).view("datetime64[us]"), tz="UTC")
    made |= {"amount": part["amount"], "mg": part["mg"]}
    for name in ("gas", "rule_id", "kind", "basis"):
        made[name] = _taken([getattr(rule, name) for rule in batch.rules], part["rule"], name)
    made |= {name: part[name].astype(np.int64) for name in ("quality", "version", "counts")}
    made["state"] = _taken(list(STATES), coverage(part["quality"]), "state")
    back = [entry_id(*divmod(name, NUMBER)) if name != NOTHING else None for name in part["reverses"].tolist()]
    made["reverses"] = pd.array(back, dtype="str")
    made["known_at_utc"] = pd.Series(batch.known_at_utc, index=range(len(rows)), dtype=TIME).array
    made["reason"] = pd.array([batch.reason] * len(rows), dtype="str")
    return pd.DataFrame(made)


def _taken(values: list[Any], codes: NDArray[np.integer[Any]], name: str) -> Any:
    import pandas as pd

    return pd.Series(values, dtype="int64" if name == "scope" else "str").take(codes).array
