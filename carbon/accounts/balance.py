"""Balances that must close to the watt-hour and the milligram: the grid's losses, and the levels of the books."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon.accounts.account import AccountKind
from carbon.accounts.grid_loss import GridLoss
from carbon.accounts.own_renewable import OwnRenewable
from city import quality as q
from city.frames import Block
from city.problems import Problem, fault
from city.quality import Cause, Flag

_KEYS = ("period", "kind", "basis", "gas", "quantity")
_SHOWN = 5


def grid_loss(
    account: GridLoss, accounts: Sequence[AccountKind], block: Block
) -> tuple[NDArray[np.int64], NDArray[np.uint16], list[Problem]]:
    """Losses of the city's own grid per step: infeed + generation - outfeed - all meters.

    `block` holds the points of the account's infeed, outfeed and generation, of own generation and of all accounts of used electricity,
    int64[n, t] [Wh], main meters less their sub-meters already. Returns int64[t] [Wh] and uint16[t]: a step is missing where one of them
    is, an estimate where one of them is no measurement, and questionable where the meters saw more than came in, which a problem says.
    Raises `PenstockError` for a point that is not in the Block.
    """
    terms = [*((name, 1) for name in (*account.infeed, *account.generation)), *((name, -1) for name in account.outfeed)]
    terms += [(a.point, 1 if _feeds(a) else -1) for a in accounts if _feeds(a) or (a.takes_own_supply and a.id != account.id)]
    sign: Counter[str] = Counter()
    for name, one in terms:  # a point may stand on both sides
        sign[name] += one
    absent = [name for name in sign if name not in block.ids]
    if absent:
        observed = f"no values of {', '.join(absent[:_SHOWN])}"
        raise fault(f"account '{account.id}'", observed, "infeed, generation and all meters in the same steps", "Give them one step_s.")
    parts = block.select(list(sign))
    usable = parts.usable().all(axis=0)
    values = (np.where(parts.usable(), parts.values, 0) * np.array(list(sign.values()), np.int64)[:, None]).sum(axis=0)
    below = usable & (values < 0)
    exact = q.measured(parts.quality).all(axis=0)
    quality = np.where(~usable, q.missing(Cause.GAP), np.where(exact, q.VALID, int(Flag.ESTIMATED_LIKE_DAY))).astype(np.uint16)
    quality[below] = q.questionable(Cause.SUM_CHECK)
    if not below.any():
        return values, quality, []
    first = block.start_utc + int(np.argmax(below)) * block.step
    observed = f"meters saw {-int(values[below].sum())} Wh more than came in, in {int(below.sum())} steps, first {first:%Y-%m-%dT%H:%MZ}"
    remedy = "Check that all infeed is named, the transformers' ratios and the meters' clocks."
    return values, quality, [Problem(f"account '{account.id}'", observed, "a loss of zero or more", remedy)]


def _feeds(account: AccountKind) -> bool:
    """Does a plant's meter see what comes into the grid? Behind a main meter it does not: that meter's export is `generation` then."""
    return isinstance(account, OwnRenewable) and account.within is None


def levels(books: Mapping[str, pd.DataFrame]) -> list[Problem]:
    """Problems where two levels of the books do not have the same sums.

    `books` maps a level's name (city, district, site, account) to its BOOK frame. Sums of `amount` [Wh, mL, g] and `mg` per period, kind,
    basis, gas and quantity must agree exactly with those of the first level.
    """
    (first, whole), *others = ((name, _sums(book)) for name, book in books.items())
    problems = []
    for name, sums in others:
        both = whole.align(sums, fill_value=0)
        apart = (both[0] != both[1]).any(axis=1)
        for key, one, other in zip(both[0].index[apart][:_SHOWN], both[0][apart].to_numpy(), both[1][apart].to_numpy(), strict=False):
            said = ", ".join(f"{column} {value}" for column, value in zip(_KEYS, key, strict=True))
            observed = f"amount {one[0]} and {other[0]}, mg {one[1]} and {other[1]}"
            problems.append(Problem(f"books by {first} and by {name}, {said}", observed, "the same sums", "Recompute the ledger."))
    return problems


def _sums(book: pd.DataFrame) -> pd.DataFrame:
    return book.astype(dict.fromkeys(_KEYS, str)).groupby(list(_KEYS), observed=True)[["amount", "mg"]].sum()


def electricity(
    book: pd.DataFrame, accounts: Sequence[AccountKind], infeed_wh: Mapping[str, int], outfeed_wh: Mapping[str, int] | None = None
) -> list[Problem]:
    """Problems where a period's books do not close: used + lost = infeed + own generation - outfeed, to the watt-hour.

    `book` is a BOOK frame by account; `infeed_wh` and `outfeed_wh` [Wh] are by its periods.
    """
    sign = {a.id: -1 if _feeds(a) else 1 for a in accounts if a.takes_own_supply or _feeds(a)}
    known = book[book["account_id"].isin(list(sign))]
    signed = known["amount"] * known["account_id"].astype(str).map(sign)
    taken = signed.groupby(known["period"].astype(str)).sum()
    problems = []
    for period, infeed in infeed_wh.items():
        came, net_use = infeed - (outfeed_wh or {}).get(period, 0), int(taken.get(period, 0))
        if net_use != came:
            observed = f"{net_use} Wh used and lost beyond own generation, {came} Wh came in"
            remedy = "Look for accounts that are missing or counted twice, and for hours that are missing."
            problems.append(Problem(f"electricity of {period}", observed, "the same", remedy))
    return problems
