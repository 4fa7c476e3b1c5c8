"""The carbon ledger as a planner reads it: sums by month, sector and scope, targets, entries, statements on disk."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
from sqlalchemy import Engine

from carbon.summary import AMOUNTS, per_account
from service import schema as t
from service.settings import LoadedCity
from service.store import results
from service.view.moment import Moment

_LARGEST = 64 * 1024 * 1024  # a statement larger than this is fetched from disk, not through a browser


@dataclass(frozen=True)
class Standing:
    """Where a target stands. `path` is the required value by year, base year first."""

    target_id: str
    measure: str
    unit: str
    is_share: bool
    actual: float | None
    required: float | None
    on_path: bool | None
    sentence: str
    base_year: int
    path: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Head:
    """The newest batch of the ledger; `root` changes when any entry ever posted is changed."""

    number: int
    day: date
    root: str
    entries: int


def head(engine: Engine) -> Head | None:
    """The newest sealed batch, with the entries of all batches; None for an empty ledger."""
    rows = results.rows(engine, t.former_ledger_batch, order=t.former_ledger_batch.c.number)
    return Head(rows[-1].number, rows[-1].day, rows[-1].root, sum(row.entries for row in rows)) if rows else None


def sums(engine: Engine, city: LoadedCity, period: str = "M") -> pd.DataFrame:
    """Sums per account and local month (or day, `D`): as `carbon.summary.per_account`, with t (tonnes CO2e in the city's sum)."""
    ledger = results.ledger_frame(engine)
    if ledger.empty:
        return pd.DataFrame(columns=["account_id", "site", "sector", "scope", "activity", "kind", "period", "t", *AMOUNTS])
    made = per_account(ledger, city.settings.accounts, city.settings.city.time_zone, period)
    return made.assign(t=made["mg"] / 1e9)


def entries(engine: Engine, account_id: str, newest: int = 2_000) -> pd.DataFrame:
    """The newest entries of one account: period, amount [stored integers], factor, kg CO2e, quality, kind, entry id."""
    ledger = results.ledger_frame(engine)
    mine = ledger[ledger["account_id"] == account_id].tail(newest)
    mine = mine.assign(kg=mine["mg_by_gas"] / 1e6)
    return mine[["period_start_utc", "period_end_utc", "activity", "amount", "factor_id", "kg", "quality", "kind", "entry_id"]].iloc[::-1]


def standings(engine: Engine, city: LoadedCity, moment: Moment) -> list[Standing]:
    """Every target with the newest night's progress."""
    rows = {}
    if moment.night is not None:
        rows = {row.target_id: row for row in results.rows(engine, t.target_progress, t.target_progress.c.night == moment.night)}
    made = []
    for target in city.settings.targets:
        row = rows.get(target.id)
        years = range(target.base_year, max(target.milestones) + 1)
        path = tuple((year, float(target.required(year))) for year in years)
        actual, required, on_path, sentence = (row.actual, row.required, row.on_path, row.sentence) if row else (None, None, None, "")
        made.append(
            Standing(target.id, target.measure, target.unit, target.is_share, actual, required, on_path, sentence, target.base_year, path)
        )
    return made


def statements(city: LoadedCity) -> list[Path]:
    """Files that `penstock report` wrote, by name."""
    folder = city.folder / "reports"
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size <= _LARGEST) if folder.is_dir() else []
