"""What customers draw by the network model, by their own meters where they have one, and by what those meters say of all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.clock import HOUR, local
from city.frames import Block
from city.quantities import Quantity
from networks.losses.areas import hourly
from networks.network import Network

Floats = NDArray[np.float64]
Patterns = Mapping[str | None, Floats]  # name -> float[168] factor per hour of a week
WEEK_H = 168
MIN_METERS = 3  # that a pattern is learnt from


def nominal_patterns(network: Network) -> dict[str | None, Floats]:
    """The INP's patterns per hour, from their first moment on; one shorter than a week repeats.

    The INP does not say on which weekday they begin: `align` finds it in the inflow. None names the demand without a pattern.
    """
    model = network._model
    step_s, start_s = model.options.time.pattern_timestep, model.options.time.pattern_start
    step = ((np.arange(WEEK_H * 12) * 300.0 + start_s) // step_s).astype(int)
    factors = {name: np.asarray(model.get_pattern(name).multipliers, dtype=float) for name in model.pattern_name_list}
    hours = {name: row[step % len(row)].reshape(WEEK_H, 12).mean(axis=1) for name, row in factors.items() if len(row)}
    return {**hours, None: np.ones(WEEK_H)}


def bases(network: Network, junctions: Iterable[str]) -> pd.DataFrame:
    """float[junctions, patterns]: base demand of each junction under each pattern [m3/h], demand multiplier included.

    Raises `PenstockError` naming junctions that the network does not have.
    """
    names = list(junctions)
    network.require("junctions", names, "demand of an area")
    model, rows = network._model, {}
    known = set(model.pattern_name_list)  # the default pattern of an INP need not exist: its demand is constant then
    for name in names:
        parts = model.get_node(name).demand_timeseries_list
        own = [part.pattern_name if part.pattern_name in known else None for part in parts]
        rows[name] = pd.Series([part.base_value for part in parts], own, dtype=float).groupby(level=0, dropna=False).sum()
    factor = 3600.0 * model.options.hydraulic.demand_multiplier
    return factor * pd.DataFrame(rows, dtype=float).T.fillna(0.0)


def week(base: pd.DataFrame, patterns: Patterns) -> Floats:
    """float64[168]: demand of all junctions of `base` together under the patterns [m3/h]."""
    total = np.zeros(WEEK_H)
    for name in base:
        total += base[name].sum() * patterns[None if pd.isna(name) else name]
    return total


def _per_hour(consumption: Block) -> pd.DataFrame:
    values = consumption.unit_values() / (consumption.step / HOUR if consumption.quantity is Quantity.VOLUME_M3 else 1.0)
    return pd.DataFrame(values.T, index=consumption.times, columns=list(consumption.ids))


def learned_patterns(network: Network, consumption: Block, meters: Mapping[str, str], zone: str) -> dict[str | None, Floats]:
    """Patterns as the customers' meters show them, per hour of the local week from Monday 00:00, each with the mean of its nominal one.

    Least squares per hour of the week over the meters: a meter's mean is the sum of its base demands times the patterns. Only
    patterns that at least `MIN_METERS` meters mainly follow; the season is taken out by the meters' own running weekly total.
    """
    points = [name for name in consumption.ids if name in meters]
    base = bases(network, [meters[name] for name in points])
    size = base.sum(axis=1).to_numpy()
    hours = _per_hour(consumption.select(tuple(points))).resample("h").mean()
    total = hours.sum(axis=1)
    level = total.rolling(WEEK_H, center=True, min_periods=WEEK_H // 2).mean() / total.mean()
    clock = local(pd.DatetimeIndex(hours.index), zone)
    mean = hours.div(level.to_numpy(), axis=0).groupby(clock.weekday * 24 + clock.hour).mean()
    known = (size > 0) & mean.notna().all().to_numpy()
    if len(mean) < WEEK_H or known.sum() < MIN_METERS:
        return {}
    share = base.to_numpy()[known] / size[known, None]
    found = np.linalg.lstsq(share, (mean.to_numpy()[:, known] / size[known]).T, rcond=None)[0]
    nominal = nominal_patterns(network)
    made = {}
    for row, name in zip(found, base.columns, strict=True):
        key = None if pd.isna(name) else name
        if (share[:, list(base.columns).index(name)] > 0.5).sum() >= MIN_METERS and row.mean() > 0:
            made[key] = row / row.mean() * nominal[key].mean()
    return made


@dataclass(frozen=True)
class Customers:
    """Who draws in an area: `metered` hourly volume by their meters [m3/h], and base demands of those with a meter and without.

    `spread` is the standard deviation of (drawn / nominal) between metered customers.
    """

    metered: pd.Series | None
    base_metered: pd.DataFrame
    base_unmetered: pd.DataFrame
    spread: float = np.nan

    @property
    def relative_sd(self) -> float:
        """Of unmetered demand told by the metered customers' ratio: the spread of one shrinks to that of their sums [1]."""
        return self.spread * float(np.hypot(_evenness(self.base_metered), _evenness(self.base_unmetered)))


def customers(network: Network, junctions: Iterable[str], consumption: Block | None, meters: Mapping[str, str]) -> Customers:
    """The customers at `junctions`. `consumption` [m3 per step] has points whose junctions `meters` names; others have no meter.

    Hours in which less than nine of ten meters reported are unknown; a meter silent in an hour is given the others' ratio to nominal.
    """
    base = bases(network, list(dict.fromkeys(junctions)))
    points = [] if consumption is None else [p for p in consumption.ids if meters.get(p) in base.index]
    if consumption is None or not points:
        return Customers(None, base.iloc[:0], base)
    own = [meters[p] for p in points]
    flow = _per_hour(consumption.select(tuple(points)))
    size = base.loc[own].sum(axis=1).to_numpy()
    known = flow.notna().to_numpy()
    heard = known @ size / size.sum()
    total = (flow.sum(axis=1) / np.maximum(heard, 0.9)).where(heard >= 0.9)
    ratio = (flow.mean() / np.where(size > 0, size, np.nan)).dropna()
    return Customers(hourly(total), base.loc[list(dict.fromkeys(own))], base.drop(index=own), float(ratio.std(ddof=1)))


def _evenness(base: pd.DataFrame) -> float:
    size = base.sum(axis=1)
    return float(np.sqrt((size**2).sum()) / size.sum()) if size.sum() > 0 else 0.0
