"""Electricity by the hour out of the ledger's book: what was used, what the city's own plants gave of it, and where that counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.clock import local
from city.problems import fault

Wh = NDArray[np.int64]


@dataclass(frozen=True)
class Hours:
    """Electricity of n accounts and m own plants over t hours; every array is int64 and exact."""

    accounts: tuple[str, ...]
    plants: tuple[str, ...]
    times: pd.DatetimeIndex  # starts of the hours, UTC, one after the other
    zone: str  # whose civil months and years it is read by
    used_wh: Wh  # [n, t] all consumption, own supply included [Wh]
    own_wh: Wh  # [n, t] of that, from the city's own plants [Wh]
    made_wh: Wh  # [m, t] generation of the own plants [Wh]
    location_mg: Wh  # [n, t] location-based emissions [mg CO2e]
    lacking: NDArray[np.bool_]  # [n, t] nothing usable stands in the ledger, or a part is missing

    def __post_init__(self) -> None:
        n, t = len(self.accounts), len(self.times)
        shapes = [array.shape for array in (self.used_wh, self.own_wh, self.location_mg, self.lacking)]
        if shapes != [(n, t)] * 4 or self.made_wh.shape != (len(self.plants), t):
            raise fault("hours of electricity", f"{shapes}", f"{(n, t)}", "Give one row per account and one column per hour.")
        if (self.own_wh > self.used_wh).any() or min(self.own_wh.min(initial=0), self.made_wh.min(initial=0)) < 0:
            who = self.accounts[int(np.argmax((self.own_wh > self.used_wh).any(axis=1)))] if n else ""
            raise fault(f"account '{who}'", "own supply above its use, or below zero", "0 to its use", "Look at its entries.")

    @property
    def grid_wh(self) -> Wh:
        """Drawn from the public grid, [n, t]."""
        return self.used_wh - self.own_wh

    @property
    def months(self) -> NDArray[np.str_]:
        """Civil month of each hour, such as 2023-05."""
        return np.asarray(local(self.times, self.zone).strftime("%Y-%m"), dtype=str)

    def within(self, start_utc: datetime, end_utc: datetime) -> slice:
        """The hours that start in [start, end)."""
        first, last = self.times.searchsorted([pd.Timestamp(start_utc), pd.Timestamp(end_utc)])
        return slice(int(first), int(last))


def users(book: pd.DataFrame) -> tuple[str, ...]:
    """Accounts of a BOOK whose electricity counts in scope 2, in order: postings, so neither generation nor certificates."""
    return tuple(sorted(set(book["account_id"][_scope2(book)])))


def _scope2(book: pd.DataFrame) -> NDArray[np.bool_]:
    return ((book["carrier"] == "electricity") & (book["kind"] == "posting") & (book["scope"] == 2)).to_numpy()


def hours_of(
    books: Iterable[pd.DataFrame],
    accounts: Sequence[str],
    plants: Sequence[str],
    start_utc: datetime,
    end_utc: datetime,
    zone: str,
    weights: Mapping[str, Decimal],
) -> Hours:
    """Hours of electricity in [start, end) out of BOOKs by hour, one after the other (a year of many accounts is too long for one).

    `books`: account_id, scope, carrier, period (start of the hour with offset), kind, basis, gas, amount [Wh], mg, counts of usage
    rows. `accounts` as `users` gives them; `plants`: ids of the own-renewable accounts. `weights`: GWP of each gas [1], CO2e 1. An hour
    without an entry counts as lacking and weighs nothing; an entry longer than an hour stands in its first one, so the ledger must
    post by the hour. Raises `PenstockError` for a gas without weight and for a sum of other hours.
    """
    times = pd.date_range(start_utc, end_utc, freq="h", inclusive="left", unit="us")
    names, n = pd.Index([*accounts, *plants]), len(accounts)
    amount, own, mass, told, gone = (np.zeros((len(names), len(times)), dtype=np.int64) for _ in range(5))
    for book in books:
        labels, distinct = pd.factorize(book["period"])
        columns = times.get_indexer(pd.DatetimeIndex(pd.to_datetime(distinct, utc=True)).as_unit("us"))[labels]
        rows = names.get_indexer(book["account_id"])
        keep = (rows >= 0) & (_scope2(book) | ((rows >= n) & (book["kind"] == "memo").to_numpy()))
        if (columns[keep] < 0).any():
            odd = book["period"].to_numpy()[keep & (columns < 0)][0]
            raise fault(
                "hours of electricity", f"a sum of {odd}", f"hours from {times[0]} on", "Sum the book from the same civil midnight."
            )
        part, cells = book[keep], (rows[keep], columns[keep])
        direct = (part["basis"] == "direct").to_numpy()
        usable = part["measured"] + part["estimated"] + part["substituted"]
        for table, values in (
            (amount, part["amount"]),
            (own, part["amount"] * direct),
            (mass, _weighed(part, weights)),
            (told, usable),
            (gone, part["missing"]),
        ):
            np.add.at(table, cells, np.asarray(values, dtype=np.int64))
    lacking = (told[:n] == 0) | (gone[:n] > 0)
    return Hours(tuple(accounts), tuple(plants), times, zone, amount[:n], own[:n], amount[n:], mass[:n], lacking)


def _weighed(book: pd.DataFrame, weights: Mapping[str, Decimal]) -> Wh:
    """Milligrams CO2e of each row, half to even; CO2 and CO2e weigh 1 and stay as they are."""
    mg = book["mg"].to_numpy("int64").copy()
    for gas in sorted(set(book["gas"]) - {"CO2", "CO2e", "-"}):
        if gas not in weights:
            raise fault(f"gas '{gas}'", "no warming potential", ", ".join(sorted(weights)), "Choose a set of potentials that has it.")
        rows = np.flatnonzero((book["gas"] == gas).to_numpy())
        mg[rows] = [round(int(mg[row]) * Fraction(weights[gas])) for row in rows]
    return mg
