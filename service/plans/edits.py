"""What an operator edits in a plan: an asset's setpoint for a span; the rest is planned again around it.

An edit goes with the plan it was made for: while that plan is in force, every later one keeps it until its span is over.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import Field, model_validator

from city.clock import as_utc
from city.places import Place
from city.problems import fault
from optimisation.whatif import Setpoint
from service.settings import LoadedCity


class Edit(Place):
    """One setpoint for a span, by whom and why."""

    change: Setpoint = Field(description="asset, quantity, setpoint and span, two instants")
    who: str = Field(description="who asked for it")
    reason: str = Field(description="why")

    @model_validator(mode="after")
    def _has_a_span(self) -> Self:
        if not isinstance(self.change.end, datetime):
            raise ValueError("an edit holds between two instants, each with its offset")
        return self

    def over(self, at_utc: datetime) -> bool:
        """Is its span over at that time?"""
        return isinstance(self.change.end, datetime) and as_utc(self.change.end) <= at_utc


def standing(detail: Mapping[str, Any], at_utc: datetime) -> tuple[Edit, ...]:
    """The edits of a stored plan whose span is not over yet."""
    kept = (Edit.model_validate(one) for one in (detail.get("begin") or {}).get("edits", ()))
    return tuple(edit for edit in kept if not edit.over(at_utc))


def setpoint(city: LoadedCity, asset: str, value: float, start: datetime, end: datetime) -> Setpoint:
    """The change that keeps an asset of [[controls]] at `value` [unit of its control].

    Raises `PenstockError` for an asset that nothing is written to, a setpoint past the limits of its point, and a span without length.
    """
    control = next((one for one in city.settings.controls if one.asset == asset), None)
    if control is None:
        allowed = ", ".join(sorted({one.asset for one in city.settings.controls})) or "none: the city file has no [[controls]]"
        raise fault(f"edit of {asset}", "nothing is written to it", allowed, "Choose one of these.")
    low, high = bounds(city, asset)
    if not low <= value <= high:
        raise fault(f"edit of {asset}", f"setpoint {value:g}", f"{low:g} to {high:g}", "Give a setpoint within the limits of its point.")
    if end <= start:
        raise fault(f"edit of {asset}", f"from {start:%H:%M} to {end:%H:%M}", "an end after the start", "Correct the times.")
    return Setpoint(asset=asset, quantity=control.quantity, value=value, limit=control.held_back_by is not None, start=start, end=end)


def bounds(city: LoadedCity, asset: str) -> tuple[float, float]:
    """Least and most setpoint of an asset's control [its unit]: the limits of its point, on and off for what runs or rests."""
    control = next(one for one in city.settings.controls if one.asset == asset)
    if control.quantity == "running":
        return 0.0, 1.0
    limits = city.write_limits(control.point)
    low = float("-inf") if limits is None or limits.minimum is None else float(limits.minimum)
    return low, float("inf") if limits is None or limits.maximum is None else float(limits.maximum)
