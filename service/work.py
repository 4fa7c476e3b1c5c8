"""`penstock work`: takes the console's requests one at a time; the only process besides the night that solves."""

import time
from datetime import UTC, datetime
from typing import Any

import structlog

from city.clock import local_date
from city.problems import PenstockError, fault
from service.crash import keep
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import open_store, operations, runs, writing

log = structlog.get_logger()


def serve(env: Environment, now_utc: datetime | None, *, once: bool) -> str:
    """Serve requests until stopped, or until none waits with `once`. Returns 'problems' when one failed."""
    city, engine = load(env), open_store(env.url)
    status = "done"
    operations.reopen_requests(engine)
    while True:
        now = now_utc or datetime.now(UTC)
        runs.beat(engine, "work", now)
        taken = operations.take_request(engine)
        if taken is None:
            if once:
                return status
            time.sleep(1.0)
            continue
        try:
            sentence = _serve(city, engine, taken, now)
            operations.finish_request(engine, taken.request_id, "done", sentence)
        except PenstockError as error:
            status = "problems"
            operations.finish_request(engine, taken.request_id, "failed", str(error.problems[0]))
            log.error("request failed", request=taken.request_id, problems=[str(p) for p in error.problems])
        except Exception as error:  # one bad request must not end the service; the traceback is kept for the engineers
            status = "problems"
            operations.finish_request(engine, taken.request_id, "failed", keep(error, env))


def _serve(city: LoadedCity, engine: Any, taken: Any, now_utc: datetime) -> str:
    if taken.kind == "replan":
        return _replan(city, engine, now_utc)
    if taken.kind == "statement":
        from service.reporting import write_reports

        return "wrote " + ", ".join(path.name for path in write_reports(city.environment, taken.detail.get("month")))
    if taken.kind == "forecast":
        from service.forecasts.refreshing import refresh

        return refresh(city, engine, now_utc, taken.detail.get("hours", 48))[0]
    raise fault(f"request {taken.request_id}", f"kind '{taken.kind}'", "replan, statement or forecast", "Ask for one of these.")


def _replan(city: LoadedCity, engine: Any, now_utc: datetime) -> str:
    """A new plan from the present state and the newest forecasts; the old one stays as it was."""
    from service.plans.keeping import next_plan_id
    from service.plans.making import make

    night = runs.last_night(engine, city.settings.city.id) or local_date(now_utc, city.settings.city.time_zone)
    made = make(city, engine, night, now_utc, next_plan_id(engine, night), "request")
    with writing(engine) as connection:
        made.store(connection)
    return made.sentence
