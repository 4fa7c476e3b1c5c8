"""The audit becomes a chain, and goes back to plain lines: for revision 0011."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from service.utctime import UtcTime, micros

GENESIS = "0" * 64
LINE = ("audit_id", "at_utc", "who", "action", "subject", "sentence")
CHUNK = 1000


def chained() -> None:
    """Number the lines that are there 1, 2, 3 in their order, and hash each behind the one before."""
    chain = (sa.Column("decided", sa.String(64)), sa.Column("previous", sa.String(64), nullable=False))
    _anew(*chain, sa.Column("sha256", sa.String(64), nullable=False), numbered=False)
    before, audit = _named("audit_before", LINE), _named("audit", (*LINE, "decided", "previous", "sha256"))
    connection, last, number, previous = op.get_bind(), 0, 0, GENESIS
    page = sa.select(before).where(before.c.audit_id > sa.bindparam("last")).order_by(before.c.audit_id).limit(CHUNK)
    while rows := connection.execute(page, {"last": last}).mappings().all():
        last, made = rows[-1]["audit_id"], []
        for row in rows:
            number += 1
            said = [previous, number, micros(row["at_utc"]), row["who"], row["action"], row["subject"], row["sentence"], None]
            text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
            own = hashlib.sha256(text.encode()).hexdigest()
            made.append({**row, "audit_id": number, "decided": None, "previous": previous, "sha256": own})
            previous = own
        connection.execute(audit.insert(), made)
    op.drop_table("audit_before")


def unchained() -> None:
    """Every line as it was before the chain, numbered by the database again."""
    _anew(numbered=True)
    names = ", ".join(LINE)
    op.execute(f"INSERT INTO audit ({names}) SELECT {names} FROM audit_before")  # noqa: S608 - our names
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT setval(pg_get_serial_sequence('audit', 'audit_id'), (SELECT max(audit_id) FROM audit))")
    op.drop_table("audit_before")


def _anew(*chain: Any, numbered: bool) -> None:
    """Put the table made anew in the place of the former one: SQLite cannot change one in place."""
    op.drop_index("audit_by_action", table_name="audit")
    op.rename_table("audit", "audit_before")
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.Integer(), autoincrement=numbered, nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("who", sa.String(length=80), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        *chain,
        sa.PrimaryKeyConstraint("audit_id"),
        sqlite_with_rowid=True,
    )
    op.create_index("audit_by_action", "audit", ["action", "at_utc"], unique=False)


def _named(table: str, columns: Sequence[str]) -> sa.TableClause:
    return sa.table(table, *(sa.column(name, UtcTime() if name == "at_utc" else None) for name in columns))
