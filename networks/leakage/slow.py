"""Slow leaks of a district: the flow at night against that of weeks before, when the leak had not begun or was small.

References: Farley and Trow (2003), Losses in Water Distribution Networks, IWA (night flow); the rule is a one-sided test that has to
hold for several nights, because real consumption at night comes and goes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from city.clock import local
from networks.leakage.scada import Floats

NIGHT_H = (2, 5)  # local hours of least use
REFERENCE_NIGHTS, LAG_NIGHTS = 28, 14  # what is usual: the nights up to two weeks ago
SIGMAS = 5.0  # above the usual, in standard deviations of those nights
NIGHTS = 5  # in a row
LEAST_SHARE, LEAST_M3_PER_H = 0.03, 0.5  # a standard deviation is at least this: of the mean night flow; [m3/h]


@dataclass(frozen=True)
class Growth:
    """A slow leak as the nights show it: since when, how large now, what the night flow was without it [m3/h]."""

    start: pd.Timestamp
    size_m3_per_h: float
    size_sd_m3_per_h: float
    usual_m3_per_h: float


def nights(flow: Floats, times: pd.DatetimeIndex, zone: str) -> pd.DataFrame:
    """[nights, districts]: median flow of the hours of least use, by local date; nights with less than half of them are unknown."""
    clock = local(times, zone)
    quiet = (clock.hour >= NIGHT_H[0]) & (clock.hour < NIGHT_H[1])
    day = clock.tz_localize(None).normalize()
    frame = pd.DataFrame(flow[quiet], day[quiet])
    known = frame.notna().groupby(level=0).mean() >= 0.5
    return frame.groupby(level=0).median().where(known).asfreq("D")


def growth(night: pd.Series, zone: str) -> Growth | None:
    """A leak in one district's night flows (known leaks taken off), or None."""
    if len(night) < LAG_NIGHTS + REFERENCE_NIGHTS // 2 + NIGHTS:
        return None
    past = night.rolling(REFERENCE_NIGHTS, min_periods=REFERENCE_NIGHTS // 2)
    usual, spread = past.median().shift(LAG_NIGHTS), past.std().shift(LAG_NIGHTS)
    sd = np.maximum(spread, max(LEAST_SHARE * float(night.mean()), LEAST_M3_PER_H))
    excess = night.rolling(3, min_periods=2).median() - usual
    last = (excess / sd).iloc[-NIGHTS:]
    if len(last) < NIGHTS or not (last >= SIGMAS).all() or excess.iloc[-1] < 0.7 * excess.iloc[-NIGHTS:].max():
        return None
    base = float(usual.iloc[-NIGHTS])  # of before the leak was large
    above = night.rolling(3, min_periods=2).median() - base
    size = float(above.iloc[-1])
    quiet = np.flatnonzero((above <= 0.1 * size).to_numpy())
    start = night.index[int(quiet[-1]) + 1 if len(quiet) and quiet[-1] + 1 < len(night) else max(len(night) - NIGHTS, 0)]
    return Growth(
        start.tz_localize(zone, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC"), size, float(sd.iloc[-1]) / 3**0.5, base
    )
