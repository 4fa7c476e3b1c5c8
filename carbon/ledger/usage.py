"""A USAGE frame as columns in the order of the ledger: checked, one row per account, supply and period."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon.ledger.civil import from_micros
from city import quality as q
from city.problems import PenstockError, Problem, fault

SUPPLIES: tuple[Literal["grid", "own"], ...] = ("grid", "own")
_NEEDED = ("point_id", "period_start_utc", "period_end_utc", "quantity", "amount", "quality", "version")
_NOT_A_TIME = np.iinfo(np.int64).min
CHUNK = 1 << 16  # rows checked at a time: the intermediate results stay in the cache
_SHOWN = 20  # rows named in one refusal


@dataclass(frozen=True)
class Usage:
    """n usage rows of accounts, ordered by place and start."""

    place: NDArray[np.int32]  # 2 x the account's number, plus 1 for own supply
    start: NDArray[np.int64]  # [us since 1970 UTC]
    end: NDArray[np.int64]
    amount: NDArray[np.int64]  # as given [Wh, mL, g]
    quality: NDArray[np.int32]
    version: NDArray[np.int32]
    row: NDArray[np.intp]  # in the frame it came from

    def take(self, rows: NDArray[Any]) -> "Usage":
        """The rows of an index or a mask."""
        return Usage(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def said(self, number: int, points: tuple[str, ...]) -> str:
        """What a row is called in a sentence."""
        period = f"{from_micros(self.start[number]):%Y-%m-%dT%H:%MZ} to {from_micros(self.end[number]):%Y-%m-%dT%H:%MZ}"
        return f"usage row {self.row[number]} of '{points[self.place[number] // 2]}', {period}"


def ordered(usage: pd.DataFrame, accounts: Mapping[tuple[str, str], int], points: tuple[str, ...]) -> Usage:
    """The usage of accounts, in order of account number, supply and start; the latest version of each period.

    `accounts` numbers each (point, quantity), `points` are their points by number. Rows of other points are left out. Text columns may
    be categorical: then no text is touched. Raises `PenstockError` naming rows for columns of another type, periods that are doubled,
    overlapping or without length, and negative amounts.
    """
    if gone := [name for name in _NEEDED if name not in usage.columns]:
        raise fault("usage", f"no column {', '.join(gone)}", f"columns {', '.join(_NEEDED)}", "Correct the table.")
    place = _places(usage, accounts)
    rows = np.flatnonzero(place >= 0)
    every = len(rows) == len(place)
    made = Usage(
        place,
        _times(usage["period_start_utc"]),
        _times(usage["period_end_utc"]),
        _whole(usage["amount"], np.int64),
        _whole(usage["quality"], np.int32),
        _whole(usage["version"], np.int32),
        rows if every else np.arange(len(place)),
    )
    made = _sorted(made if every else made.take(rows), points)
    _refuse_bad(made, points)
    return made


def _codes(column: "pd.Series[Any]") -> tuple[NDArray[Any], list[str]]:
    """Codes and distinct texts of a column, categorical or not. Raises `PenstockError` for an empty cell."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, texts = column.cat.codes.to_numpy(), column.cat.categories
    else:
        codes, texts = pd.factorize(column)
    if len(codes) and codes.min() < 0:
        raise fault(f"usage row {int(np.argmin(codes))}", f"no {column.name}", "text", "Correct the table.")
    return codes, [str(text) for text in texts]


def _places(usage: pd.DataFrame, accounts: Mapping[tuple[str, str], int]) -> NDArray[np.int32]:
    """int32[n]: the place of each row (see `Usage`), below 0 for a point without an account."""
    points, names = _codes(usage["point_id"])
    quantities, units = _codes(usage["quantity"])
    number = [[2 * accounts.get((name, unit), -1) for unit in units] for name in names]
    table = np.array(number, np.int32).reshape(len(names), len(units))
    place = table[points, quantities] if len(units) != 1 else table[:, 0][points]
    if "supply" in usage.columns:
        supplies, words = _codes(usage["supply"])
        if unknown := sorted(set(words) - set(SUPPLIES)):
            raise fault("usage, column supply", f"'{unknown[0]}'", "grid or own", "Correct the table.")
        place = place + np.array([SUPPLIES.index(word) for word in words], np.int32)[supplies] if words else place
    return place


