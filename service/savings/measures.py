"""The measures of city.toml against the store: daily use and temperature before and after, savings, and what they avoided."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine

from carbon import factors
from carbon.accounts import Account
from carbon.accounts.own_renewable import OwnRenewable
from carbon.gwp import gwp
from carbon.why.degree_days import daily_means
from carbon.why.masses import Avoided
from carbon.why.measure import Measure
from carbon.why.savings import LEAST_COVERED, Savings, savings
from city.clock import civil_day, grid, local_date
from city.problems import PenstockError, fault
from city.quantities import Quantity
from forecasting.weather_archive import on_grid
from service.plans import signals
from service.settings import LoadedCity
from service.store import meter_days, weather

HOUR = timedelta(hours=1)
CITY = "weather"  # stands for the whole city in a series id, where others name a place of [[weather]]


@dataclass(frozen=True)
class MeasureResult:
    """A measure and what became of it; without `savings` or `avoided` the sentences of `problems` say why."""

    measure: Measure
    savings: Savings | None
    avoided: Avoided | None
    problems: tuple[str, ...]


def measures(engine: Engine, city: LoadedCity, now_utc: datetime) -> list[MeasureResult]:
    """Every measure of the city, judged from what is stored now; what cannot be judged says why and stops no other."""
    return [judged(engine, city, measure, now_utc) for measure in city.settings.measures]


def judged(engine: Engine, city: LoadedCity, measure: Measure, now_utc: datetime) -> MeasureResult:
    """One measure: its savings, and what they avoided where a marginal signal is there."""
    try:
        found = _savings(engine, city, measure, now_utc)
    except PenstockError as error:
        return MeasureResult(measure, None, None, tuple(map(str, error.problems)))
    mixed = tuple(_mixed(city, measure, found.days["day"].iloc[-1]))
    try:
        return MeasureResult(measure, found, _avoided(city, measure, found), mixed)
    except PenstockError as error:
        return MeasureResult(measure, found, None, (*mixed, *map(str, error.problems)))


def _mixed(city: LoadedCity, measure: Measure, last: date) -> Iterator[str]:
    """A sentence for every other measure on the same accounts that began to work within the days that are compared."""
    for other in city.settings.measures:
        shared = sorted(set(other.accounts) & set(measure.accounts))
        if other.id != measure.id and shared and other.reporting_from > measure.baseline[0] and other.start <= last:
            yield f"{other.id} changed {', '.join(shared)} from {other.start} on: what it saved is in these savings or in their baseline."


def _savings(engine: Engine, city: LoadedCity, measure: Measure, now_utc: datetime) -> Savings:
    accounts, zone = _accounts(city, measure), city.settings.city.time_zone
    stored = meter_days.last(engine)
    newest = local_date(stored, zone) if stored is not None else measure.start
    last = min(measure.reporting_to or newest, newest)
    if last < measure.reporting_from:
        observed = f"the newest stored day is {newest}"
        raise fault(f"measure '{measure.id}'", observed, f"days from {measure.reporting_from} on", "Wait for the days to be stored.")
    first, before = measure.baseline
    use = daily_use(engine, city, accounts, first, last)
    degc = daily_degc(engine, city, measure.temperature, first, last, now_utc)
    days = pd.DataFrame({"day": use.index, "use": use.to_numpy(), "degc": degc.reindex(use.index).to_numpy(np.float64)})
    after = days[days["day"] >= measure.reporting_from]
    return savings(days[days["day"] <= before], after, accounts[0].quantity.unit)


def _accounts(city: LoadedCity, measure: Measure) -> list[Account]:
    books = {account.id: account for account in city.settings.accounts}
    found = [books[name] for name in measure.accounts]
    if len({account.quantity for account in found}) > 1 or any(account.point not in city.points for account in found):
        observed = ", ".join(f"{account.id} counts {account.quantity} at {account.point}" for account in found)
        raise fault(f"measure '{measure.id}'", observed, "metered accounts of one quantity", "Make one measure of each quantity.")
    if given := [account.id for account in found if isinstance(account, OwnRenewable)]:
        observed = f"{given[0]} counts what is given, not used"
        raise fault(f"measure '{measure.id}'", observed, "accounts of use", "Name the account that the generation supplies.")
    return found


def daily_use(engine: Engine, city: LoadedCity, accounts: Iterable[Account], first: date, last: date) -> pd.Series:
    """Use of all accounts together per civil day [unit of their quantity], by date; NaN where one interval of one of them was not measured.

    Estimates do not count, as they lean on days like it before the measure, and a day is not scaled up from its parts.
    """
    zone = city.settings.city.time_zone
    start, end = civil_day(first, zone)[0], civil_day(last, zone)[1]
    total: NDArray[np.float64] = np.zeros((last - first).days + 1)
    for account in accounts:
        block = meter_days.block(engine, [city.points[account.point]], start, end, estimates=False)
        total = total + _by_day(city, block.unit_values()[0], start, block.step, len(total))
    return pd.Series(total, index=[first + timedelta(days=i) for i in range(len(total))])


def _by_day(city: LoadedCity, values: NDArray[np.float64], start: datetime, step: timedelta, days: int) -> NDArray[np.float64]:
    day = city.settings.calendar.grid(start, step, len(values)).day
    lacking = np.bincount(day, weights=np.isnan(values), minlength=days) > 0
    return np.where(lacking, np.nan, np.bincount(day, weights=np.nan_to_num(values), minlength=days))


def daily_degc(engine: Engine, city: LoadedCity, name: str, first: date, last: date, now_utc: datetime) -> pd.Series:
    """Measured mean outdoor temperature per civil day [degC], by date. Raises `PenstockError` where the city has no such series."""
    zone = city.settings.city.time_zone
    start, end = civil_day(first, zone)[0], civil_day(last, zone)[1]
    if (point := city.points.get(name)) is not None:
        block = meter_days.block(engine, [point], start, end)
        return daily_means(block.times, block.unit_values()[0], zone)
    place, _, variable = name.rpartition(".")
    hours = int((end - start) / HOUR)
    told = weather.read(engine, "" if place == CITY else place, start, now_utc)
    known = on_grid(told, now_utc, start, HOUR, hours, 0, timedelta(0))
    if known is None or variable not in known.names:
        remedy = "Import the weather of baseline and reporting period (penstock weather), or name the point of a thermometer."
        raise fault(f"temperature '{name}'", "nothing is stored", "hourly measurements", remedy)
    return daily_means(grid(start, hours, HOUR), known.observed[known.names.index(variable)].astype(np.float64), zone)


def _avoided(city: LoadedCity, measure: Measure, found: Savings) -> Avoided:
    """What the savings avoided [kg CO2e]: electricity by the marginal signal of each day, what burns on site by its own factors."""
    account = _accounts(city, measure)[0]
    days, half = found.days, found.high - found.saved
    if account.quantity == Quantity.ENERGY_KWH:
        rate, signal = _marginal_by_day(city, days["day"].tolist()), str(city.settings.carbon.marginal_file)
        told = np.isfinite(rate)
        if told.mean() < LEAST_COVERED:
            observed = f"{signal} has {told.sum()} of {len(told)} whole days"
            raise fault(f"measure '{measure.id}', avoided emissions", observed, f"{LEAST_COVERED:.0%} of them", "Complete the file.")
        share = len(told) / told.sum()  # the savings of days without a signal weigh as those with one do
        kg = float((days["saved"].to_numpy()[told] * rate[told]).sum()) * share
        mean = float(np.average(rate[told], weights=np.maximum(days["baseline"].to_numpy()[told], 1e-9)))
        return Avoided(kg, kg - half * mean, kg + half * mean, signal)
    known = factors.load(city.factor_folders)
    rules = account.rules(known, days["day"].iloc[-1], "grid")
    if any(rule.kind != "posting" or rule.basis != "direct" for rule in rules):
        allowed = "electricity with a marginal signal, or a fuel that burns on site"
        raise fault(
            f"measure '{measure.id}', avoided emissions", f"{account.activity_name} has average factors", allowed, "Tell its savings alone."
        )
    weights = gwp(known, city.settings.carbon.gwp)
    per_unit = sum(float(weights[rule.gas]) * rule.numerator / rule.denominator for rule in rules) * account.quantity.scale / 1e6
    return Avoided(found.saved * per_unit, found.low * per_unit, found.high * per_unit, ", ".join(rule.rule_id for rule in rules))


def _marginal_by_day(city: LoadedCity, days: list[date]) -> NDArray[np.float64]:
    """float64[d] mean marginal intensity of each civil day [kg CO2e/kWh]; NaN where an hour is missing."""
    zone = city.settings.city.time_zone
    start, end = civil_day(days[0], zone)[0], civil_day(days[-1], zone)[1]
    hours = int((end - start) / HOUR)
    rate = signals.marginal(city, grid(start, hours, HOUR))
    whole = _by_day(city, rate, start, HOUR, (days[-1] - days[0]).days + 1)
    lengths = np.bincount(city.settings.calendar.grid(start, HOUR, hours).day, minlength=len(whole))
    return (whole / lengths)[[(day - days[0]).days for day in days]]
