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

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.clock import local
from networks.losses.nominal import Customers

Floats = NDArray[np.float64]
MIN_HOURS = 20  # of a day that is regressed
MIN_EXPLAINED = 0.9  # of the variance within days: a pattern that says less says nothing of what does not follow it
CONTRADICTED = 2.0  # an offset and a scale of the pattern do not show in its misfit, so a misfit alike decides nothing
UNSEEN = 0.7  # unseen over seen misfit, from the months of 2018 of L-TOWN-R (docs/losses.md)
_MAD = 1.4826


@dataclass(frozen=True)
class Telling:
    """Mean loss rate per month and its standard deviation [m3/h], by month (period M of local time)."""

    rate: pd.Series
    sd: pd.Series


def align(flow: pd.Series, week: Floats, zone: str, weekdays: Iterable[int] = range(7)) -> Callable[[Floats], Floats]:
    """How a pattern week is turned to the local week from Monday 00:00: by the weekday it begins with, then by a part of an hour.

    Of the weekdays the one with which the days of `flow` (hourly inflow) fit best; the lag is the regression's on the pattern's slope.
    """
    turned = {first: np.roll(week, 24 * first) for first in weekdays}
    first = min(turned, key=lambda name: float((_residual(flow, turned[name], zone) ** 2).sum()))
    rest = _residual(flow, turned[first], zone)
    steep = pd.Series(_at(pd.DatetimeIndex(rest.index), _slope(turned[first]), zone), rest.index)
    scale = float(_days(flow, turned[first], zone)["scale"].median())
    under = scale * float((steep**2).sum())
    lag = float((rest * steep).sum()) / under if under > 0 else 0.0
    return lambda other: _shifted(np.roll(other, 24 * first), float(np.clip(lag, -1, 1)))


def _slope(week: Floats) -> Floats:
    return (np.roll(week, -1) - np.roll(week, 1)) / 2


def _shifted(week: Floats, lag_h: float) -> Floats:
    return week + lag_h * _slope(week)


def _at(times: pd.DatetimeIndex, week: Floats, zone: str) -> Floats:
    clock = local(times, zone)
    return week[clock.weekday * 24 + clock.hour]


def _days(flow: pd.Series, week: Floats, zone: str) -> pd.DataFrame:
    """Per local date: rate [m3/h] and scale [1] of flow = rate + scale x nominal; NaN for a day with too few hours or a flat pattern."""
    times = pd.DatetimeIndex(flow.index)
    frame = pd.DataFrame({"x": _at(times, week, zone), "y": flow.to_numpy()}, index=local(times, zone).date).dropna()
    frame = frame.assign(xx=frame["x"] ** 2, xy=frame["x"] * frame["y"], n=1.0)
    s = frame.groupby(level=0).sum()
    under = s["n"] * s["xx"] - s["x"] ** 2
    fit = (s["n"] >= MIN_HOURS) & (under > 1e-6 * s["xx"].clip(lower=1e-12) * s["n"])
    scale = ((s["n"] * s["xy"] - s["x"] * s["y"]) / under).where(fit)
    return pd.DataFrame({"rate": (s["y"] - scale * s["x"]) / s["n"], "scale": scale})


def _residual(flow: pd.Series, week: Floats, zone: str) -> pd.Series:
    days, times = _days(flow, week, zone), pd.DatetimeIndex(flow.index)
    on = pd.Index(local(times, zone).date)
    fitted = days["rate"].reindex(on).to_numpy() + days["scale"].reindex(on).to_numpy() * _at(times, week, zone)
    return (flow - fitted).dropna()


def _misfit(residual: pd.Series, zone: str) -> float:
    """Root mean square of the mean day's residual, month by month [m3/h]; two of 24 degrees of freedom went into the fit."""
    clock = local(pd.DatetimeIndex(residual.index), zone)
    profile = residual.groupby([clock.strftime("%Y-%m"), clock.hour]).mean()
    return float(np.sqrt((profile**2).mean() * 24 / 22))


def by_shape(rest: pd.Series, weeks: Sequence[Floats], zone: str) -> Telling | None:
    """Loss from the daily regression of `rest` (inflow less metered consumption) [m3/h, hourly] on a week of the others' demand.

    `weeks` (from Monday 00:00): by the model, and where customers have meters by what those show of its patterns. Meters are believed
    rather than the model, unless their week misfits `CONTRADICTED` times as much. sd^2 = (UNSEEN x leverage x misfit)^2 + scatter of
    days / days. None where nothing can be regressed, or the week explains less than `MIN_EXPLAINED` of the variance within days.
    """
    misfits = [_misfit(_residual(rest, week, zone), zone) for week in weeks]
    if not np.isfinite(misfits).all():
        return None
    best = len(weeks) - 1 if misfits[-1] <= CONTRADICTED * misfits[0] else 0
    week, misfit = weeks[best], misfits[best]
    days, residual = _days(rest, week, zone).dropna(), _residual(rest, week, zone)
    own = rest[residual.index]
    moved = own - own.groupby(local(pd.DatetimeIndex(own.index), zone).date).transform("mean")
    if len(days) < 7 or (residual**2).sum() >= (1 - MIN_EXPLAINED) * (moved**2).sum():  # equal where nothing moves: a meter that stands
        return None
    day = week.reshape(7, 24).mean(axis=0)
    leverage = float(np.sqrt(1 + day.mean() ** 2 / day.var()))
    scatter = _MAD * float(days["rate"].diff().abs().median()) / np.sqrt(2)
    by_month = days["rate"].groupby(pd.PeriodIndex(pd.to_datetime(days.index), freq="M"))
    return Telling(by_month.mean(), np.sqrt((UNSEEN * leverage * misfit) ** 2 + scatter**2 / by_month.size()))


def by_meters(rest: pd.Series, who: Customers, with_meter: Floats, without: Floats, zone: str) -> Telling | None:
    """Loss as `rest` less what customers without a meter draw: their nominal demand times drawn / nominal of those with one.

    `with_meter` and `without`: the nominal weeks of both, from Monday 00:00 [m3/h]. sd: the spread between metered customers, for
    the sums of both. None without two meters.
    """
    if who.metered is None or not np.isfinite(who.spread):
        return None
    table = pd.DataFrame({"rest": rest, "metered": who.metered}).dropna()
    times = pd.DatetimeIndex(table.index)
    table = table.assign(with_meter=_at(times, with_meter, zone), without=_at(times, without, zone))
    mean = table.groupby(pd.PeriodIndex(local(times, zone).tz_localize(None), freq="M")).mean()
    ratio = mean["metered"] / mean["with_meter"]
    return Telling(mean["rest"] - ratio * mean["without"], mean["without"] * who.relative_sd)


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
