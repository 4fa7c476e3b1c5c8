"""Where a target stands in a year: the gap to its path, the rate it takes from here, and a traffic light with its rule."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from carbon.targets.target import Target
from city.problems import fault

Light = Literal["green", "amber", "red"]
WORDS: dict[str, str] = {
    "energy_per_gdp": "Energy per GDP",
    "carbon_intensity": "Carbon intensity of GDP",
    "water_per_gdp": "Water use per GDP",
    "renewable_share": "Renewable share",
    "non_fossil_share": "Non-fossil share",
    "water_loss": "Water loss",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a target stands: values in the target's unit, `gap` = actual - required, and the same as a sentence.

    `needed_per_year` is the change from here to `milestone`, the next one: [%] of intensities, [points] of shares; None where there is
    no next milestone or it is reached already.
    """

    target_id: str
    year: int
    required: Decimal
    actual: Decimal
    gap: Decimal
    on_path: bool
    light: Light
    milestone: int | None
    needed_per_year: Decimal | None
    sentence: str


def said(value: Decimal, share: bool) -> str:
    """A value of a target as sentences print it."""
    return f"{value * 100:.1f} %" if share else f"{float(value):.4g}"


def rate(target: Target, first: Decimal, last: Decimal, years: int) -> Decimal:
    """Change a year from one value above zero to another: [%] of an intensity, [points] of a share."""
    if target.is_share:
        return (last - first) * 100 / years
    return 100 * ((last / first) ** (Decimal(1) / years) - 1)


def _light(target: Target, on_path: bool, year: int, milestone: int | None, needed: Decimal | None) -> Light:
    if on_path:
        return "green"
    if milestone is None:
        return "red"
    if needed is None:
        return "amber"  # behind this year, and better than the next milestone asks for
    asked = rate(target, target.required(year), target.required(milestone), milestone - year)
    return "amber" if asked * needed > 0 and abs(needed) <= target.red_above_pace * abs(asked) else "red"


def progress(target: Target, actual: Decimal, on: date | int, *, usable_share: Decimal | None = None, forecast: str = "") -> Progress:
    """Compare an actual value [unit of the target] with what the path asks for in the year of `on`.

    For a year that is not over, `actual` must be a rate of that year (energy and GDP of the same days) or what the whole year is heading
    for; then `forecast` says so ("heading for 0.48"). `usable_share` [0..1] of the entries behind `actual` is told in the sentence when
    it is below one. Raises `PenstockError` for a negative actual or a year off the path.
    """
    year = on if isinstance(on, int) else on.year
    if not actual.is_finite() or actual < 0:
        remedy = "Check the ledger and the GDP, and that no more is deducted than there is."
        raise fault(f"target '{target.id}'", f"an actual value of {float(actual):.4g}", "zero or more", remedy)
    required = target.required(year)
    gap = actual - required
    on_path = gap >= 0 if target.is_rising else gap <= 0
    milestone = target.next_milestone(year)
    wanted = target.required(milestone) if milestone else None
    met = wanted is not None and (actual >= wanted if target.is_rising else actual <= wanted)
    needed = rate(target, actual, wanted, milestone - year) if milestone and wanted is not None and not met else None
    unit = "" if target.is_share else f" {target.unit}"
    distance = f"{abs(gap) * 100:.1f} points" if target.is_share else f"{abs(gap / required) * 100:.1f} %"
    when = f"so far in {year}" if isinstance(on, date) else f"in {year}"
    told = [
        f"{WORDS[target.measure]} {forecast or f'{when} is {said(actual, target.is_share)}{unit}'};",
        f"the path from {target.base_year} asks for at {'least' if target.is_rising else 'most'} {said(required, target.is_share)}{unit}:",
        f"{distance} {'better' if on_path else 'worse'} than the path.",
    ]
    if milestone is None or wanted is None:
        told.append("There is no later milestone.")
    elif needed is None:
        told.append(f"The {said(wanted, target.is_share)}{unit} asked for in {milestone} is reached already.")
    else:
        rest = "points" if target.is_share else "%"
        told.append(f"To reach {said(wanted, target.is_share)}{unit} in {milestone} takes {needed:+.2f} {rest} a year from here.")
    if usable_share is not None and usable_share < 1:
        told.append(f"{(1 - usable_share) * 100:.1f} % of the entries behind it are missing.")
    light = _light(target, on_path, year, milestone, needed)
    return Progress(target.id, year, required, actual, gap, on_path, light, milestone, needed, " ".join(told))
