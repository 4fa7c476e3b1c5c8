"""Where one target stands on a day: so far, what the year heads for, the light, the odds of its milestones, and on which basis."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from statistics import NormalDist

import numpy as np

from carbon.targets.gdp import slips
from carbon.targets.heading import Books, Heading, heading_of
from carbon.targets.measures import days_of_year, usable_share, value
from carbon.targets.metric import PER_GDP, Metric, metric_of, warning
from carbon.targets.nowcast import Z90
from carbon.targets.odds import POOLED, outlook
from carbon.targets.progress import Progress, progress, said
from carbon.targets.target import BaseChange, Target
from carbon.targets.year_gdp import YearGdp
from city.problems import PenstockError, Problem, fault

MOST_OFF = 30  # times the path or a part of it: then a unit is wrong, not the city


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
    heading = heading_of(target, books)
    judged = heading.value if heading else so_far
    usable = usable_share(target.measure, target.basis, books.years[year], books.accounts)
    at = year if heading else books.on
    now = progress(in_force, judged, at, usable_share=usable, forecast=_heads_for(target, heading, so_far, year, gdp))
    actuals = _actuals(in_force, books) | {year: judged}
    odds = _odds(in_force, actuals, year, heading)
    return Standing(
        target=target,
        metric=_metric(target, gdp),
        on=books.on,
        so_far=so_far,
        usable_share=usable,
        heading=heading,
        progress=now,
        first_stated=progress(target, judged, at) if in_force is not target else None,
        changes=target.base_changes(books.on),
        actuals=actuals,
        odds=odds,
        warnings=tuple(_warnings(target, books, gdp, so_far)),
        sentence=now.sentence + _chances(odds),
    )


def _heads_for(target: Target, heading: Heading | None, so_far: Decimal, year: int, gdp: YearGdp | None) -> str:
    """What the year heads for, in words; nothing for a year that is complete."""
    if heading is None or heading.method == "complete":
        return ""
    told, before, low, high = (said(value, target.is_share) for value in (heading.value, so_far, heading.low, heading.high))
    unit = "" if target.is_share else f" {target.unit}"
    expected = " with expected GDP" if gdp and gdp.years_carried else ""
    return f"heads for {told}{unit} in {year} (90 %: {low} to {high}{'' if told == before else f'; so far {before}'}){expected}"


def _chances(odds: Sequence[Odds]) -> str:
    return f" Odds: {', '.join(f'{_percent(one.odds)} for {one.milestone}' for one in odds)}." if odds else ""


def _percent(odds: Decimal) -> str:
    return "below 1 %" if odds < Decimal("0.01") else "above 99 %" if odds > Decimal("0.99") else f"{100 * odds:.0f} %"


def _value(target: Target, books: Books, year: int) -> Decimal | None:
    gdp = books.gdp.get(year)
    amount = gdp.ten_k_cny if gdp else None
    return value(target.measure, target.basis, books.years[year], amount, books.accounts, books.factors, books.least_usable, books.gwp)


def _metric(target: Target, gdp: YearGdp | None) -> Metric:
    metric = metric_of(target.measure, target.basis, vintage=gdp.vintage if gdp else "", unit=target.unit)
    return replace(metric, price_year=gdp.price_year) if gdp else metric


def _warnings(target: Target, books: Books, gdp: YearGdp | None, so_far: Decimal) -> Iterator[Problem]:
    if gdp is None:
        return
    subject = f"target '{target.id}'"
    if gdp.note:
        yield Problem(subject, gdp.note, "the published figure", "Add it to [[gdp]].")
    told = any(one.trigger == "census" and one.published <= books.on for one in target.restatements)
    if target.base_year in books.revised and not told:
        observed = f"GDP of {target.base_year} is revised after a census, the base value {target.base_value:f} is not restated"
        yield Problem(subject, observed, "both before or both after the census", 'Add a restatement with trigger = "census".')
    if target.measure == "energy_per_gdp":
        yield from slips({gdp.year: gdp.ten_k_cny}, {gdp.year: so_far * gdp.ten_k_cny})


def beside(standings: Sequence[Standing]) -> list[Standing]:
    """The same standings, each with a warning for every other one of its measure that stands on another basis."""
    made = []
    for one in standings:
        found = (warning(one.metric, other.metric) for other in standings if other.target.measure == one.target.measure)
        made.append(replace(one, warnings=(*one.warnings, *(dict.fromkeys(w for w in found if w)))))
    return made


def _plausible(target: Target, actual: Decimal, year: int) -> None:
    times = actual / target.required(year)
    if not target.is_share and actual > 0 and not Decimal(1) / MOST_OFF < times < MOST_OFF:
        observed = f"{said(actual, False)} {target.unit}, {times:.3g} times the path"
        remedy = "Check the unit of GDP (10k CNY and 100M CNY differ by 10,000), the base value, and that every account is posted."
        raise fault(f"target '{target.id}' in {year}", observed, f"within {MOST_OFF} times of it", remedy)


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
    """Of every milestone from this year's on; none for measures whose odds were not judged, and without a now-cast."""
    pooled = POOLED.get(target.measure)
    if pooled is None or heading is None or any(v <= 0 for v in actuals.values()):
        return ()
    years = sorted(y for y in actuals if y <= year)
    logs = [float(actuals[y].ln()) for y in years]
    spread = float((heading.high / heading.low).ln()) / (2 * Z90)
    made = []
    if year in target.milestones and spread > 0:  # this year's own milestone: the now-cast alone tells
        chance = NormalDist(logs[-1], spread).cdf(float(target.required(year).ln()))
        made.append(Odds(year, target.required(year), Decimal(f"{chance:.3f}"), heading.low, heading.value, heading.high))
    for milestone in sorted(m for m in target.milestones if m > year):
        asked = target.required(milestone)
        told = outlook(years, logs, milestone, pooled, spread)
        odds = Decimal(f"{float(told.below(float(asked.ln()) - logs[-1])):.3f}")
        span = [Decimal(f"{np.exp(logs[-1] + float(told.quantile(q))):.6g}") for q in (0.05, 0.5, 0.95)]
        made.append(Odds(milestone, asked, odds, *span))
    return tuple(made)
