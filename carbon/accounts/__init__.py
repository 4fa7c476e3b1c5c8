"""Accounts of the ledger: which point is counted as what, and the factor rule that turns its usage into carbon dioxide.

Energy a pump uses is in the electricity of the pump. A utility's water therefore carries volume and no further kilogram
(a *memo*), or, with an explicit per-m3 factor for consumers' books, kilograms that stand *outside* the city's sum. So does the
electricity in lost water: a part of the pumps' electricity, told a second time for information.
"""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal

from pydantic import Field, model_validator

from carbon.factors import Factor, by_id, find
from city.places import Commodity, Place
from city.problems import fault
from city.quantities import Quantity

AccountKind = Literal["grid-electricity", "own-renewable", "natural-gas", "water-supply", "water-loss", "water-loss-energy"]
GasMethod = Literal["ipcc2006-gbt2589-mid", "ipcc2006-gbt2589-high", "gbt32151.34"]
EntryKind = Literal["posting", "memo", "outside"]
MEMO = "memo"  # factor_id of an entry that carries an amount and no mass


@dataclass(frozen=True, slots=True)
class _Kind:
    quantity: Quantity
    commodity: Commodity
    scope: Literal[1, 2, 3]
    activity: str
    factor_activity: str | None


GRID = "grid electricity average-provincial"
_KINDS: dict[str, _Kind] = {
    "grid-electricity": _Kind(Quantity.ENERGY_KWH, "electricity", 2, "grid electricity", GRID),
    "own-renewable": _Kind(Quantity.ENERGY_KWH, "electricity", 2, "own renewable generation", None),
    "natural-gas": _Kind(Quantity.GAS_M3, "gas", 1, "natural gas stationary combustion", None),
    "water-supply": _Kind(Quantity.VOLUME_M3, "water", 3, "water supply", None),
    "water-loss": _Kind(Quantity.VOLUME_M3, "water", 3, "water loss", None),
    "water-loss-energy": _Kind(Quantity.ENERGY_KWH, "water", 2, "electricity in lost water", GRID),
}


class Account(Place):
    """One line of the books: a metered point of a site, counted once."""

    id: str = Field(description="short name")
    kind: AccountKind = Field(description="what is counted, and by which rule")
    point: str = Field(description="point id whose usage is counted")
    site: str = Field(description="site id")
    sector: str = Field(description="economic sector of the site")
    region: str = Field(description="ISO 3166-2 code whose factors apply, such as CN-ZJ")
    scope: Literal[1, 2, 3] | None = Field(default=None, description="GHG Protocol scope; none: 1 gas, 2 electricity, 3 water")
    activity: str = Field(default="", description="name on statements; empty: that of the kind")
    factor_activity: str | None = Field(default=None, description="activity looked up in the factor sets; none: that of the kind")
    factor_id: str | None = Field(default=None, description="one factor by id instead of the look-up by activity, region and day")
    method: GasMethod = Field(default="ipcc2006-gbt2589-mid", description="rule for natural gas")
    note: str = Field(default="", description="why a factor of another region or year is used; printed on the statement")

    @model_validator(mode="after")
    def _explained(self) -> "Account":
        if self.kind == "own-renewable" and self.factor_id:
            raise ValueError("own-renewable takes no factor_id: its direct emission is none")
        if self.factor_activity and self.kind not in ("grid-electricity", "water-loss-energy"):
            raise ValueError("factor_activity belongs to electricity; give factor_id")
        if self.kind in ("water-supply", "water-loss") and self.factor_id and not self.note:
            raise ValueError("a per-m3 water factor needs a note: its energy is already in the pumps' electricity")
        return self

    @property
    def quantity(self) -> Quantity:
        """The period quantity it counts."""
        return _KINDS[self.kind].quantity

    @property
    def commodity(self) -> Commodity:
        return _KINDS[self.kind].commodity

    @property
    def scope_number(self) -> int:
        return self.scope or _KINDS[self.kind].scope

    @property
    def activity_name(self) -> str:
        return self.activity or _KINDS[self.kind].activity


@dataclass(frozen=True, slots=True)
class Applied:
    """What one unit of usage weighs: exact kilograms per kWh or m3, and the cited numbers it was made of."""

    factor_id: str
    gas: str
    kg_per_unit: Fraction
    kind: EntryKind
    parts: tuple[Factor, ...] = ()
    note: str = ""


