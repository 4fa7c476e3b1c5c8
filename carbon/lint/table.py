"""Rules that compare the rows of a table with each other; they need no publication."""

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise

from carbon.lint.rows import Finding, Row, Table

# Largest change from one year to the next in the shipped series: 0.785 (Guangxi 2022) and 1.242 (Yunnan 2023).
_YEAR_ON_YEAR = (0.7, 1.35)
_LEAST_YEARLY = 3  # rows of single years that make a kind a yearly one
_LEAST_DIGITS = 4  # a value of fewer digits may well be printed twice
_MOST = 200  # rows of one thing that are compared each with each: 55 in the shipped sets, and no table has more by right
_NET_OVER_GROSS = (1.02, 1.2)  # coal and oil 1.05, liquefied gas 1.08, natural gas 1.11


def _groups(table: Table, key: Callable[[Row], tuple[object, ...]], most: int = sys.maxsize) -> list[list[Row]]:
    """Rows of one key, where at least two and at most `most` are, and one of them is not yet published."""
    kept: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in table.every:
        kept[key(row)].append(row)
    return [rows for rows in kept.values() if 1 < len(rows) <= most and table.own(*rows)]


def _digits(row: Row) -> int:
    return len(row["value"].replace(".", "").strip("0"))


def competing(table: Table) -> Iterator[Finding]:
    """Two rows for the same thing at the same time, so that none can be chosen; an older one that never ends is superseded."""
    for rows in _groups(table, lambda row: row.series):
        by_years = sorted(rows, key=lambda row: row.years)
        latest = by_years[0]  # of the rows before, the one that ends last
        for row in by_years[1:]:
            if row["id"] != latest["id"] and row.years[0] <= latest.years[1]:
                yield from _compete(table, latest, row)
            latest = max(latest, row, key=lambda one: (one.years[1], one.years[0]))


def _compete(table: Table, first: Row, second: Row) -> Iterator[Finding]:
    if first.years[0] == second.years[0]:
        for row in table.own(second, first)[:1]:
            other = first if row is second else second
            observed = f"counts the same as '{other['id']}' ({other.place}) for the same years"
            yield row.finding("duplicate", observed, "one factor per activity, region, gas, unit and day", "Remove one of them.")
    else:
        for row in table.own(first):
            observed = f"valid to {row['valid_to'] or 'no end'} although '{second['id']}' follows from {second['valid_from']}"
            yield row.finding("superseded", observed, "an end before the newer one begins", "End its validity.")


def open_ends(table: Table) -> Iterator[Finding]:
    """A factor without an end among factors of single years: next year it would be used silently."""
    for rows in _groups(table, lambda row: (row.family, row.gas, row["unit"])):
        yearly = [row for row in rows if row.years[0] == row.years[1]]
        for row in table.own(*rows):
            if row.years[0] != row.years[1] and len(yearly) >= max(len(rows) - 1, _LEAST_YEARLY):
                observed = f"valid {row['valid_from'] or '...'} to {row['valid_to'] or '...'}"
                yield row.finding("superseded", observed, "one year, as the others of its kind", "End it with its year.", "warn")


def gaps(table: Table) -> Iterator[Finding]:
    """Years left out of a yearly series."""
    for rows in _groups(table, lambda row: row.series):
        yearly = sorted((row for row in rows if row.years[0] == row.years[1]), key=lambda row: row.years)
        for before, after in pairwise(yearly):
            for row in table.own(after, before):
                if after.years[0] > before.years[0] + 1:
                    lacking = f"{before.years[0] + 1}" + (f" to {after.years[0] - 1}" if after.years[0] > before.years[0] + 2 else "")
                    observed = f"no value for {lacking} between {before.years[0]} and {after.years[0]}"
                    yield row.finding(
                        "gap", observed, "every year of the series", "Add the years, or say in the source why there is none.", "warn"
                    )
                    break


def units_of_one_thing(table: Table) -> Iterator[Finding]:
    """One thing in several units: net above gross, the same amount per m3 and per litre."""
    for rows in _groups(table, lambda row: (row.activity, row.gas, row["region"], row.years), _MOST):
        for first, second in combinations((row for row in rows if row.base and row["unit"]), 2):
            if not first.base or not second.base:
                continue
            pers = {row.per[1]: row for row in (first, second) if row.per}
            if first.per == second.per and first["unit"] != second["unit"]:
                if abs(first.base - second.base) > first.half_digit + second.half_digit:
                    yield from _each(table, "unit twins", first, second, "the same amount in either unit")
            elif set(pers) == {"kWh_net", "kWh_gross"}:
                net, gross = pers["kWh_net"], pers["kWh_gross"]
                ratio = (net.base or 0) / (gross.base or 1)
                if not _NET_OVER_GROSS[0] < ratio < _NET_OVER_GROSS[1]:
                    yield from _each(table, "heat value", net, gross, "per net kWh 2 to 20 % more than per gross kWh")


