"""The city inventory of the community protocol: sub-sectors with notation keys, BASIC and BASIC+, in sheets like CIRIS'.

Reference: Global Protocol for Community-Scale Greenhouse Gas Inventories (GPC), version 1.1, tables 3.1, 4.2 and 4.3.
"""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from carbon.statements.back import back_matter, not_over
from carbon.statements.document import Cell, Chart, Column, Document, Row, Section, Series, Table, Value, rounded
from carbon.statements.inventory import PLACES, gas_cells, gas_columns
from carbon.statements.source import Source
from carbon.statements.totals import total_row
from carbon.statements.vocabulary import named
from carbon.statements.words import column, say

_PARTS = ("scope1", "scope2", "waste_out", "other3", "processes", "territorial", "indirect")
_SECTORS = {"I": "stationary", "II": "transport", "III": "waste", "IV": "ippu", "V": "afolu", "VI": "indirect"}


def part(code: str) -> str:
    """Which part of the inventory a GPC reference number is in.

    `scope1`, `scope2` and `waste_out` make BASIC; `other3` and `processes` are added in BASIC+; `territorial` (generation for the grid,
    others' waste) and `indirect` (other scope 3) are in neither.
    """
    sector, *rest = code.split(".")
    last = rest[-1] if rest else ""
    if code == "I.4.4" or (sector == "III" and last == "3"):
        return "territorial"
    if sector in ("IV", "V"):
        return "processes"
    if sector not in _SECTORS or sector == "VI":
        return "indirect"
    if sector == "III":
        return "scope1" if last == "1" else "waste_out"
    return {"1": "scope1", "2": "scope2"}.get(last, "other3")


def community(source: Source, subsectors: Mapping[str, str], keys: Mapping[str, tuple[str, str]]) -> Document:
    """The GPC inventory. `subsectors` {code: title}; `keys` {code: (notation key, reason)} of those without a figure."""
    lang, source = source.language, _public(source, keys)
    hidden = [code for code, (key, _) in keys.items() if key == "C"]
    summary = _summary(source)
    series = tuple(Series(column.title, _floats(summary, column.key)) for column in summary.columns[1:4])
    labels = tuple(str(row.cells[0]) for row in summary.rows[:-1])
    sections = (
        Section(
            "summary",
            say(lang, "summary"),
            (*not_over(source), say(lang, "method_gpc"), *([say(lang, "confidential", codes=", ".join(hidden))] if hidden else [])),
            (summary,),
            (Chart(summary.title, "tCO2e", "bars", labels, series),),
        ),
        Section("detail", say(lang, "detail"), (), (_detail(source, subsectors, keys),)),
        *back_matter(source, "gpc"),
    )
    return Document("gpc", say(lang, "gpc"), source.city, source.shown, lang, sections, source.seal)


def _public(source: Source, keys: Mapping[str, tuple[str, str]]) -> Source:
    """The source without its confidential sub-sectors, and without figures of the whole city that they could be taken from."""
    secret = source.book["gpc"].isin([code for code, (key, _) in keys.items() if key == "C"])
    if not secret.any():
        return source
    accounts = set(source.book.loc[secret, "account_id"])
    usable = {name: share for name, share in source.usable.items() if name not in accounts}
    return replace(source, book=source.book[~secret].reset_index(drop=True), usable=usable, uncertainty=None, comparatives=())


def _floats(table: Table, key: str) -> tuple[float, ...]:
    return tuple(float(cell.exact) for row in table.rows[:-1] if isinstance(cell := row.cells[table.place(key)], Value))


def _codes(source: Source) -> list[str]:
    return [code for (code,) in source.distinct("gpc", kind="posting") if code not in ("", "-")]


def _summary(source: Source) -> Table:
    lang = source.language

    def mass(key: str, title: str = "", adds: tuple[str, ...] = ()) -> Column:
        return Column(key, title or say(lang, key), "number", "tCO2e", PLACES, adds)

    basic, plus = mass("basic", "BASIC", _PARTS[:3]), mass("basic_plus", "BASIC+", ("basic", *_PARTS[3:5]))
    columns = (
        Column("sector", say(lang, "gpc_sector")),
        *map(mass, _PARTS[:3]),
        basic,
        *map(mass, _PARTS[3:5]),
        plus,
        *map(mass, _PARTS[5:]),
    )
    codes, rows = _codes(source), []
    for sector, name in _SECTORS.items():
        of = {key: tuple(code for code in codes if code.split(".")[0] == sector and part(code) == key) for key in _PARTS}
        cell = {key: source.mass(kind="posting", gpc=some) if some else Value(0) for key, some in of.items()}
        cell["basic"] = _sum(source, [code for key in _PARTS[:3] for code in of[key]])
        cell["basic_plus"] = _sum(source, [code for key in _PARTS[:5] for code in of[key]])
        rows.append(Row((f"{sector} {say(lang, f'gpc_{name}')}", *(cell[c.key] for c in columns[1:]))))
    return rounded(Table("Summary", say(lang, "gpc_summary"), columns, (*rows, total_row((say(lang, "total"),), rows))))


def _sum(source: Source, codes: list[str]) -> Value:
    return source.mass(kind="posting", gpc=tuple(codes)) if codes else Value(Fraction(0))


def _detail(source: Source, subsectors: Mapping[str, str], keys: Mapping[str, tuple[str, str]]) -> Table:
    lang = source.language
    columns = (
        column(lang, "code"), column(lang, "subsector"), column(lang, "key"), *gas_columns(lang),
        column(lang, "level"), column(lang, "explanation", "text"),
    )  # fmt: skip
    there, rows = set(_codes(source)), list[Row]()
    for code, title in {**subsectors, **{code: code for code in sorted(there - set(subsectors))}}.items():
        key, reason = keys.get(code, ("", "") if code in there else ("NE", say(lang, "no_entry")))
        title, reason = named(lang, title), named(lang, reason)
        if code in there:
            rows.append(Row((code, title, key, *gas_cells(source, kind="posting", gpc=code), _level(source, code), reason)))
        else:
            rows.append(Row((code, title, key, *[None] * 4, key, None, reason)))
    total: list[Cell] = [*total_row((say(lang, "total"), None, None), rows).cells[:8], None, None]
    body = (*rows, Row(tuple(total), tuple(range(len(rows)))))
    return rounded(Table("Detail", say(lang, "gpc_detail"), columns, body, (say(lang, "gpc_levels"),)))


def _level(source: Source, code: str) -> str:
    """H, M or L: no, up to a quarter, or more of the mass rests on estimates and substitutes, or of the entries is missing."""
    every = Fraction(source.mass(kind="posting", gpc=code).exact)
    weak = Fraction(source.mass(kind="posting", gpc=code, state=("estimated", "substituted")).exact)
    entries = Fraction(source.value("entries", kind="posting", gpc=code).exact)
    missing = Fraction(source.value("entries", kind="posting", gpc=code, state="missing").exact)
    share = max(abs(weak / every) if every else Fraction(0), missing / entries if entries else Fraction(0))
    return "H" if not share else "M" if share <= Fraction(1, 4) else "L"
