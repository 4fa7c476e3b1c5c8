"""The eight quality criteria that an instrument must meet to enter a market-based inventory, each as a sentence.

Reference: GHG Protocol Scope 2 Guidance (2015), table 7.1. Criteria 6 (suppliers' factors) and 8 (residual mix) concern an inventory as a
whole and are told with its market rule; the other six are told here for each retirement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from carbon.instruments.certificates import Lot
from carbon.instruments.contracts import Contract


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion of one retirement."""

    number: int  # of table 7.1
    met: bool
    sentence: str


def same_plant(one: str, other: str) -> bool:
    """Do two names mean one plant? Capitals and blanks of a registry's list tell no plants apart."""
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()


def of_lot(lot: Lot, regions: Sequence[str], first: date, last: date, vintage_months: int) -> list[Criterion]:
    """Criteria of certificates retired for use in `regions` (ISO 3166-2) on the civil days `first` to `last`.

    `vintage_months`: a production that ended longer before the use, or began after the year of the use, is not close enough.
    """
    return [
        Criterion(1, True, f"conveys {lot.kg_co2_per_kwh} kg CO2/kWh"),
        Criterion(2, True, "each serial number can be used once in this store, to retire or to sell it; own power loses its claim to it"),
        Criterion(3, True, "retired for the account, with who, when and why"),
        _close(lot.produced_from, lot.produced_to, first, last, vintage_months),
        _market(lot.market, regions),
    ]


def of_contract(
    contract: Contract, regions: Sequence[str], first: date, last: date, others: Sequence[Lot], plants: Sequence[str] = ()
) -> list[Criterion]:
    """Criteria of a contract's month; `others`: lots of the same plant that were produced in it; `plants`: the city's own."""
    told = {
        "none issued": "no certificates are issued for it: the contract conveys the rate",
        "bundled": "its certificates carry the claim: retire those",
        "kept by the seller": "the seller keeps the certificates: the contract conveys no claim",
    }[contract.certificates]
    own = any(same_plant(contract.plant, plant) for plant in plants)
    alone = contract.certificates == "none issued" and not others and not own
    named = f"certificates of plant '{contract.plant}' exist for that time: {', '.join(lot.id for lot in others)}" if others else told
    if own:
        named = f"plant '{contract.plant}' is the city's own: the ledger claims its power as own supply already"
    inside = contract.first_day <= first and last <= contract.last_day
    return [
        Criterion(1, contract.certificates != "kept by the seller", f"{told}; rate {contract.kg_co2_per_kwh} kg CO2/kWh"),
        Criterion(2, alone, named),
        Criterion(3, True, "its month is retired once, with who, when and why"),
        Criterion(4, inside, f"delivered from {contract.first_day} to {contract.last_day}, used from {first} to {last}"),
        _market(contract.market, regions),
        Criterion(7, alone, named),
    ]


def _close(produced_from: date, produced_to: date, first: date, last: date, months: int) -> Criterion:
    gap = (first.year - produced_to.year) * 12 + first.month - produced_to.month
    met = gap <= months and produced_from <= date(last.year, 12, 31)
    limit = f"allowed: ended at most {months} months before the use, begun within its year"
    return Criterion(4, met, f"produced from {produced_from} to {produced_to}, used from {first} to {last}; {limit}")


def _market(market: str, regions: Sequence[str]) -> Criterion:
    codes = market.split()
    outside = sorted({region for region in regions if region not in codes and region.split("-")[0] not in codes})
    told = f"used in {', '.join(outside)}, outside its market {market}" if outside else f"used in its market {market}"
    return Criterion(5, not outside, told)
