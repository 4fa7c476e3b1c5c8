"""Why the city's carbon moved between two periods of its ledger: entries, standard coal, GDP and residents brought together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import pandas as pd
from sqlalchemy import Engine

from carbon import factors
from carbon.gwp import gwp, weighed
from carbon.targets.energy import coal_weights
from carbon.targets.gdp import GdpFigure
from carbon.targets.measures import days_of_year
from carbon.targets.year_gdp import of_year
from carbon.why.kaya import CityDecomposition, city_decomposition, kaya
from city.clock import local_date
from city.problems import fault
from service.books.closing import span
from service.settings import LoadedCity
from service.store.ledger import open_ledger

BY = ("account_id", "sector", "carrier", "gas", "kind", "rule_id")


@dataclass(frozen=True)
class Why:
    """The drivers of a change by sector and carrier, and Kaya's four factors of the city as a whole; None where GDP or residents lack.

    `notes` say what is expected or provisional.
    """

    city: CityDecomposition
    kaya: CityDecomposition | None
    notes: tuple[str, ...]


def decomposition(engine: Engine, city: LoadedCity, first: str, last: str, now_utc: datetime) -> Why:
    """The change from one year or month to a later one (`2021`, `2022-05`), by activity, structure, intensity, mix and factor.

    Of two years only the civil days count for which both have entries, so a year that is not over stands against the same days of the
    other; months are compared whole. GDP and residents are those of the days (residents x days). Energy is in standard coal at
    equivalent value, by the coefficients of the last day. Raises `PenstockError` for periods of different lengths or out of order,
    without entries, and where GDP or population is not known.
    """
    books = _books(engine, city, (first, last))
    known = factors.load(city.factor_folders)
    on = date.fromisoformat(books[last]["period"].max())
    kgce = {name: weight.kgce for name, weight in coal_weights(city.settings.accounts, known, on, "equivalent").items()}
    weights = gwp(known, city.settings.carbon.gwp)
    books = {label: weighed(book, weights) for label, book in books.items()}
    use = pd.concat([_use(book, kgce, label) for label, book in books.items()], ignore_index=True)
    days = {label: int(book["period"].nunique()) for label, book in books.items()}
    gdp, whole, notes = _gdp(city, days, local_date(now_utc, city.settings.city.time_zone))
    population = _population(city, days)
    notes += tuple(note for label, book in books.items() for note in _provisional(book, label))
    return Why(city_decomposition(use, gdp, population), _whole(use, whole, population), notes)


def _whole(use: pd.DataFrame, gdp: Mapping[str, float], population: Mapping[str, float]) -> CityDecomposition | None:
    """Kaya's factors of all sectors together."""
    table = use.groupby("period", as_index=False)[["energy_kgce", "kg_co2e"]].sum()
    if not all(gdp.values()) or not all(population.values()) or not (table["energy_kgce"] > 0).all():
        return None
    return kaya(table.assign(gdp=table["period"].map(gdp), population=table["period"].map(population)))


def _books(engine: Engine, city: LoadedCity, labels: tuple[str, str]) -> dict[str, pd.DataFrame]:
    """Sums by account, gas and civil day of both periods, over the days that are compared."""
    first, last = labels
    if len(first) != len(last) or not first < last:
        raise fault(f"decomposition from '{first}' to '{last}'", "not in order", "two years or two months", "Write e.g. 2021 2022.")
    books = {label: _book(engine, city, label) for label in labels}
    if len(first) == 4:
        shared = set.intersection(*(set(book["period"].str[5:]) for book in books.values()))
        books = {label: book[book["period"].str[5:].isin(shared)] for label, book in books.items()}
    if any(book.empty for book in books.values()):
        raise fault(f"decomposition from {first} to {last}", "no day of the year that both have", "the same days", "Post the earlier year.")
    return books


