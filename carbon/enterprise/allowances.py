"""Allowances: what an enterprise was given, holds and owes for a year, and how much it lacks."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Any

from carbon.enterprise.plan import Enterprise, MarketYear
from city.problems import fault

CCER_SHARE = Decimal("0.05")  # of what is owed; MEE order 19 (2021), Measures for the administration of carbon trading, article 29
MG_PER_T = 10**9


@dataclass(frozen=True)
class Position:
    """Whole allowances, one of them 1 t CO2, and the sentence that says where the enterprise stands."""

    enterprise: str
    year: int
    allocated_t: int
    carried_in_t: int
    bought_t: int
    sold_t: int
    emitted_t: int
    verified: bool  # else the ledger's emissions stand in
    ccer_t: int
    surrendered_t: int
    held_t: int  # allocated + carried in + bought - sold - surrendered
    owed_t: int  # emitted - certified reductions - surrendered, zero or more
    position_t: int  # held - owed: what is left over, or lacks
    sentence: str

    def row(self) -> dict[str, Any]:
        return dict(self.__dict__)


def allocated(year: MarketYear) -> int:
    """Sum of benchmark x output x correction, each part rounded to whole allowances, half up [allowances].

    Reference: the allocation plans of China's market for 2021-2024, equation of a unit's allocation; a plan that rounds otherwise is
    entered with its own figure as a benchmark of 1.
    """
    parts = (one.t_per_unit * one.output * one.correction for one in year.benchmarks)
    return sum(int(part.quantize(Decimal(1), ROUND_HALF_UP)) for part in parts)


def position(enterprise: Enterprise, year: int, emitted_mg: int) -> Position:
    """Where an enterprise stands for a year; `emitted_mg` [mg] is the ledger's, used while nothing is verified, rounded up to tonnes.

    Raises `PenstockError` for more certified reductions than 5 % of the emissions, for more sold than held, and for more surrendered
    than held or owed.
    """
    own = enterprise.market_year(year)
    emitted = own.verified_t
    if emitted is None:
        emitted = int((Decimal(emitted_mg) / MG_PER_T).to_integral_value(ROUND_CEILING))
    given = allocated(own)
    before = given + own.carried_in + own.bought - own.sold
    subject = f"enterprise '{enterprise.id}', {year}"
    _refuse_impossible(subject, own, emitted, before)
    held, owed = before - own.surrendered, max(emitted - own.ccer - own.surrendered, 0)
    left = held - owed
    known = "verified" if own.verified_t is not None else "not verified yet, as the ledger says"
    told = f"{emitted:,} t emitted ({known}), {given:,} allowances allocated"
    if left < 0:
        told += f"; {-left:,} allowances lack: buy them before the deadline of surrender"
    else:
        told += f"; {left:,} allowances stay after surrendering the {owed:,} still owed"
    parts = (given, own.carried_in, own.bought, own.sold, emitted, own.verified_t is not None, own.ccer, own.surrendered)
    return Position(enterprise.id, year, *parts, held, owed, left, f"{told}.")


def _refuse_impossible(subject: str, own: MarketYear, emitted: int, before: int) -> None:
    if own.ccer > CCER_SHARE * emitted:
        most = int(CCER_SHARE * emitted)
        raise fault(subject, f"{own.ccer:,} t of certified reductions", f"at most 5 % of {emitted:,} t: {most:,}", "Correct ccer.")
    if before < 0:
        raise fault(subject, f"{own.sold:,} allowances sold", f"{before + own.sold:,} held", "Correct sold, bought or carried_in.")
    if own.surrendered > min(before, emitted - own.ccer):
        allowed = f"at most {min(before, emitted - own.ccer):,}, what is held and owed"
        raise fault(subject, f"{own.surrendered:,} allowances surrendered", allowed, "Correct surrendered.")
