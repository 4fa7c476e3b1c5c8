"""What a lower pressure saves in one area: leakage, part of the demand, and bursts that do not happen.

References
----------
Lambert, A. (2001). What do we know about pressure: leakage relationships in distribution systems? IWA, Brno: L1/L0 = (P1/P0)^N1
(FAVAD, after May 1994), N1 from 0.5 (fixed holes) to 1.5 (splits that open).
Thornton, J., Lambert, A. (2007). Pressure management extends infrastructure life and reduces unnecessary energy costs. IWA Water
Loss, Bucharest: over 112 systems a cut of maximum pressure by 1 % cut bursts by 1.4 % (0.7 to 2.8).
Fantozzi, M., Lambert, A. (2007). Including the effects of pressure management in calculations of economic leakage level: demand
C1/C0 = (P1/P0)^N3, N3 about 0.5 for taps that run by time, near 0 for what fills a tank or a washing machine.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.clock import local
from city.frames import Block
from city.problems import fault
from networks.hydraulics import simulate
from networks.losses.nominal import bases, nominal_patterns, week
from networks.network import Network

Floats = NDArray[np.float64]
N1_RANGE = (0.5, 1.5)


@dataclass(frozen=True)
class PressureZone:
    """An area as it is: pressures by hour of the day [m], volumes per day [m3].

    `pressure_m` float[24] is the average of the area, `inlet_m` that behind the valve to be set; without one the setting is of the
    average itself. `lowest_m` is the lowest pressure of its worst point.
    """

    pressure_m: Floats
    lowest_m: float
    loss_m3: float
    consumption_m3: float
    inlet_m: Floats | None = None
    bursts_per_year: float = 0.0


@dataclass(frozen=True)
class Prices:
    """What a saved cubic metre and a burst that did not happen are worth."""

    per_m3: float
    per_burst: float
    kwh_per_m3: float
    kg_per_kwh: float


@dataclass(frozen=True)
class Saving:
    """Per year, against today; `leakage_low_m3` and `leakage_high_m3` are those of N1 = 0.5 and 1.5. Money: water no longer lost and
    bursts; the sales that less demand costs are told apart, as `consumption_m3`."""

    setting_m: float
    average_m: float
    lowest_m: float
    leakage_m3: float
    leakage_low_m3: float
    leakage_high_m3: float
    consumption_m3: float
    bursts: float
    kwh: float
    kg_co2: float
    money: float


def what_if(
    zone: PressureZone,
    setting_m: float,
    prices: Prices,
    *,
    n1: float = 1.0,
    dependent_share: float = 0.3,
    n3: float = 0.5,
    burst_factor: float = 1.4,
) -> Saving:
    """What a pressure-reducing valve set to `setting_m` saves per year.

    The valve takes off what its inlet has above the setting, hour by hour, everywhere in the area; that friction falls with the flow is
    left out, so pressures after are a little low. `dependent_share` of demand follows pressure with N3. Bursts fall by `burst_factor`
    x the relative cut of maximum pressure, at most all. Raises `PenstockError` for pressures that are not positive.
    """
    before = np.asarray(zone.pressure_m, dtype=float)
    inlet = before if zone.inlet_m is None else np.asarray(zone.inlet_m, dtype=float)
    if not (setting_m > 0 and np.isfinite(before).all() and (before > 0).all()):
        raise fault(
            "pressure what-if", f"setting {setting_m} m, pressures from {before.min():.1f} m", "above 0 m", "Check sensors and setting."
        )
    after = np.clip(before - np.clip(inlet - setting_m, 0, None), 0, None)
    ratio = after / before
    # Leakage by hour is proportional to P^N1 today, so the day's sum falls by the ratio of the sums.
    saved = {n: 365 * zone.loss_m3 * (1 - (after**n).sum() / (before**n).sum()) for n in (n1, *N1_RANGE)}
    drawn = 365 * zone.consumption_m3 * dependent_share * float(1 - (ratio**n3).mean())
    bursts = zone.bursts_per_year * min(1.0, burst_factor * (1 - after.max() / before.max()))
    water = saved[n1] + drawn
    return Saving(
        setting_m=setting_m,
        average_m=float(after.mean()),
        lowest_m=zone.lowest_m - float(np.clip(inlet - setting_m, 0, None).max()),
        leakage_m3=float(saved[n1]),
        leakage_low_m3=float(min(saved.values())),
        leakage_high_m3=float(max(saved.values())),
        consumption_m3=drawn,
        bursts=float(bursts),
        kwh=float(water * prices.kwh_per_m3),
        kg_co2=float(water * prices.kwh_per_m3 * prices.kg_per_kwh),
        money=float(saved[n1] * prices.per_m3 + bursts * prices.per_burst),
    )


def measured_pressure(network: Network, junctions: Iterable[str], sensors: Mapping[str, str], pressure: Block, zone: str) -> pd.DataFrame:
    """average_m and lowest_m [m] by local hour of the day, float[24], from sensors in the area.

    Average zone pressure = mean head at the sensors less the mean elevation of the junctions where people draw; the lowest is that of
    the highest of these.
    Raises `PenstockError` when no sensor lies in the area.
    """
    inside = list(junctions)
    points = [point for point, node in sensors.items() if node in set(inside) and point in pressure.ids]
    if not points:
        raise fault("area pressure", "no pressure sensor in the area", "one or more", "Add a sensor, or take the model's pressure.")
    elevation = network.junctions.set_index("id")["elevation_m"]
    own = elevation[[sensors[point] for point in points]].to_numpy()
    with np.errstate(all="ignore"):
        head = pd.DataFrame((pressure.select(tuple(points)).unit_values() + own[:, None]).T).mean(axis=1).to_numpy()
    taps = _taps(network, inside)
    by_hour = pd.Series(head).groupby(local(pressure.times, zone).hour).mean().reindex(range(24)).interpolate(limit_direction="both")
    return pd.DataFrame({"average_m": by_hour - elevation[taps].mean(), "lowest_m": by_hour - elevation[taps].max()})


def _taps(network: Network, inside: list[str]) -> list[str]:
    """Those junctions of the area at which somebody draws; all of it when the model says nobody does."""
    base = network.junctions.set_index("id")["base_demand_m3_per_h"][inside]
    return list(base.index[base > 0]) or inside


def modelled_pressure(network: Network, junctions: Iterable[str]) -> pd.DataFrame:
    """The same from EPANET, demand-driven, on the first day of the INP's patterns with tanks and pumps as the INP leaves them."""
    inside, names = list(junctions), list(network.junctions["id"])
    hours = pd.date_range("2000-01-03", periods=24, freq="h", tz="UTC")
    base = network.junctions.set_index("id")["base_demand_m3_per_h"]
    whole = week(bases(network, names), nominal_patterns(network))[:24]
    demand = pd.DataFrame(np.outer(whole, base[names] / (base.sum() or 1.0)), index=hours, columns=names)
    found = simulate(network, demand, step_s=3600).pressure_m[_taps(network, inside)]
    return pd.DataFrame({"average_m": found.mean(axis=1).to_numpy(), "lowest_m": found.min(axis=1).to_numpy()})