def _book(engine: Engine, city: LoadedCity, label: str) -> pd.DataFrame:
    """Sums by account, gas and civil day of one year or month."""
    zone = city.settings.city.time_zone
    start, stop = span(label, zone)
    ledger = open_ledger(engine, city.folder, start, stop)
    made = ledger.book(by=BY, zone=zone, period="D", start=start, end=stop)
    if made.empty:
        raise fault(f"decomposition, {label}", "no entry in the ledger", "a period that is posted", "Choose another, or run the nights.")
    if unknown := sorted(set(made["account_id"]) - {account.id for account in city.settings.accounts}):
        observed = f"entries of {', '.join(unknown[:5])}, whose energy nobody can tell"
        raise fault(f"decomposition, {label}", observed, "accounts that are configured", "Keep their accounts in city.toml.")
    return made.assign(provisional=made["rule_id"].isin({rule.rule_id for one in ledger.batches for rule in one.rules if rule.provisional}))


def _provisional(book: pd.DataFrame, label: str) -> Iterator[str]:
    """A sentence where masses are by factors that stand in for a year not published yet."""
    posted = book[book["kind"] == "posting"]
    total, some = (sum(masses, Decimal(0)) for masses in (posted["co2e_mg"], posted["co2e_mg"][posted["provisional"]]))
    if some:
        yield f"{100 * some / total:.0f} % of the CO2e of {label} is by provisional factors: `factor` moves once its year is published."


def _use(book: pd.DataFrame, kgce: Mapping[str, Fraction], label: str) -> pd.DataFrame:
    """period, sector, carrier, energy_kgce and kg_co2e: what enters the decomposition. What stands outside the city's sum does not."""
    rows = book[book["kind"] != "outside"]
    energy = [float(kgce.get(name, Fraction(0)) * amount) for name, amount in zip(rows["account_id"], rows["amount"].tolist(), strict=True)]
    kg = (rows["co2e_mg"].where(rows["kind"] == "posting", Decimal(0)) / 1_000_000).astype(float)
    rows = rows.assign(energy_kgce=energy, kg_co2e=kg, period=label)
    made = rows.groupby(["period", "sector", "carrier"], as_index=False)[["energy_kgce", "kg_co2e"]].sum()
    return made[(made["energy_kgce"] != 0) | (made["kg_co2e"] != 0)]


def _gdp(city: LoadedCity, days: Mapping[str, int], on: date) -> tuple[dict[tuple[str, str], float], dict[str, float], tuple[str, ...]]:
    """GDP of the days [10k CNY] at prices of one year: {(period, sector)} of the sectors that have any, {period} of the city, and notes.

    The city's is its own figure where one is published, else the sum over sectors.
    """
    figures, notes = city.settings.gdp, []
    prices = max((figure.prices for figure in figures if isinstance(figure.prices, int)), default=None)

    def of_days(some: Sequence[GdpFigure], stated: Mapping[int, Decimal], label: str) -> float:
        found = of_year(some, stated, int(label[:4]), prices if some else None, on)
        notes.extend([found.note] if found.note else [])
        return float(found.ten_k_cny) * days[label] / days_of_year(found.year)

    by_sector: dict[tuple[str, str], float] = {}
    for sector in city.settings.sectors:
        own = [figure for figure in figures if figure.sector == sector.id]
        stated = {year: Decimal(str(value)) for year, value in sector.gdp_10k_cny.items()}
        by_sector |= {(label, sector.id): of_days(own, stated, label) for label in days if own or stated}
    whole = {label: sum((value for (told, _), value in by_sector.items() if told == label), 0.0) for label in days}
    if any(figure.sector is None for figure in figures):
        whole = {label: of_days(figures, {}, label) for label in days}
    return by_sector, whole, tuple(dict.fromkeys(notes))


def _population(city: LoadedCity, days: Mapping[str, int]) -> dict[str, float]:
    """{period: residents x days}: those of the year in `[carbon] population`, else the sum over the zones, which does not move."""
    told = city.settings.carbon.population
    zones = sum(zone.population or 0 for zone in city.settings.zones)
    return {label: float(told.get(int(label[:4]), 0) if told else zones) * count for label, count in days.items()}


def lines(found: Why) -> Iterator[str]:
    """A decomposition for a terminal: each driver [t CO2e], the sentence, and Kaya's factors of the whole city."""
    for made in (found.city, *([found.kaya] if found.kaya else [])):
        yield from (f"{step:24}{t:>14} t" for step, t in made.printed())
        yield made.sentence
    yield from found.notes
