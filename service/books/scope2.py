"""Scope 2 in both views out of the store: the ledger by the hour, with what has been retired for its accounts."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import pandas as pd
from sqlalchemy import Engine

from carbon import factors
from carbon.accounts import Account, apply, provisional
from carbon.factors import Factor, by_id
from carbon.gwp import gwp
from carbon.instruments.certificates import Lot
from carbon.instruments.claims import Claim, Issued
from carbon.instruments.contracts import Contract
from carbon.instruments.hours import Hours, hours_of, users
from carbon.instruments.quality import Criterion, of_contract, of_lot, same_plant
from carbon.instruments.residual import Residual, residual
from carbon.instruments.views import View, view
from carbon.ledger.civil import from_micros
from carbon.ledger.ledger import Ledger
from city.clock import HOUR, civil_day, local_date
from city.problems import PenstockError, Problem, fault
from service.books import instruments
from service.settings import LoadedCity
from service.store.ledger import open_ledger

_NO_SECOND_SALE = "its factor leaves out what was sold as certificates (sold_attributes_out); else it is not used"
BY = ("account_id", "activity", "scope", "carrier", "kind", "basis", "gas", "rule_id")


def two_views(engine: Engine, city: LoadedCity) -> bool:
    """May the market-based view differ: is there a contract, a supplier's factor or a certificate? An issued one takes a claim away."""
    return bool(city.settings.contracts or city.settings.suppliers or instruments.lots(engine))


def year_view(engine: Engine, city: LoadedCity, year: int, known_utc: datetime | None = None) -> tuple[View, pd.DataFrame]:
    """Both views of a civil year by the hour, and the quality criteria of what was retired in it.

    `known_utc`: as known then - entries, lots and retirements that came later are left out; city.toml and factors are today's.
    Criteria: instrument_id, retirement, criterion, met, sentence. Raises `PenstockError` when the ledger does not post by the hour,
    holds no electricity of that year, or names an account that is no longer in city.toml.
    """
    zone, settings = city.settings.city.time_zone, city.settings
    if settings.carbon.entry_hours != 1:
        raise fault("[carbon] entry_hours", f"{settings.carbon.entry_hours} h", "1 h", "Hourly views need a ledger by the hour.")
    start, end = civil_day(date(year, 1, 1), zone)[0], civil_day(date(year + 1, 1, 1), zone)[0]
    every = factors.load(city.factor_folders)
    plants = [account.id for account in settings.accounts if account.kind == "own-renewable"]
    ledger = open_ledger(engine, city.folder, start, end)
    there = instruments.lots(engine, known_utc)
    hours = _hours_of_ledger(ledger.as_known(known_utc) if known_utc else ledger, year, zone, plants, gwp(every, settings.carbon.gwp))
    acts = [act for act in instruments.acts(engine) if known_utc is None or act.at_utc <= known_utc]
    acts = [act for act in acts if act.act == "retired" and start <= act.start_utc and act.end_utc <= end]
    claims, criteria = _claims(city, acts, there, set(hours.accounts))
    issued = [
        Issued(lot.id, plant, civil_day(lot.produced_from, zone)[0], civil_day(lot.produced_to, zone)[1], lot.count * instruments.WH)
        for lot in there.values()
        for plant in plants
        if same_plant(lot.plant, plant) and lot.produced_from.year <= year <= lot.produced_to.year
    ]
    accounts = settings.accounts if settings.carbon.provisional == "refuse" else provisional(settings.accounts)
    by_name = {account.id: account for account in accounts}
    if gone := sorted(set(hours.accounts) - by_name.keys()):
        remedy = "Keep the tables of former accounts: their region is needed."
        raise fault(f"scope 2 of {year}", f"account {', '.join(gone)} of the ledger is not in city.toml", "all its accounts", remedy)
    rates, mixes = _weights(by_name, every, city)
    made = view(hours, claims, issued, _suppliers(city, every), mixes, rates)
    return made, criteria


