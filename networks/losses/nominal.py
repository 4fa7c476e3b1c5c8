"""What customers draw by the network model, and by their own meters where they have one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.clock import HOUR
from city.frames import Block
from city.quantities import Quantity
from networks.losses.areas import hourly
from networks.network import Network

Floats = NDArray[np.float64]
WEEK_H = 168


def nominal_week(network: Network, junctions: Iterable[str]) -> Floats:
    """float64[168]: mean demand of the junctions per hour of the INP's pattern week [m3/h], from the first moment of its patterns.

    Base demands times patterns times the demand multiplier, as EPANET would draw them; a pattern shorter than a week repeats. The INP
    does not say which weekday its patterns begin with: `weekday` finds it in the inflow.
    """
    model, base = network._model, dict[str | None, float]()
    for name in junctions:
        for part in model.get_node(name).demand_timeseries_list:
            base[part.pattern_name] = base.get(part.pattern_name, 0.0) + 3600.0 * part.base_value
    step_s, start_s = model.options.time.pattern_timestep, model.options.time.pattern_start
    fine = (np.arange(WEEK_H * 12) * 300.0 + start_s) // step_s
    total = np.zeros(WEEK_H * 12)
    for pattern, sum_m3_per_h in base.items():
        factors = np.ones(1) if pattern is None else np.asarray(model.get_pattern(pattern).multipliers, dtype=float)
        total += sum_m3_per_h * factors[fine.astype(int) % len(factors)]
    return model.options.hydraulic.demand_multiplier * total.reshape(WEEK_H, 12).mean(axis=1)


@dataclass(frozen=True)
class Customers:
    """Who draws in an area: hourly volume by the customers' meters, and the nominal week of those with and without one [m3/h].

    `spread` is the standard deviation of (drawn / nominal) between metered customers; `evenness_*` = sqrt(sum b^2) / sum b of base
    demands b, by which the spread of one customer shrinks to that of their sum.
    """

    metered: pd.Series | None
    week_metered: Floats
    week_unmetered: Floats
    spread: float = np.nan
    evenness_metered: float = 0.0
    evenness_unmetered: float = 0.0


def customers(network: Network, junctions: Iterable[str], consumption: Block | None, meters: Mapping[str, str]) -> Customers:
    """The customers at `junctions`. `consumption` [m3 per step] has points whose junctions `meters` names; others have no meter.

    Hours in which less than nine of ten meters reported are unknown; a meter silent in an hour is given the others' ratio to nominal.
    """
    inside = set(junctions)
    points = [] if consumption is None else [p for p in consumption.ids if meters.get(p) in inside]
    own = {meters[p] for p in points}
    base = network.junctions.set_index("id")["base_demand_m3_per_h"]
    other = [name for name in inside if name not in own]
    if consumption is None or not points:
        return Customers(None, np.zeros(WEEK_H), nominal_week(network, inside), evenness_unmetered=_evenness(base[other]))
    block = consumption.select(tuple(points))
    per_hour = block.unit_values() / (block.step / HOUR if block.quantity is Quantity.VOLUME_M3 else 1.0)
    sizes = base[[meters[p] for p in points]].to_numpy()
    known = np.isfinite(per_hour)
    heard = (sizes @ known) / sizes.sum()
    total = np.where(heard >= 0.9, np.nansum(per_hour, axis=0) / np.maximum(heard, 0.9), np.nan)
    with np.errstate(all="ignore"):
        ratio = (np.nansum(per_hour, axis=1) / known.sum(axis=1) / sizes)[(sizes > 0) & known.any(axis=1)]
    return Customers(
        hourly(pd.Series(total, index=block.times)),
        nominal_week(network, own),
        nominal_week(network, other),
        float(ratio.std(ddof=1)) if len(ratio) > 1 else np.nan,
        _evenness(base[list(own)]),
        _evenness(base[other]),
    )


def _evenness(base: pd.Series) -> float:
    return float(np.sqrt((base**2).sum()) / base.sum()) if base.sum() > 0 else 0.0
