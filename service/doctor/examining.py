"""Every check in turn, each by itself: what one trips over costs the others nothing."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import typer
from sqlalchemy.exc import DBAPIError

from city.problems import PenstockError, Problem
from service.crash import keep
from service.doctor import configuration, database, field, machine, running
from service.doctor.check import Check, Found, Patient
from service.environment import Environment
from service.extras import lacking
from service.redaction import redacted
from service.settings import LoadedCity, load

GROUPS: dict[str, Callable[[Patient], Iterator[Check]]] = {
    "configuration": configuration.checks,
    "database": database.checks,
    "machine": machine.checks,
    "running": running.checks,
    "field": field.checks,
}


def examine(env: Environment, now_utc: datetime, *, as_json: bool = False, fast: bool = False) -> str:
    """Run every check, or with `fast` those that ask nobody outside and compute nothing; one line each, or one JSON object.

    Returns 'done', or 'problems' when one failed.
    """
    made = []
    for found in examined(env, now_utc, fast=fast):
        made.append(found)
        if not as_json:
            _tell(found)
    status = "problems" if any(found.problems for found in made) else "done"
    if as_json:
        checks = [found.as_dict for found in made]
        typer.echo(json.dumps({"now": now_utc.isoformat(), "status": status, "checks": checks}, ensure_ascii=False))
    return status


def examined(env: Environment, now_utc: datetime, *, fast: bool = False) -> Iterator[Found]:
    """What came of each check, as soon as it is known."""
    city: LoadedCity | None = None

    def city_file() -> str:
        nonlocal city
        city = load(env)
        return f"{env.city_file}, {len(city.settings.meters)} meters, {len(city.settings.assets)} assets"

    yield _found("configuration", Check("city file", city_file), env)
    patient = Patient(env, now_utc, city)
    for group, checks in GROUPS.items():
        for check in checks(patient):
            yield Found(group, check.name, None, (), 0.0) if fast and check.slow else _found(group, check, env)


def _found(group: str, check: Check, env: Environment) -> Found:
    began = time.perf_counter()
    said, problems = None, tuple[Problem, ...]()
    try:
        said = check.work()
    except PenstockError as error:
        problems = error.problems
    except DBAPIError as error:
        problems = (Problem("database", str(error.orig).strip(), "a database that answers", "Start it or correct PENSTOCK_DATABASE_URL."),)
    except Exception as error:
        told = lacking(error) if isinstance(error, ModuleNotFoundError) else None
        problems = (told or Problem(check.name, keep(error, env), "a check that ends", "Send that file to the engineers."),)
    hidden = tuple(Problem(*map(redacted, (p.subject, p.observed, p.allowed, p.remedy))) for p in problems)  # quotes what others said
    return Found(group, check.name, redacted(said) if said else said, hidden, time.perf_counter() - began)


def _tell(found: Found) -> None:
    for problem in found.problems:
        typer.echo(f"FAULT {found.name}: {problem}")
    if not found.problems:
        typer.echo(f"ok    {found.name}: {found.said}" if found.said is not None else f"skip  {found.name}")
