"""The books of a building and of a household: what the ledger says of their own sites, by month."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from carbon.gwp import weighed
from carbon.household.rules import SCALE, Building

AMOUNTS = ("energy_kwh", "volume_m3", "gas_m3")  # quantities that are measures of a home


def months(book: pd.DataFrame, weights: Mapping[str, Decimal]) -> pd.DataFrame:
    """Use of each site and month: site, month, measure, amount (int64 stored units), missing (entries).

    `book`: BOOK by month with site, quantity, kind, gas, period, amount, mg, missing, of accounts that count use. `weights`: GWP of
    each gas. Memos of energy (own generation, certificates) and energy told a second time are left out. CO2e holds what is in
    the city's sum and the consumers' factor per m3 of water, which stands outside it.
    """
    used = book[(book["kind"] == "posting") | (book["quantity"] == "volume_m3")]
    amounts = used[used["quantity"].isin(AMOUNTS)].rename(columns={"period": "month", "quantity": "measure"})
    masses = weighed(used, weights).rename(columns={"period": "month"}).assign(measure="co2e_kg")
    # One rounding per site and month, half to even; the exact sum stays in the ledger.
    whole = masses.groupby(["site", "month", "measure"], as_index=False).agg(amount=("co2e_mg", "sum"), missing=("missing", "sum"))
    whole["amount"] = [int(amount.to_integral_value()) for amount in whole["amount"]]
    kept = amounts.groupby(["site", "month", "measure"], as_index=False).agg(amount=("amount", "sum"), missing=("missing", "sum"))
    both = pd.concat([kept, whole], ignore_index=True).astype({"amount": "int64", "missing": "int64"})
    return both.sort_values(["site", "month", "measure"], ignore_index=True)


def in_units(amount: int, measure: str) -> Decimal:
    """Stored units as kWh, m3 or kg, exact."""
    return Decimal(int(amount)) / SCALE[measure]


def of_buildings(use: pd.DataFrame, buildings: Sequence[Building]) -> pd.DataFrame:
    """Books of buildings: building, month, measure, amount [kWh, m3, kg], per_m2, per_person (Decimal), missing.

    `use` as `months` gives it. `per_person` is None where nobody said how many there are. What the weather did is not taken out:
    see docs/savings.md for degree days.
    """
    rows: list[dict[str, Any]] = []
    for building in buildings:
        own = use[use["site"].isin(building.sites)].groupby(["month", "measure"], as_index=False)[["amount", "missing"]].sum()
        for row in own.itertuples():
            amount = in_units(row.amount, row.measure)
            per = {"per_m2": amount / building.floor_area_m2, "per_person": amount / building.people if building.people else None}
            rows.append(
                {"building": building.id, "month": row.month, "measure": row.measure, "amount": amount, **per, "missing": int(row.missing)}
            )
    return pd.DataFrame(rows, columns=["building", "month", "measure", "amount", "per_m2", "per_person", "missing"])
