"""The night: readings in, forecasts, a plan, leaks, the ledger - in that order, each step stored whole or not at all.

A step computes first and writes last, in one transaction with its own record, in a process of its own that has a deadline. So a night that
is killed anywhere is simply started again: finished steps are skipped, the unfinished one has left nothing behind.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from typing import Any

import structlog
from sqlalchemy import Engine

from city.clock import local_date
from city.problems import PenstockError
from service.crash import keep
from service.lease import TakenOver, fenced, leased
from service.night import zones
from service.night.after import follow
from service.night.configured import configured
from service.night.pulse import Pulse
from service.night.step import NEEDS, STEPS, Night, Output
from service.night.working import done, stood_in
from service.one_process import lock
from service.settings import LoadedCity
from service.store import readings, runs
from service.store.runs import StepResult
from service.turn import NIGHT_WAITS

__all__ = ["CLOSING", "NEEDS", "STEPS", "Night", "Output", "run"]

log = structlog.get_logger()
# What follows a night whose record is complete, as "module:function" of (city, engine, run_id): its report, and who is told of it.
CLOSING: tuple[str, ...] = ("service.run_report.closing:written", "service.notices.closing:told")


def run(
    city: LoadedCity,
    engine: Engine,
    now_utc: datetime,
    *,
    on_step: Callable[[str, StepResult | None], None] | None = None,
    again: frozenset[str] = frozenset(),
    rerun: bool = False,
) -> str:
    """Run, or resume, the night of the local date of `now_utc`. Returns 'done', 'problems' or 'failed'.

    Finished steps are skipped unless they are in `again`: then plans get a new number, the ledger restates its day, all else is replaced.
    The `rerun` of a night gone by does not set the heartbeat back.

    `on_step` is told each step's name when it starts (with None) and ends (with its result). A step that fails with known
    problems is recorded as failed; those that need it wait for the night to be run again, the others still run. A step that had
    nothing to work on yet is not final either. Waits for a person's edit, closing or restatement. Raises `PenstockError` while another
    night runs, here or on another machine, and when another one took this one's lease over.
    """
    tell = on_step or (lambda _name, _result: None)
    day = local_date(now_utc, city.settings.city.time_zone)
    with lock(city.folder, waits=NIGHT_WAITS), leased(engine, waits=NIGHT_WAITS) as lease:
        points = readings.register_points(engine, list(city.points.values()))
        night = Night(city, fenced(engine, lease), day, now_utc, points, again)
        alive_utc = max(now_utc, runs.heartbeats(engine).get("night", now_utc)) if rerun else now_utc
        pulse = Pulse(engine, lease, alive_utc)
        runs.close_killed(night.engine, city.settings.city.id, "night")
        run_id = runs.start_run(night.engine, city.settings.city.id, day, "night", now_utc, city.config_hash, configured(city, engine))
        try:
            status = _steps(night, tell, pulse)
            pulse.step = "after"
            found = follow(night, pulse)
        except BaseException:
            with suppress(TakenOver):  # then the record is the other night's to close, and what is raised tells of it
                runs.end_run(night.engine, run_id, "failed", {})
            raise
        for name, result in found.items():
            tell(name, result)
            status = status if result.status == "done" or status == "failed" else "problems"
        minutes = {name: city.settings.night.deadlines.of(name) / 60 for name in (*STEPS, "after")}
        runs.end_run(
            night.engine, run_id, status, {name: result.sentence for name, result in found.items()} | {"deadlines_minutes": minutes}
        )
        runs.beat(night.engine, "night", alive_utc, {"status": status})
    for name in CLOSING:
        _closed(name, city, engine, run_id)
    return status


def _steps(night: Night, tell: Callable[[str, StepResult | None], None], pulse: Pulse | None = None) -> str:
    city = night.city.settings.city.id
    former = runs.steps_done(night.engine, city, night.date)
    unfinished = zones.open_steps(night) | night.again
    state = {name: row.status for name, row in former.items() if row.status not in ("failed", "waiting") and name not in unfinished}
    for name in STEPS:
        if name in state:
            if name == "plan" and (told := _stood_in_late(night, former[name], pulse)) is not None:
                tell(name, told)
            continue
        missing = [need for need in NEEDS[name] if state.get(need) == "failed"]
        if missing:
            state[name] = "failed"
            tell(name, StepResult(f"waits for {', '.join(missing)}; run the night again once that is mended"))
            continue
        tell(name, None)
        if pulse is not None:
            pulse.step = name
        result = done(name, night, pulse or (lambda: None))
        if name == "plan" and (result.status == "failed" or result.detail.get("status") == "impossible"):
            result = stood_in(night, result, pulse or (lambda: None))
        state[name] = result.status
        tell(name, result)
    return next((word for word in ("failed", "problems") if word in state.values()), "done")


def _stood_in_late(night: Night, row: Any, pulse: Pulse | None) -> StepResult | None:
    """What stands in for an impossible plan of a night that was killed before it got that far; None where nothing is missing, or could."""
    if row.detail.get("status") != "impossible" or "fallback" in row.detail:
        return None
    result = stood_in(night, StepResult(row.sentence, row.detail, status=row.status), pulse or (lambda: None))
    return result if "fallback" in result.detail else None


def _closed(name: str, city: LoadedCity, engine: Engine, run_id: int) -> None:
    """What a report or a notice trips over is kept for the engineers; the night is done."""
    module, deed = name.split(":")
    try:
        getattr(import_module(module), deed)(city, engine, run_id)
    except Exception as error:
        log.error("the night's end", part=name, told=str(error) if isinstance(error, PenstockError) else keep(error, city.environment))
