"""The service itself: leases, city files that runs were made with, zones left out, notices, service levels, retention."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from service.utctime import UtcTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _tables() -> dict[str, tuple[Any, ...]]:
    return {
        "lease": (
            sa.Column("name", sa.String(80), nullable=False),
            sa.Column("holder", sa.String(120), nullable=False),
            sa.Column("token", sa.Integer(), nullable=False),
            sa.Column("taken_utc", UtcTime(), nullable=False),
            sa.Column("until_utc", UtcTime(), nullable=False),
            sa.PrimaryKeyConstraint("name"),
        ),
        "config_version": (
            sa.Column("config_hash", sa.String(64), nullable=False),
            sa.Column("seen_utc", UtcTime(), nullable=False),
            sa.Column("author", sa.String(120), nullable=False),
            sa.Column("text", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("config_hash"),
        ),
        "zone_out": (
            sa.Column("city", sa.String(40), nullable=False),
            sa.Column("night", sa.Date(), nullable=False),
            sa.Column("step", sa.String(20), nullable=False),
            sa.Column("zone", sa.String(80), nullable=False),
            sa.Column("problems", sa.JSON(), nullable=False),
            sa.Column("since_utc", UtcTime(), nullable=True),
            sa.PrimaryKeyConstraint("city", "night", "step", "zone"),
        ),
        "notice": (
            sa.Column("notice_id", sa.Integer(), nullable=False),
            sa.Column("subject_key", sa.String(160), nullable=False),
            sa.Column("channel", sa.String(80), nullable=False),
            sa.Column("made_utc", UtcTime(), nullable=False),
            sa.Column("title", sa.String(200), nullable=False),
            sa.Column("body", sa.JSON(), nullable=False),
            sa.Column("attempts", sa.Integer(), nullable=False),
            sa.Column("next_utc", UtcTime(), nullable=True),
            sa.Column("sent_utc", UtcTime(), nullable=True),
            sa.Column("error", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("notice_id"),
        ),
        "up_span": (
            sa.Column("process", sa.String(20), nullable=False),
            sa.Column("since_utc", UtcTime(), autoincrement=False, nullable=False),
            sa.Column("until_utc", UtcTime(), nullable=False),
            sa.Column("ended", sa.String(10), nullable=False, server_default=""),
            sa.PrimaryKeyConstraint("process", "since_utc"),
        ),
        "stored_lag": (
            sa.Column("hour_utc", UtcTime(), autoincrement=False, nullable=False),
            sa.Column("in_time", sa.Integer(), nullable=False),
            sa.Column("late", sa.Integer(), nullable=False),
            sa.PrimaryKeyConstraint("hour_utc"),
        ),
        "api_hour": (
            sa.Column("hour_utc", UtcTime(), autoincrement=False, nullable=False),
            sa.Column("route", sa.String(80), nullable=False),
            sa.Column("status", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("calls", sa.Integer(), nullable=False),
            sa.PrimaryKeyConstraint("hour_utc", "route", "status"),
        ),
        "level_day": (
            sa.Column("day", sa.Date(), nullable=False),
            sa.Column("level", sa.String(40), nullable=False),
            sa.Column("good", sa.Float(), nullable=False),
            sa.Column("total", sa.Float(), nullable=False),
            sa.Column("basis", sa.Text(), nullable=False, server_default=""),
            sa.PrimaryKeyConstraint("day", "level"),
        ),
        "removal": (
            sa.Column("removal_id", sa.Integer(), nullable=False),
            sa.Column("at_utc", UtcTime(), nullable=False),
            sa.Column("subject", sa.String(80), nullable=False),
            sa.Column("before_utc", UtcTime(), nullable=False),
            sa.Column("count", sa.Integer(), nullable=False),
            sa.PrimaryKeyConstraint("removal_id"),
        ),
    }


RUN = (("config_author", sa.String(120)), ("config_changed", sa.Text()))


def upgrade() -> None:
    for name, columns in _tables().items():
        op.create_table(name, *columns)
    op.create_index("notice_once", "notice", ["subject_key"], unique=True)
    for name, kind in RUN:
        op.add_column("run", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for name, _ in RUN:
        op.drop_column("run", name)
    op.drop_index("notice_once", "notice")
    for name in reversed(_tables()):
        op.drop_table(name)
