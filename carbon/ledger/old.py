"""The carbon ledger: usage in, exact entries out. Amounts and masses are integers; no float takes part."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon.accounts import Account, apply
from carbon.factors import Factor
from carbon.ledger.batch import Rule
from city import quality as q
from city.clock import as_utc, local
from city.frames import LEDGER, USAGE, checked
from city.problems import PenstockError, Problem, fault

__all__ = ["Account", "civil_labels", "coverage", "mass_mg", "post"]

_INT64 = 2**63 - 1
_ESTIMATES = int(q.Flag.EDITED | q.Flag.ESTIMATED_LIKE_DAY | q.Flag.ESTIMATED_LINEAR)


def coverage(quality: NDArray[np.integer]) -> NDArray[np.object_]:
    """`measured`, `estimated` (edited counts as that) or `missing` for each quality; what is missing weighs nothing."""
    code = np.asarray(quality)
    usable = q.usable(code)
    return np.where(~usable, "missing", np.where((code & _ESTIMATES) != 0, "estimated", "measured")).astype(object)


def civil_labels(times: pd.Series, zone: str, pattern: str) -> NDArray[np.object_]:
    """Civil day (`%Y-%m-%d`) or month of each UTC time. Accounts share their times, so each distinct one is formatted once."""
    codes, distinct = pd.factorize(times)
    return np.asarray(local(pd.DatetimeIndex(distinct), zone).strftime(pattern), dtype=object)[codes]


def mass_mg(amounts: NDArray[np.int64], mg_per_stored: Fraction, subject: str = "ledger") -> NDArray[np.int64]:
    """Whole milligrams of stored amounts, each rounded once, half to even.

    int64[n] [Wh or mL] times an exact ratio [mg per Wh or mL]. Plain int64 arithmetic is used where the largest product is
    proved to fit, Python's unbounded integers otherwise. Raises `PenstockError` when a mass itself does not fit 64 bits.
    """
    over, under = mg_per_stored.numerator, mg_per_stored.denominator
    largest = max(int(amounts.max()), -int(amounts.min())) if amounts.size else 0
    if largest * over // under >= _INT64:
        raise fault(subject, f"{largest} stored units at {float(mg_per_stored):g} mg each", "less than 2^63 mg", "Check the amount's unit.")
    # 2 * rest < 2 * under must fit as well, so it is part of the proof.
    fits = largest * over < _INT64 and 2 * under < _INT64
    wide = amounts.astype(np.int64) if fits else amounts.astype(object)
    product = wide * over
    whole = product // under
    rest = product - whole * under
    up = (2 * rest > under) | ((2 * rest == under) & (whole % 2 == 1))
    return (whole + up.astype(np.int64)).astype(np.int64)


def _check_accounts(accounts: Sequence[Account]) -> None:
    """Refuse two accounts of one id, or of one point and quantity: its kilograms would count twice."""
    problems = []
    names: dict[str, str] = {}
    points: dict[tuple[str, str], str] = {}
    for account in accounts:
        if account.id in names:
            problems.append(Problem(f"account '{account.id}'", "two accounts of that id", "one", "Rename one of them."))
        names[account.id] = account.id
        other = points.setdefault((account.point, account.quantity), account.id)
        if other != account.id:
            remedy = "Remove one: what a point measures is counted once."
            problems.append(
                Problem(f"account '{account.id}'", f"point '{account.point}' is counted by '{other}' too", "one account", remedy)
            )
    if problems:
        raise PenstockError(problems)


def _latest(usage: pd.DataFrame, accounts: Sequence[Account]) -> pd.DataFrame:
    """The usage of accounts' points with its account, latest version of each period, in account and time order."""
    keys = pd.DataFrame(
        {"account_id": [a.id for a in accounts], "point_id": [a.point for a in accounts], "quantity": [str(a.quantity) for a in accounts]},
        dtype=str,
    )
    frame = checked(USAGE, usage, "usage").merge(keys, on=["point_id", "quantity"], how="inner")
    order = ["account_id", "period_start_utc", "period_end_utc", "version"]
    frame = frame.sort_values(order, kind="stable", ignore_index=True)
    again = frame.duplicated(order)
    newest = ~frame.duplicated(order[:3], keep="last")
    _refuse(frame, again, "given twice in the same version", "one row per period and version")
    frame = frame[newest].reset_index(drop=True)
    _refuse(
        frame, frame["period_end_utc"] <= frame["period_start_utc"], "a period that does not end after its start", "a period with length"
    )
    same = frame["account_id"].eq(frame["account_id"].shift())
    _refuse(
        frame, same & (frame["period_start_utc"] < frame["period_end_utc"].shift()), "overlaps the period before", "periods side by side"
    )
    _refuse(frame, (frame["amount"] < 0) & q.usable(frame["quality"].to_numpy()), "a negative amount", "zero or more")
    return frame


