"""What is known at an origin about a target: lags by day type, level, surprise, calendar. Plain numpy, all series at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.panel import FloatArray, IntArray, Panel, last_known, panel
from forecasting.weather import Weather
from forecasting.windows import fading_mean, finite_mean, finite_median, window_mean

__all__ = ["NAMES", "REACH_DAYS", "Panel", "panel", "rows"]
REACH_DAYS = 84
"""No feature looks further back than this many days before the origin's day [d]."""
FADING, FADING_FAST = 0.85, 0.7
"""Weight of a like day as a share of the next newer one's [1]."""
LARGEST_MOVE = 2.0
"""The level of the last week may move the profile by at most this factor, up or down [1]."""

LAGS = (
    *(f"alike_{k}" for k in range(1, 5)),  # days of the same type, newest first
    *("alike_mean4", "alike_mean8", "alike_hour_before", "alike_hour_after"),
    *("weekday_1", "weekday_2", "weekday_mean4", "last_day", "day_before", "mean7"),
    *("same_change_1", "same_change_3"),  # the last day moved by what the same step of weekdays changed in earlier weeks
    *("alike_fading", "alike_fading_fast", "alike_middle8", "weekday_3", "weekday_4", "last_day_hour_before", "last_day_hour_after"),
)
"""Earlier values, less the base."""
NAMES = (
    *LAGS,
    *("alike_spread8", "surprise_same_time", "surprise_day_before", "surprise_last", "surprise_second_hour", "surprise_third_hour"),
    *("surprise_3h", "surprise_24h", "surprise_day_2", "surprise_168h"),
    *("last_value", "last_day_level", "month_level", "level_in_scales", "noise"),
    *("hour", "weekday", "day_type", "day_type_before", "day_type_after", "holiday", "lead_h"),
)


@dataclass(frozen=True)
class _Seen:
    """r targets seen from their origins: all int64[r] or float32[r]."""

    i: IntArray
    o: IntArray
    day: IntArray
    slot: IntArray
    last: IntArray  # last day whose value at this slot is known
    level: FloatArray
    scale: FloatArray
    month: FloatArray


