"""The year that is under way, told from its months so far, with the seasons of earlier years and, where given, their degree days.

The rest of a year is the sum of its months' daily means. A mean is that of the same month in earlier years, times how this year compares
with them so far; for a month never seen it is the mean of this year. Where degree days are given, every month is first brought to those
that are usual for it, so that a cold January is not taken for growth. The 90 % interval is from how months differed so far and from
spreads that were set on other series (docs/targets.md).
"""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from city.problems import fault

Month = tuple[int, int]  # year, month
Method = Literal["same months", "same months at usual degree days", "even days", "complete"]
LEAST_MONTHS = 9  # known months that a line over heating and cooling degree days is laid through
# What a year's change and a month's own change are off by where there are no months to tell it from [log]: docs/targets.md, backtest.
YEAR_SPREAD, MONTH_SPREAD, UNSEEN_SPREAD = 0.02, 0.07, 0.25
TOGETHER = 2.5  # months of one season are off together, so their variances add up to more
Z90 = 1.645


@dataclass(frozen=True, slots=True)
class Known:
    """A month's amount over the days that are known of it."""

    amount: float
    days: int


@dataclass(frozen=True, slots=True)
class NowCast:
    """The whole year's amount with its 90 % interval, how much of it is in already [0..1 of the days], and by which rule."""

    year: int
    amount: float
    low: float
    high: float
    days_known: float
    method: Method

    @property
    def spread(self) -> float:
        """Standard deviation of its log."""
        return float(np.log(self.high / self.low) / (2 * Z90)) if self.low > 0 else 1.0


def nowcast(months: Mapping[Month, Known], year: int, degree_days: Mapping[Month, tuple[float, float]] | None = None) -> NowCast:
    """The whole of `year` from known months (this year's and earlier ones').

    `degree_days` {(year, month): (heating, cooling) [K d per day]} of the known months; usual is the mean of earlier years. Raises
    `PenstockError` when nothing of the year is known. A month may be below zero: certificates of a year are retired on one day.
    """
    own = {m: k for m, k in months.items() if m[0] == year and k.days > 0}
    if not own:
        raise fault(f"now-cast of {year}", "no day known", "at least one day", "Check the ledger's entries.")
    so_far, days = sum(k.amount for k in own.values()), sum(k.days for k in own.values())
    length = 366 if calendar.isleap(year) else 365
    missing = {m: calendar.monthrange(year, m)[1] - (own[year, m].days if (year, m) in own else 0) for m in range(1, 13)}
    missing = {m: n for m, n in missing.items() if n > 0}
    if not missing or so_far == 0:
        return NowCast(year, so_far, so_far, so_far, days / length, "complete" if not missing else "even days")
    usual = _at_usual_degree_days(months, year, degree_days or {})
    rest, variance, seen = _by_same_months(usual or months, year, missing)
    method: Method = "even days" if not seen else "same months at usual degree days" if usual else "same months"
    half = Z90 * float(np.sqrt(variance))
    low = so_far + rest - half
    if all(k.amount >= 0 for k in months.values()):
        low = max(so_far, low)  # what is in already stays in
    return NowCast(year, so_far + rest, low, so_far + rest + half, days / length, method)


def _at_usual_degree_days(
    months: Mapping[Month, Known], year: int, degree_days: Mapping[Month, tuple[float, float]]
) -> dict[Month, Known] | None:
    """Every month as it would have been at the mean degree days of earlier years' same month; None where too few months tell a line.

    The line is least squares of the daily mean over heating and cooling degree days; a slope below zero is left out.
    """
    known = sorted(m for m, k in months.items() if k.days > 0)
    if len(known) < LEAST_MONTHS or any(m not in degree_days for m in known):
        return None
    weight = np.sqrt([months[m].days for m in known])
    mean = np.array([months[m].amount / months[m].days for m in known])
    x = np.array([[1.0, *degree_days[m]] for m in known])
    keep = [0, *(c for c in (1, 2) if np.ptp(x[:, c]) > 0)]
    while True:
        line = np.linalg.lstsq(x[:, keep] * weight[:, None], mean * weight, rcond=None)[0]
        falling = [c for c, slope in zip(keep[1:], line[1:], strict=True) if slope < 0]
        if not falling:
            break
        keep.remove(falling[0])
    slopes = np.zeros(3)
    slopes[keep[1:]] = line[1:]
    made = {}
    for m, row in zip(known, x, strict=True):
        before = [degree_days[other] for other in known if other[1] == m[1] and other[0] < year]
        off = row[1:] - np.mean(before, axis=0) if before else np.zeros(2)
        made[m] = Known(months[m].amount - months[m].days * float(slopes[1:] @ off), months[m].days)
    return made


def _by_same_months(months: Mapping[Month, Known], year: int, missing: Mapping[int, int]) -> tuple[float, float, bool]:
    """The same months of earlier years, times this year over the same months so far: sum, variance, and whether most of it was seen."""
    own = {m: k for m, k in months.items() if m[0] == year and k.days > 0}
    pairs = [(k, _before(months, year, m)) for (_, m), k in own.items()]
    both = [(float(np.log(k.amount / k.days / before)), k.days) for k, before in pairs if before and before > 0 and k.amount > 0]
    change, year_variance, month_spread = _change(np.array([log for log, _ in both]), np.array([float(days) for _, days in both]))
    mean_own = sum(k.amount for k in own.values()) / sum(k.days for k in own.values())
    seen, unseen, own_variance = 0.0, 0.0, 0.0
    for m, n in missing.items():
        before = _before(months, year, m)
        if before is None:
            unseen += n * mean_own
        else:
            part = n * before * float(np.exp(change))
            seen += part
            own_variance += (part * month_spread) ** 2
    variance = TOGETHER * own_variance + year_variance * seen**2 + (UNSEEN_SPREAD * unseen) ** 2
    return seen + unseen, variance, seen >= unseen


def _change(logs: NDArray[np.float64], days: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean change [log] against the year before, drawn toward none while few days tell it; its variance; the spread of one month."""
    if not len(logs):
        return 0.0, YEAR_SPREAD**2, MONTH_SPREAD
    weight = days.sum() / 30.4
    mean = float((logs * days).sum() / days.sum())
    off = float((days * (logs - mean) ** 2).sum() / days.sum())
    spread = float(np.sqrt((4 * MONTH_SPREAD**2 + weight * off) / (4 + weight)))  # as if four months were seen before
    own = spread**2 / weight
    pull = YEAR_SPREAD**2 / (YEAR_SPREAD**2 + own)
    return pull * mean, pull * own + YEAR_SPREAD**2 / 4, spread


def _before(months: Mapping[Month, Known], year: int, month: int) -> float | None:
    """Daily mean of the same month over the latest three earlier years it is known of for at least twenty days."""
    found = sorted(((y, k) for (y, m), k in months.items() if m == month and y < year and k.days >= 20), key=lambda pair: pair[0])[-3:]
    return sum(k.amount / k.days for _, k in found) / len(found) if found else None
