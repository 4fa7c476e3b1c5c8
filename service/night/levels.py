"""Service levels of the days that are over, frozen by the night that follows them."""

from service.levels.history import freeze
from service.night import Night
from service.store.runs import StepResult


def compute(night: Night) -> StepResult | None:
    """Freeze what is new; None when there is nothing."""
    made = freeze(night.engine, night.city, night.now_utc)
    return StepResult(f"{made} service levels of finished days") if made else None
