"""`penstock report`: statements and the target report, from a ledger that was verified first."""

from pathlib import Path

import pandas as pd
from sqlalchemy import Engine

from carbon import factors
from carbon.ledger.verify import verify
from carbon.statements import statement, write_statement_csv, write_statement_xlsx, write_targets
from city.problems import PenstockError, fault
from service.environment import Environment
from service.night import Night
from service.night.targets import standings
from service.settings import LoadedCity, load
from service.store import ledger, open_store, runs


def verified(engine: Engine, city: LoadedCity) -> tuple[pd.DataFrame, str]:
    """The whole ledger and its root, after checking every batch against its hashes. Raises `PenstockError` when one differs."""
    heads = ledger.heads(engine)
    if not heads:
        raise fault("ledger", "empty", "at least one posted day", "Run `penstock night` first.")
    problems = verify([ledger.header(row) for row in heads], city.folder / ledger.FOLDER, heads[-1].root)
    if problems:
        raise PenstockError(problems)
    return ledger.by_carbon_dioxide(engine, city.folder), heads[-1].root


def write_reports(env: Environment, month: str | None) -> list[Path]:
    """Write statements of `month` (YYYY-MM, the last posted one when None) and the target report. Returns the paths."""
    city = load(env)
    engine = open_store(env.url)
    entries, root = verified(engine, city)
    zone = city.settings.city.time_zone
    months = entries["period_start_utc"].dt.tz_convert(zone).dt.strftime("%Y-%m")
    wanted = month or months.max()
    chosen = entries[months == wanted]
    if chosen.empty:
        raise fault(f"month '{wanted}'", "no entries", f"{months.min()} to {months.max()}", "Choose one of these months, as YYYY-MM.")
    folder = city.folder / "reports" / wanted
    folder.mkdir(parents=True, exist_ok=True)
    known = factors.load(city.factor_folders)
    made = statement(chosen, city.settings.accounts, known, zone=zone, root=root)
    paths = [*write_statement_csv(made, folder), write_statement_xlsx(made, folder / "statement.xlsx")]
    if city.settings.targets:
        paths += write_targets(_standing(city, engine), folder, root=root)
    return paths


def _standing(city: LoadedCity, engine: Engine) -> list:
    night = runs.last_night(engine, city.settings.city.id)
    if night is None:
        raise fault("target report", "no night in the store", "a finished night", "Run `penstock night` first.")
    report, _ = standings(Night(city, engine, night, runs.night_time(engine, city.settings.city.id, night), {}))
    return [(one.target, one.progress) for one in report]