def rows(p: Panel, i: IntArray, o: IntArray, t: IntArray, weather: Weather | None = None) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Features of target columns t seen from origins o for series i (each int[r]).

    Returns features float32[r, len(NAMES) (+ 2 per weather variable)] in units of the scale, the base and the scale float32[r]: the model
    learns (value - base) / scale, where scale is the usual daily range and base the day-type profile at the recent level: the mean of
    the last eight days of the type and the last four of the weekday, times (mean of the last 168 h) / (what was expected of them).
    """
    g = p.grid
    per_hour = max(g.slots // 24, 1)
    day, slot = g.day[t].astype(np.int64), g.slot[t].astype(np.int64)
    seen = _Seen(i, o, day, slot, last_known(g, o, slot), *p.level_and_scale(i, o))
    lags, base = _lags(p, seen, per_hour)
    after = np.minimum(day + 1, g.days - 1)
    civil: list[NDArray[np.generic]] = [
        slot / per_hour,
        g.weekday[day],
        g.day_type[day],
        g.day_type[np.maximum(day - 1, 0)],
        g.day_type[after],
        g.holiday[day],
    ]
    columns: list[NDArray[np.generic]] = [*lags, *_state(p, seen, per_hour), *civil, (t - o) / per_hour, *_weather(weather, o, t)]
    out = np.empty((len(t), len(columns)), np.float32)
    for c, column in enumerate(columns):
        out[:, c] = column
    return out, base, seen.scale


def _lags(p: Panel, s: _Seen, per_hour: int) -> tuple[list[NDArray[np.floating]], FloatArray]:
    """Earlier values at the target's time of day, less the base, and their spread, in scales; and the base."""
    alike = p.cell(s.i, p.like_days("type", s.day, s.last, 8), s.slot)
    around, last_around = [], []
    for beside in (np.maximum(s.slot - per_hour, 0), np.minimum(s.slot + per_hour, p.grid.slots - 1)):
        last = last_known(p.grid, s.o, beside)
        around.append(finite_mean(p.cell(s.i, p.like_days("type", s.day, last, 4), beside), 1))
        last_around.append(p.cell(s.i, last[:, None], beside)[:, 0])
    week = p.cell(s.i, p.like_days("alike", s.day, s.last, 4), s.slot)
    recent = p.cell(s.i, s.last[:, None] - np.arange(7), s.slot)
    four, eight, seven = finite_mean(alike[:, :4], 1), finite_mean(alike, 1), finite_mean(recent, 1)
    like = finite_mean(np.stack([eight, finite_mean(week, 1)]), 0)
    like = np.where(np.isfinite(like), like, np.where(np.isfinite(seven), seven, s.level))
    expected = s.level - np.nan_to_num(window_mean(p.surprise_sums, s.i, s.o, 168 * per_hour))
    sound = expected > 1e-3 * s.scale
    move = np.where(sound, s.level / np.where(sound, expected, 1), 1)
    base = (like * np.clip(move, 1 / LARGEST_MOVE, LARGEST_MOVE)).astype(np.float32)
    spread = np.sqrt(finite_mean((alike - eight[:, None]) ** 2, 1))
    weeks_ago = 7 * np.arange(1, 4) + 7 * np.maximum((s.day - s.last - 1) // 7, 0)[:, None]
    change = p.cell(s.i, s.day[:, None] - weeks_ago, s.slot) - p.cell(s.i, s.last[:, None] - weeks_ago, s.slot)
    lags: list[NDArray[np.floating]] = [*alike[:, :4].T, four, eight, *around, week[:, 0], week[:, 1], finite_mean(week, 1)]
    lags += [recent[:, 0], recent[:, 1], seven, recent[:, 0] + change[:, 0], recent[:, 0] + finite_mean(change, 1)]
    lags += [fading_mean(alike, FADING), fading_mean(alike, FADING_FAST), finite_median(alike), week[:, 2], week[:, 3], *last_around]
    return [*((a - base) / s.scale for a in lags), spread / s.scale], base


def _state(p: Panel, s: _Seen, per_hour: int) -> list[NDArray[np.floating]]:
    """How the days before the origin differed from what was expected of them, and how noisy the series is; in scales."""
    surprises = [
        p.cell(s.i, s.last[:, None] - back, s.slot)[:, 0] - p.expected[s.i, np.maximum(s.last - back, 0), s.slot] for back in (0, 1)
    ]
    surprises.append(p.surprise[s.i, np.maximum(s.o - 1, 0)])
    ends = ((s.o - per_hour, 1), (s.o - 2 * per_hour, 1), (s.o, 3), (s.o, 24), (s.o - p.grid.slots, 24), (s.o, 168))
    surprises += [window_mean(p.surprise_sums, s.i, np.maximum(end, 0), hours * per_hour) for end, hours in ends]
    newest = p.values[s.i, np.maximum(s.o - 1, 0)]
    today = p.grid.day[s.o]
    yesterday = np.where(today > 0, p.daily[0][s.i, np.maximum(today - 1, 0)], np.nan)
    found = [a / s.scale for a in (*surprises, newest - s.level, yesterday - s.level, s.month - s.level)]
    noise = window_mean(p.noise_sums, s.i, s.o, 28 * p.grid.slots)
    return [*found, np.clip(s.level / s.scale, -50, 50), noise / s.scale]


def _weather(weather: Weather | None, o: IntArray, t: IntArray) -> list[FloatArray]:
    """Each variable at the target, and its mean over the day up to the target less its mean over the week before the origin."""
    if weather is None:
        return []
    now, day, week = weather.at(o, t), weather.mean(o, t, 24), weather.mean(o, o - 1, 168)
    return [column for v in range(len(weather.names)) for column in (now[v], day[v] - week[v])]
