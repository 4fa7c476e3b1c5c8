"""The carbon ledger in files: headers, what is due again, closed periods; the ledger of the releases before is kept as it was."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from service.utctime import UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

LEDGER = ("ledger_batch", "ledger_entry")
BY_KEY = ("instrument_use", "household_month", "household_spent")  # SQLite keeps their rows in the order of the key


def _rows_of_the_former_ledger(prefix: str) -> None:
    op.create_table(
        f"{prefix}ledger_batch",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("day"),
        sqlite_with_rowid=True,
    )
    op.create_table(
        f"{prefix}ledger_entry",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(80), nullable=False),
        sa.Column("period_start_utc", UtcTime(), nullable=False),
        sa.Column("period_end_utc", UtcTime(), nullable=False),
        sa.Column("scope", sa.Integer(), nullable=False),
        sa.Column("activity", sa.String(120), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("factor_id", sa.String(120), nullable=False),
        sa.Column("mg_by_gas", sa.BigInteger(), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("supersedes", sa.String(64)),
        sa.Column("known_at_utc", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", "ordinal"),
        sa.UniqueConstraint("entry_id"),
        sqlite_with_rowid=True,
    )


def _moved(names: Sequence[str], target: str, source: str = "") -> None:
    for name in names:
        op.execute(f"INSERT INTO {target}{name} SELECT * FROM {source}{name}")  # noqa: S608 - our names
        op.drop_table(f"{source}{name}")


def _ledger() -> dict[str, tuple[Any, ...]]:
    return {
        "ledger_batch": (
            sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("first_day", sa.Date(), nullable=False),
            sa.Column("last_day", sa.Date(), nullable=False),
            sa.Column("rows", sa.Integer(), nullable=False),
            sa.Column("known_at_utc", UtcTime(), nullable=False),
            sa.Column("reason", sa.Text(), nullable=False),
            sa.Column("start_us", sa.BigInteger(), nullable=False),
            sa.Column("end_us", sa.BigInteger(), nullable=False),
            sa.Column("merkle", sa.String(64), nullable=False),
            sa.Column("previous", sa.String(64), nullable=False),
            sa.Column("root", sa.String(64), nullable=False),
            sa.Column("public_key", sa.String(64)),
            sa.Column("signature", sa.String(128)),
            sa.PrimaryKeyConstraint("number"),
            sa.UniqueConstraint("root"),
        ),
        "ledger_due": (
            sa.Column("point_key", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("day_start_utc", UtcTime(), autoincrement=False, nullable=False),
            sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("reason", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("point_key", "day_start_utc", "version"),
        ),
        "ledger_close": (
            sa.Column("period", sa.String(10), nullable=False),
            sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("closed_at_utc", UtcTime(), nullable=False),
            sa.Column("who", sa.String(80), nullable=False),
            sa.Column("note", sa.Text(), nullable=False),
            sa.Column("batch", sa.Integer(), nullable=False),
            sa.Column("root", sa.String(64), nullable=False),
            sa.Column("completeness", sa.String(40), nullable=False),
            sa.Column("materiality", sa.String(40), nullable=False),
            sa.Column("sums", sa.JSON(), nullable=False),
            sa.Column("statement", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("period", "number"),
        ),
    }


def _instruments() -> dict[str, tuple[Any, ...]]:
    return {
        "instrument_lot": (
            sa.Column("lot_id", sa.String(80), nullable=False),
            sa.Column("detail", sa.JSON(), nullable=False),
            sa.Column("scheme", sa.String(20), nullable=False),
            sa.Column("count", sa.Integer(), nullable=False),
            sa.Column("at_utc", UtcTime(), nullable=False),
            sa.Column("who", sa.String(80), nullable=False),
            sa.Column("source", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("lot_id"),
        ),
        "instrument_act": (
            sa.Column("act_id", sa.Integer(), nullable=False),
            sa.Column("act", sa.String(10), nullable=False),
            sa.Column("kind", sa.String(20), nullable=False),
            sa.Column("instrument", sa.String(80), nullable=False),
            sa.Column("accounts", sa.JSON(), nullable=False),
            sa.Column("start_utc", UtcTime()),
            sa.Column("end_utc", UtcTime()),
            sa.Column("skip", sa.Integer(), nullable=False),
            sa.Column("count", sa.Integer(), nullable=False),
            sa.Column("wh", sa.BigInteger(), nullable=False),
            sa.Column("beneficiary", sa.Text(), nullable=False),
            sa.Column("who", sa.String(80), nullable=False),
            sa.Column("at_utc", UtcTime(), nullable=False),
            sa.Column("reason", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("act_id"),
        ),
        "instrument_use": (
            sa.Column("use_id", sa.String(120), nullable=False),
            sa.Column("act_id", sa.Integer(), nullable=False),
            sa.PrimaryKeyConstraint("use_id"),
        ),
    }


def _households() -> dict[str, tuple[Any, ...]]:
    return {
        "household_consent": (
            sa.Column("consent_id", sa.Integer(), nullable=False),
            sa.Column("household", sa.String(80), nullable=False),
            sa.Column("owner", sa.String(80), nullable=False),
            sa.Column("event", sa.String(10), nullable=False),
            sa.Column("since", sa.String(7), nullable=False),
            sa.Column("at_utc", UtcTime(), nullable=False),
            sa.Column("who", sa.String(80), nullable=False),
            sa.Column("note", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("consent_id"),
        ),
        "household_month": (
            sa.Column("household", sa.String(80), nullable=False),
            sa.Column("month", sa.String(7), nullable=False),
            sa.Column("measure", sa.String(20), nullable=False),
            sa.Column("amount", sa.BigInteger(), nullable=False),
            sa.Column("missing", sa.Integer(), nullable=False),
            sa.PrimaryKeyConstraint("household", "month", "measure"),
        ),
        "household_release": (
            sa.Column("release_id", sa.String(64), nullable=False),
            sa.Column("measure", sa.String(20), nullable=False),
            sa.Column("period", sa.String(7), nullable=False),
            sa.Column("detail", sa.JSON(), nullable=False),
            sa.Column("at_utc", UtcTime(), nullable=False),
            sa.Column("who", sa.String(80), nullable=False),
            sa.PrimaryKeyConstraint("release_id"),
        ),
        "household_spent": (
            sa.Column("household", sa.String(80), nullable=False),
            sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("release_id", sa.String(64), nullable=False),
            sa.Column("epsilon_millionths", sa.Integer(), nullable=False),
            sa.PrimaryKeyConstraint("household", "year", "release_id"),
        ),
    }


def _tables() -> dict[str, tuple[Any, ...]]:
    return _ledger() | _instruments() | _households()


def upgrade() -> None:
    _rows_of_the_former_ledger("former_")
    _moved(LEDGER, "former_")
    for name, columns in _tables().items():
        op.create_table(name, *columns, sqlite_with_rowid=name not in BY_KEY)


def downgrade() -> None:
    for name in reversed(_tables()):
        op.drop_table(name)
    _rows_of_the_former_ledger("")
    _moved(LEDGER, "", "former_")
