"""What an event is worth: delivered energy against the baseline, what is paid for it, and what came back afterwards.

Per interval i with baseline b, measured m and asked a [kWh]: delivered d = b - m (below zero: more was taken than usual),
paid p = min(max(d, 0), a), missing s = max((1 - f) a - d, 0) with the share f that may be missing. Then

    performance = sum(p) / sum(a)
    payment = sum(p) x payment_per_kwh + offered_kw x payment_per_kw x performance
    penalty = sum(s) x penalty_per_kwh

What was delivered in one interval does not make up for another, and nothing is paid above what was asked.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from city.problems import fault
from optimisation.response.programme import Programme

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Settlement:
    """Energies float[n] per interval [kWh], sums and money; `rebound_kwh` is what was taken above the baseline afterwards."""

    asked_kwh: Floats
    baseline_kwh: Floats
    measured_kwh: Floats
    delivered_kwh: Floats
    paid_kwh: Floats
    missing: int
    performance: float | None
    payment: float
    penalty: float
    rebound_kwh: float


def settle(
    programme: Programme,
    offered_kw: float,
    asked_kwh: Floats,
    baseline_kwh: Floats,
    measured_kwh: Floats,
    rebound_baseline_kwh: Floats,
    rebound_measured_kwh: Floats,
) -> Settlement:
    """Settle one event of one participant.

    Arrays are float[n] over the event's intervals and float[r] over the hours in which energy comes back [kWh]. An interval without
    a reading (NaN) counts as not delivered and is counted; more of them than the baseline's `missing_most` raise `PenstockError`.
    """
    there = np.isfinite(measured_kwh)
    missing = int((~there).sum())
    if missing > programme.baseline.missing_most * len(measured_kwh):
        allowed = f"at most {programme.baseline.missing_most:.0%} missing"
        raise fault(
            "settlement", f"{missing} of {len(measured_kwh)} intervals without a reading", allowed, "Validate the meter's day first."
        )
    delivered = np.where(there, baseline_kwh - np.where(there, measured_kwh, 0.0), 0.0)
    paid = np.clip(delivered, 0.0, asked_kwh)
    short = np.maximum((1.0 - programme.penalty_free_share) * asked_kwh - delivered, 0.0)
    asked = float(asked_kwh.sum())
    performance = float(paid.sum()) / asked if asked > 0 else None
    back = rebound_measured_kwh - rebound_baseline_kwh
    return Settlement(
        asked_kwh=asked_kwh,
        baseline_kwh=baseline_kwh,
        measured_kwh=measured_kwh,
        delivered_kwh=delivered,
        paid_kwh=paid,
        missing=missing,
        performance=performance,
        payment=float(paid.sum()) * programme.payment_per_kwh + offered_kw * programme.payment_per_kw * (performance or 0.0),
        penalty=float(short.sum()) * programme.penalty_per_kwh,
        rebound_kwh=float(np.nansum(back)),
    )
