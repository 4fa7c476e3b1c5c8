"""Why the city's carbon moved between two periods of its ledger: entries, standard coal, GDP and residents brought together."""

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import pandas as pd
from sqlalchemy import Engine

from carbon import factors
from carbon.gwp import gwp, weighed
from carbon.targets.energy import coal_weights
from carbon.targets.year_gdp import of_year
from carbon.why.kaya import CityDecomposition, city_decomposition, kaya
from city.clock import local_date
from city.problems import fault
from service.closing import span
from service.settings import LoadedCity
from service.store.ledger import open_ledger

BY = ("account_id", "sector", "carrier", "gas", "kind")


@dataclass(frozen=True)
class Why:
    """The drivers of a change by sector and carrier, and Kaya's four factors of the city as a whole; None where GDP or residents lack."""

    city: CityDecomposition
    kaya: CityDecomposition | None


def decomposition(engine: Engine, city: LoadedCity, first: str, last: str, now_utc: datetime) -> Why:
    """The change from one year or month to a later one (`2021`, `2022-05`), by activity, structure, intensity, mix and factor.

    Of two years only the civil days count for which both have entries, so a year that is not over stands against the same days of the
    other; months are compared whole. GDP is that of the days. Energy is in standard coal at equivalent value, by the coefficients of the
    last day. Raises `PenstockError` for periods of different lengths or out of order, without entries, and where GDP or population is not
    known.
    """
    books = _books(engine, city, (first, last))
    known = factors.load(city.factor_folders)
    on = date.fromisoformat(books[last]["period"].max())
    kgce = {name: weight.kgce for name, weight in coal_weights(city.settings.accounts, known, on, "equivalent").items()}
    weights = gwp(known, city.settings.carbon.gwp)
    use = pd.concat([_use(weighed(book, weights), kgce, label) for label, book in books.items()], ignore_index=True)
    gdp = _gdp(city, {label: int(book["period"].nunique()) for label, book in books.items()}, now_utc)
    population = _population(city, (first, last))
    return Why(city_decomposition(use, gdp, population), _whole(use, gdp, population))


def _whole(use: pd.DataFrame, gdp: Mapping[tuple[str, str], float], population: Mapping[str, float]) -> CityDecomposition | None:
    """Kaya's factors of all sectors together."""
    table = use.groupby("period", as_index=False)[["energy_kgce", "kg_co2e"]].sum()
    totals = {label: sum(value for (period, _), value in gdp.items() if period == label) for label in table["period"]}
    if not all(totals.values()) or not all(population.values()):
        return None
    return kaya(table.assign(gdp=table["period"].map(totals), population=table["period"].map(population)))


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
    made = open_ledger(engine, city.folder, start, stop).book(by=BY, zone=zone, period="D", start=start, end=stop)
    if made.empty:
        raise fault(f"decomposition, {label}", "no entry in the ledger", "a period that is posted", "Choose another, or run the nights.")
    if unknown := sorted(set(made["account_id"]) - {account.id for account in city.settings.accounts}):
        observed = f"entries of {', '.join(unknown[:5])}, whose energy nobody can tell"
        raise fault(f"decomposition, {label}", observed, "accounts that are configured", "Keep their accounts in city.toml.")
    return made


def _use(book: pd.DataFrame, kgce: Mapping[str, Fraction], label: str) -> pd.DataFrame:
    """period, sector, carrier, energy_kgce and kg_co2e: what enters the decomposition. What stands outside the city's sum does not."""
    rows = book[book["kind"] != "outside"]
    energy = [float(kgce.get(name, Fraction(0)) * amount) for name, amount in zip(rows["account_id"], rows["amount"].tolist(), strict=True)]
    kg = (rows["co2e_mg"].where(rows["kind"] == "posting", Decimal(0)) / 1_000_000).astype(float)
    rows = rows.assign(energy_kgce=energy, kg_co2e=kg, period=label)
    made = rows.groupby(["period", "sector", "carrier"], as_index=False)[["energy_kgce", "kg_co2e"]].sum()
    return made[(made["energy_kgce"] != 0) | (made["kg_co2e"] != 0)]


def _gdp(city: LoadedCity, days: Mapping[str, int], now_utc: datetime) -> dict[tuple[str, str], float]:
    """{(period, sector): value added of its days [10k CNY]} of the sectors that have any."""
    made = {}
    on = local_date(now_utc, city.settings.city.time_zone)
    for sector in city.settings.sectors:
        figures = [figure for figure in city.settings.gdp if figure.sector == sector.id]
        stated = {year: Decimal(str(value)) for year, value in sector.gdp_10k_cny.items()}
        prices = max((figure.prices for figure in figures if isinstance(figure.prices, int)), default=None)
        for label, count in days.items() if figures or stated else ():
            year = int(label[:4])
            value = of_year(figures, stated, year, prices, on).ten_k_cny
            made[label, sector.id] = float(value) * count / (366 if calendar.isleap(year) else 365)
    return made


def _population(city: LoadedCity, labels: tuple[str, str]) -> dict[str, float]:
    """{period: residents}: those of the year in `[carbon] population`, else the sum over the zones, which does not move."""
    told = city.settings.carbon.population
    zones = sum(zone.population or 0 for zone in city.settings.zones)
    return {label: float(told.get(int(label[:4]), 0) if told else zones) for label in labels}


def lines(found: Why) -> Iterator[str]:
    """A decomposition for a terminal: each driver [t CO2e], the sentence, and Kaya's factors of the whole city."""
    for made in (found.city, *([found.kaya] if found.kaya else [])):
        for step in made.waterfall().itertuples():
            sign = "" if step.step in made.periods else "+"
            yield f"{step.step:24}{step.kg_co2e / 1000:>{sign}14,.3f} t"
        yield made.sentence
