"""Units that vendors write on their meters, as exact fractions of the unit in a quantity's name.

References: SI brochure, 9th edition; ISO 80000-4 (conventional metre of water: 9806.65 Pa, by g = 9.80665 m/s2 and 1000 kg/m3).
"""

from collections.abc import Mapping
from fractions import Fraction as F

from city.problems import fault
from city.quantities import Quantity

_PA = F(100, 980665)  # metres of water per pascal
_PRESSURE = {
    "m": F(1),
    "mH2O": F(1),
    "mmH2O": F(1, 1000),
    "Pa": _PA,
    "hPa": 100 * _PA,
    "kPa": 1000 * _PA,
    "MPa": 1_000_000 * _PA,
    "mbar": 100 * _PA,
    "bar": 100_000 * _PA,
    "psi": F("6894.757293168") * _PA,
}
_GALLON = F("0.003785411784")  # US gallon [m3]
_KINDS: Mapping[str, Mapping[str, F]] = {
    "kWh": {"Wh": F(1, 1000), "kWh": F(1), "MWh": F(1000), "GWh": F(10**6), "kJ": F(1, 3600), "MJ": F(10, 36), "GJ": F(10000, 36)},
    "kvarh": {"varh": F(1, 1000), "kvarh": F(1), "Mvarh": F(1000)},
    "kW": {"W": F(1, 1000), "kW": F(1), "MW": F(1000)},
    "kvar": {"var": F(1, 1000), "kvar": F(1), "Mvar": F(1000)},
    "kVA": {"VA": F(1, 1000), "kVA": F(1), "MVA": F(1000)},
    "V": {"mV": F(1, 1000), "V": F(1), "kV": F(1000)},
    "A": {"mA": F(1, 1000), "A": F(1), "kA": F(1000)},
    "Hz": {"mHz": F(1, 1000), "Hz": F(1)},
    "m3": {"mL": F(1, 10**6), "L": F(1, 1000), "hL": F(1, 10), "m3": F(1), "ft3": F("0.028316846592"), "gal": _GALLON},
    "kg": {"g": F(1, 1000), "kg": F(1), "t": F(1000), "lb": F("0.45359237")},
    "m3/h": {
        "L/h": F(1, 1000),
        "L/min": F(6, 100),
        "L/s": F(36, 10),
        "m3/h": F(1),
        "m3/min": F(60),
        "m3/s": F(3600),
        "m3/d": F(1, 24),
        "gal/min": 60 * _GALLON,
    },
    "m": {"mm": F(1, 1000), "cm": F(1, 100), "m": F(1), "ft": F("0.3048")},
    "degC": {"degC": F(1), "K": F(1), "degF": F(5, 9)},
    "%": {"%": F(1), "1": F(100)},
    "mg/L": {"ug/L": F(1, 1000), "mg/L": F(1), "ppm": F(1)},
    "NTU": {"NTU": F(1), "FNU": F(1)},
    "uS/cm": {"uS/cm": F(1), "mS/m": F(10), "mS/cm": F(1000)},
    "1": {"1": F(1), "%": F(1, 100)},
    "s": {"ms": F(1, 1000), "s": F(1)},
}
_SHIFT = {"K": F("-273.15"), "degF": F(-160, 9)}  # added after the factor [degC]


def conversion(unit: str, quantity: Quantity) -> tuple[F, F]:
    """Factor and shift with which a number in `unit` becomes one in the unit of `quantity`: number x factor + shift, exactly.

    Raises `PenstockError` when `unit` is of another kind than the quantity: a power in Wh, say.
    """
    known = _PRESSURE if quantity is Quantity.PRESSURE_M else _KINDS[quantity.unit]
    if unit not in known:
        raise fault(f"unit '{unit}' of a {quantity}", "another kind or unknown", f"one of {', '.join(known)}", "Correct unit or quantity.")
    return known[unit], _SHIFT.get(unit, F(0))
