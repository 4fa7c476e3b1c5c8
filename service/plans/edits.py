"""What an operator edits in a plan: an asset's setpoint for a span; the rest is planned again around it.

An edit goes with the plan it was made for: while that plan is in force, every later one keeps it until its span is over.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Self, cast
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from city.clock import as_utc, ceil
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

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From when until when it holds, in UTC."""
        return as_utc(cast(datetime, self.change.start)), as_utc(cast(datetime, self.change.end))  # both are instants: checked above

    def over(self, at_utc: datetime) -> bool:
        """Is its span over at that time?"""
        return self.span[1] <= at_utc

    def same(self, other: "Edit") -> bool:
        """Does it ask for the same of the same asset, whoever asks and why?"""
        return (self.change.asset, self.change.value, self.span) == (other.change.asset, other.change.value, other.span)

    def outside(self, other: "Edit") -> tuple["Edit", ...]:
        """What is left of it where another takes its asset for a span: all of it, one or two parts, or nothing."""
        if self.change.asset != other.change.asset:
            return (self,)
        (start, end), (first, last) = self.span, other.span
        left = [(start, min(end, first)), (max(start, last), end)]
        return tuple(self.model_copy(update={"change": self.change.model_copy(update={"start": a, "end": b})}) for a, b in left if a < b)


def standing(detail: Mapping[str, Any], at_utc: datetime) -> tuple[Edit, ...]:
    """The edits of a stored plan whose span is not over yet."""
    kept = (Edit.model_validate(one) for one in (detail.get("begin") or {}).get("edits", ()))
    return tuple(edit for edit in kept if not edit.over(at_utc))


def joined(former: Iterable[Edit], laid: Sequence[Edit]) -> tuple[Edit, ...]:
    """The former edits with the new ones over them: of one asset the new one counts in its span, the former before and after it."""
    kept = tuple(former)
    for one in laid:
        kept = tuple(part for edit in kept for part in edit.outside(one))
    return (*kept, *laid)


def first_step(city: LoadedCity, now_utc: datetime) -> datetime:
    """The first step of a plan that is made now: `lead_minutes` ahead, on the grid of steps."""
    night = city.settings.night
    return ceil(as_utc(now_utc) + timedelta(minutes=night.lead_minutes), timedelta(seconds=night.step_s))


def within(city: LoadedCity, edit: Edit, now_utc: datetime) -> None:
    """Raises `PenstockError` when no step of a plan that is made now begins in the span of an edit."""
    night, (start, end) = city.settings.night, edit.span
    step, first = timedelta(seconds=night.step_s), first_step(city, now_utc)
    last = first + (night.steps - 1) * step
    if max(ceil(start, step), first) >= end or start > last:
        zone = ZoneInfo(city.settings.city.time_zone)
        span, steps = (
            f"{a.astimezone(zone):%Y-%m-%d %H:%M} to {b.astimezone(zone):%Y-%m-%d %H:%M}" for a, b in ((start, end), (first, last))
        )
        raise fault(f"edit of {edit.change.asset}", span, f"a span with a step of the new plan, {steps}", "Correct the times.")


def setpoint(city: LoadedCity, asset: str, value: float, start: datetime, end: datetime) -> Setpoint:
    """The change that keeps an asset of [[controls]] at `value` [unit of its control].

    Raises `PenstockError` for an asset that nothing is written to, a setpoint past the limits of its point, and a span without length.
    """
    control = next((one for one in city.settings.controls if one.asset == asset), None)
    if control is None:
        allowed = ", ".join(sorted({one.asset for one in city.settings.controls})) or "none: the city file has no [[controls]]"
        raise fault(f"edit of {asset}", "nothing is written to it", allowed, "Choose one of these.")
    low, high = bounds(city, asset)
    if not low <= value <= high or not math.isfinite(value):
        raise fault(f"edit of {asset}", f"setpoint {value:g}", f"{low:g} to {high:g}", "Give a setpoint within the limits of its point.")
    if as_utc(end) <= as_utc(start):  # on the day of the clock change the two wall-clock times do not tell
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
