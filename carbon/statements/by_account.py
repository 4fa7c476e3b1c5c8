"""The statement by account: one row per account, day or month, activity and gas, as posted."""

from carbon.statements.back import back_matter, not_over
from carbon.statements.document import Cell, Document, Row, Section, Table, Value, rounded
from carbon.statements.inventory import PLACES, charts
from carbon.statements.source import STATES, Condition, Source
from carbon.statements.totals import total_row
from carbon.statements.vocabulary import named
from carbon.statements.words import column, say
from city.quantities import Quantity

_KEYS = ("account_id", "activity", "scope", "quantity", "kind", "gas", "rule_id")


def by_account(source: Source) -> Document:
    """Every account with amount, mass, coverage and rule, over the whole period and over its days or months."""
    lang = source.language
    tables = (_table(source, "Accounts", ("",)), _table(source, "Over time", source.parts))
    sections = (
        Section("summary", say(lang, "summary"), (*not_over(source), say(lang, "inventory_intro")), tables, charts(source)),
        *back_matter(source, "accounts"),
    )
    return Document("accounts", say(lang, "accounts"), source.city, source.shown, lang, sections, source.seal)


def _table(source: Source, key: str, parts: tuple[str, ...]) -> Table:
    """Lines of accounts; the total is of what is in the sum, so masses outside it have a column of their own."""
    lang = source.language
    columns = (
        column(lang, "account"), column(lang, "activity"), column(lang, "scope"),
        column(lang, "part"), column(lang, "amount", "number", "", 3), column(lang, "unit"),
        column(lang, "gas"), column(lang, "mass", "number", "tCO2e", PLACES),
        column(lang, "beside", "number", "tCO2e", PLACES), *(column(lang, state, "number") for state in STATES),
        column(lang, "rule"),
    )  # fmt: skip
    rows = []
    for part in parts:
        within = {"period": part} if part else {}
        for account, activity, scope, quantity, kind, gas, rule in source.distinct(*_KEYS, **within):
            where: dict[str, Condition] = {
                "account_id": account,
                "activity": activity,
                "scope": scope,
                "kind": kind,
                "gas": gas,
                "rule_id": rule,
            }
            amount = source.value("amount", Quantity(quantity).scale, part, **where)
            mass = source.mass(part, **where)
            counts: list[Value | None] = [source.value("entries", 1, part, **where, state=state) for state in STATES]
            cells: tuple[Cell, ...] = (account, named(lang, activity), scope, part or source.period, amount, Quantity(quantity).unit, gas)
            if not amount.exact and not any(count.exact for count in counts if count):
                cells, counts = (*cells[:4], None, *cells[5:]), [None] * len(STATES)  # a further gas: the first one's row has the amount
            rows.append(Row((*cells, mass if kind == "posting" else None, mass if kind == "outside" else None, *counts, rule)))
    total = total_row((say(lang, "total"), *[None] * 6), rows).cells[:-1] if rows else ()
    body = (*rows, Row((*total, None), tuple(range(len(rows))))) if rows else ()
    return rounded(Table(key, say(lang, "by_account"), columns, body))
