"""Slips by 1000: values out of any span seen in nature, or far from comparable rows."""

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from statistics import median

from carbon.lint.rows import Finding, Row, Table

# Widest span [base unit] seen in nature or in print, by scope, what is counted, and per what. A slip by 1000 leaves the narrow
# ones from anywhere inside.
_SPANS: dict[tuple[str, str, str], tuple[str, str]] = {
    ("2", "kg", "kWh"): ("0.0025", "2"),
    ("PCF", "kg", "kWh"): ("0.0025", "2"),
    ("1", "kg", "kWh"): ("0.01", "3"),
    ("3", "kg", "m3"): ("0.006", "5"),
    ("2", "kg", "MJ"): ("0.0005", "0.4"),
    ("energy", "kgce", "kWh"): ("0.1", "0.6"),
    ("energy", "kgce", "m3"): ("0.1", "3"),
    ("energy", "kgce", "MJ"): ("0.03", "0.04"),
    ("1", "MJ", "m3"): ("3", "60"),
    ("1", "kgC", "MJ"): ("0.01", "0.04"),
    ("1", "1", "1"): ("0.5", "1"),
}
# Methane and nitrous oxide of combustion, IPCC 2006 vol. 2 tables 2.2 to 2.5: 0.3 to 900 and 0.03 to 15 kg/TJ with their limits.
_TRACE: dict[str, tuple[str, str]] = {"CH4": ("0.0000001", "0.002"), "N2O": ("0.00000001", "0.0001")}
_NONE = ("0", "1000000000")
_SLIP = 31  # about the square root of 1000: beyond it a value divided by 1000 lies nearer to its neighbours than itself
_REMEDY = "Look for a slip of the unit, kg for t or kWh for MWh."


def _family(row: Row) -> tuple[str, ...]:
    """What makes rows comparable: gas, base unit, and the activity without the place or product it is about."""
    gas = row.gas.split("-")[0] if row.family == "gwp" else row.gas  # CH4-fossil and CH4-non-fossil are neighbours of CH4
    return row.family, gas, *(row.per or ())


def _is_water_coal(row: Row) -> bool:
    """Water as a working medium is a thousandth of any fuel's standard coal per kilogram, and no slip."""
    return row.per is not None and row.per[0] == "kgce" and "water" in row.activity


def _span(row: Row) -> tuple[Fraction, Fraction]:
    if _is_water_coal(row) and row.per == ("kgce", "kg"):
        return Fraction("0.0001"), Fraction("0.001")
    if row.per == ("kg", "MJ") and row.gas in _TRACE:
        low, high = _TRACE[row.gas]
    elif row.gas in ("CO2", "CO2e", "-"):
        low, high = _SPANS.get((row["scope"], *(row.per or ("", ""))), _NONE)
    else:
        low, high = _NONE
    return Fraction(low), Fraction(high)


def slips(table: Table) -> Iterator[Finding]:
    """Values 1000 times too large or small (kg for t, kWh for MWh): out of any span, or far from the median of comparable rows.

    A family of two cannot say which of the two slipped, so both are named.
    """
    families: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for row in table.every:
        if row.base and not _is_water_coal(row):
            families[_family(row)].append(float(row.base))
    for row in table.rows:
        if not row.base or not row.unit:
            continue
        low, high = _span(row)
        if row.base < low or row.base > high:
            observed = f"{float(row.base):g} {row.unit.counts}/{row.unit.per}"
            yield row.finding("thousand", observed, f"{float(low):g} to {float(high):g}", _REMEDY)
        elif not _is_water_coal(row):
            others = list(families[_family(row)])
            others.remove(float(row.base))
            if others and not 1 / _SLIP < float(row.base) / median(others) < _SLIP:
                observed = f"{float(row.base):g} where {len(others)} comparable rows have a median of {median(others):g}"
                yield row.finding("thousand", observed, f"within a factor of {_SLIP}", _REMEDY, "warn")
