"""Where one target stands on a day: so far, what the year heads for, the light, the odds of its milestones, and on which basis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from carbon.accounts import Account
from carbon.factors import Factor
from carbon.targets.gdp import YearGdp, slips
from carbon.targets.measures import LEAST_USABLE, Sums, days_of_year, sides, usable_share, value
from carbon.targets.metric import PER_GDP, Basis, Measure, Metric, metric_of
from carbon.targets.nowcast import Known, Method, Month, nowcast
from carbon.targets.odds import POOLED, outlook
from carbon.targets.progress import Progress, progress, said
from carbon.targets.target import BaseChange, Target
from city.problems import PenstockError, Problem, fault

MOST_OFF = 30  # times the path or a part of it: then a unit is wrong, not the city


@dataclass(frozen=True, slots=True)
class Heading:
    """What the year is heading for, in the target's unit, with its 90 % interval, the part of its days known [1], and the rule."""

    value: Decimal
    low: Decimal
    high: Decimal
    days_known: Decimal
    method: Method


@dataclass(frozen=True, slots=True)
class Odds:
    """Of one milestone: what it asks for, the probability [0..1] of meeting it, and where its year is told to end (90 % and median)."""

    milestone: int
    asked: Decimal
    odds: Decimal
    low: Decimal
    middle: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """One target on one day. `target` is as first stated; `progress` is against the base in force, `first_stated` against the first one."""

    target: Target
    metric: Metric
    on: date
    so_far: Decimal
    usable_share: Decimal
    heading: Heading | None
    progress: Progress
    first_stated: Progress | None
    changes: tuple[BaseChange, ...]
    actuals: Mapping[int, Decimal]
    odds: tuple[Odds, ...]
    warnings: tuple[Problem, ...]
    sentence: str


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


def standing(target: Target, books: Books) -> Standing | None:
    """The standing in the year of `books.on`; None when the ledger has nothing to tell the measure from.

    Raises `PenstockError` when GDP or a coefficient is missing, too much usage is, or a unit must be wrong.
    """
    year, in_force = books.on.year, target.as_known(books.on)
    if year not in books.years:
        raise fault(f"target '{target.id}'", f"no entry in the ledger of {year}", "at least one day of entries", "Post the usage first.")
    so_far = _value(target, books, year)
    if so_far is None:
        return None
    gdp = books.gdp.get(year) if target.measure in PER_GDP else None
    _plausible(in_force, so_far, year)
    heading = _heading(target, books)
    share = target.is_share
    judged = heading.value if heading else so_far
    usable = usable_share(target.measure, target.basis, books.years[year], books.accounts)
    unit = "" if share else f" {target.unit}"
    words = ""
    if heading and heading.method != "complete":
        told, before = said(judged, share), said(so_far, share)
        words = f"heads for {told}{unit} in {year} (90 %: {said(heading.low, share)} to {said(heading.high, share)}"
        words += ")" if told == before else f"; so far {before})"
    at = year if heading else books.on
    now = progress(in_force, judged, at, usable_share=usable, forecast=words)
    actuals = _actuals(in_force, books) | {year: judged}
    odds = _odds(in_force, actuals, year, heading)
    changes = target.base_changes(books.on)
    warnings = [Problem(f"target '{target.id}'", gdp.note, "the published figure", "Add it to [[gdp]].")] if gdp and gdp.note else []
    if gdp and target.measure == "energy_per_gdp":
        warnings += slips({year: gdp.ten_k_cny}, {year: so_far * gdp.ten_k_cny})
    chances = f" Odds: {', '.join(f'{_percent(one.odds)} for {one.milestone}' for one in odds)}." if odds else ""
    return Standing(
        target=target,
        metric=metric_of(target.measure, target.basis, vintage=gdp.vintage if gdp else "", unit=target.unit),
        on=books.on,
        so_far=so_far,
        usable_share=usable,
        heading=heading,
        progress=now,
        first_stated=progress(target, judged, at) if in_force is not target else None,
        changes=changes,
        actuals=actuals,
        odds=odds,
        warnings=tuple(warnings),
        sentence=now.sentence + chances,
    )


