"""The factor of electricity that nobody claims: residual mix where one is published, and a sentence where none is.

Reference: GHG Protocol Scope 2 Guidance (2015), table 6.3 (certificates, contracts, suppliers, residual mix, then grid averages) and
criterion 8 of table 7.1: where no residual mix exists, its absence is disclosed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from carbon.factors import Factor, Provisional, choose
from city.problems import PenstockError, fault


@dataclass(frozen=True, slots=True)
class Residual:
    """What unclaimed electricity weighs on a civil day; no factor: the location-based one stands in its place."""

    factor: Factor | None
    sentence: str


def residual(factors: Iterable[Factor], region: str, on: date, provisional: Provisional = "refuse") -> Residual:
    """The residual mix of a region on a civil day: its own, else its country's, which is the market. Never another year's, unless
    `provisional` is `latest`, and then marked.

    China publishes the average without market-traded non-fossil power for the whole country; it takes the place of a residual mix.
    Raises `PenstockError` when two are valid at once, or when one is not CO2 or CO2e per kWh.
    """
    mixes = [factor for factor in factors if factor.basis == "residual mix"]
    for place in dict.fromkeys((region, region.split("-")[0])):
        here = [factor for factor in mixes if factor.region == place]
        if sum(factor.valid_on(on) for factor in here) > 1:
            named = ", ".join(factor.id for factor in here if factor.valid_on(on))
            raise fault(f"residual mix of {place} on {on}", f"two: {named}", "one", "Remove all but one from the city's sets.")
        for activity in sorted({factor.activity for factor in here}):
            try:
                chosen = choose(here, activity=activity, region=place, on=on, provisional=provisional)
            except PenstockError:
                continue  # not published for that day: the next larger market, then the sentence below
            return Residual(
                _per_kwh(chosen.factor),
                f"residual mix {chosen.factor.id}, {chosen.factor.value} {chosen.factor.unit} {chosen.note}".strip(),
            )
    told = f"no residual mix is published for {region} on {on}: the location-based factor stands in its place"
    return Residual(None, f"{told} (Scope 2 Guidance 2015, table 6.3; absence disclosed by criterion 8)")


def _per_kwh(factor: Factor) -> Factor:
    if (factor.meaning.counts, factor.meaning.per) != ("kg", "kWh") or factor.gas.removeprefix("kg ") not in ("CO2", "CO2e"):
        observed = f"{factor.gas} in {factor.unit}"
        raise fault(f"residual mix '{factor.id}'", observed, "CO2 or CO2e in kg per kWh", "Correct the factor.")
    return factor
