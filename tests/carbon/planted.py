"""Faults planted into shipped rows: one function per kind, each turning a shipped row into a faulty one, or giving none."""

import random
from collections.abc import Callable
from decimal import Decimal

Cells = dict[str, str]
Row = tuple[str, Cells]
Plant = Callable[[random.Random, list[Row], int], Cells | None]
POUND = Decimal("0.45359237")


def _number(value: Decimal, like: str) -> str:
    """As many significant digits as the value it takes the place of, as a person would write it."""
    digits = max(len(like.replace(".", "").lstrip("0")), 3)
    rounded = value.normalize().quantize(Decimal(1).scaleb(value.adjusted() - digits + 1))
    return format(rounded, "f")


def _times(row: Cells, ratio: Decimal) -> Cells:
    return {**row, "value": _number(Decimal(row["value"]) * ratio, row["value"])}


def _valued(row: Cells, other: Cells) -> Cells | None:
    return {**row, "value": other["value"]} if Decimal(other["value"]) != Decimal(row["value"]) else None


def _pick(rng: random.Random, rows: list[Row], row: Cells, like: Callable[[Cells], bool]) -> Cells | None:
    """The row with the value of a random other row of which `like` holds."""
    others = [other for _, other in rows if like(other) and Decimal(other["value"]) != Decimal(row["value"])]
    return {**row, "value": rng.choice(others)["value"]} if others else None


def thousand(rng: random.Random, rows: list[Row], at: int) -> Cells:
    row = rows[at][1]
    value = Decimal(row["value"]) * rng.choice((Decimal(1000), Decimal("0.001")))
    return {**row, "value": format(value.normalize(), "f")}


def year(rng: random.Random, rows: list[Row], at: int) -> Cells | None:
    row = rows[at][1]
    same = ("activity", "region", "gas", "unit")
    return None if row["activity"] == "GWP" else _pick(rng, rows, row, lambda o: o is not row and all(o[n] == row[n] for n in same))


def assessment(rng: random.Random, rows: list[Row], at: int) -> Cells | None:
    row = rows[at][1]
    return _pick(rng, rows, row, lambda o: o["gas"] == row["gas"] and o["activity"] == "GWP") if row["activity"] == "GWP" else None


def neighbour(rng: random.Random, rows: list[Row], at: int) -> Cells | None:
    row, beside = rows[at], at + rng.choice((-1, 1))
    if not 0 <= beside < len(rows) or rows[beside][0].split(":")[0] != row[0].split(":")[0] or rows[beside][1]["unit"] != row[1]["unit"]:
        return None
    return _valued(row[1], rows[beside][1])


def region(rng: random.Random, rows: list[Row], at: int) -> Cells | None:
    row = rows[at][1]
    same = ("gas", "unit", "valid_from")
    kind = row["id"].rsplit(".", 2)[0] if row["id"].startswith("cn.mee") else row["id"].rpartition(".")[0]
    return _pick(rng, rows, row, lambda o: o["region"] != row["region"] and o["id"].startswith(kind) and all(o[n] == row[n] for n in same))


def gas(rng: random.Random, rows: list[Row], at: int) -> Cells | None:
    row = rows[at][1]
    other = {"CO2": "CO2e", "CO2e": "CO2", "kg CO2e": "CO2"}.get(row["gas"])
    return {**row, "gas": other} if other and row["activity"] != "GWP" else None


def gas_and_unit(rng: random.Random, rows: list[Row], at: int) -> Cells | None:
    row = rows[at][1]
    if "CO2" not in row["unit"] or row["activity"] == "GWP":
        return None
    return {**row, "gas": "CO2e", "unit": "kgCO2e/kWh"} if row["unit"] == "kgCO2/kWh" else None


def footprint(rng: random.Random, rows: list[Row], at: int) -> Cells | None:
    """A life-cycle or upstream row in scope 1 or 2, or its value sold as the national grid's average."""
    row = rows[at][1]
    if row["scope"] == "PCF" or "WTT" in row["activity"]:
        return {**row, "scope": rng.choice("12")}
    if row["region"] == "CN" and row["activity"].startswith("grid electricity average"):
        return _pick(rng, rows, row, lambda o: o["scope"] == "PCF" and o["valid_from"] == row["valid_from"])
    return None


def superseded(rng: random.Random, rows: list[Row], at: int) -> Cells | None:
    row = rows[at][1]
    return {**row, "valid_to": rng.choice(("", "2025-12-31", "2026-12-31"))} if row["valid_to"] and row["valid_to"] < "2025" else None


def water(rng: random.Random, rows: list[Row], at: int) -> Cells | None:
    row = rows[at][1]
    words = row["activity"].casefold()
    if not words.startswith(("water supply", "water treatment")):
        return None
    return _pick(rng, rows, row, lambda o: o["unit"] == row["unit"] and o["activity"].casefold()[:9] in ("water sup", "water tre"))


def pound(rng: random.Random, rows: list[Row], at: int) -> Cells | None:
    row = rows[at][1]
    return _times(row, rng.choice((POUND, 1 / POUND))) if row["gas"] not in ("-",) and row["activity"] != "GWP" else None


def ton(rng: random.Random, rows: list[Row], at: int) -> Cells | None:
    row = rows[at][1]
    ratio = rng.choice((POUND * 2, POUND * Decimal("2.24")))
    return _times(row, rng.choice((ratio, 1 / ratio))) if row["unit"] in ("kg/tonnes", "kgce/kg", "kgce/t") else None


def heat_value(rng: random.Random, rows: list[Row], at: int) -> Cells | None:
    row = rows[at][1]
    other = {"kg/kWh (Net CV)": "kg/kWh (Gross CV)", "kg/kWh (Gross CV)": "kg/kWh (Net CV)"}.get(row["unit"])
    return _pick(rng, rows, row, lambda o: o["activity"] == row["activity"] and o["unit"] == other) if other else None


def unsourced(rng: random.Random, rows: list[Row], at: int) -> Cells:
    return {**rows[at][1], rng.choice(("source", "licence", "activity")): rng.choice(("", "-", "?"))}


def unverified(rng: random.Random, rows: list[Row], at: int) -> Cells:
    return {**rows[at][1], "status": rng.choice(("UNVERIFIED", "verified?", "", "UNVERIFIED-year"))}


def dates(rng: random.Random, rows: list[Row], at: int) -> Cells | None:
    row = rows[at][1]
    if not row["valid_to"]:
        return None
    return {**row, "valid_from": row["valid_to"], "valid_to": row["valid_from"]} if rng.random() < 0.5 else {**row, "valid_from": "1/1/22"}


def region_code(rng: random.Random, rows: list[Row], at: int) -> Cells:
    row = rows[at][1]
    return {**row, "region": rng.choice((row["region"].lower(), row["region"] + "X1", "CN-XX", "UK", "Zhejiang", ""))}


PLANTS: dict[str, Plant] = {
    plant.__name__: plant
    for plant in (
        thousand,
        year,
        assessment,
        neighbour,
        region,
        gas,
        gas_and_unit,
        footprint,
        superseded,
        water,
        pound,
        ton,
        heat_value,
        unsourced,
        unverified,
        dates,
        region_code,
    )
}
