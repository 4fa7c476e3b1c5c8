"""Numbers rounded to a printed unit so that printed rows add up to printed totals.

Guaranteed for a list (`largest_remainder`): the total is the exact total rounded half to even, every line is the next whole unit
below or above its exact value, and the lines add up to the total.

Guaranteed for a table of lines and columns (`controlled`): every cell, every row total, every column total and the grand
total is the next whole unit below or above its exact value (a value that is whole stays), every printed row adds up to its
printed total and every printed column to its own. A total need not be the nearest unit then: no rule can promise that for
both directions at once (Bacharach 1966; Cox 1987, "A constructive procedure for unbiased controlled rounding", JASA 82).
"""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

Exact = Fraction | int


def largest_remainder(values: Sequence[Exact], total: int | None = None) -> list[int]:
    """Whole numbers that add up to `total` (the rounded sum when None), by largest remainder; ties go to the first.

    `values` are exact, in printed units, of any sign. A given `total` must lie within one unit per fractional value of their
    sum, as it does when it was rounded with others by `controlled`.
    """
    exact = [Fraction(value) for value in values]
    floors = [floor(value) for value in exact]
    more = (round(sum(exact)) if total is None else total) - sum(floors)
    order = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for place in order[:more]:
        floors[place] += 1
    return floors


def controlled(values: Sequence[Sequence[Exact]]) -> list[list[int]]:
    """Whole numbers for a table of lines and columns, by moving fractions along cycles until none is left (Cox 1987).

    `values[r][c]` are exact, in printed units. Totals are the sums of what is returned.
    """
    if not values or not values[0]:
        return [[] for _ in values]
    whole = [[floor(value) for value in row] for row in values]
    part = _with_margins([[Fraction(v) - floor(v) for v in row] for row in values])
    while cycle := _cycle(part):
        _shift(part, cycle)
    return [[whole[r][c] + int(part[r][c]) for c in range(len(whole[0]))] for r in range(len(whole))]


def _with_margins(part: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    """The fractions bordered by what lifts each row, each column and the grand total to a whole number."""
    made = [[*row, -sum(row, Fraction(0)) % 1] for row in part]
    foot = [-sum((row[c] for row in part), Fraction(0)) % 1 for c in range(len(part[0]))]
    return [*made, [*foot, -sum(foot, Fraction(0)) % 1]]


def _cycle(part: list[list[Fraction]]) -> list[tuple[int, int]]:
    """Fractional cells in turn along a row and along a column, back to the first; empty when all cells are whole.

    Every row and column sum is whole, so a row or column with one fractional cell has another: a walk never gets stuck.
    """
    start = next(((r, c) for r, row in enumerate(part) for c, v in enumerate(row) if v.denominator > 1), None)
    if start is None:
        return []
    path, rows, columns = [start], dict[int, int](), dict[int, int]()
    while True:
        r, c = path[-1]
        if r in rows:
            return _closed(path, rows[r])
        rows[r] = len(path) - 1
        c = next(j for j, v in enumerate(part[r]) if j != c and v.denominator > 1)
        path.append((r, c))
        if c in columns:
            return _closed(path, columns[c])
        columns[c] = len(path) - 1
        r = next(i for i in range(len(part)) if i != r and part[i][c].denominator > 1)
        path.append((r, c))


def _closed(path: list[tuple[int, int]], first: int) -> list[tuple[int, int]]:
    """The part of the walk from `first` on that closes into a cycle of cells taken in turn with + and -."""
    cycle = path[first:]
    return cycle if len(cycle) % 2 == 0 else cycle[1:]


def _shift(part: list[list[Fraction]], cycle: list[tuple[int, int]]) -> None:
    """Add and take away one amount along the cycle, the smaller of the two that make a cell whole; sums stay as they are."""
    up = min(min(1 - part[r][c] for r, c in cycle[::2]), min(part[r][c] for r, c in cycle[1::2]))
    down = min(min(part[r][c] for r, c in cycle[::2]), min(1 - part[r][c] for r, c in cycle[1::2]))
    step = up if up <= down else -down
    for place, (r, c) in enumerate(cycle):
        part[r][c] += step if place % 2 == 0 else -step
