"""Is the ledger as it was sealed, and if not, where does it differ?"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carbon.ledger import files
from carbon.ledger.batch import COLUMNS, GENESIS, Header
from carbon.ledger.chain import extent, sealed
from carbon.ledger.container import same_frame
from carbon.ledger.contradictions import contradictions
from carbon.ledger.entries import Sealed
from carbon.ledger.mass import masses
from carbon.ledger.merkle import ROWS, digests, leaves, tree_root
from city.problems import PenstockError, Problem

_REMEDY = "Restore the batch from a copy whose root agrees."
_SHOWN = 20  # stretches of rows named of one batch


def verify(headers: Sequence[Header], folder: Path, root: str | None = None) -> tuple[Problem, ...]:
    """Every way in which batches differ from what was sealed, batch by batch; empty when they are sound.

    Finds edited, deleted, inserted and reordered batches, rows, lines, rules and headers, and says which; missing files; masses that
    their rules do not give; and, when all that is sound, `carbon.ledger.contradictions`. A tail cut off, or a whole ledger rewritten and
    sealed again, shows only against `root` [hex], the last root as it was signed, printed on a statement or kept elsewhere.
    """
    problems = chained(headers, root)
    for header in headers:
        subject = f"ledger batch {header.number}"
        try:
            data = files.mapped(files.file_of(folder, header.merkle), subject)
            problems += differences(data, header)
        except PenstockError as error:
            problems += error.problems
    return tuple(problems or contradictions([Sealed(header, folder) for header in headers]))


def chained(headers: Sequence[Header], root: str | None = None) -> list[Problem]:
    """Every way in which headers are no chain from number 0 to `root`."""
    problems = []
    for place, header in enumerate(headers):
        subject = f"ledger batch {header.number}"
        if header.number != place:
            problems.append(Problem(subject, f"in place {place}", f"batch {place}: batches lack or were moved", _REMEDY))
        if sealed(header).root != header.root:
            problems.append(Problem(subject, "its header does not give its root", f"root {header.root[:12]}", _REMEDY))
    for before, header in pairwise(headers):
        if header.previous != before.root:
            observed = f"sealed behind root {header.previous[:12]}"
            problems.append(Problem(f"ledger batch {header.number}", observed, f"root {before.root[:12]} of the batch before", _REMEDY))
        if header.known_at_utc < before.known_at_utc:
            problems.append(Problem(f"ledger batch {header.number}", "known before the batch it follows", "later batches later", _REMEDY))
    last = headers[-1].root if headers else GENESIS
    if root is not None and last != root:
        observed, remedy = f"{len(headers)} batches ending at root {last[:12]}", "Look for batches cut off, or rewritten and sealed again."
        problems.append(Problem("ledger", observed, f"the given root {root[:12]}", remedy))
    return problems


def differences(data: memoryview, header: Header) -> list[Problem]:
    """Every way in which the bytes of a file are not the batch that a header seals. Raises `PenstockError` for one that is no batch."""
    subject = f"ledger batch {header.number}"
    found = files.content(data, subject)
    made = digests(found.columns)
    problems = list(_places(made, found.digests, subject, len(found.columns["line"])))
    problems += _told(found, subject)
    if tree_root(leaves(bytes(found.members[files.ROWS]), found.dictionaries, made)) != header.merkle:
        observed = "lines, rules or entries rewritten" if not problems else "its content does not give its Merkle root"
        problems.append(Problem(subject, observed, f"Merkle root {header.merkle[:12]}", _REMEDY))
    elif not same_frame(data, found.members):
        problems.append(Problem(subject, "bytes of the file outside its data changed", "the file as it was written", _REMEDY))
    if (len(found.columns["line"]), *extent(found.columns)) != (header.rows, header.start, header.end):
        problems.append(
            Problem(subject, f"{len(found.columns['line'])} rows, other rows or times than sealed", f"{header.rows} rows", _REMEDY)
        )
    return problems or _wrong_masses(found, subject)


def _places(made: NDArray[np.uint8], kept: NDArray[np.uint8], subject: str, rows: int) -> Iterator[Problem]:
    """Columns and rows whose digest is not the one kept with them; neighbours of a column in one sentence."""
    differs = (made != kept).any(axis=2)
    told = 0
    for place, name in enumerate(COLUMNS):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], differs[:, place].astype(np.int8), [0]])))
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            told += 1
            if told <= _SHOWN:
                span = f"rows {first * ROWS} to {min(last * ROWS, rows) - 1}"
                yield Problem(f"{subject}, column {name}, {span}", "other values", "the values that were sealed", _REMEDY)


def _told(found: files.Content, subject: str) -> Iterator[Problem]:
    """What is wrong with lines, rules, and the counts and hashes that stand in rows.json."""
    kept, made = bytes(found.members[files.ROWS]), files.rows_json(found.columns, found.dictionaries)
    texts = [name for name, text in zip(files.DICTIONARIES, found.dictionaries, strict=True) if files.sha256(text).encode() not in kept]
    for name in texts:
        yield Problem(f"{subject}, {name}", "other text", "what was sealed", _REMEDY)
    if kept != made and not texts:
        yield Problem(f"{subject}, {files.ROWS}", kept.decode(errors="replace")[:200], made.decode()[:200], _REMEDY)


def _wrong_masses(found: files.Content, subject: str) -> list[Problem]:
    """Entries whose mass is not what their amount and rule give, or that have no line or rule."""
    lines, rules = files.parsed(found.dictionaries, subject)
    column: dict[str, Any] = found.columns
    if not len(column["line"]):
        return []
    if not all(int(column[name].min()) >= 0 and int(column[name].max()) < len(known) for name, known in (("line", lines), ("rule", rules))):
        return [Problem(subject, "entries without a line or a rule", "a line and a rule for each", _REMEDY)]
    try:
        wrong = np.flatnonzero(masses(column["amount"], column["rule"], rules) != column["mg"])
    except (TypeError, ValueError, OverflowError):
        return [Problem(f"{subject}, {files.DICTIONARIES[1]}", "ratios that are no whole numbers", "numerator and denominator", _REMEDY)]
    if not len(wrong):
        return []
    observed = f"{len(wrong)} masses that their rules do not give, the first in row {wrong[0]}"
    return [Problem(f"{subject}, column mg", observed, "amount x numerator / denominator, rounded half to even", "Restate these entries.")]
