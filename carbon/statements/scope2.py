"""Scope 2 on both bases, and the certificates and contracts behind the market-based one.

Reference: GHG Protocol Scope 2 Guidance (2015), chapters 6 and 7: both totals are reported, with what the market-based one rests on.
"""

from fractions import Fraction

import pandas as pd

from carbon.statements.document import Cell, Column, Row, Table, Value, rounded
from carbon.statements.source import MG_PER_T, Source
from carbon.statements.totals import total_row
from carbon.statements.vocabulary import told
from carbon.statements.words import column, say

_WH_PER_KWH = 1000
_PLACES = 3  # of tonnes
_POSTING = {"kind": "posting"}
_COVERED = ("own_wh", "instruments_wh", "supplier_wh", "residual_wh")  # together the consumption
_AMOUNTS = ("consumption_wh", *_COVERED, "matched_wh")


def both_totals(source: Source, dual: pd.DataFrame) -> Table:
    """The inventory's total on each basis: electricity of scope 2 location-based, and market-based in its place."""
    lang = source.language
    scopes = [source.mass(scope=n, **_POSTING) for n in (1, 2, 3)]
    change = Fraction(int(dual["market_mg"].sum()) - int(dual["location_mg"].sum()), MG_PER_T)
    keys = ("scope1", "scope2", "scope3")
    columns = (column(lang, "basis"), *(column(lang, key, "number", "tCO2e", _PLACES) for key in keys))
    columns += (Column("all", say(lang, "total"), "number", "tCO2e", _PLACES, keys),)
    market = [scopes[0], Value(Fraction(scopes[1].exact) + change), scopes[2]]
    rows = [
        Row((say(lang, "location_mg"), *scopes, source.mass(**_POSTING))),
        Row((say(lang, "market_mg"), *market, Value(Fraction(source.mass(**_POSTING).exact) + change))),
    ]
    return rounded(Table("Both bases", say(lang, "both_totals"), columns, tuple(rows)))


def two_bases(source: Source, dual: pd.DataFrame) -> Table:
    """Scope 2 electricity by account: location-based beside market-based, and what covers it; rules for the rest as numbered notes."""
    lang = source.language
    amounts = [name for name in _AMOUNTS if name in dual]
    dual = dual.assign(market_rule=dual["market_rule"].str.replace(r" on \d{4}-\d\d-\d\d", "", regex=True))  # said once, not each month
    rules = sorted(set(dual["market_rule"]))
    columns = [column(lang, "account")]
    parts = tuple(name.removesuffix("_wh") for name in _COVERED if name in dual)
    adds = {"consumption_wh": parts}
    columns += [Column(name.removesuffix("_wh"), say(lang, name), "number", "kWh", 0, adds.get(name, ())) for name in amounts]
    columns += [Column(name.removesuffix("_mg"), say(lang, name), "number", "tCO2e", _PLACES) for name in ("location_mg", "market_mg")]
    rows = []
    for account, group in dual.groupby("account_id", sort=True):
        where = {"account_id": str(account), **_POSTING}
        cells: list[Cell] = [str(account), *(Value(Fraction(int(group[name].sum()), _WH_PER_KWH)) for name in amounts)]
        cells += [Value(Fraction(int(group["location_mg"].sum()), MG_PER_T), str(source.address(source.co2e, **where)))]
        cells += [Value(Fraction(int(group["market_mg"].sum()), MG_PER_T))]
        rows.append(Row((*cells, " ".join(f"({rules.index(rule) + 1})" for rule in sorted(set(group["market_rule"]))))))
    notes = (say(lang, "two_bases_note"), *(f"({number}) {told(lang, rule)}" for number, rule in enumerate(rules, 1)))
    total = total_row((say(lang, "total"),), rows) if rows else None
    body = (*rows, Row((*total.cells[:-1], None), total.of)) if total else ()
    return rounded(Table("Scope 2", say(lang, "two_bases"), (*columns, column(lang, "market_rule")), body, notes))


def instruments(source: Source, used: pd.DataFrame) -> Table:
    """What each retired certificate and contract covers, once."""
    lang = source.language
    texts = ("instrument_id", "type", "account_id", "period", "beneficiary", "retired_on", "serials")
    columns = (*(column(lang, name) for name in texts), column(lang, "wh", "number", "kWh", 3))
    rows = [
        Row(
            (
                *(told(lang, str(row.get(name, ""))) if name in ("type", "serials") else str(row.get(name, "")) for name in texts),
                Value(Fraction(int(row["wh"]), _WH_PER_KWH)),
            )
        )
        for row in used.to_dict("records")
    ]
    body = (*rows, total_row((say(lang, "total"), *[None] * (len(texts) - 1)), rows)) if rows else ()
    return rounded(Table("Instruments", say(lang, "instruments"), columns, body))
