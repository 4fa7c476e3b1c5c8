"""Energy in standard coal: what each account's amount weighs [kgce], electricity at equivalent or at equal value and never both.

Source: GB/T 2589-2020, General rules for calculation of the comprehensive energy consumption: 1 kgce is 29,307.6 kJ; 5.2 equivalent value
(the heat a carrier holds), 5.3 equal value (the primary energy spent to make it). The coefficients are rows of the factor sets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from carbon.accounts import Account, Fuel, GridElectricity, GridLoss, Heat, NaturalGas
from carbon.factors import Factor, by_id
from carbon.targets.metric import Basis
from city.problems import fault

EQUIVALENT = "cn.gbt2589.electricity_equivalent_value"
EQUAL = "cn.gbt2589.electricity_equal_value"  # one row a year
HEAT = "cn.gbt2589.heat_equivalent"
GAS = "cn.gbt2589.natural_gas_mid"
GAS_HIGH = "cn.gbt2589.natural_gas_high"
STORED = 1_000  # Wh per kWh, g per kg
STORED_M3 = 1_000_000  # mL per m3
MJ_PER_KWH = Fraction(18, 5)


@dataclass(frozen=True, slots=True)
class CoalWeight:
    """What one stored unit (Wh, mL, g) weighs [kgce], exact, and the published numbers it is made of."""

    kgce: Fraction
    factors: tuple[Factor, ...]


def electricity_weight(factors: tuple[Factor, ...], on: date, electricity: str) -> CoalWeight:
    """Of a watt-hour: `equivalent` or `equal` value.

    Raises `PenstockError` for another word, and where the equal value of that year is not in the sets: it falls a little every year, and
    no other year's stands in for it.
    """
    if electricity == "equivalent":
        return _of(factors, EQUIVALENT, on, STORED)
    if electricity != "equal":
        raise fault("standard coal", f"electricity '{electricity}'", "equivalent or equal", "Correct the basis.")
    found = [f for f in factors if f.id.startswith(EQUAL) and f.valid_on(on)]
    if len(found) != 1:
        there = ", ".join(f.id for f in factors if f.id.startswith(EQUAL)) or "none"
        observed = f"{len(found)} coefficients of equal value for {on.year}"
        raise fault("standard coal", observed, f"one (there are: {there})", "Add the year's coal per kWh to factors/.")
    return CoalWeight(found[0].base_value / STORED, (found[0],))


def coal_weights(accounts: Sequence[Account], factors: tuple[Factor, ...], on: date, electricity: str) -> dict[str, CoalWeight]:
    """{account id: weight} of the accounts that are energy use. Own generation is not: what it gives is metered where it is used.

    Water, process and certificate accounts weigh nothing here; what water takes is in the electricity of its pumps. Raises
    `PenstockError` when a coefficient is not in force on the civil day `on`.
    """
    made = {}
    for account in accounts:
        if isinstance(account, GridElectricity | GridLoss):
            made[account.id] = electricity_weight(factors, on, electricity)
        elif isinstance(account, NaturalGas):
            made[account.id] = _of(factors, GAS_HIGH if account.method.endswith("high") else GAS, on, STORED_M3)
        elif isinstance(account, Heat):
            made[account.id] = _of(factors, HEAT, on, STORED, MJ_PER_KWH)
        elif isinstance(account, Fuel):
            heat_mj, of_heat = account.heat_mj(factors, on)
            stored = STORED_M3 if account.counts in ("volume_m3", "gas_m3") else STORED
            weight = _of(factors, HEAT, on, stored, heat_mj)
            made[account.id] = CoalWeight(weight.kgce, tuple(dict.fromkeys((*of_heat, *weight.factors))))
    return made


def energy_kgce(amounts: Mapping[str, int], weights: Mapping[str, CoalWeight]) -> Fraction:
    """Energy [kgce] of amounts {account id: stored units}, exact."""
    return sum((weights[name].kgce * amount for name, amount in amounts.items() if name in weights), Fraction(0))


def deducted(
    amounts: Mapping[str, int], accounts: Sequence[Account], weights: Mapping[str, CoalWeight], basis: Basis, of_wh: Fraction
) -> Fraction:
    """What a basis takes off the energy [kgce]: accounts of raw material, and non-fossil power at the weight of a watt-hour `of_wh`."""
    off = Fraction(0)
    if basis.feedstock == "deducted":
        off += energy_kgce({name: amounts.get(name, 0) for name in basis.feedstock_accounts}, weights)
    if basis.non_fossil == "deducted":
        own = sum(amounts.get(a.id, 0) for a in accounts if a.kind in ("own-renewable", "certificate"))
        off += own * of_wh
    return off


def _of(factors: tuple[Factor, ...], factor_id: str, on: date, stored: int, times: Fraction = Fraction(1)) -> CoalWeight:
    factor = by_id(factors, factor_id)
    if factor.meaning.counts != "kgce" or not factor.valid_on(on):
        observed, allowed = f"{factor.unit}, {factor.validity}", "a coefficient of standard coal in force"
        raise fault(f"coefficient '{factor_id}' on {on}", observed, allowed, "Choose another day, or add the coefficient of that time.")
    return CoalWeight(factor.base_value * times / stored, (factor,))
