"""What no posting and no restatement makes, however well sealed: entries that cannot be, reversals that take back something else."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from carbon.ledger.batch import NOTHING, Batch
from carbon.ledger.coverage import STATES, coverage
from carbon.ledger.entries import NUMBER, Sealed, ends, entry_id
from carbon.ledger.ledger import Ledger
from carbon.ledger.restate import doubled
from city.problems import PenstockError, Problem

CHUNK = 1 << 17  # rows at a time
_SAME = ("start", "seconds", "quality", "version", "counts")  # besides line and rule: what a reversal repeats
_MISSING = STATES.index("missing")
_SHOWN = 20  # entries named of one batch
_REMEDY = "Find out who wrote this batch, and restate its periods."


def contradictions(batches: Sequence[Sealed]) -> list[Problem]:
    """Entries of a whole chain, from batch 0, that contradict themselves or each other; each is named. Hashes are not looked at.

    An amount below zero or of a reading that is not usable, a period without length; a reversal that is not the negative of an earlier
    entry, or of one that is taken back already or takes back itself; a time of a point that counts twice; a further gas without a first.
    """
    problems: list[Problem] = []
    taken: set[int] = set()
    for place, one in enumerate(batches):
        batch, number = one.batch, one.header.number
        found = [(row, "a value that no reading gives") for row in _impossible(batch)]
        found = found or [*_reversals(batches, place, taken), *((row, "a further gas without its first") for row in _alone(batch))]
        problems += (Problem(f"ledger entry {entry_id(number, row)}", said, "what posting makes", _REMEDY) for row, said in found[:_SHOWN])
        earlier = Ledger(Ledger(tuple(batches[:place])).touching(one.header.start, one.header.end))
        if not found and (earlier.batches or not _apart(batch)):
            try:
                doubled(earlier, batch)
            except PenstockError as error:
                problems += (replace(problem, subject=f"ledger batch {number}, {problem.subject}") for problem in error.problems)
    return problems


def _impossible(batch: Batch) -> list[int]:
    rows: list[int] = []
    for first in range(0, batch.rows, CHUNK):
        part = {name: column[first : first + CHUNK] for name, column in batch.columns.items()}
        quality, amount = part["quality"], part["amount"]
        bad = (quality < 0) | (quality >= 1 << 16) | (part["counts"] < 0) | (part["counts"] > 1) | (part["seconds"] <= 0)
        bad |= (amount < 0) & (part["reverses"] == NOTHING)
        bad |= (amount != 0) & (coverage(quality & 0xFFFF) == _MISSING)
        rows += (first + np.flatnonzero(bad)[:_SHOWN]).tolist()
    return rows


def _apart(batch: Batch) -> bool:
    """Do the entries stand in an order that shows that no time of a line counts twice? Most that are posted do."""
    if len({(line.point_id, line.quantity) for line in batch.lines}) < len(batch.lines):
        return False
    for first in range(0, batch.rows, CHUNK):
        part = {name: column[max(first - 1, 0) : first + CHUNK] for name, column in batch.columns.items()}
        line, start = part["line"], part["start"]
        follows = (line[1:] > line[:-1]) | ((line[1:] == line[:-1]) & (start[1:] >= ends(part)[:-1]))
        if not follows.all():
            return False
    return True


def _alone(batch: Batch) -> list[int]:
    """Rows of further gases without the first one of the same line and start. A restatement may change one gas alone."""
    further = np.flatnonzero(batch.columns["counts"] == 0)
    if not len(further) or (batch.columns["reverses"] != NOTHING).any():
        return []
    line, start = batch.columns["line"], batch.columns["start"]
    first = np.flatnonzero((batch.columns["counts"] == 1) & np.isin(line, np.unique(line[further])))
    known = set(zip(line[first].tolist(), start[first].tolist(), strict=True))
    return [row for row in further.tolist() if (int(line[row]), int(start[row])) not in known]


def _reversals(batches: Sequence[Sealed], place: int, taken: set[int]) -> Iterator[tuple[int, str]]:
    """Rows that do not take back what they name; what they name goes into `taken`."""
    batch = batches[place].batch
    rows = np.flatnonzero(batch.columns["reverses"] != NOTHING)
    names = batch.columns["reverses"][rows]
    for number in np.unique(names // NUMBER).tolist():
        mine = names // NUMBER == number
        some, target = rows[mine], names[mine] % NUMBER
        if not 0 <= number < place or int(target.max()) >= batches[number].header.rows:
            yield from ((row, "takes back what is no earlier entry") for row in some.tolist())
            continue
        wrong = ~_opposite(batch, some, batches[number].batch, target)
        yield from ((row, f"is not the negative of {entry_id(number, back)}") for row, back in _pairs(some[wrong], target[wrong]))
        for row, back in _pairs(some, target):
            name = number * NUMBER + back
            if name in taken:
                yield row, f"takes back {entry_id(number, back)} again"
            taken.add(name)


def _pairs(rows: NDArray[np.intp], others: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    return zip(rows.tolist(), others.tolist(), strict=True)


def _opposite(batch: Batch, rows: NDArray[np.intp], old: Batch, others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool[n]: does each row of a batch say what the other batch's row says, amount and mass negated, and is that one no reversal?"""
    same = old.columns["reverses"][others] == NOTHING
    for name in _SAME:
        same &= batch.columns[name][rows] == old.columns[name][others]
    for name in ("amount", "mg"):
        same &= batch.columns[name][rows] == -old.columns[name][others]
    for name, mine, other in (("line", batch.lines, old.lines), ("rule", batch.rules, old.rules)):
        code: dict[Hashable, int] = {}
        new, before = (np.array([code.setdefault(value, len(code)) for value in values]) for values in (mine, other))
        same &= new[batch.columns[name][rows]] == before[old.columns[name][others]]
    return same
