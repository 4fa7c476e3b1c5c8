"""The monitoring report of an enterprise and year: its streams, the quality and uncertainty of each, the plan, and the allowances."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from carbon.enterprise.allowances import Position, position
from carbon.enterprise.plan import Enterprise, Stream
from carbon.enterprise.quality import Quality, of_stream
from carbon.factors import Factor
from carbon.gwp import weighed
from carbon.ledger.batch import Rule
from carbon.why.uncertainty import Source, Uncertainty, propagated
from city.quantities import Quantity


@dataclass(frozen=True)
class MonitoringReport:
    """What is handed in for a year, ready to be printed; all masses are exact."""

    enterprise: Enterprise
    year: int
    streams: pd.DataFrame  # STREAMS, see `streams`
    position: Position
    uncertainty: Uncertainty
    sentences: tuple[str, ...]  # what a reader must know: gaps, accounts without a stream, what is not verified

    @property
    def allowance(self) -> pd.DataFrame:
        """One row: enterprise, year, allocated_t, carried_in_t, bought_t, sold_t, emitted_t, ..., position_t, sentence."""
        return pd.DataFrame([self.position.row()])

    def plan(self) -> list[tuple[str, str]]:
        """The data quality control plan as (item, text)."""
        own = self.enterprise
        head = [("version", own.plan_version), ("boundary", own.boundary), ("changes since the version before", own.plan_changes)]
        return [(item, text or "not stated") for item, text in head] + [(stream.id, _told(stream)) for stream in own.streams]


def report(
    enterprise: Enterprise,
    year: int,
    book: pd.DataFrame,
    rules: Sequence[Rule],
    factors: Sequence[Factor],
    weights: Mapping[str, Decimal],
    until: date,
) -> MonitoringReport:
    """The report of a year up to the civil day `until`, or to its end.

    `book`: BOOK by civil day with account_id, quantity, kind, gas, rule_id, period, amount, mg and the counts of usage rows. Postings
    count; emissions are those of all the enterprise's accounts, with what stands in place of gaps in its streams. `weights`: GWP.
    """
    book = book[(book["kind"] == "posting") & book["account_id"].isin(enterprise.accounts) & book["period"].str.startswith(f"{year}-")]
    book = weighed(book, weights)
    last = min(until, date(year, 12, 31))
    parts = {rule.rule_id: tuple(name for name, _ in rule.parts) for rule in rules}
    stated = {factor.id: factor.uncertainty_percent for factor in factors}
    rows, terms, sentences = [], [], []
    for stream in enterprise.streams:
        own = book[book["account_id"] == stream.account]
        days = own.groupby("period", as_index=False).agg({"amount": "sum", "co2e_mg": "sum", **dict.fromkeys(_COUNTS, "sum")})
        quality = of_stream(stream, days.rename(columns={"co2e_mg": "mg"}), date(year, 1, 1), last)
        names = sorted({name for rule in own["rule_id"].unique() for name in parts.get(rule, ())})
        sources = _sources(stream, names, stated)
        row = _row(enterprise, stream, own, quality, names, propagated([(1.0, sources)]))
        terms.append((float(row["emitted_mg"]) / 1e6, sources))
        rows.append(row)
        sentences.append(f"{stream.id}: {quality.sentence}")
    silent = sorted(set(enterprise.accounts) - {stream.account for stream in enterprise.streams})
    sentences += [f"account {name} has no stream in the monitoring plan: its entries count, unmonitored" for name in silent]
    unmonitored = sum(book[book["account_id"].isin(silent)]["co2e_mg"], Decimal(0))
    emitted = sum(row["emitted_mg"] for row in rows) + int(unmonitored.to_integral_value())
    terms.append((float(unmonitored) / 1e6, [Source("accounts without a stream", "meter", None)] if silent else []))
    found = position(enterprise, year, emitted)
    return MonitoringReport(enterprise, year, pd.DataFrame(rows), found, propagated(terms), (*sentences, found.sentence))


_COUNTS = ("measured", "estimated", "substituted", "missing")


def _sources(stream: Stream, names: Sequence[str], stated: Mapping[str, Decimal | None]) -> list[Source]:
    """What a stream is uncertain by; streams of one factor share its error."""

    def share(percent: Decimal | None) -> float | None:
        return None if percent is None else float(percent) / 100

    made = [Source(f"meter of {stream.id}", "meter", share(stream.accuracy_percent))]
    if stream.factor_uncertainty_percent is not None:
        return [
            *made,
            Source(f"factor {'+'.join(names)} ({stream.factor_uncertainty_percent} %)", "factor", share(stream.factor_uncertainty_percent)),
        ]
    if not names:  # nothing was posted, or nothing but own supply: what is not known is not certain
        return [*made, Source(f"factor of {stream.id}", "factor", None)]
    return made + [Source(f"factor {name}", "factor", share(stated.get(name))) for name in names]


def _row(
    enterprise: Enterprise, stream: Stream, own: pd.DataFrame, quality: Quality, names: Sequence[str], spread: Uncertainty
) -> dict[str, Any]:
    """One line of STREAMS: amount and factor in units of the quantity, masses in whole mg CO2e."""
    quantity = Quantity(own["quantity"].iloc[0]) if len(own) else None
    scale = quantity.scale if quantity else 1
    amount = Decimal(int(own["amount"].sum())) / scale
    mg = int(sum(own["co2e_mg"], Decimal(0)).to_integral_value())
    return {
        "enterprise": enterprise.id,
        "stream": stream.id,
        "account_id": stream.account,
        "activity": stream.parameter,
        "amount": amount,
        "unit": quantity.unit if quantity else "",
        "source_of_data": stream.source,
        "instrument": stream.instrument,
        "accuracy_percent": stream.accuracy_percent,
        "calibrated_on": stream.calibrated_on,
        "grade": quality.grade,
        "completeness": quality.completeness,
        "measured_share": quality.measured_share,
        **{name: getattr(quality, name) for name in _COUNTS},
        "factor": (Decimal(mg) / 10**6 / amount).quantize(Decimal("1e-9")) if amount else None,
        "factor_unit": f"kg CO2e/{quantity.unit}" if quantity else "",
        "factor_id": " x ".join(names),
        "mg": mg,
        "substituted_amount": Decimal(quality.substituted_amount) / scale,
        "substituted_mg": quality.substituted_mg,
        "emitted_mg": mg + quality.substituted_mg,
        # A source without a stated interval makes the product's unknown, not smaller.
        "uncertainty_percent": None if spread.unstated else round(100 * spread.relative, 3),
        "sentence": quality.sentence,
    }


def _told(stream: Stream) -> str:
    accuracy = f"+-{stream.accuracy_percent} %" if stream.accuracy_percent is not None else "accuracy not stated"
    calibration = f"calibrated {stream.calibrated_on or 'never'}, every {stream.calibration_months or '?'} months"
    gaps = {"largest day": "days with gaps are raised to the largest complete day", "none": "gaps stay gaps"}[stream.when_missing]
    told = (stream.parameter, stream.source, stream.instrument or "no instrument", accuracy, f"recorded {stream.recorded}", calibration)
    return "; ".join((*told, f"answers for it: {stream.responsible or 'not stated'}", gaps))
