"""Sums of ledger entries: per account and month or day, per site, sector and city. All integers, so sums are exact in any order."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from carbon.accounts import Account
from carbon.ledger.old import civil_labels, coverage
from city.frames import LEDGER, checked
from city.problems import fault

# Column of a total -> kind of account whose amounts it sums; Wh and mL, as stored.
AMOUNTS = {
    "electricity": "grid-electricity",
    "own_renewable": "own-renewable",
    "gas": "natural-gas",
    "water": "water-supply",
    "water_loss": "water-loss",
}
COUNTS = ["measured", "estimated", "missing"]
SUMMED = [*AMOUNTS, "mg", "mg_outside", *COUNTS]


def per_account(ledger: pd.DataFrame, accounts: Sequence[Account], zone: str, period: str = "M") -> pd.DataFrame:
    """Sums of each account, local period and factor.

    `period` is `M` for months (2022-06) or `D` for days (2022-06-15), civil in `zone`. Columns: account_id, site, sector,
    scope, activity, kind, factor_id, period, `AMOUNTS` [Wh, mL], mg (in the city's sum), mg_outside (beside it), and how
    many entries were measured, estimated and missing. An account without entries in a period that others have gets a row
    of zeros. Raises `PenstockError` for an entry of an unknown account.
    """
    entries = checked(LEDGER, ledger, "ledger")
    books = {account.id: account for account in accounts}
    if unknown := sorted(set(entries["account_id"]) - set(books)):
        raise fault("ledger", f"entries of account {', '.join(unknown[:5])}", "accounts that are configured", "Give every account.")
    for name in ("amount", "mg_by_gas"):
        _refuse_overflow(entries[name])
    labels = civil_labels(entries["period_start_utc"], zone, "%Y-%m-%d" if period == "D" else "%Y-%m")
    kinds = entries["account_id"].map({name: book.kind for name, book in books.items()})
    state = coverage(entries["quality"].to_numpy())
    parts = {name: entries["amount"].where(kinds == kind, 0) for name, kind in AMOUNTS.items()}
    parts["mg"] = entries["mg_by_gas"].where(entries["kind"] == "posting", 0)
    parts["mg_outside"] = entries["mg_by_gas"].where(entries["kind"] == "outside", 0)
    parts |= {name: pd.Series((state == name).astype(np.int64), index=entries.index) for name in COUNTS}
    keyed = pd.DataFrame({"account_id": entries["account_id"], "factor_id": entries["factor_id"], "period": labels, **parts})
    made = keyed.groupby(["account_id", "period", "factor_id"], sort=True)[SUMMED].sum().reset_index()
    made = pd.concat([made, _without_entries(made, books)], ignore_index=True)
    for name, of in (("site", "site"), ("sector", "sector"), ("scope", "scope_number"), ("activity", "activity_name"), ("kind", "kind")):
        made[name] = [getattr(books[account], of) for account in made["account_id"]]
    return made.sort_values(["site", "account_id", "period", "factor_id"], ignore_index=True)


def _refuse_overflow(column: pd.Series) -> None:
    """Refuse entries whose sum could pass 64 bits and wrap around unseen."""
    if len(column) and int(column.abs().max()) * len(column) >= 2**63:
        observed, allowed = f"{len(column)} entries up to {int(column.abs().max())}", "sums below 2^63"
        raise fault(f"ledger column {column.name}", observed, allowed, "Sum a shorter span, and check the largest entry.")


def _without_entries(made: pd.DataFrame, books: dict[str, Account]) -> pd.DataFrame:
    """Rows of zeros for accounts that have no entry in a period others have, so that silence is seen."""
    there = set(zip(made["account_id"], made["period"], strict=True))
    absent = [(name, label) for name in sorted(books) for label in sorted(set(made["period"])) if (name, label) not in there]
    rows = pd.DataFrame(absent, columns=["account_id", "period"], dtype=str).assign(factor_id="")
    return rows.assign(**dict.fromkeys(SUMMED, 0)).astype(dict.fromkeys(SUMMED, "int64"))


def total(lines: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Sums of `per_account` rows by any of its columns and the period; with no column: the whole city."""
    return lines.groupby([*by, "period"], sort=True)[SUMMED].sum().reset_index()
