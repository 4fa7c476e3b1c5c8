"""One step of the night, worked in a process of its own: it computes first and writes last, in one transaction with its own record."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib import import_module

from sqlalchemy.exc import DBAPIError

from city.problems import PenstockError, Problem
from service import schema as t
from service.crash import keep
from service.extras import lacking
from service.night import zones
from service.night.apart import Ended, apart
from service.night.step import Night, Output
from service.night.zones import AWAY
from service.store import runs, writing
from service.store.runs import StepResult


def done(name: str, night: Night, meanwhile: Callable[[], None] = lambda: None) -> StepResult:
    """Work a step to its record. Past its deadline, or when its process dies, it has written nothing and is recorded as failed.

    Raises `PenstockError` when even that cannot be written.
    """
    started = time.perf_counter()
    with suppress(Exception):  # told in the process that needs it
        import_module(f"service.night.{name}")  # once here instead of again in each process
    former = _ended_utc(night, name)
    ended = within(night, lambda: _worked(name, night, started), name, meanwhile)
    if not ended.how and ended.answer[1]:
        answered: StepResult = ended.answer[0]
        return answered
    if ended.how and _ended_utc(night, name) != former:  # it was killed after it had written
        row = runs.steps_done(night.engine, night.city.settings.city.id, night.date)[name]
        return StepResult(row.sentence, row.detail, status=row.status)
    result = ended.answer[0] if not ended.how else failed(name, night, ended.how)
    record(name, night, result, time.perf_counter() - started)
    return result


def stood_in(night: Night, result: StepResult, meanwhile: Callable[[], None] = lambda: None) -> StepResult:
    """The result of a plan step that brought no plan, with what stands in for it; as it was where there is nothing that could.

    The step's record and the plan that stands in are written together.
    """

    def stand() -> StepResult:
        from service.plans import fallback

        night.engine.dispose(close=False)
        made = fallback.stand_in(night.city, night.engine, night.date, night.now_utc, result.sentence)
        if made is None:
            return result
        told = replace(result, sentence=f"{result.sentence}; {made.sentence}", detail={**result.detail, "fallback": made.plan_id})
        city = night.city.settings.city.id
        with writing(night.engine) as connection:
            if not made.store(connection):
                return result
            own = (t.step.c.city == city) & (t.step.c.night == night.date) & (t.step.c.step == "plan")
            connection.execute(t.step.update().where(own).values(sentence=told.sentence, detail=told.detail))
        return told

    ended = within(night, lambda: _guarded(stand, result, night), "plan", meanwhile)
    return result if ended.how else ended.answer


def _guarded(stand: Callable[[], StepResult], result: StepResult, night: Night) -> StepResult:
    """What cannot stand in is said beside why there is no plan."""
    try:
        return stand()
    except PenstockError as error:
        return replace(result, problems=[*result.problems, *error.problems])
    except Exception as error:
        keep(error, night.city.environment)
        return result


def within(night: Night, work: Callable[[], object], name: str, meanwhile: Callable[[], None] = lambda: None) -> Ended:
    """Do something of a step, or after the steps, in a process of its own within its deadline.

    The store's connections are closed before: a process must not go on with those of another.
    """
    night.engine.dispose()
    return apart(work, night.city.settings.night.deadlines.of(name), meanwhile)


def failed(name: str, night: Night, how: str) -> StepResult:
    """The result of a step that did not come to an end by itself."""
    minutes = night.city.settings.night.deadlines.of(name) / 60
    remedy = f"It wrote nothing; run the night again, or raise [night.deadlines] {name}_minutes where it needs more."
    problem = Problem(f"step {name}", how, f"an end within {minutes:g} min", remedy)
    return StepResult(f"{name} failed: {how}", problems=[problem], status="failed")


def record(name: str, night: Night, result: StepResult, seconds: float) -> None:
    """Record a step that wrote nothing. Raises `PenstockError` when the database does not take it."""
    try:
        with writing(night.engine) as connection:
            runs.finish_step(connection, night.city.settings.city.id, night.date, name, seconds, result)
    except DBAPIError as error:
        remedy = "Mend it and run the night again: finished steps are kept."
        told = Problem("database", f"{result.sentence}, and not recorded: {str(error.orig).strip()}", "one that answers", remedy)
        raise PenstockError(told) from None


def _ended_utc(night: Night, name: str) -> object:
    row = runs.steps_done(night.engine, night.city.settings.city.id, night.date).get(name)
    return row.ended_utc if row is not None else None


def _worked(name: str, night: Night, started: float) -> tuple[StepResult, bool]:
    """In the step's process: its result, and whether it is recorded."""
    night.engine.dispose(close=False)
    output = computed(name, night)
    try:
        with writing(night.engine) as connection:
            output.write(connection)
            zones.keep(connection, night, name, output)
            runs.finish_step(connection, night.city.settings.city.id, night.date, name, time.perf_counter() - started, output.result)
    except PenstockError as error:
        return StepResult(f"{name} failed: {error.problems[0]}", problems=list(error.problems), status="failed"), False
    except AWAY as error:
        return away(name, error), False
    except Exception as error:
        return StepResult(keep(error, night.city.environment), status="failed"), False
    return output.result, True


def computed(name: str, night: Night) -> Output:
    """A step's output; whatever goes wrong in it costs this step and what needs it, not the night."""
    try:
        return zones.tolerant(name, night, import_module(f"service.night.{name}").compute)
    except PenstockError as error:
        problems = list(error.problems)
    except AWAY as error:
        return Output(away(name, error))
    except Exception as error:
        missing = lacking(error) if isinstance(error, ModuleNotFoundError) else None
        if missing is None:
            return Output(StepResult(keep(error, night.city.environment), status="failed"))
        problems = [missing]
    return Output(StepResult(f"{name} failed: {problems[0]}", problems=problems, status="failed"))


def away(name: str, error: DBAPIError) -> StepResult:
    """The result of a step whose database went away or has no room."""
    problem = Problem("database", str(error.orig).strip(), "one that answers and has room", "Mend it and run the night again.")
    return StepResult(f"{name} failed: {problem}", problems=[problem], status="failed")
