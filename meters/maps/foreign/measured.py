"""What a foreign register measures, as far as its unit says so; where only its name hints at it, a person decides."""

from city.quantities import Quantity as Q

_SPELLED = {
    "m³": "m3",
    "㎥": "m3",
    "l": "L",
    "liter": "L",
    "litre": "L",
    "liters": "L",
    "ft³": "ft3",
    "kVAr": "kvar",
    "VAr": "var",
    "kVArh": "kvarh",
}
_SPELLED |= {
    "VArh": "varh",
    "°C": "degC",
    "C": "degC",
    "℃": "degC",
    "°F": "degF",
    "KWH": "kWh",
    "kwh": "kWh",
    "KW": "kW",
    "kw": "kW",
    "hz": "Hz",
}
_SPELLED |= {
    "Kwh": "kWh",
    "Mwh": "MWh",
    "cbm": "m3",
    "gal/min": "gal/min",
    "gpm": "gal/min",
    "mWS": "mH2O",
    "mca": "mH2O",
    "volt": "V",
    "amp": "A",
}
_BY_UNIT: dict[str, Q] = {
    **dict.fromkeys(("Wh", "kWh", "MWh", "GWh"), Q.ENERGY_REGISTER_KWH),
    **dict.fromkeys(("kJ", "MJ", "GJ"), Q.HEAT_REGISTER_KWH),
    **dict.fromkeys(("varh", "kvarh", "Mvarh"), Q.REACTIVE_ENERGY_REGISTER_KVARH),
    **dict.fromkeys(("W", "kW", "MW"), Q.POWER_KW),
    **dict.fromkeys(("var", "kvar", "Mvar"), Q.REACTIVE_POWER_KVAR),
    **dict.fromkeys(("VA", "kVA", "MVA"), Q.APPARENT_POWER_KVA),
    **dict.fromkeys(("mV", "V", "kV"), Q.VOLTAGE_V),
    **dict.fromkeys(("mA", "A", "kA"), Q.CURRENT_A),
    **dict.fromkeys(("mHz", "Hz"), Q.FREQUENCY_HZ),
    **dict.fromkeys(("mL", "L", "hL", "m3", "ft3", "gal"), Q.VOLUME_REGISTER_M3),
    **dict.fromkeys(("L/h", "L/min", "L/s", "m3/h", "m3/min", "m3/s", "m3/d", "gal/min"), Q.FLOW_M3_PER_H),
    **dict.fromkeys(("mH2O", "mmH2O", "Pa", "hPa", "kPa", "MPa", "mbar", "bar", "psi"), Q.PRESSURE_M),
    **dict.fromkeys(("mm", "cm", "m"), Q.LEVEL_M),
    **dict.fromkeys(("degC", "degF"), Q.TEMPERATURE_DEGC),
}
_BY_NAME = (  # a word in the name, and what it then probably is
    (("frequency", "freq"), Q.FREQUENCY_HZ),
    (("voltage", "volt"), Q.VOLTAGE_V),
    (("current", "ampere"), Q.CURRENT_A),
    (("power_factor", "cos"), Q.POWER_FACTOR),
    (("energy", "kwh"), Q.ENERGY_REGISTER_KWH),
    (("power", "watt"), Q.POWER_KW),
    (("temperature", "temp"), Q.TEMPERATURE_DEGC),
    (("pressure",), Q.PRESSURE_M),
    (("flow",), Q.FLOW_M3_PER_H),
    (("volume",), Q.VOLUME_REGISTER_M3),
    (("level",), Q.LEVEL_M),
    (("battery",), Q.BATTERY_PCT),
)


def by_unit(unit: str, name: str) -> tuple[Q, str] | None:
    """The quantity and our word for the unit, None for a unit that does not say it (%, mg, nothing).

    Two units have several meanings; the name decides: Wh of heat, m3 of gas.
    """
    text = unit.strip().replace("³", "3").replace("^3", "3").replace("liter", "L").replace("l/", "L/")
    word = _SPELLED.get(unit.strip(), _SPELLED.get(text, text))
    found = _BY_UNIT.get(word)
    if found is Q.ENERGY_REGISTER_KWH and any(hint in name for hint in ("heat", "waerme", "therm")):
        found = Q.HEAT_REGISTER_KWH
    if found is Q.VOLUME_REGISTER_M3 and "gas" in name:
        found = Q.GAS_REGISTER_M3
    return None if found is None else (found, word)


def by_name(name: str) -> Q | None:
    """What the name hints at: a proposal for a person, never taken by itself."""
    return next((quantity for words, quantity in _BY_NAME if any(word in name for word in words)), None)
