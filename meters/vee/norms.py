"""What is normal at a point, learned from its own good history: limits for the 100,000 meters nobody writes limits for.

A learned limit is a plain multiple of the most extreme thing four weeks have shown; the multiples below were chosen on seed 0
of `python -m benchmarks vee`. A limit that city.toml gives wins over the learned one.
"""

from dataclasses import dataclass, fields

import numpy as np

from city.frames import Block
from city.quality import Cause, measured
from city.quantities import Quantity
from meters.vee.rules import Civil, Floats, alone, day_totals, highest, night_minima, run_lengths

DAYS = 28  # of history a norm is learned from
LEAST_DAYS = 7  # with fewer nothing is learned
SENSED = {
    Quantity.PRESSURE_M,
    Quantity.LEVEL_M,
    Quantity.TEMPERATURE_DEGC,
    Quantity.FLOW_M3_PER_H,
    Quantity.VOLTAGE_V,
    Quantity.FREQUENCY_HZ,
}

SPIKE_RATIO = 1.8  # above the third highest peak, as a share of it (DASMMD)
STEP = 3.0  # times the largest lonely excursion of a sensor
FLAT, FLAT_LEAST = 2.0, 8  # times the longest run of equal values other than zero, at least so many steps
DAY_MOST, DAY_LEAST = 2.5, 0.05  # times the largest and the smallest daily total
NIGHT_MOST, NIGHT_SHARE = 3.0, 0.5  # times the largest night minimum, and at least this share of the mean interval


@dataclass(frozen=True)
class Norms:
    """Learned limits, float64[n] each, NaN where nothing could be learned.

    `peaks` float64[n, 3] the three highest usages of an interval [unit]; `spike_step` [unit]; `flat_steps`; `day_minimum` and
    `day_maximum` [unit per civil day]; `night_maximum`: the most that the least interval of a night may use [unit].
    """

    peaks: Floats
    spike_step: Floats
    flat_steps: Floats
    day_minimum: Floats
    day_maximum: Floats
    night_maximum: Floats

    def rows(self, some: slice) -> "Norms":
        return Norms(**{field.name: getattr(self, field.name)[some] for field in fields(self)})


def learn(history: Block, civil: Civil) -> Norms:
    """Norms of the points of `history`, whose columns `civil` describes; only what was measured teaches.

    Spikes count as peaks though they were refused: what happens a third time in four weeks is a habit, not a fault.
    """
    n = len(history.ids)
    values = history.quantity.to_unit(history.values) if history.values.dtype.kind == "i" else history.values.astype(np.float64)
    known = measured(history.quality) & np.isfinite(values)
    enough = known.sum(axis=1) >= LEAST_DAYS * civil.slots
    unknown = np.full(n, np.nan)

    def learned(limit: Floats) -> Floats:
        return np.where(enough, limit, np.nan)

    if not enough.any():
        return Norms(np.full((n, 3), np.nan), *[unknown] * 5)
    longest = run_lengths(values, known & (values != 0), np.zeros((n, 1))).max(axis=1)
    flat = learned(np.maximum(FLAT * longest, FLAT_LEAST))
    if history.quantity in SENSED:
        step = STEP * alone(values, known).max(axis=1)
        return Norms(np.full((n, 3), np.nan), learned(np.where(step > 0, step, np.nan)), flat, unknown, unknown, unknown)
    if not history.quantity.is_period:
        return Norms(np.full((n, 3), np.nan), *[unknown] * 5)
    peaks = np.where(enough[:, None], highest(values, known | (history.quality >> 8 == Cause.SPIKE)), np.nan)
    totals = day_totals(values, known, civil)
    none = np.asarray(np.isnan(totals).all(axis=1))
    most = np.where(none, np.nan, np.nanmax(np.where(none[:, None], 0.0, totals), axis=1))
    least = np.where(none, np.nan, np.nanmin(np.where(none[:, None], 0.0, totals), axis=1))
    night = unknown
    if history.quantity is Quantity.VOLUME_M3:
        mean = np.where(known, values, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        minima = np.nan_to_num(night_minima(values, known, civil), nan=0.0).max(axis=1, initial=0.0)
        night = learned(np.maximum(NIGHT_MOST * minima, NIGHT_SHARE * mean))
    return Norms(peaks, unknown, flat, learned(DAY_LEAST * least), learned(DAY_MOST * most), night)
