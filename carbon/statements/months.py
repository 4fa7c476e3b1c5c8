"""Carbon and target statements as CSV and XLSX: every line with its factor, source and coverage; same input, same bytes."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd

from carbon.accounts import Account, apply, covers
from carbon.factors import Factor
from carbon.ledger.batch import Rule
from carbon.statements.sheets import Cell, Formula, Table, write_csv, write_xlsx
from carbon.summary import SUMMED, per_account, total
from carbon.targets.progress import Progress
from carbon.targets.target import Target
from city.clock import local

_KEYS = ("level", "site", "sector", "account", "activity", "scope", "month")
_SUMS = (
    "electricity_kwh",
    "own_renewable_kwh",
    "gas_m3",
    "water_m3",
    "water_loss_m3",
    "t_co2e",
    "t_co2e_outside",
    "measured",
    "estimated",
    "missing",
)
_TAIL = ("usable_percent", "gas", "factor", "source", "note", "ledger_root")
Line = Mapping[Hashable, Any]  # one row of carbon.summary
HEADER = (*_KEYS, *_SUMS, *_TAIL)
# Decimal places of the stored integers: Wh -> kWh, mL -> m3, mg -> t.
_PLACES = dict(zip(SUMMED, (3, 3, 6, 6, 6, 9, 9, 0, 0, 0), strict=True))


@dataclass(frozen=True)
class Statement:
    """What the writers print: sums per account and month and per account and day, the rules behind them, and the ledger's root."""

    months: pd.DataFrame
    days: pd.DataFrame
    rules: dict[tuple[str, str], tuple[Rule, Account, date]]
    zone: str
    root: str
    factors: dict[str, Factor]

    def parts(self, rule: Rule) -> list[Factor]:
        return [self.factors[name] for name, _ in rule.parts]


def statement(ledger: pd.DataFrame, accounts: Sequence[Account], factors: tuple[Factor, ...], *, zone: str, root: str) -> Statement:
    """The statement of a LEDGER frame, months and days civil in `zone`; `root` is the last root of `carbon.proof` [hex]."""
    books = {account.id: account for account in accounts}
    first = ledger.sort_values("period_start_utc").drop_duplicates(["account_id", "factor_id"])
    days = local(pd.DatetimeIndex(first["period_start_utc"]), zone)
    rules = {}
    for account_id, factor_id, day in zip(first["account_id"], first["factor_id"], days, strict=True):
        book = books.get(account_id)
        if book is not None:
            rules[account_id, factor_id] = (apply(book, factors, day.date())[0], book, day.date())
    return Statement(
        per_account(ledger, accounts, zone), per_account(ledger, accounts, zone, "D"), rules, zone, root, {f.id: f for f in factors}
    )


def _exact(number: int, places: int) -> Decimal | int:
    return Decimal(int(number)).scaleb(-places) if places else int(number)


def _sums(row: Line) -> list[Cell]:
    return [_exact(row[name], _PLACES[name]) for name in SUMMED]


def _usable_percent(row: Line) -> Decimal:
    entries = int(row["measured"] + row["estimated"] + row["missing"])
    usable = Decimal(int(row["measured"] + row["estimated"]))
    return (usable * 100 / entries if entries else Decimal(0)).quantize(Decimal("0.01"))


def _note(rule: Rule, parts: Sequence[Factor], account: Account, on: date) -> str:
    """The account's note, led by a warning where a factor is used outside the region or years it was published for."""
    strange = [part.id for part in parts if not (covers(part, account.region) and part.valid_on(on))]
    warning = f"OUTSIDE ITS REGION OR YEARS: {', '.join(strange)}. " if strange else ""
    plain = "volume only: its energy is in the electricity of the pumps" if rule.kind == "memo" and account.carrier == "water" else ""
    return warning + (account.note or plain)


def _rows(made: Statement) -> list[list[Cell]]:
    """Account lines, then sites, sectors and the city; sums of the printed lines are the printed totals, exactly."""
    rows: list[list[Cell]] = []
    for line in made.months.to_dict("records"):
        rule, account, on = made.rules.get((line["account_id"], line["factor_id"]), (None, None, None))
        source = "; ".join(f"{part.id}: {part.source}" for part in made.parts(rule)) if rule else "no entry"
        note = _note(rule, made.parts(rule), account, on) if rule and account and on else "no entry in this month"
        gas = rule.gas if rule else "-"
        keys = ["account", line["site"], line["sector"], line["account_id"], line["activity"], int(line["scope"]), line["period"]]
        rows.append([*keys, *_sums(line), _usable_percent(line), gas, line["factor_id"], source, note, made.root])
    for level, by in (("site", ["site"]), ("sector", ["sector"]), ("city", [])):
        for line in total(made.months, by).to_dict("records"):
            site, sector = (str(line[name]) if name in by else "" for name in ("site", "sector"))
            tail: list[Cell] = ["", "", "", "", made.root]
            rows.append([level, site, sector, "", "", "", line["period"], *_sums(line), _usable_percent(line), *tail])
    return rows


