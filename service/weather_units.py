"""Names and units of weather, as met offices write them, and ours."""

from datetime import timedelta

from city.problems import fault

LIMITS: dict[str, tuple[float, float]] = {  # what weather on earth can be
    "temperature_degc": (-90.0, 60.0),
    "dew_point_degc": (-90.0, 40.0),
    "humidity_pct": (0.0, 100.0),
    "wind_m_per_s": (0.0, 110.0),
    "wind_100m_m_per_s": (0.0, 150.0),
    "wind_direction_deg": (0.0, 360.0),
    "irradiance_w_per_m2": (0.0, 1500.0),  # global horizontal
    "cloud_pct": (0.0, 100.0),
    "rain_mm_per_h": (0.0, 310.0),
    "pressure_hpa": (850.0, 1090.0),  # at sea level
}
NAMES = {  # as Open-Meteo, DWD and many others call them -> ours
    "temperature_2m": "temperature_degc",
    "temperature": "temperature_degc",
    "dew_point_2m": "dew_point_degc",
    "relative_humidity_2m": "humidity_pct",
    "humidity": "humidity_pct",
    "wind_speed_10m": "wind_m_per_s",
    "wind_speed": "wind_m_per_s",
    "wind_speed_100m": "wind_100m_m_per_s",
    "wind_direction_10m": "wind_direction_deg",
    "shortwave_radiation": "irradiance_w_per_m2",
    "irradiance": "irradiance_w_per_m2",
    "cloud_cover": "cloud_pct",
    "precipitation": "rain_mm_per_h",
    "rain": "rain_mm_per_h",
    "pressure_msl": "pressure_hpa",
}
_UNITS: dict[str, dict[str, tuple[float, float]]] = {  # of the end of our name: unit -> factor, shift
    "degc": {"degC": (1, 0), "°C": (1, 0), "C": (1, 0), "K": (1, -273.15), "°F": (5 / 9, -160 / 9), "degF": (5 / 9, -160 / 9)},
    "pct": {"%": (1, 0), "1": (100, 0)},
    "m_per_s": {"m/s": (1, 0), "km/h": (1 / 3.6, 0), "kn": (1852 / 3600, 0), "mp/h": (0.44704, 0), "mph": (0.44704, 0)},
    "deg": {"°": (1, 0), "deg": (1, 0)},
    "w_per_m2": {"W/m2": (1, 0), "W/m²": (1, 0), "kW/m2": (1000, 0), "J/cm2/h": (10_000 / 3600, 0)},
    "mm_per_h": {"mm": (1, 0), "mm/h": (1, 0), "inch": (25.4, 0), "kg/m2": (1, 0)},
    "hpa": {"hPa": (1, 0), "mbar": (1, 0), "Pa": (0.01, 0), "kPa": (10, 0)},
}


_DEPTHS = ("mm", "inch", "kg/m2")  # of a whole step, not of an hour


def conversion(unit: str, variable: str, step: timedelta) -> tuple[float, float]:
    """Factor and shift from `unit` to the unit in the variable's name; '' is that unit. Raises `PenstockError` for one of another kind."""
    if not unit:
        return 1.0, 0.0
    known = next(units for end, units in sorted(_UNITS.items(), key=lambda item: -len(item[0])) if variable.endswith(f"_{end}"))
    if unit not in known:
        raise fault(f"unit '{unit}' of {variable}", "another kind or unknown", f"one of {', '.join(known)}", "Correct unit or variable.")
    factor, shift = known[unit]
    return factor * (timedelta(hours=1) / step if unit in _DEPTHS else 1), shift
