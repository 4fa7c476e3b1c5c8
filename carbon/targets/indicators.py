"""The measures that targets are about, from ledger sums and gross domestic product: energy in standard coal, shares, intensities."""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pandas as pd

from carbon.accounts import Account
from carbon.factors import Factor, by_id
from carbon.summary import COUNTS, per_account
from carbon.targets.target import Measure
from city.problems import fault

ELECTRICITY = "cn.gbt2589.electricity_equivalent_value"
GAS = "cn.gbt2589.natural_gas_mid"
LEAST_USABLE = Decimal("0.9")  # below it an indicator is no number to steer by


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of the city over some days, exact, and the days they are of.

    `usable_share` is the mean over accounts and days of the part of entries that were measured or estimated; an account
    without any entry on a day counts 0.
    """

    electricity_kwh: Decimal
    own_renewable_kwh: Decimal
    gas_m3: Decimal
    water_m3: Decimal
    water_loss_m3: Decimal
    t_co2: Decimal
    usable_share: Decimal
    days: tuple[date, ...]


def totals(ledger: pd.DataFrame, accounts: Sequence[Account], zone: str, year: int) -> Totals:
    """Sums of a LEDGER frame's entries of one calendar year, civil in `zone`. Raises `PenstockError` when it has none."""
    lines = per_account(ledger, accounts, zone, "D")
    lines = lines[lines["period"].str.startswith(f"{year:04d}-")]
    if lines.empty:
        raise fault(f"indicators of {year}", "no entry in the ledger", "at least one day of entries", "Post the year's usage first.")

    def summed(name: str, places: int) -> Decimal:
        return Decimal(int(lines[name].sum())).scaleb(-places)

    by_account = lines.groupby(["account_id", "period"])[COUNTS].sum()
    usable = by_account["measured"] + by_account["estimated"]
    shares = [Fraction(int(u), max(1, int(u + m))) for u, m in zip(usable, by_account["missing"], strict=True)]
    mean = sum(shares, Fraction(0)) / len(shares)
    return Totals(
        electricity_kwh=summed("electricity", 3),
        own_renewable_kwh=summed("own_renewable", 3),
        gas_m3=summed("gas", 6),
        water_m3=summed("water", 6),
        water_loss_m3=summed("water_loss", 6),
        t_co2=summed("mg", 9),
        usable_share=Decimal(mean.numerator) / mean.denominator,
        days=tuple(date.fromisoformat(day) for day in sorted(set(lines["period"]))),
    )


def standard_coal_tce(electricity_kwh: Decimal, gas_m3: Decimal, factors: tuple[Factor, ...], on: date, gas_id: str = GAS) -> Decimal:
    """Comprehensive energy [tce] of electricity [kWh] at equivalent value and natural gas [m3].

    Coefficients are read from the factor sets (GB/T 2589-2020: 0.1229 kgce/kWh as printed, 1.2143 kgce/m3). Water is left
    out: what it takes is in the electricity. Raises `PenstockError` when a coefficient is not in force on `on`.
    """
    kgce = Decimal(0)
    for amount, factor_id, unit in ((electricity_kwh, ELECTRICITY, "kgce/kWh"), (gas_m3, gas_id, "kgce/m3")):
        factor = by_id(factors, factor_id)
        if factor.unit != unit or not factor.valid_on(on):
            raise fault(
                f"coefficient '{factor_id}' on {on}", f"{factor.unit}, {factor.validity}", f"{unit} in force", "Choose another one."
            )
        kgce += amount * factor.value
    return kgce / 1000


def gdp_of_days(gdp_10k_cny_per_year: Decimal, days: Sequence[date]) -> Decimal:
    """The share of a year's GDP [10k CNY] that falls on `days` when every day of the year has the same."""
    years = {day.year for day in days}
    if gdp_10k_cny_per_year <= 0 or len(years) != 1 or len(set(days)) != len(days):
        observed = f"{gdp_10k_cny_per_year} over {len(days)} days of {len(years)} years"
        raise fault("GDP", observed, "a positive GDP [10k CNY] and different days of one year", "Check unit, year and days.")
    length = 366 if calendar.isleap(years.pop()) else 365
    return gdp_10k_cny_per_year * len(days) / length


def indicators(
    sums: Totals, gdp_10k_cny_per_year: Decimal, factors: tuple[Factor, ...], least_usable: Decimal = LEAST_USABLE
) -> Mapping[Measure, Decimal]:
    """Every measure that can be told from the sums, in the unit of its target; a share of nothing is left out.

    energy_per_gdp [tce/10k CNY] and carbon_intensity [tCO2/10k CNY] set energy and CO2 of the days against the GDP of the
    same days. renewable_share [1] is the city's own renewable generation over its electricity use: the renewable part of
    grid electricity is not in it. water_loss [1] is lost over supplied volume. What is missing weighs nothing and would
    flatter the city, so sums whose `usable_share` is below `least_usable` are refused with a `PenstockError`.
    """
    if sums.usable_share < least_usable:
        observed, allowed = f"{sums.usable_share * 100:.1f} % usable", f"at least {least_usable * 100:.1f} %"
        raise fault(f"indicators of {sums.days[-1].year}", observed, allowed, "Import the missing usage, or state estimates for it.")
    gdp = gdp_of_days(gdp_10k_cny_per_year, sums.days)
    made: dict[Measure, Decimal] = {
        "energy_per_gdp": standard_coal_tce(sums.electricity_kwh, sums.gas_m3, factors, sums.days[-1]) / gdp,
        "carbon_intensity": sums.t_co2 / gdp,
    }
    if sums.electricity_kwh:
        made["renewable_share"] = sums.own_renewable_kwh / sums.electricity_kwh
    if sums.water_m3:
        made["water_loss"] = sums.water_loss_m3 / sums.water_m3
    return made
