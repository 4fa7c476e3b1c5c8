"""Choosing a factor: exactly one, the one of the activity, the region, the unit and the day, or a sentence that says what there is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Literal

from carbon.factors.factor import Factor
from city.problems import fault

Provisional = Literal["refuse", "latest"]


@dataclass(frozen=True, slots=True)
class Choice:
    """The factor of a day; a provisional one stands in for a number that is not published yet, and `note` says so."""

    factor: Factor
    provisional: bool = False
    note: str = ""


def by_id(factors: Iterable[Factor], factor_id: str) -> Factor:
    """The factor of an id. Raises `PenstockError` with near names."""
    names = []
    for factor in factors:
        if factor.id == factor_id:
            return factor
        names.append(factor.id)
    near = get_close_matches(factor_id, names, 3) or names[:3]
    raise fault(f"factor '{factor_id}'", "not in any set", f"an id such as {', '.join(near)}", "Correct the id, or add the factor.")


def find(factors: Iterable[Factor], *, activity: str, region: str, on: date, unit: str | None = None, gas: str | None = None) -> Factor:
    """The one factor published for an activity in a region on a civil day.

    Never falls back to a larger region, another year or another unit. Raises `PenstockError` saying which of activity,
    gas, region, unit and year was not found and what there is, or which factors compete.
    """
    return choose(factors, activity=activity, region=region, on=on, unit=unit, gas=gas).factor


def choose(
    factors: Iterable[Factor],
    *,
    activity: str,
    region: str,
    on: date,
    unit: str | None = None,
    gas: str | None = None,
    provisional: Provisional = "refuse",
) -> Choice:
    """The factor for an activity in a region on a civil day, and whether it stands in for a later one.

    As `find`; with `provisional="latest"` a day after the last published validity takes the newest published factor, marked
    provisional, until the day's own is published. A day before the first or in a gap is an error as ever.
    """
    subject = f"factor for '{activity}' in {region} on {on}"
    left = _published(tuple(factors), subject, activity, {"gas": gas, "region": region, "unit": unit})
    valid, note = [f for f in left if f.valid_on(on)], ""
    if not valid and provisional == "latest" and (valid := _newest_before(left, on)):
        # The note names no day: all days a factor stands in for have one rule.
        note = f"Provisional: nothing later is published yet; {', '.join(f.id for f in valid)} (valid {valid[0].validity}) stands in."
    if not valid:
        there = "; ".join(sorted(f.validity for f in left))
        remedy = 'Add the year\'s published factor; none is carried over. For a year not published yet, provisional = "latest" says so.'
        raise fault(subject, "no factor is valid on that day", there, remedy)
    if len(valid) > 1:
        raise fault(subject, f"{len(valid)} factors: {', '.join(f.id for f in valid)}", "exactly one", "Name unit, gas or factor_id.")
    return Choice(valid[0], bool(note), note)


def _published(factors: Sequence[Factor], subject: str, activity: str, wanted: dict[str, str | None]) -> list[Factor]:
    """The factors of an activity with the wanted gas, region and unit. Raises `PenstockError` naming what there is not."""
    left = [f for f in factors if f.activity.casefold() == activity.casefold()]
    if not left:
        near = get_close_matches(activity, sorted({f.activity for f in factors}), 3, 0.4)
        raise fault(subject, "unknown activity", f"one of the factor sets', such as {'; '.join(near)}", "Correct the activity.")
    for name, value in wanted.items():
        if value is None:
            continue
        there = sorted({str(getattr(f, name)) for f in left})
        left = [f for f in left if getattr(f, name) == value]
        if not left:
            raise fault(subject, f"no factor with {name} '{value}'", ", ".join(there), f"Choose a {name} that is published.")
    return left


def _newest_before(factors: Sequence[Factor], on: date) -> list[Factor]:
    """The factors of the last published validity when the day comes after all of them, else none."""
    ends = [f.valid_to for f in factors if f.valid_to is not None and f.valid_to < on]
    return [f for f in factors if f.valid_to == max(ends)] if len(ends) == len(factors) else []