def _each(table: Table, rule: str, first: Row, second: Row, allowed: str) -> Iterator[Finding]:
    observed = f"{first['value']} {first['unit']} and {second['value']} {second['unit']}"
    for row in table.own(first, second):
        yield row.finding(rule, observed, allowed, "Compare both with the source; look for exchanged columns.")


def parts(table: Table) -> Iterator[Finding]:
    """CO2e below the CO2 in it, or CO2 printed under both names."""
    for rows in _groups(table, lambda row: (row.activity, row.per, row["region"], row.years), _MOST):
        sums = [row for row in rows if row.gas == "CO2e"]
        for total in sums:
            for part in rows:
                less = total.base and part.base and total.base < part.base - part.half_digit
                if (part.gas == "CO2" or part.gas.startswith("CO2e of CO2")) and less:
                    yield from _each(table, "gas", total, part, "CO2e at least as much as the CO2 in it")


def odd_gas(table: Table) -> Iterator[Finding]:
    """One row of CO2e among rows of CO2 of one activity, or the reverse."""
    for rows in _groups(table, lambda row: (row.family, row.per)):
        counts = Counter(row.gas for row in rows if row.gas in ("CO2", "CO2e"))
        if len(counts) < 2 or len(rows) < 3:
            continue
        usual, rare = (gas for gas, _ in counts.most_common(2))
        for row in table.own(*rows):
            if row.gas == rare and counts[rare] * 3 <= counts[usual]:
                observed = f"{rare} where {counts[usual]} rows of this activity are {usual}"
                yield row.finding("gas", observed, usual, "Look into the source: CO2e includes methane and nitrous oxide.", "warn")


def repeated(table: Table) -> Iterator[Finding]:
    """The same number for two regions in one year, or for two years of one region: more often copied than measured."""
    yield from _repeats(table, "year", lambda row: row["region"], lambda row: row.years)
    yield from _repeats(table, "region", lambda row: row.years, lambda row: row["region"])


def _repeats(table: Table, rule: str, same: Callable[[Row], object], apart: Callable[[Row], object]) -> Iterator[Finding]:
    for rows in _groups(table, lambda row: (row.family, row["scope"], row.gas, row["unit"], row.base, same(row))):
        firsts: dict[object, Row] = {}
        for row in rows:
            firsts.setdefault(apart(row), row)
        if rows[0]["scope"] != "2" or _digits(rows[0]) < _LEAST_DIGITS or len(firsts) < 2:
            continue
        for row in table.own(*rows):
            other = next(first for place, first in firsts.items() if place != apart(row))
            yield row.finding(
                rule, f"{row['value']}, exactly as '{other['id']}'", "a number of its own", "Compare both with the source.", "warn"
            )


def jumps(table: Table) -> Iterator[Finding]:
    """A yearly series that leaps further than any shipped one; the row that stands off its neighbours on both sides is named."""
    low, high = _YEAR_ON_YEAR
    for rows in _groups(table, lambda row: row.series, _MOST):
        yearly = sorted((row for row in rows if row.base and row.years[0] == row.years[1]), key=lambda row: row.years)
        leaps: Counter[int] = Counter()
        for i, j in combinations(range(len(yearly)), 2):
            gap = yearly[j].years[0] - yearly[i].years[0]
            ratio = float((yearly[j].base or 1) / (yearly[i].base or 1))
            if 0 < gap <= 2 and not low**gap < ratio < high**gap:
                leaps.update((i, j))
        for i, row in enumerate(yearly):
            if leaps[i] and leaps[i] == max(leaps.values()):
                for own in table.own(row):
                    others = ", ".join(f"{other['value']} in {other.years[0]}" for other in yearly if other is not row)
                    allowed = f"{low} to {high} times the year before"
                    yield own.finding(
                        "jump", f"{own['value']} beside {others}", allowed, "Compare with the source: year, region, unit.", "warn"
                    )
