"""Control by two people: an approval per person, how many a command needs, and commands that take a setpoint back."""

import sqlalchemy as sa
from alembic import op

from service.utctime import UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _approvals("plan_id", "who")
    op.add_column("command", sa.Column("approvals_needed", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("command", sa.Column("reverts", sa.String(length=64), nullable=True))
    op.create_index("audit_by_action", "audit", ["action", "at_utc"], unique=False)


def downgrade() -> None:
    op.drop_index("audit_by_action", table_name="audit")
    op.execute("DELETE FROM command WHERE reverts IS NOT NULL OR (approvals_needed > 1 AND state = 'proposed')")
    op.drop_column("command", "reverts")
    op.drop_column("command", "approvals_needed")
    op.execute("DELETE FROM approval WHERE commands = 0")  # of each plan the approval that released its commands stays
    _approvals("plan_id")


def _approvals(*key: str) -> None:
    """Make the table anew with another key: SQLite cannot change one in place."""
    op.rename_table("approval", "approval_before")
    op.create_table(
        "approval",
        sa.Column("plan_id", sa.String(length=64), nullable=False),
        sa.Column("who", sa.String(length=80), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("commands", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*key),
        sqlite_with_rowid=True,
    )
    op.execute("INSERT INTO approval SELECT plan_id, who, at_utc, reason, commands FROM approval_before")
    op.drop_table("approval_before")