def _hours_of_ledger(ledger: Ledger, year: int, zone: str, plants: Sequence[str], weights: Mapping[str, Decimal]) -> Hours:
    """The year's hours, from the first that the ledger has to its last: hours before the city began are not missing ones."""
    spans = [instruments.month_span(f"{year}-{month:02d}", zone) for month in range(1, 13)]
    start, end = spans[0][0], spans[-1][1]
    first = max(start, min((from_micros(one.header.start) for one in ledger.batches), default=end))
    last = min(end, max((from_micros(one.header.end) for one in ledger.batches), default=start))
    accounts = users(ledger.book(BY, zone=zone, period=None, start=start, end=end))
    if not accounts:
        raise fault(f"scope 2 of {year}", "no electricity in the ledger", "a year with entries", "Choose another year, or run the night.")
    books = (ledger.book(BY, zone=zone, period="H", start=begin, end=finish) for begin, finish in spans if begin < last and first < finish)
    # From civil midnight on, for some zones are half an hour off.
    return hours_of(books, accounts, plants, start + (first - start) // HOUR * HOUR, last, zone, weights)


def _weights(
    accounts: dict[str, Account], every: tuple[Factor, ...], city: LoadedCity
) -> tuple[Callable[[str, date], Fraction], Callable[[str, date], Residual]]:
    """(account, day) -> location-based rate [mg/Wh], and its residual mix."""

    @cache
    def rate(account: str, on: date) -> Fraction:
        return sum((Fraction(rule.numerator, rule.denominator) for rule in apply(accounts[account], every, on)), Fraction(0))

    @cache
    def of_region(region: str, on: date) -> Residual:
        return residual(every, region, on, city.settings.carbon.provisional)

    return rate, lambda account, on: of_region(accounts[account].region, on)


def _suppliers(city: LoadedCity, every: tuple[Factor, ...]) -> dict[str, Factor]:
    """Account -> the factor of its supplier, of those whose factor leaves out what was sold as certificates (quality criterion 6)."""
    made: dict[str, Factor] = {}
    for supplier in city.settings.suppliers:
        factor = by_id(every, supplier.factor_id)
        if (factor.meaning.counts, factor.meaning.per) != ("kg", "kWh") or factor.gas.removeprefix("kg ") not in ("CO2", "CO2e"):
            observed = f"factor '{factor.id}' is {factor.gas} in {factor.unit}"
            raise fault(f"supplier '{supplier.id}'", observed, "CO2 or CO2e in kg per kWh", "Choose another factor.")
        if twice := sorted(set(supplier.accounts) & made.keys()):
            raise fault(f"supplier '{supplier.id}'", f"account {', '.join(twice)} has another too", "one supplier", "Remove one of them.")
        made |= dict.fromkeys(supplier.accounts if supplier.sold_attributes_out else (), factor)
    return made


def _claims(city: LoadedCity, acts: Sequence[Any], there: Mapping[str, Lot], known: set[str]) -> tuple[list[Claim], pd.DataFrame]:
    """What the retirements claim, each with the criteria it meets and does not; `known`: accounts of the ledger."""
    rows, claims = [], []
    contracts = {contract.id: contract for contract in city.settings.contracts}
    regions = {account.id: account.region for account in city.settings.accounts}
    for act in acts:
        instrument = there.get(act.instrument) if act.kind == "certificate" else contracts.get(act.instrument)
        name = f"{act.act_id}"
        found = _criteria(city, act, instrument, list(there.values()), [regions[one] for one in act.accounts if one in regions])
        rows += [(act.instrument, name, one.number, one.met, one.sentence) for one in found]
        hours, changed = _hours(city, act, instrument)
        failed = [one.sentence for one in found if not one.met] + changed
        failed += [f"no electricity of account {one} in the ledger" for one in act.accounts if one not in known]
        told = {
            "retired_on": str(local_date(act.at_utc, city.settings.city.time_zone)),
            "beneficiary": act.beneficiary,
            **_named(instrument, act),
        }
        accounts = tuple(one for one in act.accounts if one in known)
        rate = instrument.kg_per_kwh if instrument else Fraction(0)
        green = instrument is not None and instrument.renewable
        claims.append(
            Claim(name, act.kind, act.instrument, accounts, act.start_utc, act.end_utc, act.wh, rate, green, hours, tuple(failed), told)
        )
    rows += [(supplier.id, "", 6, supplier.sold_attributes_out, _NO_SECOND_SALE) for supplier in city.settings.suppliers]
    return claims, pd.DataFrame(rows, columns=["instrument_id", "retirement", "criterion", "met", "sentence"])


def _criteria(
    city: LoadedCity, act: Any, instrument: Lot | Contract | None, lots: Sequence[Lot], regions: Sequence[str]
) -> list[Criterion]:
    zone = city.settings.city.time_zone
    first, last = local_date(act.start_utc, zone), local_date(act.end_utc - timedelta(microseconds=1), zone)
    if isinstance(instrument, Lot):
        return of_lot(instrument, regions, first, last, city.settings.carbon.vintage_months)
    if isinstance(instrument, Contract):
        same = [lot for lot in lots if same_plant(lot.plant, instrument.plant) and lot.produced_from <= last and first <= lot.produced_to]
        plants = [account.id for account in city.settings.accounts if account.kind == "own-renewable"]
        return of_contract(instrument, regions, first, last, same, plants)
    return [Criterion(1, False, "it stands no longer in city.toml, so that nothing is known of its rate")]


def _hours(city: LoadedCity, act: Any, instrument: Lot | Contract | None) -> tuple[tuple[tuple[Any, int], ...], list[str]]:
    """The hours of a retired contract month, and what is wrong with them by now."""
    if not isinstance(instrument, Contract) or not instrument.hours_file:
        return (), []
    try:
        found = instruments.month_hours(city, instrument, (act.start_utc, act.end_utc))
    except PenstockError as error:
        return (), [str(problem) for problem in error.problems]
    total = sum(wh for _, wh in found)
    if total != act.wh:
        told = f"{instrument.hours_file} now says {total:,} Wh, {act.wh:,} Wh were retired"
        return (), [str(Problem(f"contract '{instrument.id}'", told, "the volume that was retired", "Restore the file."))]
    return found, []


def _named(instrument: Lot | Contract | None, act: Any) -> dict[str, str]:
    if isinstance(instrument, Lot):
        ends = (next(instrument.serials(act.skip, 1)), next(instrument.serials(act.skip + act.count - 1, 1)))
        factor = f"{instrument.kg_co2_per_kwh} kg CO2/kWh conveyed by the certificate"
        return {"serials": f"{ends[0]} to {ends[1]}", "source": f"{instrument.technology}, {instrument.plant}", "factor_id": factor}
    if isinstance(instrument, Contract):
        factor = f"{instrument.kg_co2_per_kwh} kg CO2/kWh conveyed by the contract"
        return {"serials": "", "source": f"{instrument.technology}, {instrument.plant}", "factor_id": factor}
    return {"serials": "", "source": "", "factor_id": ""}
