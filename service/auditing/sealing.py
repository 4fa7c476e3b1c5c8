"""Lines of a transaction become part of the chain as the last thing before it is committed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, text

from service.auditing.chain import GENESIS, Line, digest
from service.schema_control import audit
from service.utctime import from_micros

LOCK = 0x41554449545F  # the advisory lock of PostgreSQL's writers of the chain; SQLite has one writer anyway


def head(connection: Connection) -> tuple[int, str]:
    """Number and SHA-256 [hex] of the last line; 0 and `GENESIS` before the first."""
    row = connection.execute(select(audit.c.audit_id, audit.c.sha256).order_by(audit.c.audit_id.desc()).limit(1)).first()
    return (row.audit_id, row.sha256) if row else (0, GENESIS)


def seal(connection: Connection, lines: Sequence[Line]) -> None:
    """Number lines behind the last one that is committed, hash and write them.

    PostgreSQL's lock is held until the transaction ends. It is the last one that a transaction takes, so no two writers can wait for
    each other crosswise.
    """
    if not lines:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    last, previous = head(connection)
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=last + 1):
        own = digest(previous, line._replace(number=number))
        fields = line._asdict()
        rows.append({"audit_id": number, "at_utc": from_micros(line.at_us), "previous": previous, "sha256": own})
        rows[-1].update((name, fields[name]) for name in ("who", "action", "subject", "sentence", "decided"))
        previous = own
    connection.execute(audit.insert(), rows)