# kg CO2 per m3 = product of what stands above, divided by what stands below, times a constant. Both give CO2 alone.
# IPCC 2006 vol. 2 ch. 2 eq. 2.1 (oxidation 1), heat value from GB/T 2589-2020: kgce/m3 over kgce/MJ.
# GB/T 32151.34-2024: heat value x carbon content x oxidation rate x 44/12.
_GAS_RULES: dict[str, tuple[tuple[str, ...], tuple[str, ...], Fraction]] = {
    "ipcc2006-gbt2589-mid": (("ipcc2006.v2.co2.natural_gas", "cn.gbt2589.natural_gas_mid"), ("cn.gbt2589.heat_equivalent",), Fraction(1)),
    "ipcc2006-gbt2589-high": (("ipcc2006.v2.co2.natural_gas", "cn.gbt2589.natural_gas_high"), ("cn.gbt2589.heat_equivalent",), Fraction(1)),
    "gbt32151.34": (
        tuple(f"cn.gbt32151.34.natural_gas.{part}" for part in ("ncv", "carbon_content", "oxidation_rate")),
        (),
        Fraction(44, 12),
    ),
}


def covers(factor: Factor, region: str) -> bool:
    """Is the factor for this region: its own, its country's when it is a standard's constant, or the world's?"""
    return factor.region in ("GLO", region, region.split("-")[0])


def _in_force(factor: Factor, account: Account, on: date, exact_region: bool) -> None:
    """Refuse a factor of another region or time unless the account's note says why."""
    right = factor.region == account.region if exact_region else covers(factor, account.region)
    if account.note or (right and factor.valid_on(on)):
        return
    raise fault(
        f"account '{account.id}' on {on}",
        f"factor '{factor.id}' is for {factor.region}, {factor.validity}",
        f"a factor for {account.region} valid on that day, or a note",
        "Choose another factor or method, or explain the choice in the account's note.",
    )


def gas_rule(account: Account, factors: tuple[Factor, ...], on: date) -> Applied:
    """kg CO2 per m3 of natural gas by the account's method; m3 are taken as the standard m3 the coefficients are for."""
    above, below, constant = _GAS_RULES[account.method]
    weight, parts = constant, []
    for name in (*above, *below):
        factor = by_id(factors, name)
        _in_force(factor, account, on, exact_region=False)
        weight = weight * factor.base_value if name in above else weight / factor.base_value
        parts.append(factor)
    return Applied(f"{account.method}:natural_gas", "CO2", weight, "posting", tuple(parts), account.note)


def apply(account: Account, factors: tuple[Factor, ...], on: date) -> Applied:
    """The rule of an account on a civil day. Raises `PenstockError` when its factor is unknown, not in force or per another unit."""
    if account.factor_id:
        factor = by_id(factors, account.factor_id)
        _in_force(factor, account, on, exact_region=account.quantity == Quantity.ENERGY_KWH)
    elif _KINDS[account.kind].factor_activity:
        activity = account.factor_activity or _KINDS[account.kind].factor_activity or ""
        factor = find(factors, activity=activity, region=account.region, on=on)
    elif account.kind == "natural-gas":
        return gas_rule(account, factors, on)
    else:
        return Applied(MEMO, "-", Fraction(0), "memo", note=account.note)
    meaning = factor.meaning
    if (meaning.counts, meaning.per) != ("kg", account.quantity.unit) or factor.gas not in ("CO2", "CO2e", "kg CO2e"):
        raise fault(
            f"account '{account.id}'",
            f"factor '{factor.id}' is {factor.gas} in {factor.unit}",
            f"CO2 or CO2e in kg per {account.quantity.unit}",
            "Choose a factor per unit of what the meter counts.",
        )
    if factor.scope not in ("1", "2", "3"):
        allowed = "a factor of scope 1, 2 or 3"
        raise fault(
            f"account '{account.id}'", f"factor '{factor.id}' is of '{factor.scope}'", allowed, "Keep footprints out of inventories."
        )
    kind: EntryKind = "outside" if account.commodity == "water" else "posting"
    return Applied(factor.id, factor.gas.removeprefix("kg "), factor.base_value, kind, (factor,), account.note)
