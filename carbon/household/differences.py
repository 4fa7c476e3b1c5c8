"""Which sums over homes may be told side by side, so that no subtraction of one from others tells fewer than k homes.

Suppressing sums over fewer than k homes is not enough: a sum over n homes and one over n - 1 of them are one home. So what is guarded
is every linear combination of the sums that are open: each rests on no home at all, or on at least k of them. Sums are
taken up in a fixed order, most homes first, then by name; one that would make a telling combination stays closed (complementary
suppression). A sum that follows from open ones tells nothing new and is open. The order in which they are given changes nothing.

How it is decided: points that stand in the same sums with the same factors form a cell. A combination over fewer than k homes cannot
contain a cell of k homes or more, so these large cells are eliminated first (Gauss-Jordan, in fractions): where one is left
in a new sum, no combination with it is small. What has only small cells left is looked at combination by combination: those with as
few cells as possible, each being zero on as many cells as it has degrees of freedom less one. Where that would take too many
looks, the sum stays closed.
References: L. Willenborg and T. de Waal, Elements of Statistical Disclosure Control, 2001, chapter 6 (secondary suppression);
J. Oxley, Matroid Theory, 2011, section 2.1 (cocircuits: the combinations of smallest support).
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import comb

MOST_LOOKS = 1_000  # at combinations of small cells, for one sum; a look costs some tenths of a millisecond
MOST_IN_ALL = 20_000
Row = dict[int, Fraction]  # cell -> factor; no zeros
Sum = Mapping[str, float]  # point of a home -> factor


def tellable(sums: Mapping[str, Sum], home_of: Mapping[str, str], k: int, measured: Mapping[str, Sum] | None = None) -> frozenset[str]:
    """Names of the sums that may be told together.

    `sums` {name: {point of a home: factor}}; what else a sum has is known to everybody and left out. `home_of` {point: home}; k [homes].
    `measured`: what a meter above homes shows of them, told in any case and therefore taken up before all sums; one that cannot stand
    beside those before it guards nothing.
    """
    first = _ordered(measured or {}, home_of)
    order = first + _ordered(sums, home_of)
    cells, rows = _cells([given for _, given in order], home_of, k)
    family, found = _Family(cells, k), set()
    for number, ((name, _), row) in enumerate(zip(order, rows, strict=True)):
        if family.takes(row) and number >= len(first):
            found.add(name)
    return frozenset(found)


def _ordered(sums: Mapping[str, Sum], home_of: Mapping[str, str]) -> list[tuple[str, Sum]]:
    """Most homes first, then by name."""
    return sorted(sums.items(), key=lambda item: (-len({home_of[point] for point in item[1]}), item[0]))


def _cells(sums: Sequence[Sum], home_of: Mapping[str, str], k: int) -> tuple[list[set[str]], list[Row]]:
    """The homes of each cell (of a large one k of them stand for all), large cells first, and the sums by cell."""
    stands: dict[str, list[tuple[int, float]]] = {}
    for number, given in enumerate(sums):
        for point, factor in given.items():
            if factor:
                stands.setdefault(point, []).append((number, factor))
    homes: dict[tuple[tuple[int, float], ...], set[str]] = {}
    for point, where in stands.items():
        own = homes.setdefault(tuple(where), set())
        if len(own) < k:
            own.add(home_of[point])
    keys = sorted(homes, key=lambda key: (len(homes[key]) < k, key))
    rows: list[Row] = [{} for _ in sums]
    for cell, key in enumerate(keys):
        for number, factor in key:
            rows[number][cell] = Fraction(factor)
    return [homes[key] for key in keys], rows


class _Family:
    """Sums that stand beside each other, as a reduced basis of all their combinations: {cell: row that alone has it}."""

    def __init__(self, cells: Sequence[set[str]], k: int) -> None:
        self._cells, self._k = cells, k
        self._basis: dict[int, Row] = {}
        self._left = MOST_IN_ALL

    def takes(self, row: Row) -> bool:
        """Take a sum up, unless a combination with it would rest on some, but fewer than k homes."""
        left = dict(row)
        for cell in [cell for cell in row if cell in self._basis]:
            _subtract(left, row[cell], self._basis[cell])
        if not left:
            return True
        pivot = min(left)
        left = {cell: factor / left[pivot] for cell, factor in left.items()}
        if self._small(pivot) and not self._harmless(left):
            return False
        for other in self._basis.values():
            if pivot in other:
                _subtract(other, other[pivot], left)
        self._basis[pivot] = left
        return True

    def _small(self, cell: int) -> bool:
        return len(self._cells[cell]) < self._k

    def _harmless(self, row: Row) -> bool:
        """Does every combination of a row of small cells with the open sums rest on k homes or more?"""
        joined, waiting = [row], [one for cell, one in self._basis.items() if self._small(cell)]
        cells = set(row)
        while touching := [one for one in waiting if not cells.isdisjoint(one)]:  # nothing else can shorten it
            waiting = [one for one in waiting if cells.isdisjoint(one)]
            joined += touching
            cells.update(*touching)
        if any(self._tells(one) for one in joined):
            return False
        kinds = sorted({_direction(tuple(one.get(cell, Fraction(0)) for one in joined)) for cell in cells})
        if (needed := comb(len(kinds), len(joined) - 1)) > min(MOST_LOOKS, self._left):
            return False
        self._left -= needed
        looks = (_orthogonal(some, len(joined)) for some in combinations(kinds, len(joined) - 1))
        return not any(self._tells(_combined(joined, weights)) for weights in looks if weights is not None)

    def _tells(self, cells: Iterable[int]) -> bool:
        """Are the homes of these cells some, but fewer than k?"""
        homes: set[str] = set()
        for cell in cells:
            homes |= self._cells[cell]
            if len(homes) >= self._k:
                return False
        return bool(homes)


def _subtract(row: Row, times: Fraction, other: Row) -> None:
    """row - times x other, in place."""
    for cell, factor in other.items():
        if value := row.get(cell, 0) - times * factor:
            row[cell] = value
        else:
            row.pop(cell, None)


def _combined(rows: Sequence[Row], weights: Sequence[Fraction]) -> Row:
    total: Row = {}
    for row, weight in zip(rows, weights, strict=True):
        _subtract(total, -weight, row)
    return total


def _direction(vector: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
    """The vector up to a factor: its first number other than zero is 1."""
    lead = next(value for value in vector if value)
    return tuple(value / lead for value in vector)


def _orthogonal(vectors: Sequence[tuple[Fraction, ...]], length: int) -> list[Fraction] | None:
    """The one direction orthogonal to length - 1 independent vectors; None when they depend on each other."""
    basis: dict[int, Row] = {}
    for vector in vectors:
        row = {i: value for i, value in enumerate(vector) if value}
        for pivot in [i for i in row if i in basis]:
            _subtract(row, row[pivot], basis[pivot])
        if not row:
            return None
        lead = min(row)
        row = {i: value / row[lead] for i, value in row.items()}
        for other in basis.values():
            if lead in other:
                _subtract(other, other[lead], row)
        basis[lead] = row
    (free,) = set(range(length)) - basis.keys()
    return [Fraction(1) if i == free else -basis[i].get(free, Fraction(0)) for i in range(length)]
