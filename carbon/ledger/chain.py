"""Headers: each batch sealed behind the one before."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carbon.ledger.batch import GENESIS, Batch, Header, same_throughout
from carbon.ledger.civil import micros
from carbon.ledger.files import merkle_root, write
from carbon.ledger.merkle import chain_root
from city.problems import fault


def append(batch: Batch, folder: Path, after: Header | None = None, genesis: str = GENESIS) -> Header:
    """Write a batch into a folder and seal it, as `seal` does."""
    return seal(batch, after, genesis, write(batch, folder))


def seal(batch: Batch, after: Header | None = None, genesis: str = GENESIS, merkle: str = "") -> Header:
    """The header of a batch behind the header `after`, or of the first one, behind the root `genesis` of a former ledger.

    `merkle` is the batch's Merkle root where it is known already [hex]. Raises `PenstockError` when the batch is said to be known before
    the one it follows.
    """
    if after is not None and batch.known_at_utc < after.known_at_utc:
        observed, allowed = (
            f"known at {batch.known_at_utc.isoformat()}",
            f"not before batch {after.number}, {after.known_at_utc.isoformat()}",
        )
        raise fault("ledger batch", observed, allowed, "Check the clock.")
    number, previous = (after.number + 1, after.root) if after else (0, genesis)
    first, last = extent(batch.columns)
    made = Header(number, batch.rows, first, last, batch.known_at_utc, batch.reason, previous, merkle or merkle_root(batch), "")
    return sealed(made)


def extent(columns: Mapping[str, NDArray[Any]]) -> tuple[int, int]:
    """The earliest start and the latest end of a period [us since 1970 UTC]; 0 and 0 without rows."""
    start, seconds = columns["start"], columns["seconds"]
    if not len(start):
        return 0, 0
    longest = int(seconds[0]) * 1_000_000 if same_throughout(seconds) else None
    return int(start.min()), int(start.max()) + longest if longest is not None else int((start + seconds * np.int64(1_000_000)).max())


def sealed(header: Header) -> Header:
    """The header with the root that its other fields give."""
    known = micros(header.known_at_utc)
    fields_of = (header.previous, header.number, header.rows, header.start, header.end, known, header.reason, header.merkle)
    return replace(header, root=chain_root(fields_of))


def to_json(header: Header) -> dict[str, Any]:
    """A header as JSON says it: known at in microseconds since 1970 UTC."""
    return {**asdict(header), "known_at_utc": micros(header.known_at_utc)}
