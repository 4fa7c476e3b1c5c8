"""Real losses of a district metered area from its night flow, per civil day.

At night hardly anybody draws water, so what still flows in is mostly leakage. The night rate is carried to the whole day with the
hour-day factor, because a leak loses less by day when the pressure is lower.

References
----------
Lambert, A. (2001). What do we know about pressure: leakage relationships in distribution systems? IWA Conference on System
Approach to Leakage Control, Brno: the FAVAD power law L1/L0 = (P1/P0)^N1 and, from it, the hour-day factor
HDF = sum over the hours of the day of (P_hour / P_night)^N1.
McKenzie, R. (1999). SANFLOW User Guide, WRC Report TT 109/99: 6 % of the population active in the hour of least flow, 10 L each,
the default of 0.6 L per person and hour here; night use of industry must be given by the user.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city import quality as q
from city.clock import HOUR, local
from city.frames import Block
from city.problems import fault
from city.quantities import Quantity

NIGHT_USE_L_PER_PERSON_H = 0.6
NIGHT_HOURS = (2, 5)  # local clock hours [from, to) in which the least hour is looked for
MIN_COVERAGE = 0.9
COLUMNS = [
    "dma",
    "date",
    "inflow_m3",
    "night_flow_m3_per_h",
    "night_use_m3_per_h",
    "hour_day_factor_h",
    "loss_m3",
    "loss_share",
    "coverage",
    "quality",
]


@dataclass(frozen=True)
class _Hours:
    """Hourly means [n, hours] on whole UTC hours; NaN where any part of the hour is missing."""

    times: pd.DatetimeIndex
    values: NDArray[np.float64]


def _hourly(block: Block, per_step: float = 1.0) -> _Hours:
    step = block.step / HOUR
    parts = round(1 / step)
    if parts < 1 or parts * block.step != HOUR:
        raise fault(f"{block.quantity} block", f"step {block.step}", "a whole part of an hour", "Resample it first.")
    first = (-block.start_utc.minute * 60 - block.start_utc.second) % 3600 // round(block.step / timedelta(seconds=1))
    values = block.unit_values()[:, first:] * per_step
    hours = values.shape[1] // parts
    means = values[:, : hours * parts].reshape(len(block.ids), hours, parts).mean(axis=2)
    return _Hours(block.times[first:][::parts][:hours], means)


def _flow(block: Block) -> _Hours:
    """Hourly inflow [m3/h] from volumes per step [m3] or from flow readings [m3/h]."""
    if block.quantity is Quantity.VOLUME_M3:
        return _hourly(block, HOUR / block.step)
    if block.quantity is Quantity.FLOW_M3_PER_H:
        return _hourly(block)
    raise fault("inflow block", f"quantity {block.quantity}", "volume_m3 or flow_m3_per_h", "Hand over DMA inflow.")


def _hour_day_factor(pressure_m: NDArray[np.float64], night: int, n1: float) -> float:
    """HDF [h]; the number of hours when the pressure is unknown at night."""
    if not pressure_m[night] > 0:
        return float(len(pressure_m))
    ratio = np.clip(pressure_m, 0.0, None) / pressure_m[night]
    known = ratio[np.isfinite(ratio)] ** n1
    return float(known.mean() * len(pressure_m))


def night_losses(
    inflow: Block,
    *,
    people: Mapping[str, float],
    zone: str,
    pressure: Block | None = None,
    n1: float = 1.0,
    night_use_l_per_person_h: float = NIGHT_USE_L_PER_PERSON_H,
    industrial_night_use_m3_per_h: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Real losses per DMA and complete civil day of `inflow`.

    night flow = smallest hourly inflow between 02:00 and 05:00 local; loss rate at night = night flow - legitimate night use, not
    below 0; loss of the day = rate x HDF, never more than the inflow that was measured.

    Parameters
    ----------
    inflow: volume_m3 per step or flow_m3_per_h, one row per DMA, in steps of an hour or a part of it
    people: residents per DMA [1]; zone: IANA time zone of the civil days
    pressure: mean pressure of each DMA, ids as in `inflow` [m]; without it HDF is the number of hours of the day
    n1: FAVAD exponent, 0.5 for fixed holes to 1.5 for splits that open; 1.0 for a mixed network (Lambert 2001) [1]
    industrial_night_use_m3_per_h: known night use besides households [m3/h]

    Returns dma, date, inflow_m3, night_flow_m3_per_h, night_use_m3_per_h, hour_day_factor_h, loss_m3, loss_share [1], coverage [1]
    (share of hours measured), quality. A day with less than 90 % of its hours or without any night hour has no loss (NaN) and the
    quality of a gap; a day with some hours missing has a loss, derived, with the cause gap, and is an inflow of the known hours only.
    """
    missing = [name for name in inflow.ids if name not in people]
    if missing:
        raise fault("people per DMA", f"none for {', '.join(missing[:10])}", "residents for every DMA", "Add them.")
    hours = _flow(inflow)
    heads = None
    if pressure is not None:
        found = _hourly(pressure.select(inflow.ids))
        heads = pd.DataFrame(found.values.T, index=found.times).reindex(hours.times).to_numpy().T
    clock = local(hours.times, zone)
    dates = np.asarray(clock.date)
    at_night = (clock.hour >= NIGHT_HOURS[0]) & (clock.hour < NIGHT_HOURS[1])
    rows = []
    for date in sorted(set(dates)):
        day = np.flatnonzero(dates == date)
        if clock[day[0]].hour != 0 or clock[day[-1]].hour != 23:
            continue  # the block begins or ends within this day
        for i, dma in enumerate(inflow.ids):
            use = people[dma] * night_use_l_per_person_h / 1000 + (industrial_night_use_m3_per_h or {}).get(dma, 0.0)
            head = np.full(len(day), np.nan) if heads is None else heads[i, day]
            rows.append((dma, date, *_one_day(hours.values[i, day], at_night[day], use, head, n1)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _one_day(
    flow: NDArray[np.float64], at_night: NDArray[np.bool_], use: float, head: NDArray[np.float64], n1: float
) -> tuple[float, float, float, float, float, float, float, int]:
    known = np.isfinite(flow)
    coverage = float(known.mean())
    inflow = float(flow[known].sum())
    night = np.flatnonzero(at_night & known)
    if coverage < MIN_COVERAGE or len(night) == 0:
        return inflow, np.nan, use, np.nan, np.nan, np.nan, coverage, q.missing(q.Cause.GAP)
    least = int(night[np.argmin(flow[night])])
    factor = _hour_day_factor(head, least, n1)
    loss = min(max(flow[least] - use, 0.0) * factor, max(inflow, 0.0))
    quality = q.code(q.Flag.VALID | q.Flag.DERIVED, q.Cause.NONE if coverage == 1.0 else q.Cause.GAP)
    return inflow, float(flow[least]), use, factor, loss, loss / inflow if inflow > 0 else 0.0, coverage, quality
