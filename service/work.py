"""`penstock work`: takes requests one at a time and plans again by itself; the only process besides the night that solves.

Its solver stays warm, and each plan begins from the one before. Notices go out in a thread beside.
"""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError

from city.clock import floor
from city.problems import PenstockError, fault
from service import rounds
from service.crash import keep
from service.environment import Environment
from service.levels import uptime
from service.notices.sending import Sender
from service.plans.edits import Edit
from service.plans.keeping import REQUEST, ROLLING
from service.plans.making import Planner
from service.replanning import laid, replan
from service.settings import LoadedCity, load
from service.stopping import told_to_end
from service.store import open_store, operations, runs

log = structlog.get_logger()
AWAY = (OperationalError, InterfaceError)
AWAY_S = 5.0  # until the next try, after a database that did not answer or was held
MOST_TOLD = 5  # problems of a request that failed, in its sentence


def serve(env: Environment, now_utc: datetime | None, *, once: bool) -> str:
    """Serve requests until stopped, the one under way to its end, or until none waits with `once`. Returns 'problems' when one failed.

    A database that is away, or that another writer holds for longer than a writer waits, is waited for; with `once` it is a fault.
    """
    city, engine = load(env), open_store(env.url)
    told = threading.Event() if once else told_to_end()
    status = "done"
    while not told.is_set():
        try:
            status = _served(city, engine, now_utc, told, once) or status
        except AWAY as error:
            observed = str(error.orig).strip()
            if once:
                raise fault("database", observed, "one that answers", "Mend it, and run it again: requests wait.") from None
            log.error("work waits for the database", told=observed)
            status = "problems"
            told.wait(AWAY_S)
            continue
        if once:
            return status
    uptime.stopped(engine, "work")
    return status


def _served(city: LoadedCity, engine: Engine, now_utc: datetime | None, told: threading.Event, once: bool) -> str | None:
    """Serve until `told`, or until none waits with `once`; 'problems' when a request failed. Raises what the database's driver raises."""
    status = None
    operations.reopen_requests(engine)

    def clock() -> datetime:
        return now_utc or datetime.now(UTC)

    with Planner(city, engine, rolling=True) as planner, Sender(engine, city, clock, once=once):
        while not told.is_set():
            now = clock()
            runs.beat(engine, "work", now)
            _go_round(city, engine, now)
            _ask_when_due(city, engine, now)
            taken = operations.take_request(engine)
            if taken is not None:
                status = _answered(planner, taken, now) or status
            elif once:
                return status
            else:
                told.wait(1.0)
    return status


def _go_round(city: LoadedCity, engine: Engine, now_utc: datetime) -> None:
    """Make a round when a slot was read since the last one, or a minute has passed: what is shelved or overdue changes without readings."""
    if rounds.due(engine, now_utc):
        for sentence in rounds.make(engine, city, now_utc):
            log.error("round", problem=sentence)


def _ask_when_due(city: LoadedCity, engine: Engine, now_utc: datetime) -> None:
    """Ask for a new plan once in every `replan_minutes`, when there is a night to go on from. A failed one is not asked again."""
    every = city.settings.plan.replan_minutes
    if every is None or runs.last_night(engine, city.settings.city.id, "forecast") is None:
        return
    last = operations.last_asked(engine, "replan", operations.WORK)
    if last is None or last < floor(now_utc, timedelta(minutes=every)):
        operations.ask(engine, "replan", operations.WORK, now_utc, {"origin": ROLLING})


def _answered(planner: Planner, taken: Any, now_utc: datetime) -> str | None:
    """Serve one request and store what came of it; 'problems' when it failed."""
    engine = planner.engine
    try:
        operations.finish_request(engine, taken.request_id, "done", _serve(planner, taken, now_utc))
        return None
    except PenstockError as error:
        operations.finish_request(engine, taken.request_id, "failed", " ".join(map(str, error.problems[:MOST_TOLD])))
        log.error("request failed", request=taken.request_id, problems=[str(p) for p in error.problems])
    except Exception as error:  # one bad request must not end the service; the traceback is kept for the engineers
        operations.finish_request(engine, taken.request_id, "failed", keep(error, planner.city.environment))
    return "problems"


def _serve(planner: Planner, taken: Any, now_utc: datetime) -> str:
    city, engine = planner.city, planner.engine
    if taken.kind == "replan":
        edits, origin = [Edit.model_validate(one) for one in taken.detail.get("edits", ())], taken.detail.get("origin", REQUEST)
        return replan(planner, now_utc, origin, taken.detail.get("caps"), laid(engine, origin, edits, now_utc))
    if taken.kind == "what-if":
        from service.plans.asking import what_if

        return what_if(planner, taken.detail["plan_id"], taken.detail["changes"], taken.who, now_utc).sentence
    if taken.kind == "pareto":
        from service.plans.trading import trade

        return trade(planner, taken.detail["plan_id"])[0]
    if taken.kind == "statement":
        from service.statements.reporting import write_reports

        paths, problems = write_reports(city.environment, taken.detail.get("month"), now_utc=now_utc)
        return ". ".join(["wrote " + ", ".join(path.name for path in paths), *map(str, problems)])
    if taken.kind == "forecast":
        from service.forecasts.refreshing import refresh

        return refresh(city, engine, now_utc, taken.detail.get("hours", 48))[0]
    kinds = "replan, what-if, pareto, statement or forecast"
    raise fault(f"request {taken.request_id}", f"kind '{taken.kind}'", kinds, "Ask for one of these.")
