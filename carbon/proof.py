"""Proof that a ledger is as it was posted: hashes of whole columns, chained from batch to batch."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from city.frames import LEDGER, checked
from city.problems import Problem

GENESIS = "0" * 64  # the root before the first batch
_ABSENT = (2**32 - 1).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class Header:
    """What is kept of a batch beside its rows: number from 0, row count, hash of each column, root before and root after, hex."""

    number: int
    rows: int
    columns: tuple[tuple[str, str], ...]
    previous: str
    root: str


def column_bytes(column: pd.Series) -> bytes:
    """A column as bytes that do not depend on the library: int64 little-endian (times as us since 1970), text as length and UTF-8."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.astype("datetime64[us, UTC]").astype("int64").to_numpy(dtype="<i8").tobytes()
    if pd.api.types.is_integer_dtype(column.dtype):
        return column.to_numpy(dtype="<i8").tobytes()
    # Most text repeats: encode each distinct value once.
    codes, distinct = pd.factorize(column, use_na_sentinel=True)
    encoded = [len(raw).to_bytes(4, "little") + raw for raw in (str(text).encode() for text in distinct)]
    encoded.append(_ABSENT)  # code -1 takes the last
    return b"".join(encoded[code] for code in np.asarray(codes).tolist())


def _root(number: int, rows: int, columns: Sequence[tuple[str, str]], previous: str) -> str:
    text = "\n".join([previous, str(number), str(rows), *(f"{name} {digest}" for name, digest in columns)])
    return hashlib.sha256(text.encode()).hexdigest()


def seal(batch: pd.DataFrame, number: int = 0, previous: str = GENESIS) -> Header:
    """Header of a LEDGER frame posted after the batch whose root is `previous`. Hashes columns in the order of `city.frames.LEDGER`."""
    frame = checked(LEDGER, batch, f"ledger batch {number}")
    columns = tuple((name, hashlib.sha256(column_bytes(frame[name])).hexdigest()) for name in LEDGER.columns)
    return Header(number, len(frame), columns, previous, _root(number, len(frame), columns, previous))


def chain(batches: Sequence[pd.DataFrame]) -> tuple[Header, ...]:
    """Headers of batches in the order they were posted."""
    headers: list[Header] = []
    for number, batch in enumerate(batches):
        headers.append(seal(batch, number, headers[-1].root if headers else GENESIS))
    return tuple(headers)


def verify(batches: Sequence[tuple[Header, pd.DataFrame]], root: str | None = None) -> tuple[Problem, ...]:
    """Every way in which batches differ from what was sealed; empty when they are sound.

    Finds edited, deleted, inserted and reordered rows and batches. A tail cut off, or a rewrite hashed again throughout,
    shows only against `root`, the last root as printed on a statement or kept outside the store.
    """
    problems: list[Problem] = []
    remedy = "Restore the batch from a copy whose root agrees."
    previous = GENESIS
    for place, (header, batch) in enumerate(batches):
        subject = f"ledger batch {header.number}"
        if header.number != place or header.previous != previous:
            observed = f"in place {place}, after root {previous[:12]}"
            problems.append(Problem(subject, observed, f"in place {header.number}, after root {header.previous[:12]}", remedy))
        if header.root != _root(header.number, header.rows, header.columns, header.previous):
            problems.append(Problem(subject, "its header does not give its root", f"root {header.root[:12]}", remedy))
        if len(batch) != header.rows:
            problems.append(Problem(subject, f"{len(batch)} entries", f"{header.rows}", remedy))
        made = seal(batch, header.number, header.previous)
        sealed = dict(header.columns)
        if differing := [name for name, now in made.columns if sealed.get(name) != now]:
            problems.append(Problem(subject, f"other values in {', '.join(differing)}", "the values that were sealed", remedy))
        previous = header.root
    if root is not None and previous != root:
        observed = f"{len(batches)} batches ending at root {previous[:12]}"
        problems.append(
            Problem("ledger", observed, f"the given root {root[:12]}", "Look for batches cut off, or rewritten and sealed again.")
        )
    return tuple(problems)
