"""Where the city stands on its targets: so far, what the year heads for, the light, the odds; each with its basis and vintage."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from carbon import factors
from carbon.gwp import gwp
from carbon.targets.heading import Books
from carbon.targets.measures import BOOK_BY, sums
from carbon.targets.metric import PER_GDP
from carbon.targets.nowcast import Month
from carbon.targets.standing import Standing, beside, standing
from carbon.targets.target import Target
from carbon.targets.year_gdp import YearGdp, of_year, revised
from carbon.why.degree_days import degree_days as degree_days_of
from city.clock import civil_day
from city.problems import PenstockError, Problem
from service import schema as t
from service.night import Night, Output
from service.savings.measures import daily_degc
from service.store.ledger import open_ledger
from service.store.results import replace_rows
from service.store.runs import StepResult

YEARS_BACK = 3  # whole years before this one whose months the now-cast learns the seasons from
HEATING_BELOW_DEGC, COOLING_ABOVE_DEGC = 18.0, 26.0  # HDD18 and CDD26 of GB 50176-2016
LEAST_DAYS = 20  # of a month with a temperature, for its degree days


def compute(night: Night) -> Output:
    """Progress of every target for the year of yesterday."""
    city = night.city.settings
    if not city.targets:
        return Output(StepResult("no [[targets]]"))
    report, problems = standings(night)
    rows: list[dict[str, Any]] = [
        {
            "night": night.date,
            "target_id": one.target.id,
            "required": float(one.progress.required),
            "actual": float(one.progress.actual),
            "on_path": one.progress.on_path,
            "sentence": one.sentence,
            "detail": detail(one),
        }
        for one in report
    ]

    def write(connection: Connection) -> None:
        replace_rows(connection, t.target_progress, t.target_progress.c.night == night.date, rows)

    behind = [one.target.id for one in report if not one.progress.on_path]
    sentence = f"{len(report) - len(behind)} of {len(city.targets)} targets on their path" + (
        f"; behind: {', '.join(behind)}" if behind else ""
    )
    return Output(StepResult(sentence, {row["target_id"]: row["sentence"] for row in rows}, problems), write)


def detail(one: Standing) -> dict[str, Any]:
    """What the console shows of a standing, as facts: values in the target's unit, odds and shares [0..1]."""
    now, heading, metric = one.progress, one.heading, one.metric
    first = one.first_stated
    return {
        "unit": one.target.unit,
        "measure": one.target.measure,
        "year": now.year,
        "gap": float(now.gap),
        "light": now.light,
        "red_above_pace": float(one.target.red_above_pace),
        "so_far": float(one.so_far),
        "usable_share": float(one.usable_share),
        "milestone": now.milestone,
        "needed_per_year": None if now.needed_per_year is None else float(now.needed_per_year),
        "heading": heading
        and {name: float(getattr(heading, name)) for name in ("value", "low", "high", "days_known")} | {"method": heading.method},
        "odds": [
            {"milestone": o.milestone} | {name: float(getattr(o, name)) for name in ("asked", "odds", "low", "middle", "high")}
            for o in one.odds
        ],
        "basis": {"numerator": metric.numerator, "denominator": metric.denominator, "price_year": metric.price_year},
        "vintage": metric.vintage,
        "actuals": {str(year): float(value) for year, value in sorted(one.actuals.items())},
        "first_stated": first and {"required": float(first.required), "gap": float(first.gap), "light": first.light},
        "base_changes": [change.sentence for change in one.changes],
        "warnings": [str(problem) for problem in one.warnings],
    }


def standings(night: Night) -> tuple[list[Standing], list[Problem]]:
    """Every target with its standing, and a problem for each one that cannot be told."""
    report: list[Standing] = []
    problems: list[Problem] = []
    city = night.city.settings
    on = night.date - timedelta(days=1)
    zone = city.city.time_zone
    start = civil_day(date(on.year - YEARS_BACK, 1, 1), zone)[0]
    book = open_ledger(night.engine, night.city.folder).book(by=BOOK_BY, zone=zone, period="D", start=start, end=night.today)
    months = {(int(label[:4]), int(label[5:])): sums(book, city.accounts, label) for label in sorted({d[:7] for d in book["period"]})}
    years = {year: sums(book, city.accounts, str(year)) for year in sorted({year for year, _ in months})}
    known = factors.load(night.city.factor_folders)
    weights, degree_days = gwp(known, city.carbon.gwp), _degree_days(night, date(on.year - YEARS_BACK, 1, 1), on)
    for target in city.targets:
        try:
            gdps = {year: told for year in years if (told := _gdp(night, target, year, on))}
            found = standing(
                target, Books(on, years, months, gdps, city.accounts, known, degree_days, gwp=weights, revised=revised(city.gdp, on))
            )
        except PenstockError as error:
            problems += error.problems
            continue
        if found is None:
            allowed = "entries of its kind"
            problems.append(Problem(f"target '{target.id}'", "nothing in the ledger to tell it from", allowed, "Add the accounts."))
        else:
            report.append(found)
    return beside(report), list(dict.fromkeys(problems))  # one GDP is behind many targets


def _gdp(night: Night, target: Target, year: int, on: date) -> YearGdp | None:
    """The year's GDP as a target needs it; None for a share, and for an earlier year that nobody stated."""
    if target.measure not in PER_GDP:
        return None
    city = night.city.settings
    stated = sum((Decimal(str(sector.gdp_10k_cny.get(year, 0))) for sector in city.sectors), Decimal(0))
    try:
        return of_year(city.gdp, {year: stated}, year, target.basis.price_year, on)
    except PenstockError:
        if year == on.year:
            raise
        return None


def _degree_days(night: Night, first: date, last: date) -> dict[Month, tuple[float, float]] | None:
    """{(year, month): heating and cooling [K d per day]} of the city's measured weather; None where it stores none."""
    try:
        means = daily_degc(night.engine, night.city, "weather.temperature_degc", first, last, night.now_utc)
    except PenstockError:
        return None
    table = degree_days_of(means, HEATING_BELOW_DEGC, COOLING_ABOVE_DEGC)
    table = table[table["days"] >= LEAST_DAYS]
    return {
        (int(row.month[:4]), int(row.month[5:])): (row.hdd / row.days, row.cdd / row.days) for row in table.itertuples(index=False)
    } or None
