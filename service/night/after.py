"""What follows the steps once they are committed; a fault there costs neither the night nor its status as done with problems."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module

from sqlalchemy.exc import DBAPIError

from city.clock import civil_day, local_date
from city.problems import PenstockError
from service.crash import keep
from service.night.step import Night
from service.night.working import within
from service.store import cold, meter_days
from service.store.runs import StepResult


def follow(night: Night, meanwhile: Callable[[], None]) -> dict[str, StepResult]:
    """Do each part in a process of its own, within [night.deadlines] after_minutes; what had nothing to do is left out."""
    found = {}
    for name, part in PARTS.items():
        ended = within(night, lambda part=part, name=name: _made(name, part, night), "after", meanwhile)  # type: ignore[misc]
        result = StepResult(f"{name}: {ended.how}", status="problems") if ended.how else ended.answer
        if result is not None:
            found[name] = result
    return found


def _made(name: str, part: Callable[[Night], StepResult | None], night: Night) -> StepResult | None:
    night.engine.dispose(close=False)
    try:
        return part(night)
    except PenstockError as error:
        return StepResult(f"{name}: {error.problems[0]}", problems=list(error.problems))
    except Exception as error:
        return StepResult(keep(error, night.city.environment), status="problems")


def _grid(night: Night) -> StepResult | None:
    found: StepResult | None = import_module("service.night.grid").compute(night)
    return found


def _round(night: Night) -> StepResult | None:
    """Alarms, cases and what they stand on, as the night leaves them."""
    from service import rounds

    wrong = rounds.make(night.engine, night.city, night.now_utc)
    return StepResult("; ".join(wrong), status="problems") if wrong else None


def _proof(night: Night) -> StepResult | None:
    found: StepResult | None = import_module("service.night.proof").compute(night)
    return found


def _levels(night: Night) -> StepResult | None:
    found: StepResult | None = import_module("service.night.levels").compute(night)
    return found


def _archive(night: Night) -> StepResult | None:
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


def _retention(night: Night) -> StepResult | None:
    """What [retention] lets go. None where that is nothing."""
    from service.retention.removing import remove

    gone = [one.told for one in remove(night.city, night.engine, night.now_utc, "night") if one.count]
    return StepResult(f"retention: {'; '.join(gone)}") if gone else None


# The proof last of what writes the audit, so that a night that is run again finds its head kept.
PARTS: dict[str, Callable[[Night], StepResult | None]] = {
    "grid": _grid,
    "round": _round,
    "retention": _retention,
    "proof": _proof,
    "archive": _archive,
    "levels": _levels,
}
