"""The year that is under way, told from its months so far: what the other months add, by degree days or by the same months before.

The rest of a year is the sum of its months' daily means. A mean comes from degree days where they are given for every month and there are
enough months to learn from; else from the same month of earlier years, times how this year compares with them so far;
else, for a month never seen, from the mean of this year. The 90 % interval comes from how well the same rule told single months.
"""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from city.problems import fault

Month = tuple[int, int]  # year, month
Method = Literal["degree days", "same months", "even days", "complete"]
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

    `degree_days` {(year, month): (heating, cooling) [K d per day]} of every known month, and of the year's other months as expected
    (their mean of earlier years). Raises `PenstockError` when nothing of the year is known or an amount is negative.
    """
    own = {m: k for m, k in months.items() if m[0] == year and k.days > 0}
    if not own or any(k.amount < 0 for k in months.values()):
        observed = "no day known" if not own else "a negative month"
        raise fault(f"now-cast of {year}", observed, "known days with amounts of zero or more", "Check the ledger's entries.")
    so_far, days = sum(k.amount for k in own.values()), sum(k.days for k in own.values())
    length = 366 if calendar.isleap(year) else 365
    missing = {m: calendar.monthrange(year, m)[1] - (own[year, m].days if (year, m) in own else 0) for m in range(1, 13)}
    missing = {m: n for m, n in missing.items() if n > 0}
    if not missing or so_far == 0:
        return NowCast(year, so_far, so_far, so_far, days / length, "complete" if not missing else "even days")
    told = _by_degree_days(months, year, missing, degree_days) or _by_same_months(months, own, year, missing)
    rest, variance, method = told
    half = Z90 * float(np.sqrt(variance))
    return NowCast(year, so_far + rest, max(so_far, so_far + rest - half), so_far + rest + half, days / length, method)


def _by_degree_days(
    months: Mapping[Month, Known], year: int, missing: Mapping[int, int], degree_days: Mapping[Month, tuple[float, float]] | None
) -> tuple[float, float, Method] | None:
    """Least squares of the daily mean over degree days, no slope below zero; None where they cannot tell it."""
    known = sorted(m for m, k in months.items() if k.days > 0 and degree_days and m in degree_days)
    if not degree_days or len(known) < LEAST_MONTHS or any((year, m) not in degree_days for m in missing):
        return None
    mean = np.array([months[m].amount / months[m].days for m in known])
    weight = np.sqrt([months[m].days for m in known])
    x = np.array([[1.0, *degree_days[m]] for m in known])
    ahead = np.array([[1.0, *degree_days[year, m]] for m in missing])
    length = np.array(list(missing.values()))
    keep = [0, *(c for c in (1, 2) if np.ptp(x[:, c]) > 0)]
    while True:
        line = np.linalg.lstsq(x[:, keep] * weight[:, None], mean * weight, rcond=None)[0]
        falling = [c for c, slope in zip(keep[1:], line[1:], strict=True) if slope < 0]
        if not falling:
            break
        keep.remove(falling[0])
    off = mean - x[:, keep] @ line
    free = max(len(known) - len(keep), 1)
    noise = float((weight**2 * off**2).sum() / (weight**2).mean() / free)
    inverse = np.linalg.pinv((x[:, keep] * weight[:, None] / weight.mean()).T @ (x[:, keep] * weight[:, None] / weight.mean()))
    total = length @ ahead[:, keep]
    told = max(float(total @ line), 0.0)
    variance = noise * (float(total @ inverse @ total) + float((length**2).sum())) + (YEAR_SPREAD * told) ** 2
    return told, variance, "degree days"


def _by_same_months(
    months: Mapping[Month, Known], own: Mapping[Month, Known], year: int, missing: Mapping[int, int]
) -> tuple[float, float, Method]:
    """The same months of earlier years, times this year over the same months so far."""
    logs: list[float] = []
    weights: list[int] = []
    for (_, m), k in own.items():
        before = _before(months, year, m)
        if before and before > 0 and k.amount > 0:
            logs.append(float(np.log(k.amount / k.days / before)))
            weights.append(k.days)
    change, year_variance, month_spread = _change(np.array(logs), np.array(weights, dtype=float))
    mean_own = sum(k.amount for k in own.values()) / sum(k.days for k in own.values())
    rest, own_variance, unseen = 0.0, 0.0, 0.0
    for m, n in missing.items():
        before = _before(months, year, m)
        part = n * (before * float(np.exp(change)) if before is not None else mean_own)
        rest += part
        if before is None:
            unseen += part * UNSEEN_SPREAD
        else:
            own_variance += (part * month_spread) ** 2
    seen_rest = rest - unseen / UNSEEN_SPREAD
    variance = TOGETHER * own_variance + year_variance * seen_rest**2 + unseen**2
    return rest, variance, "same months" if seen_rest >= rest / 2 else "even days"


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
