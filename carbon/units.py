"""Units of published factors: what a value means in kilograms, kilograms of standard coal or megajoules per base unit."""

from dataclasses import dataclass
from fractions import Fraction

from city.problems import fault


@dataclass(frozen=True, slots=True)
class FactorUnit:
    """A published unit: multiply a value by `to_base` to have it in `counts` per `per`."""

    counts: str  # kg of gas, kgce of standard coal, MJ of heat, kgC of carbon, 1 for a ratio
    per: str  # kWh, m3, MJ, kg, l, 1; fuel energy is kWh_net or kWh_gross, never the kWh of an electricity meter
    to_base: Fraction


# The international pound is 0.45359237 kg exactly (NIST SP 811, appendix B.8).
_LB_KG = Fraction("0.45359237")
KNOWN: dict[str, FactorUnit] = {
    "kgCO2/kWh": FactorUnit("kg", "kWh", Fraction(1)),
    "kgCO2e/kWh": FactorUnit("kg", "kWh", Fraction(1)),
    "kg/kWh": FactorUnit("kg", "kWh", Fraction(1)),
    "lb/MWh": FactorUnit("kg", "kWh", _LB_KG / 1000),
    "kg/kWh (Net CV)": FactorUnit("kg", "kWh_net", Fraction(1)),
    "kg/kWh (Gross CV)": FactorUnit("kg", "kWh_gross", Fraction(1)),
    "tCO2/GJ": FactorUnit("kg", "MJ", Fraction(1)),
    "kg/TJ (NCV)": FactorUnit("kg", "MJ", Fraction(1, 1_000_000)),
    "kg/m3": FactorUnit("kg", "m3", Fraction(1)),
    "kgCO2e/m3": FactorUnit("kg", "m3", Fraction(1)),
    "kg/cubic metres": FactorUnit("kg", "m3", Fraction(1)),
    "kg/million litres": FactorUnit("kg", "m3", Fraction(1, 1000)),
    "kg/tonnes": FactorUnit("kg", "kg", Fraction(1, 1000)),
    "kg/litres": FactorUnit("kg", "l", Fraction(1)),
    "kgCO2e/kg": FactorUnit("kg", "kg", Fraction(1)),
    "kgce/kWh": FactorUnit("kgce", "kWh", Fraction(1)),
    "kgce/m3": FactorUnit("kgce", "m3", Fraction(1)),
    "kgce/kg": FactorUnit("kgce", "kg", Fraction(1)),
    "kgce/t": FactorUnit("kgce", "kg", Fraction(1, 1000)),
    "kgce/MJ": FactorUnit("kgce", "MJ", Fraction(1)),
    "GJ/10^4 Nm3": FactorUnit("MJ", "m3", Fraction(1, 10)),
    "tC/GJ": FactorUnit("kgC", "MJ", Fraction(1)),
    "ratio": FactorUnit("1", "1", Fraction(1)),
}


def unit_of(text: str, subject: str) -> FactorUnit:
    """The meaning of a published unit. Raises `PenstockError` naming `subject` when it is none of `KNOWN`."""
    if text not in KNOWN:
        raise fault(subject, f"unit '{text}'", "one of " + ", ".join(KNOWN), "Convert the factor to a known unit and cite the conversion.")
    return KNOWN[text]
