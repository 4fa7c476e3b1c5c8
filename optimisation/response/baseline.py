"""What a load would have been without an event: the mean of the last like days, set right by the hours before the event.

The default is the "10 of 10" of the California ISO and, after it, of AEMO's wholesale demand response: for an event on a workday the
last ten workdays without an event or outage within 45 days (at least five); on Saturdays, Sundays and holidays the last four such
days. The same-day adjustment compares the three hours that end one hour before the event with the same hours of the baseline and
moves the baseline by that ratio, at most 20 % up or down.

References: California ISO, Fifth Replacement Electronic Tariff, section 4.13.4 (ten-in-ten, load point adjustment); AEMO, Baseline
Methodology Register (wholesale demand response); Goldberg and Agnew, Measurement and Verification for Demand Response, FERC and DOE
2013; KEMA, PJM Empirical Analysis of Demand Response Baseline Methods, 2011 (additive and multiplicative same-day adjustments).
Departures: an hour that a day of 23 hours lacks counts for none of its means, the hour a day of 25 hours repeats is taken once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from city.places import Place
from city.problems import fault

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class BaselineRule(Place):
    """Which days are averaged, and how the hours before the event set them right."""

    days: int = Field(default=10, ge=1, description="workdays that are averaged")
    least_days: int = Field(default=5, ge=1, description="fewest workdays it can be made from")
    days_off: int = Field(default=4, ge=1, description="Saturdays, Sundays and holidays averaged for an event on such a day")
    least_days_off: int = Field(default=4, ge=1, description="fewest of these it can be made from")
    look_back_days: int = Field(default=45, ge=1, le=366, description="how far back they may lie [d]")
    adjustment: Literal["multiplicative", "additive", "none"] = Field(default="multiplicative", description="same-day adjustment")
    adjust_hours: float = Field(default=3.0, gt=0, description="hours of the event's day that are compared [h]")
    adjust_gap_h: float = Field(default=1.0, ge=0, description="from their end to the start of the event [h]")
    adjust_most: float = Field(default=0.2, ge=0, le=1, description="largest change of the baseline, up or down [1]")
    missing_most: float = Field(
        default=0.1, ge=0, lt=1, description="part of the intervals of a day, or of the event, that may be missing [1]"
    )


@dataclass(frozen=True)
class Days:
    """Civil days of one meter, oldest first; row d, column s is the s-th interval of the local clock.

    `kwh` is float[D, S] with NaN where missing, `exists` says which intervals the clock had, `off` which days are no workdays and
    `out` which days do not count: an event or an outage was on them.
    """

    dates: tuple[date, ...]
    kwh: Floats
    exists: Bools
    off: Bools
    out: Bools


@dataclass(frozen=True)
class Baseline:
    """`kwh` float[n] per interval asked for, `before_kwh` without the same-day adjustment; which days it is the mean of.

    `factor` is the adjustment as a ratio, `shift_kwh` as an addition per interval; `notes` says what was left out and why.
    """

    kwh: Floats
    before_kwh: Floats
    days: tuple[date, ...]
    factor: float
    shift_kwh: float
    notes: tuple[str, ...]


def adjusted(plain_kwh: Floats, factor: float, shift_kwh: float) -> Floats:
    """A baseline with a same-day adjustment; an addition does not turn a load into generation."""
    moved = plain_kwh * factor + shift_kwh
    return np.where(plain_kwh >= 0, np.maximum(moved, 0.0), moved)


def like_days(history: Days, off: bool, slots: NDArray[np.int64], rule: BaselineRule) -> tuple[list[int], list[str]]:
    """Rows of the days that are averaged, the newest first, and notes of those skipped for missing readings.

    Raises `PenstockError` when too few days are left.
    """
    wanted, least = (rule.days_off, rule.least_days_off) if off else (rule.days, rule.least_days)
    rows: list[int] = []
    notes: list[str] = []
    for row in range(len(history.dates) - 1, max(-1, len(history.dates) - 1 - rule.look_back_days), -1):
        if len(rows) == wanted:
            break
        if history.off[row] != off or history.out[row]:
            continue
        there = history.exists[row, slots]
        missing = int((there & ~np.isfinite(history.kwh[row, slots])).sum())
        if not there.any() or missing > rule.missing_most * there.sum():
            notes.append(f"{history.dates[row]} is left out: {missing} of {int(there.sum())} intervals are missing")
            continue
        rows.append(row)
    if len(rows) < least:
        kind = "days off" if off else "workdays"
        observed = f"{len(rows)} like days within {rule.look_back_days} days" + (f"; {'; '.join(notes[:3])}" if notes else "")
        raise fault("baseline", observed, f"at least {least} {kind} without events", "Wait for more days, or settle by hand.")
    return rows, notes


def mean_of(history: Days, rows: Sequence[int], slots: NDArray[np.int64]) -> Floats:
    """float[len(slots)]: mean over the days that have the interval. Raises `PenstockError` for one that none has."""
    taken = history.kwh[list(rows)][:, slots]
    there = np.isfinite(taken)
    if not there.any(axis=0).all():
        none = int((~there.any(axis=0)).sum())
        raise fault("baseline", f"{none} intervals that no like day has", "each in one day at least", "Settle by hand.")
    return np.asarray(np.where(there, taken, 0.0).sum(axis=0) / there.sum(axis=0))


def baseline(
    history: Days, off: bool, slots: NDArray[np.int64], before_slots: NDArray[np.int64], before_kwh: Floats, rule: BaselineRule
) -> Baseline:
    """What the intervals `slots` int[n] of a day would have been, from the days before it.

    `off`: the day is no workday. `before_slots` int[m] are the intervals of the same day that the adjustment compares, `before_kwh`
    float[m] what was measured in them [kWh], NaN where missing. Raises `PenstockError`: too few like days.
    """
    rows, notes = like_days(history, off, np.unique(np.concatenate([slots, before_slots])), rule)
    plain = mean_of(history, rows, slots)
    factor, shift = 1.0, 0.0
    if rule.adjustment != "none":
        factor, shift, told = _adjustment(history, rows, before_slots, before_kwh, float(plain.mean()), rule)
        notes += told
    days = tuple(history.dates[row] for row in rows)
    return Baseline(adjusted(plain, factor, shift), plain, days, factor, shift, tuple(notes))


def _adjustment(
    history: Days, rows: Sequence[int], slots: NDArray[np.int64], measured_kwh: Floats, level_kwh: float, rule: BaselineRule
) -> tuple[float, float, list[str]]:
    """Factor [1] and addition [kWh per interval] of the same-day adjustment, with a note when it was capped or not made."""
    there = np.isfinite(measured_kwh)
    if there.sum() < (1 - rule.missing_most) * len(slots) or not len(slots):
        return 1.0, 0.0, [f"no same-day adjustment: {int(there.sum())} of {len(slots)} intervals before the event are measured"]
    usual, measured = mean_of(history, rows, slots[there]).mean(), measured_kwh[there].mean()
    if rule.adjustment == "additive":
        most = rule.adjust_most * abs(level_kwh)
        shift = float(np.clip(measured - usual, -most, most))
        return 1.0, shift, _capped(shift != measured - usual, f"{measured - usual:+.3g} kWh", rule)
    if usual <= 0:
        return 1.0, 0.0, ["no same-day adjustment: the like days took nothing in the hours before the event"]
    factor = float(np.clip(measured / usual, 1 - rule.adjust_most, 1 + rule.adjust_most))
    return factor, 0.0, _capped(factor != measured / usual, f"a factor of {measured / usual:.3g}", rule)


def _capped(capped: bool, was: str, rule: BaselineRule) -> list[str]:
    return [f"the same-day adjustment, {was}, was cut to {rule.adjust_most:.0%}"] if capped else []
