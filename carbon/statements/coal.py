"""Coefficients of standard coal for the carriers of the books (GB/T 2589-2020), equivalent and equal value apart.

They differ for electricity alone: its heat (equivalent value), or the coal that thermal power plants took for it in that year
(equal value). A year whose equal value is not published has none; it is not taken from another year.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from carbon.factors import Factor
from city.quantities import Quantity

_MJ_PER_KWH = Fraction("3.6")
_GBT = "cn.gbt2589."
# (carrier, stored quantity) -> end of the factor's id; heat is given per MJ.
_IDS = {
    ("gas", Quantity.GAS_M3): "natural_gas_mid",
    ("natural gas", Quantity.GAS_M3): "natural_gas_mid",
    ("natural gas", Quantity.VOLUME_M3): "natural_gas_mid",
    ("coke oven gas", Quantity.GAS_M3): "coke_oven_gas",
    ("diesel", Quantity.MASS_KG): "diesel",
    ("motor gasoline", Quantity.MASS_KG): "gasoline",
    ("lpg", Quantity.MASS_KG): "lpg",
    ("residual fuel oil", Quantity.MASS_KG): "fuel_oil",
    ("crude oil", Quantity.MASS_KG): "crude_oil",
    ("jet kerosene", Quantity.MASS_KG): "kerosene",
}
NO_ENERGY = ("water", "-")  # carriers that are no energy: water contains electricity that is counted at the pumps


@dataclass(frozen=True, slots=True)
class Coefficient:
    """Standard coal per unit of a quantity [kgce], and the published number it is from."""

    kgce: Fraction
    factor: Factor


def coefficients(
    factors: Iterable[Factor], carriers: Iterable[tuple[str, str]], year: int
) -> dict[str, dict[tuple[str, str], Coefficient]]:
    """{`equivalent` and `equal`: {(carrier, quantity): coefficient}} of the carriers that have one in the civil `year`."""
    known = {factor.id: factor for factor in factors}
    made: dict[str, dict[tuple[str, str], Coefficient]] = {"equivalent": {}, "equal": {}}
    for carrier, quantity in sorted(set(carriers)):
        for basis, found in made.items():
            name, per = _named(carrier, Quantity(quantity), basis, year)
            if factor := known.get(_GBT + name):
                found[carrier, quantity] = Coefficient(factor.base_value * per, factor)
    return made


def _named(carrier: str, quantity: Quantity, basis: str, year: int) -> tuple[str, Fraction]:
    if carrier == "electricity" and quantity == Quantity.ENERGY_KWH:
        return ("electricity_equivalent_value" if basis == "equivalent" else f"electricity_equal_value_{year}"), Fraction(1)
    if quantity == Quantity.HEAT_KWH:
        return "heat_equivalent", _MJ_PER_KWH
    return _IDS.get((carrier, quantity), "-"), Fraction(1)
