"""Electricity and gas of the composed city: SimBench profiles of 2016, moved to 2022 and scaled to kW and m3/h.

2016 is moved by 313 weeks (2191 days) to 2021-12-31 .. 2022-12-30: every weekday stays what it was, and both clock changes fall on
the same quarter-hour (2016-03-27 -> 2022-03-27, 2016-10-30 -> 2022-10-30), so German and Italian wall clocks agree all the way.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MOVED = pd.Timedelta(weeks=313)
EXTRACT = Path(__file__).with_name("simbench_2016.parquet")
SCALE = 10_000  # see extract_simbench
LATITUDE_DEG, LONGITUDE_DEG = 41.9, 12.5  # Rome
DUSK_DEG = -3.0  # street lights burn while the sun is lower than this

# kW at the highest quarter-hour of the year, and the mix of SimBench columns (each per unit of its own peak) that shapes it.
PEAK_KW: dict[str, tuple[float, dict[str, float]]] = {
    "feeder-01": (1800.0, {"mv_urban": 1.0}),  # city centre
    "feeder-02": (1700.0, {"mv_comm": 1.0}),  # offices and services
    "feeder-03": (1500.0, {"mv_semiurb": 1.0}),  # suburb
    "feeder-04": (1300.0, {"mv_rural": 1.0}),  # villages
    "feeder-05": (1000.0, {"lv_urban6": 0.7, "H0-C": 0.3}),  # blocks of flats
    "feeder-06": (900.0, {"G1-A": 0.35, "G4-A": 0.45, "G3-A": 0.2}),  # shops and workshops at the port
    "feeder-07": (600.0, {"L1-A": 0.3, "L2-A": 0.7}),  # farms
    "feeder-08": (700.0, {"lv_semiurb4": 0.6, "H0-A": 0.4}),  # single houses
    "ev-depot": (800.0, {"ev": 1.0}),
    "heat-pumps": (500.0, {"heat_pumps": 1.0}),
    "industry": (800.0, {"WB-H": 1.0}),
    "pv-01": (1500.0, {"PV3": 1.0}),
    "pv-02": (1500.0, {"PV5": 1.0}),
    "wind-01": (2000.0, {"WP9": 1.0}),
}
STREET_LIGHTS_KW = 250.0

# m3/h at the highest quarter-hour. SimBench has no gas: the boiler house burns with the shape of the heat pumps plus a base for
# hot water, the works with the shape of a steady industrial load. Both are composed, no gas meter stands behind them.
GAS_M3_PER_H: dict[str, tuple[float, dict[str, float], float]] = {
    "gas-boiler": (320.0, {"heat_pumps": 1.0}, 0.15),
    "gas-industry": (240.0, {"BL-H": 1.0}, 0.0),
}

# The battery still follows the timer it came with: it fills itself in the small hours and empties in the evening.
BATTERY_KW = 250.0
BATTERY_EFFICIENCY = 0.95  # one way
BATTERY_REST_KWH = 800.0  # stored at midnight
_FILL_HOURS, _EMPTY_HOURS = (2, 3), (19, 20)


def shapes(times: pd.DatetimeIndex) -> pd.DataFrame:
    """SimBench columns per unit of their peak at quarter-hours of 2022 (start of quarter, UTC)."""
    raw = pd.read_parquet(EXTRACT)
    moved = raw.set_index(raw.pop("time_utc") + MOVED) / SCALE
    return moved.reindex(times)


def mixed(shape: pd.DataFrame, mix: dict[str, float]) -> pd.Series:
    """Weighted sum of columns [per unit]."""
    return sum((shape[name] * weight for name, weight in mix.items()), start=pd.Series(0.0, index=shape.index))


def power_kw(times: pd.DatetimeIndex, zone: str) -> pd.DataFrame:
    """Mean power of every quarter-hour that starts at `times` [kW], loads and generation both positive, one column per meter."""
    whole = shapes(extract_times())
    columns = {}
    for meter, (peak, mix) in PEAK_KW.items():
        profile = mixed(whole, mix)
        columns[meter] = (profile / profile.max() * peak).reindex(times)
    columns["street-lights"] = pd.Series(STREET_LIGHTS_KW * (sun_elevation_deg(times) < DUSK_DEG), index=times)
    columns["battery-01"] = pd.Series(battery_kw(times, zone), index=times)
    return pd.DataFrame(columns)


def gas_m3(times: pd.DatetimeIndex) -> pd.DataFrame:
    """Gas burnt in every quarter-hour [m3]."""
    whole = shapes(extract_times())
    columns = {}
    for meter, (peak, mix, base) in GAS_M3_PER_H.items():
        profile = mixed(whole, mix)
        columns[meter] = ((base + (1 - base) * profile / profile.max()) * peak / 4).reindex(times)
    return pd.DataFrame(columns)


def battery_kw(times: pd.DatetimeIndex, zone: str) -> NDArray[np.float64]:
    """Battery power at its terminals, discharge positive [kW]: out = in x efficiency squared, so that every day ends as it began."""
    hour = times.tz_convert(zone).hour
    fill, empty = hour.isin(_FILL_HOURS), hour.isin(_EMPTY_HOURS)
    return np.where(empty, BATTERY_KW * BATTERY_EFFICIENCY**2, np.where(fill, -BATTERY_KW, 0.0))


def battery_charge_kwh(power: pd.Series, midnight: pd.Timestamp) -> pd.Series:
    """Energy stored at the start of each quarter [kWh], `BATTERY_REST_KWH` at `midnight`."""
    inward = power.clip(upper=0) * -BATTERY_EFFICIENCY / 4
    outward = power.clip(lower=0) / BATTERY_EFFICIENCY / 4
    stored = (inward - outward).cumsum().shift(fill_value=0.0)
    return stored - stored[midnight] + BATTERY_REST_KWH


def sun_elevation_deg(times: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Height of the sun over the horizon of Rome [deg].

    Reference: J. W. Spencer, "Fourier series representation of the position of the sun", Search 2(5), 1971; within half a degree.
    """
    angle = 2 * np.pi * (times.dayofyear.to_numpy() - 1 + times.hour.to_numpy() / 24) / 365
    declination = (
        0.006918 - 0.399912 * np.cos(angle) + 0.070257 * np.sin(angle) - 0.006758 * np.cos(2 * angle) + 0.000907 * np.sin(2 * angle)
    )  # fmt: skip
    equation_min = 229.18 * (
        0.000075 + 0.001868 * np.cos(angle) - 0.032077 * np.sin(angle) - 0.014615 * np.cos(2 * angle) - 0.040849 * np.sin(2 * angle)
    )
    minutes = times.hour.to_numpy() * 60 + times.minute.to_numpy() + 7.5 + equation_min + 4 * LONGITUDE_DEG
    hour_angle = np.radians(minutes / 4 - 180)
    latitude = np.radians(LATITUDE_DEG)
    sine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    return np.degrees(np.arcsin(sine))


def extract_times() -> pd.DatetimeIndex:
    """All quarter-hours of the extract, moved to 2022 (start of quarter, UTC)."""
    return pd.DatetimeIndex(pd.read_parquet(EXTRACT, columns=["time_utc"])["time_utc"] + MOVED)
