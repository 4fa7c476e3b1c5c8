"""Books of buildings out of the ledger, and the use of sites by month that they and the books of households are made of."""

import pandas as pd
from sqlalchemy import Engine

from carbon import factors
from carbon.gwp import gwp
from carbon.household.book import months, of_buildings
from city.problems import fault
from service.books.instruments import month_span
from service.settings import LoadedCity
from service.store.ledger import open_ledger

USE = ("grid-electricity", "natural-gas", "water-supply", "fuel", "heat")  # kinds of accounts that count what a site uses


def use_of_sites(engine: Engine, city: LoadedCity, year: int) -> pd.DataFrame:
    """Use of every site by civil month of a year, as `carbon.household.book.months` says."""
    zone = city.settings.city.time_zone
    start, end = month_span(f"{year}-01", zone)[0], month_span(f"{year}-12", zone)[1]
    by = ("account_id", "site", "quantity", "kind", "gas")
    book = open_ledger(engine, city.folder, start, end).book(by, zone=zone, period="M", start=start, end=end)
    counted = {account.id for account in city.settings.accounts if account.kind in USE}
    weights = gwp(factors.load(city.factor_folders), city.settings.carbon.gwp)
    return months(book[book["account_id"].isin(counted)], weights)


def book_of(engine: Engine, city: LoadedCity, name: str, year: int) -> pd.DataFrame:
    """The book of a building for a year, see `carbon.household.book.of_buildings`.

    Raises `PenstockError` for an unknown building, for one that shares a site with another (one book minus the other would be that of
    the rest), and for one whose book would be that of fewer than k households: theirs are open to their owners alone.
    """
    from service.books.households import consents

    there = {building.id: building for building in city.settings.buildings}
    if name not in there:
        raise fault(f"building '{name}'", "not in city.toml", ", ".join(there) or "none defined", "Correct the name.")
    others = [site for building in there.values() if building.id != name for site in building.sites]
    if shared := sorted(set(there[name].sites) & set(others)):
        raise fault(f"building '{name}'", f"site {', '.join(shared)} is another's too", "one building", "Remove one.")
    homes, k = set(there[name].sites) & consents(engine).keys(), city.settings.households.k
    if 0 < len(homes) < k:
        observed, remedy = "it holds fewer households that opted in", "Leave their sites out, or read one's own book."
        raise fault(f"building '{name}'", observed, f"none, or at least {k}", remedy)
    return of_buildings(use_of_sites(engine, city, year), [there[name]])
