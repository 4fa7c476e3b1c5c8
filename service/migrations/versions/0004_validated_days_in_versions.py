"""Validated days in versions."""

import sqlalchemy as sa
from alembic import op

from service.utctime import UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OLD = "point_key, day_start_utc, step_s, amounts, quality"


def _end_of_day() -> str:
    """What a day stored before this release counts as known since: its end, near enough."""
    return "day_start_utc + interval '1 day'" if op.get_bind().dialect.name == "postgresql" else "day_start_utc + 86400000000"


def upgrade() -> None:
    op.create_table(
        "meter_day_in_versions",
        sa.Column("point_key", sa.Integer(), nullable=False),
        sa.Column("day_start_utc", UtcTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.Column("amounts", sa.LargeBinary(), nullable=False),
        sa.Column("quality", sa.LargeBinary(), nullable=False),
        sa.Column("known_at_utc", UtcTime(), nullable=False),
        sa.Column("who", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("point_key", "day_start_utc", "version"),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO meter_day_in_versions ({_OLD}, version, known_at_utc, who, reason)"  # noqa: S608 - constants
        f" SELECT {_OLD}, 1, {_end_of_day()}, source, 'validated as read' FROM meter_day"
    )
    op.drop_table("meter_day")
    op.rename_table("meter_day_in_versions", "meter_day")
    op.create_table(
        "heard_day",
        sa.Column("day_start_utc", UtcTime(), autoincrement=False, nullable=False),
        sa.Column("readings", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day_start_utc"),
        sqlite_with_rowid=True,
    )


def downgrade() -> None:
    """The newest version of each day stays."""
    op.drop_table("heard_day")
    op.create_table(
        "meter_day_of_one_version",
        sa.Column("point_key", sa.Integer(), nullable=False),
        sa.Column("day_start_utc", UtcTime(), nullable=False),
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.Column("amounts", sa.LargeBinary(), nullable=False),
        sa.Column("quality", sa.LargeBinary(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("point_key", "day_start_utc"),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO meter_day_of_one_version ({_OLD}, source)"  # noqa: S608 - constants
        f" SELECT {_OLD}, substr(who, 1, 20) FROM meter_day a WHERE version ="
        " (SELECT max(version) FROM meter_day b WHERE b.point_key = a.point_key AND b.day_start_utc = a.day_start_utc)"
    )
    op.drop_table("meter_day")
    op.rename_table("meter_day_of_one_version", "meter_day")
