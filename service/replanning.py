"""A new plan in the course of the day: from the present state and the newest forecasts, beside the one that is in force."""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import Engine

from city.clock import local_date
from city.problems import PenstockError
from service.night.reduced import still, without
from service.night.zones import standing as left_out
from service.plans.edits import Edit, joined, standing
from service.plans.keeping import ROLLING, next_plan_id
from service.plans.making import Made, Planner
from service.settings import LoadedCity
from service.store import results, runs, writing

log = structlog.get_logger()


def laid(engine: Engine, origin: str, edits: Sequence[Edit], now_utc: datetime) -> Sequence[Edit]:
    """The edits of a new plan beside those in force. One more edit, and a plan that only the clock asked for, keep what somebody laid
    on the newest proposal; who asks for a plan without an edit gets one without them."""
    newest = results.last_plan(engine) if edits or origin == ROLLING else None
    return edits if newest is None else joined(standing(newest.detail, now_utc), edits)


def replan(planner: Planner, now_utc: datetime, origin: str, caps: dict[str, float] | None = None, edits: Sequence[Edit] = ()) -> str:
    """A new plan from the present state and the newest forecasts; the old one stays as it was, and in force where it was approved.

    Zones that the night had to leave out of its plan are taken up again as soon as there is a plan with them.
    """
    city, engine = planner.city, planner.engine
    started = time.perf_counter()
    if city.settings.plan.refresh_forecasts:
        _refresh(city, engine, now_utc)
    refreshed = time.perf_counter()
    # While a night is under way its forecasts are still to come: those of the one before hold.
    night = runs.last_night(engine, city.settings.city.id, "forecast") or local_date(now_utc, city.settings.city.time_zone)
    out = left_out(engine, city.settings.city.id, night, "plan")
    made = _possible(planner, out, lambda one: one.make(night, now_utc, "", origin, caps, edits))
    with writing(engine) as connection:
        made = made.named(next_plan_id(connection, night))  # only now: others may have planned in the meantime
        made.store(connection)
    return f"{made.sentence} ({refreshed - started:.1f} s for forecasts, {time.perf_counter() - refreshed:.1f} s for the plan)"


def _possible(planner: Planner, out: Collection[str], make: Callable[[Planner], Made]) -> Made:
    """The plan of the whole city; where there is none, that without some zones; where that is none either, what the whole city came to."""
    try:
        whole = make(planner)
    except PenstockError:
        rest = _rest(planner, out, make)
        if rest is None:
            raise
        return rest
    return whole if whole.plan.status != "impossible" else _rest(planner, out, make) or whole


def _rest(planner: Planner, out: Collection[str], make: Callable[[Planner], Made]) -> Made | None:
    """The plan in which some zones stand still, or that knows nothing of them; None where there are none, or no plan."""
    notes = tuple(f"Nothing is planned for zone {zone}, as in the night's plan." for zone in out)
    for way in (still, without) if out else ():
        with suppress(PenstockError), Planner(way(planner.city, out), planner.engine) as other:
            made = make(other)
            if made.plan.status != "impossible":
                return replace(made, asked=made.asked.corrected(made.asked.inputs, notes))
    return None


def _refresh(city: LoadedCity, engine: Engine, now_utc: datetime) -> None:
    """The forecasts of this time of day; a city whose machines are not trained yet goes on with the night's."""
    from service.forecasts.refreshing import MOST_HOURS, refresh

    night = city.settings.night
    hours = -(-(60 * night.lead_minutes + night.step_s * (night.steps + 1)) // 3600)
    try:
        for problem in refresh(city, engine, now_utc, min(hours, MOST_HOURS))[1]:
            log.warning("forecast", problem=str(problem))
    except PenstockError as error:
        log.warning("forecasts are the night's", why=str(error.problems[0]))