def _refuse(frame: pd.DataFrame, bad: pd.Series, observed: str, allowed: str) -> None:
    """Raise one problem for each of the first twenty bad rows: nothing is posted in part."""
    if bad.any():
        raise PenstockError(
            Problem(
                f"usage of '{row.point_id}' from {row.period_start_utc:%Y-%m-%dT%H:%MZ}",
                observed,
                allowed,
                "Correct the usage and post again.",
            )
            for row in frame[bad].head(20).itertuples()
        )


def _entry_ids(frame: pd.DataFrame, contents: Sequence[str]) -> list[str]:
    """128 bits of the SHA-256 of what an entry says, hex. When it became known is not part of it: posting again gives the same ids."""
    columns = [
        frame["account_id"].tolist(),
        frame["period_start_utc"].astype("int64").tolist(),
        frame["period_end_utc"].astype("int64").tolist(),
        frame["scope"].tolist(),
        frame["activity"].tolist(),
        frame["amount"].tolist(),
        frame["factor_id"].tolist(),
        frame["mg_by_gas"].tolist(),
        frame["quality"].tolist(),
        frame["kind"].tolist(),
        contents,
    ]
    return [hashlib.sha256("\x1f".join(map(str, row)).encode()).hexdigest()[:32] for row in zip(*columns, strict=True)]


def post(
    usage: pd.DataFrame, accounts: Sequence[Account], factors: tuple[Factor, ...], known_at_utc: datetime, *, zone: str = "UTC"
) -> pd.DataFrame:
    """Entries for the usage of the accounts' points.

    `usage` is a USAGE frame with amounts in stored integers [Wh, mL]; rows of points without an account are left out. The
    factor is the one in force on the civil day in `zone` on which the period starts. A row whose quality is not usable
    becomes an entry of amount 0 and 0 mg that keeps its quality, so that it is counted as missing. `kind` is `posting` (in
    the city's sum), `memo` (amount only) or `outside` (kilograms shown beside the sum).

    Returns a LEDGER frame ordered by account and period; `mg_by_gas` [mg] is of the gas of the entry's factor. Raises
    `PenstockError` for overlapping, doubled or negative usage, doubled accounts and factors that are not in force.
    """
    _check_accounts(accounts)
    frame = _latest(usage, accounts)
    books = {account.id: account for account in accounts}
    usable = q.usable(frame["quality"].to_numpy())
    amounts = np.where(usable, frame["amount"].to_numpy(np.int64), 0)
    days = civil_labels(frame["period_start_utc"], zone, "%Y-%m-%d")
    masses = np.zeros(len(frame), np.int64)
    factor_ids, kinds, contents = (np.empty(len(frame), object) for _ in range(3))
    rules: dict[tuple[str, date], Rule] = {}
    groups = frame.groupby(["account_id", days], sort=True).indices
    for key_of, rows in cast("dict[tuple[str, str], NDArray[np.intp]]", groups).items():
        account, on = books[key_of[0]], date.fromisoformat(key_of[1])
        key = (account.id, on)
        rule = rules[key] = rules.get(key) or apply(account, factors, on)[0]
        ratio = Fraction(rule.numerator, rule.denominator)
        masses[rows] = mass_mg(amounts[rows], ratio, f"account '{account.id}' on {on}")
        factor_ids[rows], kinds[rows] = rule.rule_id, rule.kind
        contents[rows] = "".join(sha for _, sha in rule.parts)
    made = pd.DataFrame(
        {
            "account_id": frame["account_id"],
            "period_start_utc": frame["period_start_utc"],
            "period_end_utc": frame["period_end_utc"],
            "scope": frame["account_id"].map({name: book.scope_number for name, book in books.items()}),
            "activity": frame["account_id"].map({name: book.activity_name for name, book in books.items()}),
            "amount": amounts,
            "factor_id": factor_ids,
            "mg_by_gas": masses,
            "quality": frame["quality"],
            "kind": kinds,
            "supersedes": pd.Series(None, index=frame.index, dtype=object),
            "known_at_utc": pd.Series(as_utc(known_at_utc), index=frame.index),
        }
    )
    made.insert(0, "entry_id", _entry_ids(made, list(contents)))
    return checked(LEDGER, made, "ledger")
