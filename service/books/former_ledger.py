"""The ledger of the releases before, as rows in SQL: nothing is added to it, and its chain can still be checked.

Its last root stands before the first batch of the ledger in files, which therefore vouches for it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select

from city.problems import Problem
from service import schema as t

GENESIS = "0" * 64  # before the first batch of a city that has no former ledger
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ABSENT = (2**32 - 1).to_bytes(4, "little")


def root(engine: Engine) -> str:
    """The last root of the former ledger, hex; `GENESIS` where there is none."""
    b = t.former_ledger_batch.c
    with engine.connect() as connection:
        return connection.execute(select(b.root).order_by(b.number.desc()).limit(1)).scalar() or GENESIS


def size(engine: Engine) -> tuple[int, int]:
    """(batches, entries) of the former ledger."""
    b = t.former_ledger_batch.c
    with engine.connect() as connection:
        batches, entries = connection.execute(select(func.count(), func.sum(b.entries))).one()
    return int(batches), int(entries or 0)


def verify(engine: Engine) -> Iterator[Problem]:
    """Every way in which the former ledger differs from what its headers sealed, batch by batch."""
    remedy = "Restore the database from a backup whose root agrees."
    previous = GENESIS
    with engine.connect() as connection:
        heads = connection.execute(select(t.former_ledger_batch).order_by(t.former_ledger_batch.c.number)).all()
    for place, head in enumerate(heads):
        subject = f"former ledger, batch {head.number}"
        if head.number != place or head.previous != previous:
            yield Problem(subject, f"after root {previous[:12]}", f"in place {place}, after root {head.previous[:12]}", remedy)
        if head.root != _root(head):
            yield Problem(subject, "its header does not give its root", f"root {head.root[:12]}", remedy)
        rows, digests = _hashed(engine, head)
        if rows != head.entries:
            yield Problem(subject, f"{rows} entries", f"{head.entries}", remedy)
        if differing := [name for name, digest in head.columns if digests[name] != digest]:
            yield Problem(subject, f"other values in {', '.join(differing)}", "the values that were sealed", remedy)
        previous = head.root


def _root(head: Any) -> str:
    text = "\n".join([head.previous, str(head.number), str(head.entries), *(f"{name} {digest}" for name, digest in head.columns)])
    return hashlib.sha256(text.encode()).hexdigest()


def _hashed(engine: Engine, head: Any) -> tuple[int, dict[str, str]]:
    """Entries of a batch, and the SHA-256 of each of its columns."""
    e = t.former_ledger_entry.c
    names = [name for name, _ in head.columns]
    with engine.connect() as connection:
        found = connection.execute(select(*(e[name] for name in names)).where(e.number == head.number).order_by(e.ordinal)).tuples().all()
    columns: Sequence[Sequence[object]] = list(zip(*found, strict=True)) or [()] * len(names)
    return len(found), {
        name: hashlib.sha256(b"".join(map(_bytes, column))).hexdigest() for name, column in zip(names, columns, strict=True)
    }


def _bytes(value: object) -> bytes:
    """int64 little-endian (times as us since 1970), text as its length and UTF-8."""
    if isinstance(value, datetime):
        value = (value - _EPOCH) // timedelta(microseconds=1)
    if isinstance(value, int):
        return value.to_bytes(8, "little", signed=True)
    if value is None:
        return _ABSENT
    raw = str(value).encode()
    return len(raw).to_bytes(4, "little") + raw
