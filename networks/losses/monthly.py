"""Real losses of an area per month, with their 90 % interval: every telling weighted by its certainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from city.clock import local
from city.frames import Block
from networks.losses.evidence import Telling, align, by_meters, by_night_flow, by_shape
from networks.losses.night_flow import NIGHT_HOURS
from networks.losses.nominal import Customers, Patterns, customers, learned_patterns, nominal_patterns, week
from networks.network import Network

Z90, Z95 = 1.6449, 1.96
COLUMNS = [
    "area",
    "month",
    "hours",
    "inflow_m3",
    "night_flow_m3_per_h",
    "loss_m3",
    "loss_sd_m3",
    "low_m3",
    "high_m3",
    "shape_m3",
    "meters_m3",
    "night_m3",
]


@dataclass(frozen=True)
class Errors:
    """95 % limits, as shares: of the flow meters of an area, of its customers' meters, of night use and of the hour-day factor."""

    inflow: float = 0.005
    metered: float = 0.01
    night_use: float = 0.5
    hour_day_factor: float = 0.1


def real_losses(
    network: Network,
    inflow: Mapping[str, pd.Series],
    junctions: Mapping[str, Sequence[str]],
    *,
    zone: str,
    consumption: Block | None = None,
    meters: Mapping[str, str] | None = None,
    night: pd.DataFrame | None = None,
    errors: Errors | None = None,
) -> pd.DataFrame:
    """Real losses of every area, month by month of local time.

    Parameters
    ----------
    inflow: per area hourly net inflow by start of hour, UTC; NaN where unknown [m3/h]; junctions: per area
    consumption: customers' meters [m3 per step], at the junctions that `meters` names
    night: rows of `night_losses`, where night use is known

    Returns area, month (period M), hours [h] measured, inflow_m3, night_flow_m3_per_h (mean over the days of the least hourly inflow
    between 02:00 and 05:00), loss_m3 with loss_sd_m3 and the 90 % interval low_m3 to high_m3,
    and what each telling says alone [m3]; NaN where a telling has nothing to stand on. Volumes are of the measured hours.
    """
    if not junctions:
        return pd.DataFrame(columns=COLUMNS)
    patterns, meters = nominal_patterns(network), meters or {}
    who = {area: customers(network, own, consumption, meters) for area, own in junctions.items()}
    whole = {area: week(pd.concat([w.base_metered, w.base_unmetered]).fillna(0.0), patterns) for area, w in who.items()}
    largest = max(whole, key=lambda area: float(whole[area].mean()))
    turn = align(inflow[largest], whole[largest], zone)
    aligned = {name: turn(row) for name, row in patterns.items()}
    sets = [aligned]
    if consumption is not None and (learnt := learned_patterns(network, consumption, meters, zone)):
        mixed = {**aligned, **learnt}
        own = week(pd.concat([who[largest].base_metered, who[largest].base_unmetered]).fillna(0.0), mixed)
        lag = align(inflow[largest], own, zone, weekdays=(0,))
        sets.append({name: lag(row) for name, row in mixed.items()})
    made = []
    for area, w in who.items():
        own_night = None if night is None else night[night["dma"] == area]
        made.append(_area(inflow[area], w, sets, zone, own_night, errors or Errors()).assign(area=area))
    return pd.concat(made, ignore_index=True)[COLUMNS]


def _area(
    inflow: pd.Series, who: Customers, sets: Sequence[Patterns], zone: str, night: pd.DataFrame | None, errors: Errors
) -> pd.DataFrame:
    """One area. The weighted mean is the one of least variance for independent tellings; the meters' errors, common to all of them,
    are added to it."""
    rest = inflow if who.metered is None else inflow - who.metered.reindex(inflow.index)
    known = rest.dropna()
    month = pd.PeriodIndex(local(pd.DatetimeIndex(known.index), zone).tz_localize(None), freq="M")
    came = inflow[known.index].groupby(month).sum()
    hours = known.groupby(month).size()
    found: dict[str, Telling | None] = {
        "shape": by_shape(rest, [week(who.base_unmetered, one) for one in sets], zone),
        "meters": by_meters(rest, who, week(who.base_metered, sets[0]), week(who.base_unmetered, sets[0]), zone),
        "night": None if night is None else by_night_flow(night, errors.night_use, errors.hour_day_factor),
    }
    rates = pd.DataFrame({name: told.rate for name, told in found.items() if told}).reindex(came.index)
    weight = 1 / pd.DataFrame({name: told.sd for name, told in found.items() if told}).reindex(came.index).clip(lower=1e-9) ** 2
    total = weight.sum(axis=1, min_count=1)
    rate = (rates * weight).sum(axis=1, min_count=1) / total
    drawn = pd.Series(0.0, came.index) if who.metered is None else who.metered[known.index].groupby(month).sum()
    # What nothing flows into loses nothing, whatever is known of it; an inflow below zero is no inflow, and tells nothing.
    sd = np.sqrt(hours**2 / total + (errors.inflow / Z95 * came) ** 2 + (errors.metered / Z95 * drawn) ** 2).where(came != 0, 0.0)
    loss = (rate * hours).where(came != 0, 0.0).where(came >= 0)
    limit = came.clip(lower=0)
    made = pd.DataFrame(
        {
            "month": came.index,
            "hours": hours,
            "inflow_m3": came,
            "night_flow_m3_per_h": _night_flow(inflow, zone).reindex(came.index),
            "loss_m3": loss.clip(0, limit),
            "loss_sd_m3": sd,
            "low_m3": (loss - Z90 * sd).clip(0, limit),
            "high_m3": (loss + Z90 * sd).clip(0, limit),
            **{f"{name}_m3": rates[name] * hours if name in rates else np.nan for name in found},
        }
    )
    return made.reset_index(drop=True)


def _night_flow(inflow: pd.Series, zone: str) -> pd.Series:
    """Minimum night flow [m3/h]: of each day the least hour, of each month the mean of its days."""
    clock = local(pd.DatetimeIndex(inflow.index), zone)
    night = inflow[(clock.hour >= NIGHT_HOURS[0]) & (clock.hour < NIGHT_HOURS[1])]
    least = night.groupby(local(pd.DatetimeIndex(night.index), zone).date).min().dropna()
    return least.groupby(pd.PeriodIndex(pd.to_datetime(least.index), freq="M")).mean()