def _percent(odds: Decimal) -> str:
    return "below 1 %" if odds < Decimal("0.01") else "above 99 %" if odds > Decimal("0.99") else f"{100 * odds:.0f} %"


def _value(target: Target, books: Books, year: int) -> Decimal | None:
    gdp = books.gdp.get(year)
    amount = gdp.ten_k_cny if gdp else None
    return value(target.measure, target.basis, books.years[year], amount, books.accounts, books.factors, books.least_usable, books.gwp)


def _plausible(target: Target, actual: Decimal, year: int) -> None:
    times = actual / target.required(year)
    if not target.is_share and actual > 0 and not Decimal(1) / MOST_OFF < times < MOST_OFF:
        observed = f"{said(actual, False)} {target.unit}, {times:.3g} times the path"
        remedy = "Check the unit of GDP (10k CNY and 100M CNY differ by 10,000), the base value, and that every account is posted."
        raise fault(f"target '{target.id}' in {year}", observed, f"within {MOST_OFF} times of it", remedy)


def _heading(target: Target, books: Books) -> Heading | None:
    """The now-cast of what is above the line over that of what is below it; None where months cannot be told."""
    year = books.on.year
    above, below = _months(target.measure, target.basis, books)
    if not any(m[0] == year for m in above):
        return None
    top = nowcast(above, year, books.degree_days)
    if target.measure in PER_GDP:
        bottom, spread = float(books.gdp[year].ten_k_cny), top.spread
    else:
        under = nowcast(below, year, books.degree_days)
        bottom, spread = under.amount, float(np.hypot(top.spread, under.spread))
    if bottom <= 0 or top.amount <= 0:
        return None
    middle, wide = top.amount / bottom, float(np.exp(1.645 * spread))
    low, high = (Decimal(f"{v:.6g}") for v in (middle / wide, middle * wide))
    known = Decimal(len(books.years[year].days)) / days_of_year(year)
    return Heading(Decimal(f"{middle:.6g}"), low, min(high, Decimal(1)) if target.is_share else high, known, top.method)


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


def _actuals(target: Target, books: Books) -> dict[int, Decimal]:
    """Whole years: stated in the target, or else in the ledger with every day and a GDP."""
    made = {target.base_year: target.base_value}
    for year, of in books.years.items():
        if len(of.days) == days_of_year(year) and year > target.base_year and (year in books.gdp or target.is_share):
            try:
                one = _value(target, books, year)
            except PenstockError:
                continue  # too much of it is missing
            if one:
                made[year] = one
    return made | {y: v for y, v in target.history.items() if y < books.on.year and y != target.base_year}


def _odds(target: Target, actuals: Mapping[int, Decimal], year: int, heading: Heading | None) -> tuple[Odds, ...]:
    """Of every milestone to come; none for measures whose odds were not judged, and without a now-cast."""
    pooled = POOLED.get(target.measure)
    if pooled is None or heading is None or any(v <= 0 for v in actuals.values()):
        return ()
    years = sorted(y for y in actuals if y <= year)
    logs = [float(actuals[y].ln()) for y in years]
    spread = float((heading.high / heading.low).ln()) / (2 * 1.645)
    made = []
    for milestone in sorted(m for m in target.milestones if m > year):
        asked = target.required(milestone)
        told = outlook(years, logs, milestone, pooled, [0.0] * (len(years) - 1) + [spread])
        odds = Decimal(f"{float(told.below(float(asked.ln()) - logs[-1])):.3f}")
        span = [Decimal(f"{np.exp(logs[-1] + float(told.quantile(q))):.6g}") for q in (0.05, 0.5, 0.95)]
        made.append(Odds(milestone, asked, odds, *span))
    return tuple(made)
