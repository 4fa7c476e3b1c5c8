"""What a year heads for: the now-cast of what is above a measure's line over that of what is below it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from carbon.accounts import Account
from carbon.factors import Factor
from carbon.targets.measures import LEAST_USABLE, Sums, days_of_year, sides, usable_share
from carbon.targets.metric import PER_GDP, Basis, Measure
from carbon.targets.nowcast import Z90, Known, Method, Month, nowcast
from carbon.targets.target import Target
from carbon.targets.year_gdp import YearGdp
from city.problems import PenstockError

# Standard deviation [log] of GDP carried on over 0, 1 and 2 years with the last growth: China 1990-2022 (docs/targets.md).
GDP_SPREAD = (0.0, 0.026, 0.048)


@dataclass(frozen=True, slots=True)
class Books:
    """What the ledger and the statistics office know on a day: sums of years and of months, and the GDP of years."""

    on: date
    years: Mapping[int, Sums]
    months: Mapping[Month, Sums]
    gdp: Mapping[int, YearGdp]
    accounts: Sequence[Account]
    factors: tuple[Factor, ...]
    degree_days: Mapping[Month, tuple[float, float]] | None = None
    least_usable: Decimal = LEAST_USABLE
    gwp: Mapping[str, Decimal] | None = None
    revised: frozenset[int] = frozenset()  # years whose GDP was revised after a census


@dataclass(frozen=True, slots=True)
class Heading:
    """What the year is heading for, in the target's unit, with its 90 % interval, the part of its days known [1], and the rule."""

    value: Decimal
    low: Decimal
    high: Decimal
    days_known: Decimal
    method: Method


def heading_of(target: Target, books: Books) -> Heading | None:
    """The now-cast of what is above the line over that of what is below it; None where months cannot be told."""
    year = books.on.year
    above, below = _months(target.measure, target.basis, books)
    if not any(m[0] == year for m in above):
        return None
    top = nowcast(above, year, books.degree_days)
    if target.measure in PER_GDP:
        gdp = books.gdp[year]
        bottom, spread = float(gdp.ten_k_cny), float(np.hypot(top.spread, GDP_SPREAD[gdp.years_carried]))
    else:
        under = nowcast(below, year, books.degree_days)
        bottom, spread = under.amount, float(np.hypot(top.spread, under.spread))
    if bottom <= 0 or top.amount <= 0:
        return None
    middle, wide = top.amount / bottom, float(np.exp(Z90 * spread))
    most = max(1.0, middle) if target.is_share else np.inf  # a share above one is own power beyond the use, or certificates
    low, value, high = (Decimal(f"{v:.6g}") for v in (middle / wide, middle, min(middle * wide, most)))
    known = Decimal(len(books.years[year].days)) / days_of_year(year)
    return Heading(value, low, high, known, top.method)


def _months(measure: Measure, basis: Basis, books: Books) -> tuple[dict[Month, Known], dict[Month, Known]]:
    above, below = {}, {}
    for month, of in books.months.items():
        if usable_share(measure, basis, of, books.accounts) < books.least_usable:
            continue
        try:
            top, bottom = sides(measure, basis, of, books.accounts, books.factors, books.gwp)
        except PenstockError:
            continue  # a coefficient of another year is not in the sets: that year's month teaches nothing
        above[month] = Known(float(top), len(of.days))
        if bottom is not None:
            below[month] = Known(float(bottom), len(of.days))
    return above, below
