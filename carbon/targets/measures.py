"""The measures that targets are about, from sums of the ledger and gross domestic product."""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pandas as pd

from carbon.accounts import Account
from carbon.factors import Factor
from carbon.targets.energy import coal_weights, deducted, electricity_weight, energy_kgce
from carbon.targets.metric import PER_GDP, SHARES, Basis, Measure
from city.problems import fault

LEAST_USABLE = Decimal("0.9")  # below it a measure is no number to steer by
_ENERGY = {"grid-electricity", "grid-loss", "natural-gas", "heat", "fuel"}
BOOK_BY = ("account_id", "gas", "kind")  # what `sums` needs of a BOOK frame, by civil day


@dataclass(frozen=True, slots=True)
class Sums:
    """The city over some civil days, exact.

    `amounts` {account id: Wh, mL or g}; `mg` {gas: mg of the postings}; `usable` {account id: mean over the days of the part of its
    entries that were measured, estimated or substituted [0..1]}, without the accounts that are silent.
    """

    amounts: Mapping[str, int]
    mg: Mapping[str, int]
    usable: Mapping[str, Decimal]
    days: tuple[date, ...]


def sums(book: pd.DataFrame, accounts: Sequence[Account], period: str) -> Sums:
    """Sums of a BOOK frame by civil day over the days whose label begins with `period` (2022 or 2022-06).

    Raises `PenstockError` when there is no entry, or entries of an unknown account.
    """
    rows = book[book["period"].str.startswith(period)]
    if rows.empty:
        raise fault(f"measures of {period}", "no entry in the ledger", "at least one day of entries", "Post the usage first.")
    if unknown := sorted(set(rows["account_id"]) - {a.id for a in accounts}):
        raise fault("ledger", f"entries of account {', '.join(unknown[:5])}", "accounts that are configured", "Give every account.")
    days = tuple(date.fromisoformat(day) for day in sorted(set(rows["period"])))
    seen = rows.groupby(["account_id", "period"])[["measured", "estimated", "substituted", "missing"]].sum()
    usable: dict[str, Fraction] = {}
    for (account, _), states in seen.iterrows():
        good, gone = max(0, int(states.sum() - states["missing"])), int(states["missing"])
        usable[account] = usable.get(account, Fraction(0)) + (Fraction(good, good + gone) if good else 0)
    posted = rows[rows["kind"] == "posting"]
    return Sums(
        amounts={str(k): int(v) for k, v in rows.groupby("account_id")["amount"].sum().items()},
        mg={str(k): int(v) for k, v in posted.groupby("gas")["mg"].sum().items() if k != "-"},
        usable={name: Decimal(part.numerator) / part.denominator / len(days) for name, part in usable.items()},
        days=days,
    )


def usable_share(measure: Measure, basis: Basis, of: Sums, accounts: Sequence[Account]) -> Decimal:
    """The mean usable part [0..1] of the accounts a measure is made of; a silent account counts 0."""
    kinds = _ENERGY if basis.share_of == "primary-energy" or measure not in SHARES else {"grid-electricity", "grid-loss"}
    if measure in ("water_per_gdp", "water_loss"):
        kinds = {"water-supply"} | ({"water-loss"} if measure == "water_loss" else set())
    elif measure == "carbon_intensity":
        kinds = kinds | {"process"}
    elif measure in SHARES or basis.non_fossil == "deducted":
        kinds = kinds | {"own-renewable"}
    named = [account.id for account in accounts if account.kind in kinds]
    return sum((of.usable.get(name, Decimal(0)) for name in named), Decimal(0)) / len(named) if named else Decimal(1)


def gdp_of_days(gdp_10k_cny_per_year: Decimal, days: Sequence[date]) -> Decimal:
    """The share of a year's GDP [10k CNY] that falls on `days` when every day of the year has the same."""
    years = {day.year for day in days}
    if gdp_10k_cny_per_year <= 0 or len(years) != 1 or len(set(days)) != len(days):
        observed = f"{gdp_10k_cny_per_year} over {len(days)} days of {len(years)} years"
        raise fault("GDP", observed, "a positive GDP [10k CNY] and different days of one year", "Check unit, year and days.")
    return gdp_10k_cny_per_year * len(days) / days_of_year(years.pop())


def days_of_year(year: int) -> int:
    return 366 if calendar.isleap(year) else 365


