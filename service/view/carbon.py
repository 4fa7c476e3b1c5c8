"""The carbon page: the year at a glance, why it moved, scope 2 in both views, closed periods, the state of the chain, and explanations."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice

import pandas as pd
from sqlalchemy import Engine

from carbon import factors
from carbon.gwp import gwp, weighed
from carbon.instruments.views import dual
from carbon.ledger.verify import verify
from carbon.statements.address import at
from city.clock import civil_day
from service import schema as t
from service.books import closing, former_ledger, roots
from service.books.completeness import completeness
from service.books.decomposition import Why, decomposition
from service.books.scope2 import two_views, year_view
from service.books.verifying import LAST
from service.environment import Environment
from service.savings.measures import MeasureResult, measures
from service.settings import LoadedCity
from service.statements.explaining import explain
from service.store import ledger, results

_MG_PER_TONNE = Decimal(10) ** 9
MOST_VERIFIED = 1_000_000  # entries that a page checks by itself; more take longer than a page may
LINES = 400  # of an explanation


@dataclass(frozen=True)
class Glance:
    """A year so far [t CO2e]: `before_t` is the same civil days of the year before, None where one of them has no entry."""

    year: int
    t: float
    last_day: date
    days: int
    usable: float
    by_scope: tuple[tuple[int, float], ...]
    before_t: float | None


def glance(engine: Engine, city: LoadedCity) -> Glance | None:
    """The year of the newest posted day; None for an empty ledger."""
    last = ledger.posted_until(engine)
    if last is None:
        return None
    zone = city.settings.city.time_zone
    first = max(date(last.year, 1, 1), min(row.first_day for row in ledger.heads(engine)))
    start, end = civil_day(first, zone)[0], civil_day(last, zone)[1]
    book = _by_day(engine, city, last.year)
    by_scope = {int(scope): float(t) for scope, t in book.groupby("scope")["t"].sum().items()}
    earlier, days = _by_day(engine, city, last.year - 1), set(book["period"].str[5:])
    shared = earlier[earlier["period"].str[5:].isin(days)]
    whole = days and days <= set(shared["period"].str[5:])
    return Glance(
        year=last.year,
        t=sum(by_scope.values()),
        last_day=last,
        days=len(days),
        usable=float(completeness(ledger.open_ledger(engine, city.folder, start, end), city, start, end).share),
        by_scope=tuple(sorted((scope, t) for scope, t in by_scope.items() if t)),
        before_t=float(shared["t"].sum()) if whole else None,
    )


def _by_day(engine: Engine, city: LoadedCity, year: int) -> pd.DataFrame:
    """scope, period (civil day) and t [t CO2e] of what is in the city's sum."""
    zone = city.settings.city.time_zone
    start, end = closing.span(str(year), zone)
    book = ledger.open_ledger(engine, city.folder, start, end).book(
        by=("scope", "kind", "gas"), zone=zone, period="D", start=start, end=end
    )
    weights = gwp(factors.load(city.factor_folders), city.settings.carbon.gwp)
    tonnes = weighed(book, weights)["co2e_mg"].where(book["kind"] == "posting", Decimal(0)) / _MG_PER_TONNE
    return book.assign(t=tonnes.astype(float))[["scope", "period", "t"]]


def periods(engine: Engine) -> list[str]:
    """Whole civil months of the ledger in order, then its years: what can be compared and explained."""
    rows = ledger.heads(engine)
    last = ledger.posted_until(engine)
    if not rows or last is None:
        return []
    months = [str(label) for label in pd.period_range(min(row.first_day for row in rows), last, freq="M")]
    return [*months, *sorted({label[:4] for label in months})]


def compared(engine: Engine) -> tuple[str, str] | None:
    """The last two whole months: what the page compares first; None where there are none."""
    rows, last = ledger.heads(engine), ledger.posted_until(engine)
    if not rows or last is None:
        return None
    first = min(row.first_day for row in rows)
    months = [m for m in pd.period_range(first, last, freq="M") if m.start_time.date() >= first and m.end_time.date() <= last]
    return (str(months[-2]), str(months[-1])) if len(months) > 1 else None


