"""What weather does to usage: how it differs from the weather of the days the forecast is made of, in degrees that heat and that cool."""

from collections.abc import Callable

import numpy as np

from forecasting.panel import FloatArray, IntArray, Panel, last_known
from forecasting.weather import Weather
from forecasting.windows import finite_mean

HEATED_BELOW, COOLED_ABOVE = 17.0, 19.0
"""Usage answers temperature below the one and above the other; between them hardly at all [degC]."""
TEMPERATURE = "temperature_degc"
Response = Callable[[FloatArray], FloatArray]


def columns(p: Panel, weather: Weather | None, o: IntArray, t: IntArray) -> list[FloatArray]:
    """Features of the weather at target columns t seen from origins o (int[r]), float32[r] each.

    Each variable now and as the mean of the day up to the target; both less the same at the target's time of the last like days, and of
    the last day; the day less the week before the origin. Of temperature also the degrees below and above which people heat and cool
    (degree hours, as in ISO 15927-6), less those of the like days and of the last day.
    """
    if weather is None:
        return []
    pair, back = np.unique(o * (int(t.max(initial=0)) + 1) + t, return_inverse=True)  # weather is the same for every series
    first = np.zeros(len(pair), np.int64)
    first[back] = np.arange(len(t))
    return [column[back] for column in _of_pairs(p, weather, o[first], t[first])]


def _of_pairs(p: Panel, weather: Weather, o: IntArray, t: IntArray) -> list[FloatArray]:
    g = p.grid
    day, slot = g.day[t].astype(np.int64), g.slot[t].astype(np.int64)
    last = last_known(g, o, slot)
    earlier = np.concatenate([last[None], p.like_days("type", day, last, 8), p.like_days("alike", day, last, 4)])
    column = np.where(earlier >= 0, g.column[np.maximum(earlier, 0), slot], -1).astype(np.int64)
    known = column >= 0
    from_o = np.broadcast_to(o, column.shape)[known]
    week = weather.mean(o, o - 1, 168)
    asked = [(weather.at(o, t), weather.at(from_o, column[known])), (weather.mean(o, t, 24), weather.mean(from_o, column[known], 24))]
    out: list[FloatArray] = []
    for v, name in enumerate(weather.names):
        for k, (then, before) in enumerate(asked):
            past = np.full(column.shape, np.nan, np.float32)
            past[known] = before[v]
            out += [then[v], *(c for respond in _responses(name) for c in _less(respond(then[v]), respond(past)))]
            if k == 1:
                out.append(then[v] - week[v])
    return [np.asarray(c, np.float32) for c in out]


def _less(now: FloatArray, past: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Now [r] less the like days' mean and less the last day; past [1 + 8 + 4, r]: the last day, days of the type, of the weekday."""
    like = finite_mean(np.stack([finite_mean(past[1:9], 0), finite_mean(past[9:], 0)]), 0)
    return (now - like).astype(np.float32), now - past[0]


def _responses(name: str) -> tuple[Response, ...]:
    """The variable itself; of temperature also the degrees people heat and cool."""
    if name != TEMPERATURE:
        return (lambda w: w,)
    return (lambda w: w, lambda w: np.maximum(w - COOLED_ABOVE, 0), lambda w: np.maximum(HEATED_BELOW - w, 0))
