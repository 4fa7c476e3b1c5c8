"""The carbon ledger as a planner reads it: sums by month, sector and scope, targets, entries, statements on disk."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Engine

from carbon import factors
from carbon.gwp import gwp, weighed
from carbon.ledger.civil import Period
from carbon.ledger.ledger import Ledger
from service import schema as t
from service.settings import LoadedCity
from service.store import ledger, results
from service.view.moment import Moment

_MG_PER_TONNE = Decimal(10) ** 9
_LARGEST = 64 * 1024 * 1024  # a statement larger than this is fetched from disk, not through a browser


@dataclass(frozen=True)
class Standing:
    """Where a target stands. `path` is the required value by year, base year first, as first stated; `path_now` against the base in force.

    `detail` is that of the night's progress: light, odds, actuals, what the year heads for.
    """

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
    path_now: tuple[tuple[int, float], ...]
    detail: dict[str, Any]


@dataclass(frozen=True)
class Head:
    """The newest batch of the ledger; `root` changes when any entry ever posted is changed."""

    number: int
    day: date
    root: str
    entries: int


def head(engine: Engine) -> Head | None:
    """The newest sealed batch, with the entries of all batches; None for an empty ledger."""
    rows = ledger.heads(engine)
    return Head(rows[-1].number, max(row.last_day for row in rows), rows[-1].root, sum(row.rows for row in rows)) if rows else None


def sums(engine: Engine, city: LoadedCity, period: Period = "M") -> pd.DataFrame:
    """Sums per account, rule and civil month (or day, `D`): a BOOK frame, with t (tonnes CO2e in the city's sum)."""
    book = ledger.open_ledger(engine, city.folder).book(zone=city.settings.city.time_zone, period=period)
    weights = gwp(factors.load(city.factor_folders), city.settings.carbon.gwp)
    tonnes = weighed(book, weights)["co2e_mg"].where(book["kind"] == "posting", Decimal(0))
    return book.assign(t=(tonnes / _MG_PER_TONNE).astype(float))


def entries(engine: Engine, city: LoadedCity, account_id: str, newest: int = 2_000) -> pd.DataFrame:
    """The newest entries of one account, reversals among them: a LEDGER frame, with kg of the entry's gas; newest first."""
    parts: list[pd.DataFrame] = []
    for batch in reversed(ledger.open_ledger(engine, city.folder).batches):
        parts.append(Ledger((batch,)).entries(account_id).iloc[::-1])
        if sum(map(len, parts)) >= newest:
            break
    found = pd.concat(parts, ignore_index=True).head(newest) if parts else Ledger(()).entries()
    return found.assign(kg=found["mg"] / 1e6)


def standings(engine: Engine, city: LoadedCity, moment: Moment) -> list[Standing]:
    """Every target with the newest night's progress."""
    rows = {}
    if moment.night is not None:
        rows = {row.target_id: row for row in results.rows(engine, t.target_progress, t.target_progress.c.night == moment.night)}
    made = []
    for target in city.settings.targets:
        row = rows.get(target.id)
        now = target.as_known(moment.night or date.max)
        paths = [
            tuple((year, float(one.required(year))) for year in range(one.base_year, max(one.milestones) + 1)) for one in (target, now)
        ]
        actual, required, on_path, sentence = (row.actual, row.required, row.on_path, row.sentence) if row else (None, None, None, "")
        made.append(
            Standing(
                target.id,
                target.measure,
                target.unit,
                target.is_share,
                actual,
                required,
                on_path,
                sentence,
                target.base_year,
                paths[0],
                paths[1],
                dict(row.detail or {}) if row else {},
            )
        )
    return made


def statements(city: LoadedCity) -> list[Path]:
    """Files that `penstock report` wrote, by name."""
    folder = city.folder / "reports"
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size <= _LARGEST) if folder.is_dir() else []