def why(engine: Engine, city: LoadedCity, first: str, last: str, now_utc: datetime) -> Why:
    """The drivers of the change between two periods, and what of it is expected or provisional. Errors as `decomposition`."""
    return decomposition(engine, city, first, last, now_utc)


def scope2(engine: Engine, city: LoadedCity, year: int) -> pd.DataFrame | None:
    """period (civil month), location_t, market_t [t CO2e], matched [1]: the hourly matching share. None where no instrument is known."""
    if not two_views(engine, city):
        return None
    view, _ = year_view(engine, city, year)
    table = dual(view).groupby("period", as_index=False)[["consumption_wh", "matched_wh", "location_mg", "market_mg"]].sum()
    return pd.DataFrame(
        {
            "period": table["period"],
            "location_t": table["location_mg"] / 1e9,
            "market_t": table["market_mg"] / 1e9,
            "matched": table["matched_wh"] / table["consumption_wh"].where(table["consumption_wh"] > 0),
        }
    )


@dataclass(frozen=True)
class Chain:
    """The newest root and what is known of it: who signed it, what is kept outside, and what checking every batch found.

    `sound` is None where the ledger is too large for a page to check; `faults` are sentences. `verified_utc`: when `penstock verify` last
    looked at this very root, and how many faults it found.
    """

    root: str
    batches: int
    entries: int
    last_day: date
    public_key: str
    outside: str
    sound: bool | None
    faults: tuple[str, ...]
    verified_utc: datetime | None
    verified_faults: int


def chain(engine: Engine, city: LoadedCity) -> Chain | None:
    """The state of the chain of batches; None for an empty ledger."""
    rows = ledger.heads(engine)
    if not rows:
        return None
    entries = sum(row.rows for row in rows)
    said, problems = roots.state(rows, city)
    faults = [*former_ledger.verify(engine), *ledger.gone(rows, city.folder), *problems]
    checked = entries <= MOST_VERIFIED
    if checked:
        faults += verify([ledger.header(row) for row in rows], city.folder / ledger.FOLDER, rows[-1].root)
    return Chain(
        rows[-1].root,
        len(rows),
        entries,
        max(row.last_day for row in rows),
        rows[-1].public_key or "",
        said,
        not faults if checked or faults else None,
        tuple(map(str, faults)),
        *_verified(engine, rows[-1].root),
    )


def _verified(engine: Engine, root: str) -> tuple[datetime | None, int]:
    """When the whole ledger was verified last, if it had this root then, and the faults that were found."""
    for row in results.rows(engine, t.heartbeat, t.heartbeat.c.process == LAST):
        if row.detail.get("root") == root:
            return row.time_utc, int(row.detail.get("faults", 0))
    return None, 0


def closed(engine: Engine, city: LoadedCity) -> pd.DataFrame:
    """Closed periods against what the ledger says now: period, who, closed_at_utc, signed_t, now_t, delta_t [t], material, sentence."""
    rows = [
        {
            "period": one.period,
            "who": one.closed.who,
            "closed_at_utc": one.closed.closed_at_utc,
            "signed_t": float(one.signed_t),
            "now_t": float(one.now_t),
            "delta_t": float(one.delta_t),
            "material": one.material,
            "sentence": one.sentence,
        }
        for one in closing.standings(engine, city)
    ]
    names = ["period", "who", "closed_at_utc", "signed_t", "now_t", "delta_t", "material", "sentence"]
    return pd.DataFrame(rows, columns=names).sort_values("period", ignore_index=True)


def judged(engine: Engine, city: LoadedCity, now_utc: datetime) -> list[MeasureResult]:
    """Every measure of the city with its savings and verdict."""
    return measures(engine, city, now_utc)


def address(period: str, field: str, value: str) -> str:
    """The address of a part of the city's sum, such as `2022-06/site=centre`; without a value of the whole."""
    return at(period, **({field: value} if value else {}))


def explained(environment: Environment, cell: str) -> list[str]:
    """What `penstock explain` tells of a cell or an address. Raises `PenstockError` for one that is no sum of entries."""
    lines: Iterator[str] = explain(environment, cell)
    return list(islice(lines, LINES))