def _times(column: "pd.Series[Any]") -> NDArray[np.int64]:
    """int64[n] [us since 1970 UTC] of a column of times with zone."""
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        if not len(column):
            return np.zeros(0, np.int64)
        raise fault(f"usage, column {column.name}", f"{column.dtype}", "times with a zone", "Give datetime64[us, UTC].")
    exact = column if column.dtype.unit == "us" else column.dt.as_unit("us")  # which copies even what it has not to change
    made = exact.to_numpy("datetime64[us]").view(np.int64)
    if len(made) and made.min() == _NOT_A_TIME:
        raise fault(f"usage row {int(np.argmin(made))}", f"no {column.name}", "a time", "Correct the table.")
    return made


def _whole(column: "pd.Series[Any]", kind: type[np.integer[Any]]) -> NDArray[Any]:
    """A column of whole numbers that fit `kind`; 0 to 65535 for a quality."""
    if not len(column):
        return np.zeros(0, kind)
    values = column.to_numpy()
    if values.dtype.kind not in "iu":
        raise fault(f"usage, column {column.name}", f"{column.dtype}", "whole numbers", "Give stored integers such as Wh or mL.")
    low, high = (0, (1 << 16) - 1) if column.name == "quality" else (int(np.iinfo(kind).min), int(np.iinfo(kind).max))
    if int(values.min()) < low or int(values.max()) > high:
        row = int(np.argmax((values < low) | (values > high)))
        raise fault(f"usage row {row}", f"{column.name} {int(values[row])}", f"{low} to {high}", "Correct the table.")
    return values.astype(kind, copy=False)


def _sorted(made: Usage, points: tuple[str, ...]) -> Usage:
    """In order of place and start, the latest version of each period; rows already in order are not moved."""
    place, start = made.place, made.start
    same = place[1:] == place[:-1]
    if ((place[1:] > place[:-1]) | (same & (start[1:] > start[:-1]))).all():
        return made
    made = made.take(_order(made))
    place, start, end = made.place, made.start, made.end
    again = (place[1:] == place[:-1]) & (start[1:] == start[:-1]) & (end[1:] == end[:-1])
    doubled = 1 + np.flatnonzero(again & (made.version[1:] == made.version[:-1]))
    _refuse(made, doubled, points, "given twice in the same version", "one row per period and version")
    return made.take(np.append(~again, True)) if again.any() else made


def _order(made: Usage) -> NDArray[np.intp]:
    """Rows by place, start, end and version. Where place and start tell all rows apart, one key sorts faster than four."""
    since, span = int(made.start.min()), int(made.start.max()) - int(made.start.min()) + 1
    if (int(made.place.max()) + 1) * span < 1 << 63:
        key = made.place.astype(np.int64) * span + (made.start - since)
        order = np.argsort(key)
        key = key[order]
        if (key[1:] > key[:-1]).all():
            return order
    return np.lexsort((made.version, made.end, made.start, made.place))


def _refuse_bad(made: Usage, points: tuple[str, ...]) -> None:
    """Raise for the first bad rows of the first fault found: nothing is posted in part."""
    longest = np.iinfo(np.int32).max * 1_000_000
    for first in range(0, len(made.place), CHUNK):
        rows = slice(max(first - 1, 0), first + CHUNK)  # with the row before
        place, start, end, amount = made.place[rows], made.start[rows], made.end[rows], made.amount[rows]
        length = end - start
        whole = (length > 0) & (length <= longest) & (length == length // 1_000_000 * 1_000_000)
        apart = (place[1:] != place[:-1]) | (start[1:] >= end[:-1])
        if not (whole.all() and apart.all() and (amount >= 0).all()):
            _refuse(
                made, rows.start + np.flatnonzero(length <= 0), points, "a period that does not end after its start", "a period with length"
            )
            observed = "a period of no whole number of seconds, or of more than 68 years"
            _refuse(made, rows.start + np.flatnonzero(~whole), points, observed, "whole seconds")
            _refuse(made, rows.start + 1 + np.flatnonzero(~apart), points, "overlaps the period before", "periods side by side")
            negative = np.flatnonzero((amount < 0) & q.usable(made.quality[rows]))
            _refuse(made, rows.start + negative, points, "a negative amount", "zero or more; generation has an account of its own")


def _refuse(made: Usage, bad: NDArray[np.intp], points: tuple[str, ...], observed: str, allowed: str) -> None:
    if len(bad):
        remedy = "Correct the usage and post again." + (f" ({len(bad)} rows are like this.)" if len(bad) > _SHOWN else "")
        raise PenstockError(Problem(made.said(row, points), observed, allowed, remedy) for row in bad[:_SHOWN].tolist())
