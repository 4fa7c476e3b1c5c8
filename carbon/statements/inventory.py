"""The inventory after the GHG Protocol: scopes by gas, scope 2 on two bases, sources, sites, sectors, and what stands beside the sum."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from carbon.statements.back import back_matter, not_over
from carbon.statements.document import Cell, Chart, Column, Document, Row, Section, Series, Table, Value, rounded
from carbon.statements.scope2 import both_totals, instruments, two_bases
from carbon.statements.source import Condition, Source
from carbon.statements.totals import total_row
from carbon.statements.vocabulary import named, told
from carbon.statements.words import column, say
from city.quantities import Quantity

GASES = ("CO2", "CH4", "N2O")
PLACES = 3  # of tonnes: kilograms
_POSTING = {"kind": "posting"}


def inventory(source: Source, dual: pd.DataFrame | None = None, used: pd.DataFrame | None = None, problems: Sequence[str] = ()) -> Document:
    """The greenhouse gas inventory of a period.

    `dual` and `used` are the frames of `carbon.instruments.views` for the period; none: scope 2 is location-based alone, and the
    statement says so, with the `problems` that kept it from more.
    """
    lang = source.language
    summary = [scopes(source)]
    if dual is not None:
        summary += [both_totals(source, dual), two_bases(source, dual)]
    if used is not None:
        summary += [instruments(source, used)]
    intro = "dual_intro" if dual is not None else "no_market" if problems else "no_dual"
    text = (*not_over(source), say(lang, "inventory_intro"), say(lang, intro), *problems)
    sections = (
        Section("summary", say(lang, "summary"), text, tuple(summary), charts(source)),
        Section("sources", say(lang, "sources"), (), (sources(source), by(source, "site"), by(source, "sector"), parts(source))),
        Section("beside", say(lang, "beside"), (say(lang, "beside_intro"),), beside(source)),
        *back_matter(source, "inventory"),
    )
    return Document("inventory", say(lang, "inventory"), source.city, source.shown, lang, sections, source.seal)


def gas_columns(lang: str) -> tuple[Column, ...]:
    """CO2, CH4, N2O and other gases as CO2e [t], and their sum."""
    keys = [*(gas.lower() for gas in GASES), "other"]
    titles = [*GASES, say(lang, "other_gases")]
    made = [Column(key, title, "number", "tCO2e", PLACES) for key, title in zip(keys, titles, strict=True)]
    return (*made, Column("all", say(lang, "all_gases"), "number", "tCO2e", PLACES, tuple(keys)))


def gas_cells(source: Source, part: str = "", **where: Condition) -> tuple[Value, ...]:
    """Mass by gas as CO2e and together; methane of every origin is methane."""
    there = [gas for (gas,) in source.distinct("gas") if gas != "-"]
    groups = [tuple(gas for gas in there if gas.split("-")[0] == name) for name in GASES]
    other = tuple(gas for gas in there if gas.split("-")[0] not in GASES)
    cells = [source.mass(part, **where, gas=group) if group else Value(0) for group in (*groups, other)]
    return (*cells, source.mass(part, **where))


def _table(key: str, title: str, columns: Sequence[Column], rows: list[Row], label: Sequence[Cell], notes: tuple[str, ...] = ()) -> Table:
    """A rounded table with its total as last row."""
    return rounded(Table(key, title, tuple(columns), (*rows, total_row(label, rows)) if rows else (), notes))


def scopes(source: Source) -> Table:
    """Scopes 1 to 3 by gas, scope 2 location-based."""
    lang = source.language
    rows = [Row((say(lang, f"scope{n}"), *gas_cells(source, scope=n, **_POSTING))) for n in (1, 2, 3)]
    columns = (column(lang, "scope"), *gas_columns(lang))
    notes = (say(lang, "gwp_note", assessment=source.assessment),)
    return _table("Inventory", say(lang, "by_scope"), columns, rows, (say(lang, "total"),), notes)


def sources(source: Source) -> Table:
    """Every activity with its amount and its mass by gas."""
    lang = source.language
    head = (column(lang, "scope"), column(lang, "activity"), column(lang, "carrier"))
    columns = (*head, column(lang, "amount", "number", "", 0), column(lang, "unit"), *gas_columns(lang))
    rows = []
    for scope, activity, carrier, quantity in source.distinct("scope", "activity", "carrier", "quantity", **_POSTING):
        where = {"scope": scope, "activity": activity, "carrier": carrier, "quantity": quantity, **_POSTING}
        amount = source.value("amount", per=Quantity(quantity).scale, **where)
        rows.append(Row((scope, named(lang, activity), named(lang, carrier), amount, Quantity(quantity).unit, *gas_cells(source, **where))))
    made = [*rows, _without_amount(total_row((say(lang, "total"), None, None), rows))] if rows else []
    return rounded(Table("Sources", say(lang, "by_source"), columns, tuple(made)))


def _without_amount(row: Row) -> Row:
    return Row((*row.cells[:3], None, *row.cells[4:]), row.of)


def _scope_columns(lang: str) -> tuple[Column, ...]:
    keys = ("scope1", "scope2", "scope3")
    made = [column(lang, key, "number", "tCO2e", PLACES) for key in keys]
    return (*made, Column("all", say(lang, "total"), "number", "tCO2e", PLACES, keys))


def _scope_cells(source: Source, part: str = "", **where: str) -> tuple[Value, ...]:
    return (*(source.mass(part, scope=n, **where, **_POSTING) for n in (1, 2, 3)), source.mass(part, **where, **_POSTING))


def by(source: Source, name: str) -> Table:
    """Sites or sectors by scope."""
    lang = source.language
    columns = (column(lang, name), column(lang, "name"), *_scope_columns(lang))
    rows = [Row((value, source.called(value), *_scope_cells(source, **{name: value}))) for (value,) in source.distinct(name, **_POSTING)]
    return _table(f"By {name}", say(lang, f"by_{name}"), columns, rows, (say(lang, "total"), None))


def parts(source: Source) -> Table:
    """The period's days or months by scope."""
    lang = source.language
    rows = [Row((part, *_scope_cells(source, part))) for part in source.parts]
    columns = (column(lang, "part"), *_scope_columns(lang))
    return _table("Over time", say(lang, "over_time"), columns, rows, (say(lang, "total"),))


