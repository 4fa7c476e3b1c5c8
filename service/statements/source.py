"""What the statements of a city are made from: the books of a period out of the store, with factors, names, coverage and seal."""

import hashlib
import re
from contextlib import suppress
from datetime import date
from fractions import Fraction
from typing import Any

import pandas as pd
from sqlalchemy import Engine

from carbon import factors
from carbon.factors import FactorSet
from carbon.gwp import gwp, weighed
from carbon.ledger.batch import Rule
from carbon.ledger.book import OF_LINE
from carbon.ledger.coverage import STATES
from carbon.ledger.ledger import Ledger
from carbon.statements.document import Seal
from carbon.statements.source import Comparative, Source
from carbon.targets.energy import CoalWeight, coal_weights
from carbon.why.uncertainty import of_book
from city.clock import civil_day, local_date
from city.problems import PenstockError, fault
from service.books import closing
from service.books.completeness import completeness
from service.settings import LoadedCity
from service.store import ledger as stored

_MG_PER_T = 10**9


def period_of(engine: Engine, asked: str | None) -> str:
    """The civil month or year that is asked for, checked against what is posted; the last posted month when none is.

    Raises `PenstockError` for an empty ledger and for a period without entries.
    """
    rows = stored.heads(engine)
    if not rows:
        raise fault("ledger", "empty", "at least one posted day", "Run `penstock night` first.")
    first, last = f"{min(row.first_day for row in rows):%Y-%m}", f"{max(row.last_day for row in rows):%Y-%m}"
    wanted = last if asked is None else asked
    if not re.fullmatch(r"\d{4}(-\d\d)?", wanted) or not first[: len(wanted)] <= wanted <= last[: len(wanted)]:
        raise fault(f"period '{wanted}'", "no entries", f"{first} to {last}, or a year of them", "Choose one of these, as 2022-06 or 2022.")
    return wanted


def source(engine: Engine, city: LoadedCity, period: str, language: str, files: dict[str, str] | None = None) -> Source:
    """The source of a civil month or year. `files`: names of proof files and their SHA-256 [hex].

    Raises `PenstockError` for a period without entries.
    """
    zone, told = city.settings.city.time_zone, city.settings.carbon
    start, end = closing.span(period, zone)
    posted = stored.posted_until(engine)
    over = min(end, civil_day(posted, zone)[1]) if posted else end
    ledger = stored.open_ledger(engine, city.folder, start, end)
    book = _standing(ledger.book(zone=zone, period="D" if len(period) == 7 else "M", start=start, end=end))
    if book.empty:
        raise fault(f"period '{period}'", "no entries", "a period with posted days", "Choose another one.")
    known = factors.load(city.factor_folders)
    weights = gwp(known, told.gwp)
    rules = used_rules(ledger, set(zip(book["rule_id"], book["gas"], strict=True)))
    return Source(
        city=_name(city, language),
        period=period,
        language=language,
        book=book,
        weights=weights,
        assessment=told.gwp,
        rules=rules,
        factors={factor.id: factor for factor in known},
        seal=seal(engine, files or {}),
        zone=zone,
        coal=coal_of(city, known, period),
        names=_names(city, language),
        materiality=told.materiality,
        completeness=told.completeness,
        comparatives=_comparatives(engine, city),
        usable=completeness(ledger, city, start, over).accounts,
        until=f"{posted}" if over < end else "",
        uncertainty=of_book(weighed(book, weights), rules.values(), known, told.meter_uncertainty_percent, dict.fromkeys(weights)),
        sets=_sets(city, {name for rule in rules.values() for name, _ in rule.parts}),
    )


def _standing(book: pd.DataFrame) -> pd.DataFrame:
    """Without the lines and rules of which everything was taken back: an account that has another id by now, another factor."""
    told = (book[["amount", "mg", *STATES]] != 0).any(axis=1)
    return book[told.groupby([book[name] for name in (*OF_LINE, "rule_id")]).transform("any")].reset_index(drop=True)


def used_rules(ledger: Ledger, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], Rule]:
    """The newest rule of each id and gas that is asked for."""
    return {(r.rule_id, r.gas): r for one in ledger.batches for r in one.rules if (r.rule_id, r.gas) in wanted}


def coal_of(city: LoadedCity, known: tuple[factors.Factor, ...], period: str) -> dict[str, dict[str, CoalWeight]]:
    """What a stored unit of each account weighs in standard coal, by basis; a basis without coefficients in that civil year is left out."""
    first, found = date.fromisoformat(f"{period[:7]}-01" if len(period) >= 7 else f"{period}-01-01"), {}
    for basis in ("equivalent", "equal"):
        with suppress(PenstockError):
            found[basis] = coal_weights(city.settings.accounts, known, first, basis)
    return found


def seal(engine: Engine, files: dict[str, str]) -> Seal:
    """Root, signature and key of the newest batch."""
    head = stored.head(engine)
    if head is None:
        raise fault("ledger", "empty", "at least one posted day", "Run `penstock night` first.")
    known = f"{head.known_at_utc:%Y-%m-%dT%H:%M:%SZ}"
    return Seal(head.root, head.number + 1, known, head.signature or "", head.public_key or "", files)


def digest(content: bytes) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(content).hexdigest()


def _name(city: LoadedCity, language: str) -> str:
    own: Any = city.settings.city
    return (own.name_zh if language == "zh" else "") or own.name


def _names(city: LoadedCity, language: str) -> dict[str, str]:
    """What sites and sectors are called, where they have a name."""
    some: list[Any] = [*city.settings.sites, *city.settings.sectors]
    return {
        one.id: found for one in some if (found := (getattr(one, "name_zh", "") if language == "zh" else "") or getattr(one, "name", ""))
    }


def _comparatives(engine: Engine, city: LoadedCity) -> tuple[Comparative, ...]:
    """Closed periods as signed off, and as known now."""
    zone = city.settings.city.time_zone
    return tuple(
        Comparative(
            one.period,
            f"{local_date(one.closed.closed_at_utc, zone)}",
            one.closed.who,
            Fraction(one.signed_t) * _MG_PER_T,
            Fraction(one.now_t) * _MG_PER_T,
            one.closed.root,
            "; ".join(one.reasons),
        )
        for one in closing.standings(engine, city)
    )


def _sets(city: LoadedCity, used: set[str]) -> tuple[FactorSet, ...]:
    """The sets that hold one of the numbers used."""
    return tuple(one for one in factors.load_sets(city.factor_folders) if used & {factor.id for factor in one.factors})