def _with_formulas(rows: list[list[Cell]], first_row: int) -> list[list[Cell]]:
    """The same rows with totals as live formulas over the account lines above them."""
    lines = sum(row[0] == "account" for row in rows)
    top, bottom = first_row, first_row + lines - 1

    def same(column: str, at: int) -> str:
        return f"EXACT(${column}${top}:${column}${bottom},${column}{at})"

    made = [list(row) for row in rows]
    for place, row in enumerate(made[lines:], lines):
        at = first_row + place
        tests = {"site": [same("B", at)], "sector": [same("C", at)], "city": []}[str(row[0])] + [same("G", at)]
        for index in range(len(_KEYS), len(_KEYS) + len(_SUMS)):
            value = row[index]
            if isinstance(value, Decimal | int):
                column = chr(ord("A") + index)
                row[index] = Formula(f"=SUMPRODUCT({'*'.join(tests)}*{column}${top}:{column}${bottom})", value)
    return made


def _days(made: Statement) -> Table:
    """The drill-down: sums of entries per account and civil day."""
    header = ("account", "day", "factor", *_SUMS, "usable_percent")
    rows = [
        [line["account_id"], line["period"], line["factor_id"], *_sums(line), _usable_percent(line)]
        for line in made.days.to_dict("records")
    ]
    return Table("Entries", header, rows)


def decimal_of(ratio: Fraction, digits: int = 12) -> Decimal:
    """A ratio as a decimal of `digits` places, rounded half to even."""
    return Decimal(round(ratio * 10**digits)).scaleb(-digits)


def _factors(made: Statement) -> Table:
    """Every published number behind the entries, one row per rule and number."""
    header = (
        "factor",
        "gas",
        "kg_per_unit",
        "unit",
        "account",
        "part",
        "value",
        "part_unit",
        "region",
        "valid",
        "source",
        "licence",
        "status",
    )
    rows: list[list[Cell]] = []
    for (account_id, factor_id), (rule, account, _) in sorted(made.rules.items()):
        head: list[Cell] = [
            factor_id,
            rule.gas,
            decimal_of(Fraction(rule.numerator * account.quantity.scale, rule.denominator * 1_000_000)),
            f"kg/{account.quantity.unit}",
            account_id,
        ]
        rows += [
            [*head, f.id, f.value, f.unit, f.region, f.validity, f.source, f.licence, f.status, f.sha256, rule.note]
            for f in made.parts(rule)
        ]
    return Table("Factors", (*header, "sha256", "note"), rows)


def _statement_table(made: Statement, formulas: bool) -> Table:
    notes = (
        f"Carbon statement, months in {made.zone}; ledger root {made.root}",
        "t_co2e is in the city's sum; t_co2e_outside stands beside it. Missing entries weigh nothing: see usable_percent.",
        "Each entry is rounded once to whole milligrams, half to even; every total is the sum of its printed lines.",
    )
    table = Table("Statement", HEADER, _rows(made), notes)
    return Table(table.name, HEADER, _with_formulas(list(map(list, table.rows)), table.first_row), notes) if formulas else table


def write_statement_csv(made: Statement, folder: Path) -> tuple[Path, ...]:
    """Write statement.csv, entries.csv and factors.csv into `folder`; the same statement gives the same bytes."""
    tables = {"statement": _statement_table(made, formulas=False), "entries": _days(made), "factors": _factors(made)}
    return tuple(write_csv(folder / f"{name}.csv", table) for name, table in tables.items())


def write_statement_xlsx(made: Statement, path: Path) -> Path:
    """Write sheets Statement (totals as live formulas), Entries and Factors; the same statement gives the same bytes."""
    return write_xlsx(path, (_statement_table(made, formulas=True), _days(made), _factors(made)))


def _target_table(report: Sequence[tuple[Target, Progress]], root: str) -> Table:
    header = ("target", "measure", "unit", "base_year", "base_value", "year", "required", "actual", "gap", "on_path")
    six = Decimal("0.000001")
    rows: list[list[Cell]] = []
    for target, now in report:
        numbers = [value.quantize(six) for value in (now.required, now.actual, now.gap)]
        head: list[Cell] = [target.id, target.measure, target.unit, target.base_year, target.base_value, now.year]
        rows.append([*head, *numbers, "yes" if now.on_path else "no", now.sentence, root])
    return Table("Targets", (*header, "sentence", "ledger_root"), rows, ("Targets against their paths; ledger root " + root,))


def _path_table(report: Sequence[tuple[Target, Progress]]) -> Table:
    rows: list[list[Cell]] = [
        [target.id, year, target.required(year).quantize(Decimal("0.000001")), target.unit]
        for target, _ in report
        for year in range(target.base_year, max(target.milestones) + 1)
    ]
    return Table("Paths", ("target", "year", "required", "unit"), rows)


def write_targets(report: Sequence[tuple[Target, Progress]], folder: Path, *, root: str = "") -> tuple[Path, ...]:
    """Write targets.csv, target_paths.csv and targets.xlsx into `folder`; `root` is the ledger root the actual values rest on."""
    table, paths = _target_table(report, root), _path_table(report)
    return (
        write_csv(folder / "targets.csv", table),
        write_csv(folder / "target_paths.csv", paths),
        write_xlsx(folder / "targets.xlsx", (table, paths)),
    )
