"""The monitoring report of an enterprise of the carbon market: streams, data quality, uncertainty, plan and allowances."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from carbon.enterprise.report import MonitoringReport
from carbon.statements.back import back_matter
from carbon.statements.document import Cell, Column, Document, Row, Section, Table, Value, rounded
from carbon.statements.source import MG_PER_T, Source
from carbon.statements.totals import total_row
from carbon.statements.vocabulary import told
from carbon.statements.words import column, known, say


def enterprise_report(source: Source, report: MonitoringReport) -> Document:
    """The report of a year. The source's books should be those of the enterprise's accounts."""
    lang = source.language
    own = report.enterprise
    title = f"{say(lang, 'enterprise')}: {(own.name_zh if lang == 'zh' else '') or own.name or own.id}"
    plan = tuple(
        Row((say(lang, f"plan_{item.split(' ')[0]}") if known(f"plan_{item.split(' ')[0]}") else item, told(lang, text)))
        for item, text in report.plan()
    )
    columns = (Column("item", say(lang, "what")), Column("text", say(lang, "content"), "text"))
    sections = (
        Section(
            "summary",
            say(lang, "summary"),
            tuple(told(lang, text) for text in report.sentences),
            (_streams(source, report), _allowance(lang, report)),
        ),
        Section("plan", say(lang, "plan"), (), (Table("Plan", say(lang, "plan"), columns, plan),)),
        *back_matter(source, "enterprise"),
    )
    return Document("enterprise", title, source.city, source.shown, lang, sections, source.seal)


def _streams(source: Source, report: MonitoringReport) -> Table:
    lang = source.language
    columns = (
        column(lang, "stream"), column(lang, "account"), Column("data", say(lang, "source_of_data")),
        column(lang, "amount", "number", "", 3), column(lang, "unit"),
        column(lang, "factor", "number", "", 6), Column("factor_unit", say(lang, "unit")),
        Column("mass", say(lang, "metered_t"), "number", "tCO2e", 3), Column("raised", say(lang, "substituted_t"), "number", "tCO2e", 3),
        Column("all", say(lang, "total"), "number", "tCO2e", 3, ("mass", "raised")),
        Column("complete", say(lang, "usable"), "number", "%", 1),
        Column("grade", say(lang, "level")), Column("spread", say(lang, "uncertainty")),
    )  # fmt: skip
    rows = [Row(_stream(source, row)) for row in report.streams.to_dict("records")]
    silent = sorted(set(report.enterprise.accounts) - {str(name) for name in report.streams.get("account_id", ())})
    rows += [_unmonitored(source, account) for account in silent]
    body = list(rows)
    if rows:
        total = total_row((say(lang, "total"), *[None] * 6), rows)
        spread = "?" if report.uncertainty.unstated_share else f"±{100 * report.uncertainty.relative:.2f} %"
        body.append(Row((*total.cells[:10], None, None, spread), total.of))
    return rounded(Table("Streams", say(lang, "streams"), columns, tuple(body)))


def _unmonitored(source: Source, account: str) -> Row:
    """An account that no stream of the plan is about: its entries are the enterprise's all the same."""
    mass = source.mass(account_id=account, kind="posting")
    return Row((None, account, *[None] * 5, mass, Value(0), Value(mass.exact), None, None, "?"))


def _stream(source: Source, row: Mapping[Any, Any]) -> tuple[Cell, ...]:
    where = {"account_id": str(row["account_id"]), "kind": "posting"}
    percent = row["uncertainty_percent"]
    factor = row["factor"]
    return (
        str(row["stream"]),
        str(row["account_id"]),
        told(source.language, str(row["source_of_data"])),
        Value(row["amount"], str(source.address("amount", **where))),
        str(row["unit"]),
        Value(factor) if isinstance(factor, Decimal) else None,
        str(row["factor_unit"]),
        Value(Fraction(int(row["mg"]), MG_PER_T), str(source.address(source.co2e, **where))),
        Value(Fraction(int(row["substituted_mg"]), MG_PER_T)),
        Value(Fraction(int(row["emitted_mg"]), MG_PER_T)),
        Value(100 * Fraction(str(row["completeness"]))),
        str(row["grade"]),
        "?" if percent is None or percent != percent else f"±{percent} %",  # not-a-number is what a frame makes of None
    )


def _allowance(lang: str, report: MonitoringReport) -> Table:
    columns = (Column("item", say(lang, "what")), Column("tonnes", say(lang, "allowances_t"), "number", "t", 0))
    row = report.allowance.iloc[0].to_dict()
    rows = [
        Row((say(lang, name) if known(name) else name, Value(Decimal(str(value)))))
        for name, value in row.items()
        if str(name).endswith("_t") and value is not None
    ]
    return rounded(Table("Allowances", say(lang, "allowances"), columns, tuple(rows)))
