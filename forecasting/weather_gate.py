"""Does weather pay? The test that decides, group by group, whether a model may look at it."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from forecasting.models.task import FloatArray

LEVEL = 0.05
"""Chance that useless weather passes [1]."""
LEAST_GAIN = 0.005
"""A smaller gain is not worth an input that can fail [1]."""
FEWEST_DAYS = 7
"""Days with stored forecasts that it takes to judge [d]."""


class Verdict(BaseModel):
    """Whether weather is used, and by which figures."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    used: bool
    names: tuple[str, ...] = Field(description="variables that were tried")
    days: int = Field(description="daily origins compared")
    gain: float = Field(description="mean relative fall of the absolute error [1]")
    noise: float = Field(description="what the gain must exceed [1]")
    sentence: str


def worth(names: Sequence[str], without: FloatArray, given: FloatArray, steps_per_day: int) -> Verdict:
    """Judge errors `without` weather and with it `given`, float32[n, c, steps] at the same c daily origins, NaN where there is none.

    Each series' fall of the absolute error, relative to its mean error without, is averaged over series per day; weather is used when the
    mean over days is above `LEAST_GAIN` and beyond noise: one-sided test of Diebold & Mariano 1995 (doi 10.1080/07350015.1995.10524599) at
    `LEVEL`, with the small-sample correction of Harvey, Leybourne & Newbold 1997 (doi 10.1016/S0169-2070(96)00719-4), departing in
    Bartlett weights, which keep the variance positive. Days, not series, are the sample: all series have the same weather.
    A day on which both say the same had no weather and does not count.
    """
    told = ", ".join(name.rsplit("_degc")[0].split("_")[0] for name in names)
    seen = np.isfinite(without) & np.isfinite(given)
    dry, wet = (np.where(seen, np.abs(e), 0).astype(float) for e in (without, given))
    usual = dry.sum(axis=(1, 2)) / np.maximum(seen.sum(axis=(1, 2)), 1)
    rows = usual > 0
    count = np.maximum(seen[rows].sum(axis=2), 1)
    fall = (dry - wet)[rows].sum(axis=2) / count / usual[rows, None]
    some = seen[rows].any(axis=2)
    differs = ((dry != wet) & seen).any(axis=(0, 2))
    daily = (np.where(some, fall, 0).sum(axis=0) / np.maximum(some.sum(axis=0), 1))[differs]
    days = len(daily)
    if days < FEWEST_DAYS:
        sentence = f"{told} not used: stored forecasts for {days} of the last days, {FEWEST_DAYS} are needed to judge"
        return Verdict(used=False, names=tuple(names), days=days, gain=0.0, noise=0.0, sentence=sentence)
    gain, noise = float(daily.mean()), _noise(daily, -(-without.shape[2] // steps_per_day) - 1)
    used = gain > max(noise, LEAST_GAIN)
    change = f"{abs(gain):.1%} {'less' if gain >= 0 else 'more'} error on {days} days"
    if used:
        sentence = f"{told} used: {change}"
    else:
        why = f"; more than {max(noise, LEAST_GAIN):.1%} less would be beyond noise" if gain >= 0 else ""
        sentence = f"{told} not used: {change}{why}"
    return Verdict(
        used=used, names=tuple(names), days=days, gain=round(gain, 6), noise=round(noise, 6), sentence=sentence.replace("%", " %")
    )


def _noise(daily: FloatArray, overlap: int) -> float:
    """What the mean of daily differences must exceed; horizons of `overlap` more days make neighbours alike."""
    from scipy.stats import t

    days = len(daily)
    lags = min(overlap, days // 3)
    centred = daily - daily.mean()
    spread = [float(centred[k:] @ centred[: days - k]) / days for k in range(lags + 1)]
    variance = (spread[0] + 2 * sum((1 - k / (lags + 1)) * spread[k] for k in range(1, lags + 1))) / days
    shrink = (days + 1 - 2 * (lags + 1) + (lags + 1) * lags / days) / days
    return float(t.ppf(1 - LEVEL, days - 1) * np.sqrt(max(variance, 0.0) / shrink))
