"""Burning: heat released times kilograms per terajoule, gas by gas, as far as factors are published and verified."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction

from carbon.accounts.account import AccountKind
from carbon.accounts.weights import GASES, Kind, covers, in_force, weigh
from carbon.factors import Factor, by_id
from carbon.ledger.batch import Rule
from city.problems import fault

HEAT = "cn.gbt2589.heat_equivalent"  # kgce per MJ


def released(factors: Sequence[Factor], activity: str, gas: str, region: str, on: date) -> Factor | None:
    """The factor for a gas of burning, of the narrowest region among those valid on the day (of all, where none is).

    None where no set has one. Raises `PenstockError` when two compete.
    """
    found = [f for f in factors if f.activity.casefold() == activity.casefold() and f.gas == gas and covers(f, region)]
    found = [f for f in found if f.valid_on(on)] or found
    for narrow in (region, region.split("-")[0]):
        found = [f for f in found if f.region == narrow] or found
    if len(found) > 1:
        ids = ", ".join(f.id for f in found)
        raise fault(f"{gas} of '{activity}' in {region}", f"{len(found)} factors: {ids}", "exactly one", "Keep one of them in the sets.")
    return found[0] if found else None


def burnt(
    account: AccountKind,
    factors: tuple[Factor, ...],
    on: date,
    *,
    activity: str,
    method: str,
    heat_mj: Fraction,
    of_heat: Sequence[Factor],
    first: Rule | None = None,
    note: str = "",
) -> tuple[Rule, ...]:
    """Rules of CO2, CH4 and N2O for a fuel of `heat_mj` net heat value [MJ per unit of what the account counts].

    `first` is a rule for CO2 made elsewhere. A gas without a verified factor gets no rule, and the first rule's note says which. CO2 of
    biomass is `outside` (its factor's scope says so). Raises `PenstockError` when not even CO2 has a factor.

    Reference: IPCC 2006 Guidelines, vol. 2, ch. 2, eq. 2.1 and 2.2 (oxidation 1).
    """
    found: list[tuple[str, Factor]] = []
    lacking = []
    for gas in GASES[first is not None :]:
        factor = released(factors, activity, gas, account.region, on)
        if factor is None:
            lacking.append(gas)
        else:
            found.append((gas, in_force(account, factor, on)))
    if "CO2" in lacking:
        allowed = "an activity of the factor sets such as 'diesel stationary combustion'"
        raise fault(
            f"account '{account.id}'", f"no CO2 factor for '{activity}'", allowed, "Correct the fuel, or add its factor to factors/."
        )
    gap = f"{', '.join(lacking)} not posted: no verified factor" if lacking else ""
    note = "; ".join(text for text in (note, gap) if text)
    rules = [] if first is None else [replace(first, note="; ".join(text for text in (first.note, note) if text))]
    for gas, factor in found:
        kind: Kind = "outside" if factor.scope == "outside" else "posting"
        told = note if not rules else ""
        name = f"{method}:{gas}"
        rules.append(weigh(account, name, gas, heat_mj * factor.base_value, (factor, *of_heat), on, kind=kind, note=told))
    return tuple(rules)


def coal_heat_mj(account: AccountKind, factors: tuple[Factor, ...], factor_id: str, on: date) -> tuple[Fraction, tuple[Factor, Factor]]:
    """Net heat value [MJ per kg or m3] out of a standard-coal coefficient: kgce per unit over kgce per MJ (GB/T 2589-2020)."""
    coefficient, heat = (in_force(account, by_id(factors, name), on) for name in (factor_id, HEAT))
    return coefficient.base_value / heat.base_value, (coefficient, heat)