def sides(
    measure: Measure,
    basis: Basis,
    of: Sums,
    accounts: Sequence[Account],
    factors: tuple[Factor, ...],
    gwp: Mapping[str, Decimal] | None = None,
) -> tuple[Decimal, Decimal | None]:
    """What is above and below the line, for the days of the sums.

    Above [tce, t, m3, kWh or, of primary energy, tce]; below the same unit for shares, None where it is GDP. `gwp` {gas: weight} is for
    the basis CO2e. Raises `PenstockError` when a coefficient or a weight is missing.
    """
    kinds: dict[str, int] = {}
    for account in accounts:
        kinds[account.kind] = kinds.get(account.kind, 0) + of.amounts.get(account.id, 0)
    kwh = {kind: Decimal(amount) / 1000 for kind, amount in kinds.items()}
    if measure == "carbon_intensity":
        return _tonnes(basis, of, gwp).scaleb(-9), None
    if measure in ("water_per_gdp", "water_loss"):
        supplied = Decimal(kinds.get("water-supply", 0)).scaleb(-6)
        return (supplied, None) if measure == "water_per_gdp" else (Decimal(kinds.get("water-loss", 0)).scaleb(-6), supplied)
    if measure == "energy_per_gdp":
        return _tce(basis, of, accounts, factors), None
    renewable = kwh.get("own-renewable", Decimal(0)) + (kwh.get("certificate", Decimal(0)) if basis.renewable == "own+certificates" else 0)
    if basis.share_of == "electricity":
        return renewable, kwh.get("grid-electricity", Decimal(0)) + kwh.get("grid-loss", Decimal(0))
    weight = electricity_weight(factors, of.days[-1], basis.electricity).kgce * 1000  # the same conversion above and below
    return renewable * weight.numerator / weight.denominator / 1000, _tce(Basis(electricity=basis.electricity), of, accounts, factors)


def _tonnes(basis: Basis, of: Sums, gwp: Mapping[str, Decimal] | None) -> Decimal:
    """Mass of the basis' gases [mg]."""
    weights = gwp if basis.gases == "CO2e" else {gas: Decimal(gas == "CO2") for gas in of.mg if gas != "CO2e"}
    if weights is None or set(of.mg) - set(weights):
        observed = f"postings of {', '.join(sorted(set(of.mg) - set(weights or {})))}"
        raise fault(f"carbon intensity of {basis.gases}", observed, "gases that are told apart or weighed", "Choose basis.gases = CO2e.")
    return sum((weights[gas] * mg for gas, mg in of.mg.items()), Decimal(0))


def _tce(basis: Basis, of: Sums, accounts: Sequence[Account], factors: tuple[Factor, ...]) -> Decimal:
    weights = coal_weights(accounts, factors, of.days[-1], basis.electricity)
    kgce = energy_kgce(of.amounts, weights)
    if basis.feedstock == "deducted" or basis.non_fossil == "deducted":
        kgce -= deducted(of.amounts, accounts, weights, basis, electricity_weight(factors, of.days[-1], basis.electricity).kgce)
    return Decimal(kgce.numerator) / kgce.denominator / 1000


def value(
    measure: Measure,
    basis: Basis,
    of: Sums,
    gdp_10k_cny_per_year: Decimal | None,
    accounts: Sequence[Account],
    factors: tuple[Factor, ...],
    least_usable: Decimal = LEAST_USABLE,
    gwp: Mapping[str, Decimal] | None = None,
) -> Decimal | None:
    """The measure over the days of the sums, in its unit; None for a share of nothing.

    Per GDP: the days' energy, CO2 or water over the same days' part of the year's GDP. What is missing weighs nothing and would flatter the
    city, so a `usable_share` below `least_usable` is refused with a
    `PenstockError`.
    """
    usable = usable_share(measure, basis, of, accounts)
    if usable < least_usable:
        observed, allowed = f"{usable * 100:.1f} % usable", f"at least {least_usable * 100:.1f} %"
        raise fault(f"{measure} of {of.days[-1].year}", observed, allowed, "Import the missing usage, or state estimates for it.")
    above, below = sides(measure, basis, of, accounts, factors, gwp)
    if measure in PER_GDP:
        if gdp_10k_cny_per_year is None:
            raise fault(f"{measure} of {of.days[-1].year}", "no GDP of that year", "gdp_10k_cny or [[gdp]]", "Add it to city.toml.")
        below = gdp_of_days(gdp_10k_cny_per_year, of.days)
    return above / below if below else None
