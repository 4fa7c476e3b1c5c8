"""A limit that a finished plan, or doing nothing, goes beyond, and what nobody covers: told as one breach each."""

from collections.abc import Mapping

import numpy as np

from optimisation.asset import TOLERANCE
from optimisation.inputs import PlanInput, Series
from optimisation.results import Breach


def exceeded(
    inputs: PlanInput, asset: str, what: str, does: str, power_kw: Series, limit_kw: Series | float, price_per_kwh: float = 0.0
) -> tuple[Breach, ...]:
    """A breach when `power_kw` float[steps] lies above `limit_kw` [kW], with the energy above it [kWh]; nothing when it does not."""
    limit = np.broadcast_to(np.asarray(limit_kw, dtype=float), power_kw.shape)
    above = np.maximum(power_kw - limit, 0.0)
    steps = np.flatnonzero(above > np.maximum(TOLERANCE * np.where(np.isfinite(limit), limit, 0.0), TOLERANCE))
    if not len(steps):
        return ()
    amount = float(above.sum() * inputs.step_h)
    sentence = (
        f"{asset} {does} up to {above.max():,.0f} kW above the {what} of {limit[steps].min():,.0f} kW in {len(steps)} steps, "
        f"first at {inputs.said(int(steps[0]))}: {amount:,.1f} kWh."
    )
    return (Breach(asset, what, amount, "kWh", price_per_kwh, sentence),)


def uncovered(inputs: PlanInput, left_kw: Mapping[str, Series]) -> tuple[Breach, ...]:
    """A breach for each balance that is still open when every asset has done what it does unplanned; `left_kw` float[steps] [kW]."""
    breaches = []
    for balance, left in left_kw.items():
        steps = np.flatnonzero(np.abs(left) > TOLERANCE * (1.0 + np.abs(left).max()))
        if len(steps):
            amount = float(np.abs(left).sum() * inputs.step_h)
            what = "lacks" if left[steps[0]] > 0 else "has too much, by"
            sentence = (
                f"Balance {balance} {what} up to {np.abs(left).max():,.0f} kW in {len(steps)} steps, "
                f"first at {inputs.said(int(steps[0]))}: nothing covers {amount:,.1f} kWh."
            )
            breaches.append(Breach(balance, "balance", amount, "kWh", 0.0, sentence))
    return tuple(breaches)
