"""Readings that the store refused, and the origin of forwarded batches."""

import sqlalchemy as sa
from alembic import op

from service.utctime import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dead_letter",
        sa.Column("letter_id", sa.String(length=64), nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("letter_id"),
        sqlite_with_rowid=True,
    )
    op.create_table(
        "batch_origin",
        sa.Column("batch_id", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("batch_id"),
        sqlite_with_rowid=True,
    )


def downgrade() -> None:
    op.drop_table("batch_origin")
    op.drop_table("dead_letter")
