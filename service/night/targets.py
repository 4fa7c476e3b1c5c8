"""Where the city stands on its targets: energy per GDP, renewable share, carbon intensity, water loss - year to date."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from carbon import factors
from carbon.targets.indicators import indicators, totals
from carbon.targets.target import Progress, Target, progress
from city.problems import PenstockError, Problem
from service import schema as t
from service.night import Night, Output
from service.store import results
from service.store.results import replace_rows
from service.store.runs import StepResult


def compute(night: Night) -> Output:
    """Progress of every target for the year of yesterday."""
    city = night.city.settings
    if not city.targets:
        return Output(StepResult("no [[targets]]"))
    report, problems = standing(night)
    rows: list[dict[str, Any]] = [
        {
            "night": night.date,
            "target_id": target.id,
            "required": float(now.required),
            "actual": float(now.actual),
            "on_path": now.on_path,
            "sentence": now.sentence,
            "detail": {"unit": target.unit, "measure": target.measure, "year": now.year, "gap": float(now.gap)},
        }
        for target, now in report
    ]

    def write(connection: Connection) -> None:
        replace_rows(connection, t.target_progress, t.target_progress.c.night == night.date, rows)

    behind = [target.id for target, now in report if not now.on_path]
    sentence = f"{len(report) - len(behind)} of {len(city.targets)} targets on their path" + (
        f"; behind: {', '.join(behind)}" if behind else ""
    )
    return Output(StepResult(sentence, {row["target_id"]: row["sentence"] for row in rows}, problems), write)


def standing(night: Night) -> tuple[list[tuple[Target, Progress]], list[Problem]]:
    """Every target with its progress, and a problem for each one that cannot be told."""
    city = night.city.settings
    on = night.date - timedelta(days=1)
    gdp = sum((Decimal(str(sector.gdp_10k_cny.get(on.year, 0))) for sector in city.sectors), Decimal(0))
    if gdp == 0:
        return [], [Problem("sectors", f"no GDP for {on.year}", "gdp_10k_cny of that year for each sector", "Add it to city.toml.")]
    sums = totals(results.ledger_frame(night.engine), city.accounts, city.city.time_zone, on.year)
    measures = indicators(sums, gdp, factors.load(night.city.factor_folders))
    report, problems = [], []
    for target in city.targets:
        actual = measures.get(target.measure)
        if actual is None:
            problems.append(
                Problem(f"target '{target.id}'", "nothing in the ledger to tell it from", "entries of its kind", "Add the accounts.")
            )
            continue
        try:
            report.append((target, progress(target, actual, on, usable_share=sums.usable_share)))
        except PenstockError as error:
            problems += error.problems
    return report, problems
