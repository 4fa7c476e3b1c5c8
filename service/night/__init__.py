"""The night: readings in, forecasts, a plan, leaks, the ledger - in that order, each step stored whole or not at all.

A step computes first and writes last, in one transaction with its own record. So a night that is killed anywhere is simply
started again: finished steps are skipped, the unfinished one has left nothing behind.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import import_module

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from city.clock import civil_day, local_date
from city.problems import PenstockError
from service.crash import keep
from service.extras import lacking
from service.lease import fenced, leased
from service.one_process import lock
from service.settings import LoadedCity
from service.store import cold, meter_days, readings, runs, writing
from service.store.runs import StepResult

log = structlog.get_logger()

# Each step and what it cannot do without: a step whose need failed waits, so that nothing final is made of half the data.
NEEDS: dict[str, tuple[str, ...]] = {
    "validate": (),
    "forecast": ("validate",),
    "plan": ("forecast",),
    "leaks": ("validate",),
    "ledger": ("validate", "leaks"),
    "targets": ("ledger",),
}
STEPS = tuple(NEEDS)
# What follows a night whose record is complete, as "module:function" of (city, engine, run_id): its report, and who is told of it.
CLOSING: tuple[str, ...] = ()


@dataclass(frozen=True)
class Night:
    """What every step is given: the city, its store, the time that counts as now, and the civil days around it."""

    city: LoadedCity
    engine: Engine
    date: date
    now_utc: datetime
    key_of: dict[str, int]

    @property
    def today(self) -> datetime:
        """Local midnight [UTC] that the night starts after: everything before it is history."""
        return civil_day(self.date, self.city.settings.city.time_zone)[0]


@dataclass(frozen=True)
class Output:
    """A step's result and the writes that go with it."""

    result: StepResult
    write: Callable[[Connection], None] = lambda _connection: None


def run(city: LoadedCity, engine: Engine, now_utc: datetime, *, on_step: Callable[[str, StepResult | None], None] | None = None) -> str:
    """Run, or resume, the night of the local date of `now_utc`. Returns 'done', 'problems' or 'failed'.

    `on_step` is told each step's name when it starts (with None) and ends (with its result). A step that fails with known
    problems is recorded as failed; those that need it wait for the night to be run again, the others still run. A step that had
    nothing to work on yet is not final either.
    """
    tell = on_step or (lambda _name, _result: None)
    day = local_date(now_utc, city.settings.city.time_zone)
    with lock(city.folder), leased(engine) as lease:
        night = Night(city, fenced(engine, lease), day, now_utc, readings.register_points(engine, list(city.points.values())))
        run_id = runs.start_run(engine, city.settings.city.id, day, "night", now_utc, city.config_hash)
        try:
            status = _steps(night, tell)
            # The proof last of what writes the audit, so that a night that is run again finds its head kept.
            after = {
                "grid": _after("grid", night),
                "round": _round(night),
                "proof": _after("proof", night),
                "archive": _archived(night),
                "levels": _after("levels", night),
            }
        except BaseException:
            runs.end_run(engine, run_id, "failed", {})
            raise
        found = {name: result for name, result in after.items() if result is not None}
        for name, result in found.items():
            tell(name, result)
            status = status if result.status == "done" or status == "failed" else "problems"
        runs.end_run(engine, run_id, status, {name: result.sentence for name, result in found.items()})
        runs.beat(engine, "night", now_utc, {"status": status})
    for name in CLOSING:
        _closed(name, city, engine, run_id)
    return status


def _round(night: Night) -> StepResult | None:
    """Alarms, cases and what they stand on, as the night leaves them."""
    from service import rounds

    wrong = rounds.make(night.engine, night.city, night.now_utc)
    return StepResult("; ".join(wrong), status="problems") if wrong else None


def _steps(night: Night, tell: Callable[[str, StepResult | None], None]) -> str:
    city = night.city.settings.city.id
    former = runs.steps_done(night.engine, city, night.date)
    state = {name: row.status for name, row in former.items() if row.status not in ("failed", "waiting")}
    for name in STEPS:
        if name in state:
            continue
        missing = [need for need in NEEDS[name] if state.get(need) == "failed"]
        if missing:
            state[name] = "failed"
            tell(name, StepResult(f"waits for {', '.join(missing)}; run the night again once that is mended"))
            continue
        tell(name, None)
        started = time.perf_counter()
        output = _computed(name, night)
        with writing(night.engine) as connection:
            output.write(connection)
            runs.finish_step(connection, city, night.date, name, time.perf_counter() - started, output.result)
        state[name] = output.result.status
        tell(name, output.result)
    return next((word for word in ("failed", "problems") if word in state.values()), "done")


def _after(name: str, night: Night) -> StepResult | None:
    """What follows the steps once they are committed; a fault there costs neither the night nor its status as done with problems."""
    try:
        found: StepResult | None = import_module(f"service.night.{name}").compute(night)
        return found
    except PenstockError as error:
        return StepResult(f"{name}: {error.problems[0]}", problems=list(error.problems))
    except Exception as error:
        return StepResult(keep(error, night.city.environment), status="problems")


def _closed(name: str, city: LoadedCity, engine: Engine, run_id: int) -> None:
    """What a report or a notice trips over is kept for the engineers; the night is done."""
    module, deed = name.split(":")
    try:
        getattr(import_module(module), deed)(city, engine, run_id)
    except Exception as error:
        log.error("the night's end", part=name, told=str(error) if isinstance(error, PenstockError) else keep(error, city.environment))


def _archived(night: Night) -> StepResult | None:
    """Readings older than the hot days go to cold storage, of days only that lie in vectors by now. None when there were none."""
    last = meter_days.last(night.engine, "night")
    if last is None:
        return None
    zone = night.city.settings.city.time_zone
    before = min(night.today - timedelta(days=night.city.settings.night.hot_days), civil_day(local_date(last, zone), zone)[1])
    try:
        moved = cold.archive(night.engine, night.city.folder, before)
    except PenstockError as error:
        return StepResult(f"readings stay where they are: {error.problems[0]}", problems=list(error.problems), status="problems")
    except DBAPIError as error:
        return StepResult(f"readings stay where they are: {str(error.orig).strip()}", status="problems")
    told = f"{sum(count for _, count in moved):,} readings of {len(moved)} day{'s' * (len(moved) > 1)} went to cold storage"
    return StepResult(told) if moved else None


def _computed(name: str, night: Night) -> Output:
    """A step's output; whatever goes wrong in it costs this step and what needs it, not the night."""
    try:
        output: Output = import_module(f"service.night.{name}").compute(night)
        return output
    except PenstockError as error:
        problems = list(error.problems)
    except Exception as error:
        missing = lacking(error) if isinstance(error, ModuleNotFoundError) else None
        if missing is None:
            return Output(StepResult(keep(error, night.city.environment), status="failed"))
        problems = [missing]
    return Output(StepResult(f"{name} failed: {problems[0]}", problems=problems, status="failed"))
