"""How good a stream's data are: complete days, calibration, grade, and what is put in the place of gaps."""

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pandas as pd

from carbon.enterprise.plan import Stream

# Share of usage rows that were measured, from which a grade is given. Grades are Penstock's own: the guidelines ask for the facts.
GRADES = (("A", Decimal("0.99")), ("B", Decimal("0.95")), ("C", Decimal("0.90")))
_BEST = {"measured": "A", "invoice": "B", "default": "C"}


@dataclass(frozen=True)
class Quality:
    """The facts about a stream's data in a span of civil days, and the grade they give."""

    days: int  # of the span
    complete_days: int
    measured: int  # usage rows
    estimated: int
    substituted: int
    missing: int
    calibrated: bool | None  # none: no interval is stated
    substituted_amount: int  # put in the place of gaps, beside the ledger [stored units]
    substituted_mg: int  # its mass at the stream's own rate, rounded up [mg]
    grade: str
    sentence: str

    @property
    def completeness(self) -> Decimal:
        """Complete days over all days [1]."""
        return Decimal(self.complete_days) / self.days

    @property
    def measured_share(self) -> Decimal:
        """Measured rows over all rows, those of days without any counted like a mean day's [1]."""
        rows = self.measured + self.estimated + self.substituted + self.missing
        return Decimal(self.measured) / rows if rows else Decimal(0)


def of_stream(stream: Stream, days: pd.DataFrame, first: date, last: date) -> Quality:
    """Quality of a stream over the civil days `first` to `last`.

    `days`: one row per day with entries: period (2023-05-01), amount [stored units], mg [mg CO2e], measured, estimated,
    substituted, missing (rows). A day is complete when it has rows and none is missing. With the rule `largest day` each other
    day is raised to the largest complete one (conservative, as the EU's Regulation 2018/2066, article 66 asks for data gaps).
    """
    span = (last - first).days + 1
    inside = days[(days["period"] >= str(first)) & (days["period"] <= str(last))]
    counts = {name: int(inside[name].sum()) for name in ("measured", "estimated", "substituted", "missing")}
    usable = inside["measured"] + inside["estimated"] + inside["substituted"]
    complete = inside[(inside["missing"] == 0) & (usable > 0)]
    absent = span - len(inside)
    # A day that nobody ever heard of lacks as many rows as a day has.
    a_day = max(round(sum(counts.values()) / len(inside)), 1) if len(inside) else 1
    counts["missing"] += absent * a_day
    amount, mg = _in_place_of_gaps(stream, inside, complete, absent)
    calibrated = _calibrated(stream, last)
    made = Quality(
        span, len(complete), **counts, calibrated=calibrated, substituted_amount=amount, substituted_mg=mg, grade="", sentence=""
    )
    grade = next((name for name, least in GRADES if made.measured_share >= least), "D")
    grade = max(grade, _BEST[stream.source], "C" if calibrated is False else "A")
    told = f"{made.complete_days} of {span} days complete, {100 * made.measured_share:.1f} % measured"
    told += {True: ", calibrated in time", False: ", calibration overdue", None: ""}[calibrated]
    gaps = span - len(complete)
    if gaps and stream.when_missing == "none":
        told += f"; nothing stands for {gaps} days with gaps"
    elif gaps:
        told += (
            f"; {gaps} days with gaps raised to the largest complete day" if len(complete) else "; no complete day to put in place of gaps"
        )
    return replace(made, grade=grade, sentence=f"{told}.")


def _in_place_of_gaps(stream: Stream, inside: pd.DataFrame, complete: pd.DataFrame, absent: int) -> tuple[int, int]:
    """What is added for days with gaps: amount [stored units] and mass [mg]."""
    if stream.when_missing == "none" or complete.empty:
        return 0, 0
    top = int(complete["amount"].max())
    partly = inside.drop(complete.index)["amount"]
    amount = sum(max(top - int(one), 0) for one in partly) + absent * top
    known = int(complete["amount"].sum())
    mass = Fraction(sum(complete["mg"])) / known * amount if known else Fraction(0)
    return amount, -(-mass.numerator // mass.denominator)


def _calibrated(stream: Stream, on: date) -> bool | None:
    """Is the calibration still good on a day?"""
    if stream.calibrated_on is None or stream.calibration_months is None:
        return False if stream.calibration_months else None
    month = stream.calibrated_on.month - 1 + stream.calibration_months
    year, month = stream.calibrated_on.year + month // 12, month % 12 + 1
    due = date(year, month, min(stream.calibrated_on.day, monthrange(year, month)[1]))
    return on < due + timedelta(days=1)
