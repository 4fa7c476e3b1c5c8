"""The measure report: what each measure saved against its weather-adjusted baseline, and what that avoided, never in one sum."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from carbon.statements import chinese
from carbon.statements.back import back_matter
from carbon.statements.document import Chart, Document, Row, Section, Series, Table, Value, rounded
from carbon.statements.source import Source
from carbon.statements.words import column, say
from carbon.why.masses import Avoided
from carbon.why.savings import Savings


@dataclass(frozen=True)
class Judged:
    """A measure by name, its savings and what they avoided; None with the sentences that say why."""

    name: str
    savings: Savings | None
    avoided: Avoided | None
    problems: tuple[str, ...] = ()


def measure_report(source: Source, measures: Sequence[Judged], plans: Sequence[str] = ()) -> Document:
    """The report of all measures; `plans` are the sentences on what the approved plans saved against plan and baseline."""
    lang = source.language
    told = [f"{one.name}: {chinese.saved(one.savings) if lang == 'zh' else one.savings.sentence}" for one in measures if one.savings]
    why = [f"{one.name}: {problem}" for one in measures for problem in one.problems]
    charts = tuple(_chart(lang, one.name, one.savings) for one in measures if one.savings)
    sections = (
        Section(
            "summary",
            say(lang, "summary"),
            (say(lang, "measures_intro"), *told, *(chinese.translated(plan) if lang == "zh" else plan for plan in plans), *why),
            (_savings(lang, measures),),
            charts,
        ),
        Section("criteria", say(lang, "criteria"), (), (_criteria(lang, measures), _avoided(lang, measures))),
        *back_matter(source, "measures"),
    )
    return Document("measures", say(lang, "measures"), source.city, source.shown, lang, sections, source.seal)


def _number(number: float, places: int) -> Value:
    """A float, stated to a printed place: an estimate has no exact decimal."""
    return Value(Decimal(repr(round(number, places))))


def _savings(lang: str, measures: Sequence[Judged]) -> Table:
    keys = ("baseline", "metered", "saved", "low90", "high90")
    columns = (
        column(lang, "measure"), *(column(lang, key, "number", "", 0) for key in keys), column(lang, "unit"),
        column(lang, "model"), column(lang, "days", "number"), column(lang, "verdict"),
    )  # fmt: skip
    rows = [
        Row((
            one.name, *(_number(n, 0) for n in (s.baseline, s.metered, s.saved, s.low, s.high)), s.unit, s.model.kind,
            Value(s.reporting_days), say(lang, s.verdict.replace(" ", "_")),
        ))
        for one in measures
        if (s := one.savings)
    ]  # fmt: skip
    return rounded(Table("Measures", say(lang, "savings"), columns, tuple(rows), (say(lang, "savings_note"),)))


def _criteria(lang: str, measures: Sequence[Judged]) -> Table:
    columns = (
        column(lang, "measure"), column(lang, "criterion"), column(lang, "value", "number", "", 5),
        column(lang, "limit", "number", "", 5), column(lang, "met"), column(lang, "clause", "text"),
    )  # fmt: skip
    rows = [
        Row(
            (
                one.name,
                chinese.criterion(c.name) if lang == "zh" else c.name,
                _number(c.value, 5) if np.isfinite(c.value) else None,
                _number(c.limit, 5),
                say(lang, "yes" if c.met else "no"),
                c.clause,
            )
        )
        for one in measures
        if one.savings
        for c in one.savings.criteria
    ]
    return rounded(Table("Criteria", say(lang, "criteria"), columns, tuple(rows)))


def _avoided(lang: str, measures: Sequence[Judged]) -> Table:
    """Avoided masses, with marginal factors: a table of its own, and no total with any inventory."""
    columns = (
        column(lang, "measure"), *(column(lang, key, "number", "kg CO2e", 0) for key in ("avoided_kg", "low90", "high90")),
        column(lang, "signal", "text"),
    )  # fmt: skip
    rows = [
        Row((one.name, *(_number(n, 0) for n in (one.avoided.kg, one.avoided.low_kg, one.avoided.high_kg)), one.avoided.signal))
        for one in measures
        if one.avoided
    ]
    return rounded(Table("Avoided", say(lang, "avoided"), columns, tuple(rows), (say(lang, "avoided_note"),)))


def _chart(lang: str, name: str, found: Savings) -> Chart:
    """Baseline and metered use by day, by week above forty days."""
    frame = found.days
    each = 1 if len(frame) <= 40 else 7
    days = frame["day"].astype(str).tolist()[::each]

    def sums(column: str) -> tuple[float | None, ...]:
        values = frame[column].to_numpy(float)
        parts = [values[i : i + each] for i in range(0, len(values), each)]
        return tuple(None if np.isnan(part).all() else float(np.nansum(part)) for part in parts)

    series = (Series(say(lang, "baseline"), sums("baseline"), dashed=True), Series(say(lang, "metered"), sums("use")))
    return Chart(name, found.unit, "lines", tuple(day[5:] for day in days), series)
