"""Warming potentials: what a kilogram of a gas weighs in carbon dioxide over 100 years, exact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, Inexact, localcontext
from typing import TYPE_CHECKING

from carbon.factors import Factor
from city.problems import fault

if TYPE_CHECKING:
    import pandas as pd

_PREFIX = {"AR4": "ipcc.AR4GWP100.", "AR5": "ipcc.AR5GWP100.", "AR6": "ipcc.AR6GWP100.", "GHGP2024": "ipcc.AR6GWP100."}
_FUGITIVE = "CH4-fossil-fugitive"


def potentials(factors: Iterable[Factor], assessment: str) -> dict[str, Factor]:
    """The published warming potential of each gas [kg CO2e per kg] by an assessment: AR4, AR5, AR6 or GHGP2024.

    Methane is `CH4` where its origin is not told, `CH4-fossil` (also `CH4-fossil-fugitive`) where it escapes from fossil sources
    and leaves carbon dioxide behind that nobody counted, `CH4-non-fossil` otherwise. Where an assessment does not tell them
    apart, all weigh the same. GHGP2024 are the values of the GHG Protocol (v2.0, August 2024): those of AR6, but methane of any
    source that is not fossil and fugitive - combustion, wastewater, landfill - weighs as non-fossil, 27.0; and without SF6, of which
    public copies give 24,300 where the set has 25,200.
    Raises `PenstockError` for an unknown assessment, for factor sets without its values and for two values of one gas.
    """
    if assessment not in _PREFIX:
        raise fault("gwp", f"'{assessment}'", f"one of {', '.join(_PREFIX)}", "Correct [carbon] gwp.")
    prefix = _PREFIX[assessment]
    found: dict[str, Factor] = {}
    for factor in (factor for factor in factors if factor.id.startswith(prefix)):
        if found.setdefault(factor.gas, factor).value != factor.value:
            names = f"'{found[factor.gas].id}' and '{factor.id}'"
            raise fault("gwp", f"{names} for {factor.gas}", "one potential per gas", "Remove the city's own row.")
    if not {"CO2", "CH4", "N2O"} <= set(found):
        raise fault("gwp", f"no values of {assessment} in the factor sets", f"rows {prefix}CO2, CH4, N2O", "Load the shipped sets too.")
    found.setdefault("CH4-non-fossil", found["CH4"])
    found.setdefault("CH4-fossil", found.get(_FUGITIVE, found["CH4"]))
    found[_FUGITIVE] = found["CH4-fossil"]
    if assessment == "GHGP2024":
        found["CH4"] = found["CH4-non-fossil"]
        found.pop("SF6", None)
    return found


def gwp(factors: Iterable[Factor], assessment: str) -> dict[str, Decimal]:
    """Weight of each gas [kg CO2e per kg]: the values of `potentials`, and 1 for a gas that is CO2e already."""
    return {gas: factor.value for gas, factor in potentials(factors, assessment).items()} | {"CO2e": Decimal(1)}


def weighed(book: pd.DataFrame, weights: Mapping[str, Decimal]) -> pd.DataFrame:
    """The book with `co2e_mg` (Decimal [mg]) = mg x weight of its gas: exact, so that rows add up to any total.

    BOOK frame with `gas` and int64 `mg`; rows without a gas (`-`, amounts alone) weigh 0. Raises `PenstockError` for a gas that
    has no weight.
    """

    import pandas as pd

    gases = book["gas"].astype(str)
    if unknown := sorted(set(gases.unique()) - set(weights) - {"-"}):
        allowed = f"one of {', '.join(sorted(weights))}"
        raise fault(f"gas {', '.join(unknown)}", "no warming potential", allowed, "Correct the factor's gas, or choose another assessment.")
    with localcontext(Context(prec=80, traps=[Inexact])):
        weight = {gas: weights.get(gas, Decimal(0)) for gas in gases.unique()}
        masses = [Decimal(mg) * weight[gas] for mg, gas in zip(book["mg"].tolist(), gases.tolist(), strict=True)]
    return book.assign(co2e_mg=pd.Series(masses, index=book.index, dtype=object))