def charts(source: Source) -> tuple[Chart, ...]:
    """Scopes over time, and sectors side by side."""
    lang = source.language

    def tonnes(part: str = "", **where: Any) -> float:
        return float(source.mass(part, **where, **_POSTING).exact)

    series = tuple(Series(say(lang, f"scope{n}"), tuple(tonnes(part, scope=n) for part in source.parts)) for n in (1, 2, 3))
    labels = tuple(part[8:] or part[5:] or part for part in source.parts)
    sectors = [sector for (sector,) in source.distinct("sector", **_POSTING)]
    bars = tuple(Series(say(lang, f"scope{n}"), tuple(tonnes(sector=sector, scope=n) for sector in sectors)) for n in (1, 2, 3))
    return (
        Chart(say(lang, "over_time"), "tCO2e", "bars", labels, series),
        Chart(say(lang, "by_sector"), "tCO2e", "bars", tuple(map(source.called, sectors)), bars),
    )


def beside(source: Source) -> tuple[Table, ...]:
    """What is told beside the sum: masses counted elsewhere or for others, and amounts that weigh nothing."""
    lang = source.language
    head = (column(lang, "account"), column(lang, "activity"), column(lang, "basis"))
    outside = [
        Row((
            account, named(lang, activity), told(lang, basis),
            source.mass(account_id=account, activity=activity, basis=basis, kind="outside"),
        ))
        for account, activity, basis in source.distinct("account_id", "activity", "basis", kind="outside")
    ]  # fmt: skip
    mass = column(lang, "mass", "number", "tCO2e", PLACES)
    amounts = (column(lang, "amount", "number", "", 0), column(lang, "unit"))
    memo = [
        Row(
            (
                account,
                named(lang, activity),
                source.value("amount", per=Quantity(q).scale, account_id=account, kind="memo"),
                Quantity(q).unit,
            )
        )
        for account, activity, q in source.distinct("account_id", "activity", "quantity", kind="memo")
    ]
    return (
        rounded(Table("Outside", say(lang, "outside"), (*head, mass), tuple(outside), (say(lang, "outside_note"),))),
        rounded(Table("Memo", say(lang, "memo"), (*head[:2], *amounts), tuple(memo))),
    )
