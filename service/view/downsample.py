"""Dense series made short before they are sent: what a chart of some 1,000 pixels can show, and nothing that it must not hide.

References: Jugel, Jerzak, Hackenbroich, Markl, M4: a visualization-oriented time series data aggregation, PVLDB 7(10), 2014: the first,
last, least and greatest value of each pixel column draw the same line as all of them. Steinarsson, Downsampling time series for visual
representation, University of Iceland, 2013, is what browsers do (LTTB): it may drop an extreme and knows no gaps, so it is not used.
Beyond M4 a column also keeps one value that cannot be used, so that a line breaks where it broke, and every column keeps five values,
so that the time axis stays even.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.clock import local

MOST = 1500  # points of one line
_KEPT = 5  # of each column: first, last, least, greatest, and one that cannot be used


def thinned(values: NDArray[np.floating], usable: NDArray[np.bool_], most: int = MOST) -> NDArray[np.intp]:
    """Which of float[t] values to send: their places in order, at most `most` of them; all where there are no more.

    Both ends stay, the least and the greatest usable value of all and of each column, and in each column with values that cannot be
    used (or are not a number) one of those. Raises `ValueError` when fewer than 7 points may stay.
    """
    if most < _KEPT + 2:
        raise ValueError(f"{most} points: at least {_KEPT + 2} are needed")
    if values.size <= most:
        return np.arange(values.size)
    width = -(-values.size // ((most - 2) // _KEPT))
    there = np.arange(-(-values.size // width) * width) < values.size
    value = np.zeros(there.size)
    value[: values.size] = values
    good = there.copy()
    good[: values.size] = usable & np.isfinite(values)
    kept = _of_columns(value.reshape(-1, width), good.reshape(-1, width), (there & ~good).reshape(-1, width)).ravel() & there
    kept[[0, values.size - 1]] = True
    return np.flatnonzero(kept)


def _of_columns(value: NDArray[np.float64], good: NDArray[np.bool_], bad: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Five values of each column [columns, width]: those that are told by name above, and others in their order up to five."""
    rows = np.arange(len(value))
    kept = np.zeros(value.shape, dtype=bool)
    for place in (
        good.argmax(axis=1),
        value.shape[1] - 1 - good[:, ::-1].argmax(axis=1),
        np.where(good, value, np.inf).argmin(axis=1),
        np.where(good, value, -np.inf).argmax(axis=1),
        bad.argmax(axis=1),
    ):
        kept[rows, place] = True
    return kept | (~kept & (np.cumsum(~kept, axis=1) <= _KEPT - kept.sum(axis=1, keepdims=True)))


def by_day(frame: pd.DataFrame, zone: str) -> pd.DataFrame:
    """One row per civil day of a frame (time_utc, value, usable): low, mean and high of what can be used, and how many cannot.

    Columns: time_utc (of the day's first row), low, mean, high [unit of the values], lost. A day with nothing usable has not-a-number.
    """
    day = local(pd.DatetimeIndex(frame["time_utc"]), zone).tz_localize(None).normalize()  # some zones have a day without a midnight
    told = frame.assign(good=frame["value"].where(frame["usable"]), lost=~frame["usable"]).groupby(day)
    made = told.agg(time_utc=("time_utc", "first"), low=("good", "min"), mean=("good", "mean"), high=("good", "max"), lost=("lost", "sum"))
    return made.reset_index(drop=True)
