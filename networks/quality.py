"""Water quality events: what chlorine, turbidity, pH or conductivity does that neither its own past nor the time of day explains.

Each signal is forecast one step ahead by a linear filter of its last hour and of the same time a day ago, learnt by least squares over
the last days. A step is strange when the forecast misses it by more than four standard deviations of what it used to miss; the filter
then goes on with its forecast, so that what is strange does not become usual. An event is open when four of the last six steps are
strange: with one strange step in a hundred by chance that is once in 70,000 windows. After half a day the new level counts as usual.

References: Hart, D. & McKenna, S. A. (2012). CANARY User's Manual, EPA/600/R-08/040B: the linear filter and the binomial event
discriminator. GB 5749-2022, tables 1 and 2: limits at the tap (free chlorine 0.05 to 2 mg/L, turbidity 1 NTU, pH 6.5 to 8.5).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from city.frames import Block
from city.problems import fault
from city.quantities import Quantity

Floats = NDArray[np.float64]

LEARN = timedelta(days=5)  # that the filter is learnt over
LEAST = timedelta(days=2)  # of them without which nothing is called strange
RELEARN = timedelta(hours=6)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STRANGE_SD = 4.0
WINDOW, OPENS, CLOSES = 6, 4, 1  # steps looked at; strange ones among them that open and that close an event
NEW_USUAL = timedelta(hours=12)
# What a sensor's own noise is at least, and what the tap may have (GB 5749-2022); none: no limit in the standard.
FLOOR = {Quantity.CHLORINE_MG_PER_L: 0.01, Quantity.TURBIDITY_NTU: 0.01, Quantity.PH: 0.02, Quantity.CONDUCTIVITY_US_PER_CM: 2.0}
LIMITS = {Quantity.CHLORINE_MG_PER_L: (0.05, 2.0), Quantity.TURBIDITY_NTU: (None, 1.0), Quantity.PH: (6.5, 8.5)}


@dataclass(frozen=True)
class Event:
    """A stretch in which one signal is strange. `usual` and `value` [unit] are of its most strange step, `sd` [unit] what it used to miss.

    `end_utc` is None while it lasts; `outside` says that the value is beyond what the tap may have.
    """

    point_id: str
    start_utc: datetime
    seen_utc: datetime
    end_utc: datetime | None
    usual: float
    value: float
    sd: float
    outside: bool


def events(block: Block) -> list[Event]:
    """Events of every signal of a block (one quantity of `FLOOR`), oldest first.

    Missing steps count as neither strange nor usual. Raises `PenstockError` for another quantity, or a step that does not divide an hour.
    """
    if block.quantity not in FLOOR:
        raise fault("quality block", f"quantity {block.quantity}", f"one of {', '.join(FLOOR)}", "Hand over a quality signal.")
    if HOUR % block.step:
        raise fault("quality block", f"step {block.step}", "a whole part of an hour", "Resample it first.")
    values = np.where(block.usable(), block.unit_values(), np.nan)
    found = [event for name, row in zip(block.ids, values, strict=True) for event in _of_signal(block, name, row)]
    return sorted(found, key=lambda event: (event.start_utc, event.point_id))


def _of_signal(block: Block, name: str, values: Floats) -> list[Event]:
    expected, sd, strange = forecast(values, block.step, FLOOR[block.quantity])
    low, high = LIMITS.get(block.quantity, (None, None))
    found = []
    for first, seen, last in _stretches(strange):
        inside = np.arange(first, (last if last is not None else len(values) - 1) + 1)
        miss = np.where(strange[inside], np.abs(values[inside] - expected[inside]) / sd[inside], -1.0)
        worst = int(inside[int(np.argmax(miss))])
        value = float(values[worst])
        outside = (low is not None and value < low) or (high is not None and value > high)
        at = [None if i is None else block.start_utc + i * block.step for i in (first, seen, last)]
        assert at[0] is not None and at[1] is not None  # noqa: S101, PT018 - only the end may be open
        found.append(Event(name, at[0], at[1], at[2], float(expected[worst]), value, float(sd[worst]), outside))
    return found


def forecast(values: Floats, step: timedelta, floor: float) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """One signal float64[t] with NaN where it is missing: forecast one step ahead, what it used to miss (sd), which steps are strange.

    All of shape [t]; NaN and False before there is enough to learn from. `floor`: the least sd [unit].
    """
    day, hour = DAY // step, HOUR // step
    lags = np.array([*range(1, hour + 1), day - 1, day, day + 1])
    learn, least, relearn, patience = (span // step for span in (LEARN, LEAST, RELEARN, NEW_USUAL))
    clean, expected, sd = values.copy(), np.full(len(values), np.nan), np.full(len(values), np.nan)
    strange = np.zeros(len(values), dtype=bool)
    weights, spread, since = None, floor, 0
    for t in range(day + 1, len(values)):
        if (t - day - 1) % relearn == 0 and t >= least + day + 1:
            weights, spread = _learnt(clean[max(0, t - learn - day - 1) : t], lags, floor, weights, spread)
        if weights is None:
            continue
        past = clean[t - lags]
        expected[t] = weights[0] + weights[1:] @ past if np.isfinite(past).all() else np.nan
        sd[t] = spread
        strange[t] = bool(abs(values[t] - expected[t]) > STRANGE_SD * spread)
        since = since + 1 if strange[t] else 0
        if since > patience:
            clean[t - since + 1 : t + 1], since = values[t - since + 1 : t + 1], 0
        elif strange[t] or np.isnan(values[t]):
            clean[t] = expected[t] if np.isfinite(expected[t]) else clean[t - 1]
    return expected, sd, strange


def _learnt(course: Floats, lags: NDArray[np.int64], floor: float, former: Floats | None, spread: float) -> tuple[Floats | None, float]:
    """Weights (a constant first) by ridge regression, and the robust sd of what they miss; the former ones where too little is known."""
    rows = np.arange(int(lags.max()), len(course))
    x = np.column_stack([np.ones(len(rows)), *(course[rows - lag] for lag in lags)])
    known = np.isfinite(x).all(axis=1) & np.isfinite(course[rows])
    if known.sum() < 3 * len(lags):
        return former, spread
    x, y = x[known], course[rows][known]
    ridge = 1e-3 * len(y) * max(float(np.var(y)), floor**2) * np.eye(x.shape[1])
    ridge[0, 0] = 0.0
    weights: Floats = np.linalg.solve(x.T @ x + ridge, x.T @ y)
    miss = y - x @ weights
    return weights, max(floor, 1.4826 * float(np.median(np.abs(miss - np.median(miss)))))


def _stretches(strange: NDArray[np.bool_]) -> list[tuple[int, int, int | None]]:
    """(first strange step, step at which that is known, last strange step or None while it lasts) of each event."""
    found: list[tuple[int, int, int | None]] = []
    opened: tuple[int, int] | None = None
    for t in range(len(strange)):
        window = strange[max(0, t - WINDOW + 1) : t + 1]
        if opened is None and window.sum() >= OPENS:
            opened = t - len(window) + 1 + int(np.argmax(window)), t
        elif opened is not None and window.sum() <= CLOSES:
            found.append((*opened, int(np.flatnonzero(strange[: t + 1])[-1])))
            opened = None
    return found if opened is None else [*found, (*opened, None)]
