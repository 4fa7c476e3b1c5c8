"""The energy balance in tonnes of standard coal, equivalent and equal value in tables of their own."""

from fractions import Fraction

from carbon.statements.back import back_matter, not_over
from carbon.statements.document import Chart, Document, Row, Section, Series, Table, Value, rounded
from carbon.statements.source import Condition, Source
from carbon.statements.totals import total_row
from carbon.statements.vocabulary import named
from carbon.statements.words import column, say
from city.quantities import Quantity

_KG_PER_T = 1000
_NO_ENERGY = ("water", "-", "")  # carriers: water contains electricity that is counted at the pumps
_OWN = "own-supply"  # rule of electricity that the city generated in the hour of its use


def balance(source: Source) -> Document:
    """The energy balance of a period: what was used, by carrier, activity and origin."""
    lang = source.language
    uses = [use for use in source.distinct("carrier", "quantity", "activity", "rule_id", kind="posting") if use[0] not in _NO_ENERGY]
    shown = sorted({(carrier, quantity, activity, rule == _OWN) for carrier, quantity, activity, rule in uses})
    lacking = [] if "equal" in source.coal else [say(lang, "equal_missing", year=source.period[:4])]
    tables = [_table(source, basis, shown) for basis in source.coal]
    text = (*not_over(source), say(lang, "method_energy"), *lacking)
    sections = (
        Section("summary", say(lang, "summary"), text, tuple(tables), tuple(_chart(table) for table in tables if table.rows)),
        *back_matter(source, "energy"),
    )
    return Document("energy", say(lang, "energy"), source.city, source.shown, lang, sections, source.seal)


def _rules(source: Source, own: bool) -> tuple[str, ...]:
    """The rules of own supply, or all others."""
    return tuple(rule for (rule,) in source.distinct("rule_id", kind="posting") if (rule == _OWN) == own)


def _table(source: Source, basis: str, uses: list[tuple[str, str, str, bool]]) -> Table:
    """One basis: amount in its own unit, coefficient and coal of each use."""
    lang = source.language
    columns = (
        column(lang, "carrier"), column(lang, "activity"),
        column(lang, "amount", "number", "", 0),
        column(lang, "unit"), column(lang, "coefficient"),
        column(lang, "coal", "number", "tce", 3),
    )  # fmt: skip
    rows = []
    for carrier, quantity, activity, own in uses:
        where: dict[str, Condition] = {"carrier": carrier, "quantity": quantity, "activity": activity, "kind": "posting"}
        if carrier == "electricity":
            where["rule_id"] = _rules(source, own)
        weights = [found for (name,) in source.distinct("account_id", **where) if (found := source.coal[basis].get(name))]
        use = named(lang, activity) + (f" ({say(lang, 'own_wh')})" if own else "")
        coal = source.value(f"coal:{basis}", _KG_PER_T, "", **where) if weights else "NE"
        told = " / ".join(sorted({f"{factor.value:f} {factor.unit}" for weight in weights for factor in weight.factors}))
        rows.append(
            Row(
                (
                    named(lang, carrier),
                    use,
                    source.value("amount", Quantity(quantity).scale, "", **where),
                    Quantity(quantity).unit,
                    told,
                    coal,
                )
            )
        )
    lacking = [str(row.cells[0]) for row in rows if row.cells[-1] == "NE"]
    notes = (say(lang, "no_coefficient", names=", ".join(lacking)),) if lacking else ()
    body = (*rows, _total(say(lang, "total"), rows)) if rows else ()
    return rounded(Table(basis.capitalize(), say(lang, f"energy_{basis}"), columns, body, notes))


def _total(label: str, rows: list[Row]) -> Row:
    row = total_row((label, None), rows)
    return Row((*row.cells[:2], None, *row.cells[3:]), row.of)


def _chart(table: Table) -> Chart:
    place = table.place("coal")
    lines = [row for row in table.rows if not row.of]
    values = tuple(float(Fraction(cell.exact)) if isinstance(cell := row.cells[place], Value) else 0.0 for row in lines)
    return Chart(table.title, "tce", "bars", tuple(str(row.cells[1]) for row in lines), (Series(table.columns[place].title, values),))
