"""From cited factors to a rule: exact milligrams per stored unit, and the checks that a factor is for this account and day."""

from datetime import date
from fractions import Fraction

from carbon.accounts.account import AccountKind
from carbon.factors import Factor, by_id
from carbon.ledger.batch import Basis, Rule
from carbon.ledger.batch import EntryKind as Kind
from city.problems import fault
from city.quantities import Quantity

GASES = ("CO2", "CH4", "N2O")
MEMO = "memo"
MJ_PER_KWH = Fraction(36, 10)
MG_PER_KG = 1_000_000
_NO_INVENTORY = ("footprint", "marginal", "upstream")


def weigh(
    account: AccountKind,
    rule_id: str,
    gas: str,
    kg_per_unit: Fraction,
    parts: tuple[Factor, ...],
    on: date,
    *,
    kind: Kind = "posting",
    basis: Basis = "direct",
    provisional: bool = False,
    note: str = "",
) -> Rule:
    """The rule of a mass per unit of what the account counts [kg per kWh, m3 or kg], as a ratio [mg per stored unit] in lowest terms.

    Its note says which of the published numbers `parts` are used outside their region or years.
    """
    ratio = kg_per_unit * MG_PER_KG / account.quantity.scale
    cited = tuple((part.id, part.sha256) for part in parts)
    strange = [
        f"{part.id} is for {part.region}, {part.validity}"
        for part in parts
        if not suits(account, part, min(on, part.valid_to or on) if provisional else on)
    ]
    outside = f"outside its region or years: {', '.join(strange)}" if strange else ""
    told = "; ".join(text for text in (account.note, note, outside) if text)
    return Rule(rule_id, gas, ratio.numerator, ratio.denominator, kind, basis, cited, provisional, told)


def memo(account: AccountKind, basis: Basis = "-") -> tuple[Rule, ...]:
    """The rule of an amount without a mass."""
    return (Rule(MEMO, "-", 0, 1, "memo", basis, (), False, account.note),)


def covers(factor: Factor, region: str) -> bool:
    """Is the factor for this region: its own, its country's when it is a standard's constant, or the world's?"""
    return factor.region in ("GLO", region, region.split("-")[0])


def suits(account: AccountKind, factor: Factor, on: date) -> bool:
    """Is the factor for the account's region and that day? Electricity asks for the very region, constants may be the country's."""
    electricity = account.quantity is Quantity.ENERGY_KWH
    right = factor.region == account.region if electricity else covers(factor, account.region)
    return right and factor.valid_on(on)


def in_force(account: AccountKind, factor: Factor, on: date) -> Factor:
    """The factor itself; one of another region or time is refused unless the account's note says why."""
    if account.note or suits(account, factor, on):
        return factor
    raise fault(
        f"account '{account.id}' on {on}",
        f"factor '{factor.id}' is for {factor.region}, {factor.validity}",
        f"a factor for {account.region} valid on that day, or a note",
        "Choose another factor or method, or explain the choice in the account's note.",
    )


def constant(account: AccountKind, factors: tuple[Factor, ...], factor_id: str, on: date) -> Factor:
    """A coefficient of a standard by its id, in force for the account on that day."""
    return in_force(account, by_id(factors, factor_id), on)


def of_factor(
    account: AccountKind, factor: Factor, on: date, *, kind: Kind, basis: Basis, provisional: bool = False, note: str = ""
) -> Rule:
    """The rule of one factor: kilograms per unit of what the meter counts. Raises `PenstockError` for another unit, gas or scope."""
    meaning, gas = factor.meaning, factor.gas.removeprefix("kg ")
    per_unit = {account.quantity.unit: Fraction(1)}
    if account.quantity is Quantity.HEAT_KWH:
        per_unit["MJ"] = MJ_PER_KWH
    if meaning.counts != "kg" or meaning.per not in per_unit or gas not in (*GASES, "CO2e"):
        raise fault(
            f"account '{account.id}'",
            f"factor '{factor.id}' is {factor.gas} in {factor.unit}",
            f"{', '.join(GASES)} or CO2e in kg per {' or '.join(per_unit)}",
            "Choose a factor per unit of what the meter counts.",
        )
    if factor.scope not in ("1", "2", "3") or (kind == "posting" and factor.basis in _NO_INVENTORY):
        observed = f"factor '{factor.id}' is of scope '{factor.scope}', basis '{factor.basis}'"
        allowed, remedy = "an inventory factor of scope 1, 2 or 3", "Keep footprints, upstream and marginal factors out of inventories."
        raise fault(f"account '{account.id}'", observed, allowed, remedy)
    kg_per_unit = factor.base_value * per_unit[meaning.per]
    return weigh(account, factor.id, gas, kg_per_unit, (factor,), on, kind=kind, basis=basis, provisional=provisional, note=note)
