"""Three independent tellings of what an area loses: by the shape of its inflow, by its customers' meters, by its night flow.

By shape: a leak runs almost evenly, demand follows a known pattern. So each day's inflow is regressed on the nominal pattern; what does
not follow the pattern is loss. It errs where the true pattern is flatter or steeper than the nominal one. The part of that error
that the regression cannot see is taken as large as the part it does see, the misfit of the mean day, times the leverage of the intercept.

References
----------
Buchberger, S.G., Nadimpalli, G. (2004). Leak estimation in water distribution systems by statistical analysis of flow readings.
J. Water Resour. Plann. Manage. 130(4): leakage from the shape of inflow, without customers' meters.
Farley, M., Trow, S. (2003). Losses in Water Distribution Networks. IWA Publishing: bottom-up night flow and top-down balance.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.clock import local
from networks.losses.nominal import WEEK_H, Customers

Floats = NDArray[np.float64]
MIN_HOURS = 20  # of a day that is regressed
MIN_EXPLAINED = 0.9  # of the variance within days: a pattern that says less says nothing of what does not follow it
UNSEEN = 0.7  # unseen over seen misfit, from the months of 2018 of L-TOWN-R (docs/losses.md)
_MAD = 1.4826


@dataclass(frozen=True)
class Telling:
    """Mean loss rate per month and its standard deviation [m3/h], by month (period M of local time)."""

    rate: pd.Series
    sd: pd.Series


def weekday(inflow: pd.Series, week: Floats, zone: str) -> int:
    """Weekday (Monday 0) on which the pattern week begins: the one with which the days' inflow fits best."""
    left = [float((_residual(inflow, week, first, zone) ** 2).sum()) for first in range(7)]
    return int(np.argmin(left))


def _at(times: pd.DatetimeIndex, week: Floats, first: int, zone: str) -> Floats:
    clock = local(times, zone)
    return week[((clock.weekday - first) % 7 * 24 + clock.hour) % WEEK_H]


def _days(flow: pd.Series, week: Floats, first: int, zone: str) -> pd.DataFrame:
    """Per local date: rate [m3/h] and scale [1] of flow = rate + scale x nominal; NaN for a day with too few hours or a flat pattern."""
    frame = pd.DataFrame({"x": _at(flow.index, week, first, zone), "y": flow.to_numpy()}, index=local(flow.index, zone).date).dropna()
    frame = frame.assign(xx=frame["x"] ** 2, xy=frame["x"] * frame["y"], n=1.0)
    s = frame.groupby(level=0).sum()
    under = s["n"] * s["xx"] - s["x"] ** 2
    fit = (s["n"] >= MIN_HOURS) & (under > 1e-6 * s["xx"].clip(lower=1e-12) * s["n"])
    scale = ((s["n"] * s["xy"] - s["x"] * s["y"]) / under).where(fit)
    return pd.DataFrame({"rate": (s["y"] - scale * s["x"]) / s["n"], "scale": scale})


def _residual(flow: pd.Series, week: Floats, first: int, zone: str) -> pd.Series:
    days = _days(flow, week, first, zone)
    on = pd.Index(local(flow.index, zone).date)
    fitted = days["rate"].reindex(on).to_numpy() + days["scale"].reindex(on).to_numpy() * _at(flow.index, week, first, zone)
    return (flow - fitted).dropna()


def by_shape(rest: pd.Series, week: Floats, first: int, zone: str) -> Telling | None:
    """Loss from the daily regression of `rest` (inflow less metered consumption) [m3/h, hourly] on the nominal week of the others.

    sd^2 = (UNSEEN x leverage x misfit)^2 + scatter of days / days. None where nothing can be regressed, or the pattern explains less
    than `MIN_EXPLAINED` of the variance within days.
    """
    days = _days(rest, week, first, zone).dropna()
    if len(days) < 7 or not week.any():
        return None
    month = pd.PeriodIndex(pd.to_datetime(days.index), freq="M")
    residual = _residual(rest, week, first, zone)
    own = rest[residual.index]
    moved = own - own.groupby(local(pd.DatetimeIndex(own.index), zone).date).transform("mean")
    if (residual**2).sum() > (1 - MIN_EXPLAINED) * (moved**2).sum():
        return None
    clock = local(pd.DatetimeIndex(residual.index), zone)
    profile = residual.groupby([clock.strftime("%Y-%m"), clock.hour]).mean()
    misfit = float(np.sqrt((profile**2).mean() * 24 / 22))
    day = week.reshape(7, 24).mean(axis=0)
    leverage = float(np.sqrt(1 + day.mean() ** 2 / day.var()))
    steps = days["rate"].diff().abs().median()
    scatter = _MAD * float(steps) / np.sqrt(2)
    rate = days["rate"].groupby(month).mean()
    count = days["rate"].groupby(month).size()
    return Telling(rate, np.sqrt((UNSEEN * leverage * misfit) ** 2 + scatter**2 / count))


def by_meters(rest: pd.Series, who: Customers, first: int, zone: str) -> Telling | None:
    """Loss as `rest` less what customers without a meter draw: their nominal demand times drawn / nominal of those with one.

    sd: the spread between metered customers, for the sum of those without and of those with a meter. None without two meters.
    """
    if who.metered is None or not np.isfinite(who.spread):
        return None
    table = pd.DataFrame({"rest": rest, "metered": who.metered}).dropna()
    with_meter, without = (_at(table.index, week, first, zone) for week in (who.week_metered, who.week_unmetered))
    month = pd.PeriodIndex(local(table.index, zone).tz_localize(None), freq="M")
    mean = table.assign(with_meter=with_meter, without=without).groupby(month).mean()
    ratio = mean["metered"] / mean["with_meter"]
    relative = who.spread * np.hypot(who.evenness_metered, who.evenness_unmetered)
    return Telling(mean["rest"] - ratio * mean["without"], mean["without"] * relative)


def by_night_flow(days: pd.DataFrame, use_error: float, factor_error: float) -> Telling | None:
    """Loss from `night_losses` rows of one area. Errors as shares at 95 %: of legitimate night use, and of the hour-day factor."""
    days = days.dropna(subset=["loss_m3"])
    if days.empty:
        return None
    month = pd.PeriodIndex(pd.to_datetime(days["date"]), freq="M")
    mean = days[["loss_m3", "night_use_m3_per_h", "hour_day_factor_h"]].groupby(month).mean()
    use = mean["night_use_m3_per_h"] * mean["hour_day_factor_h"] / 24
    rate = mean["loss_m3"] / 24
    return Telling(rate, np.hypot(use * use_error, rate * factor_error) / 1.96)
