"""Events of demand response and their settlement."""

import sqlalchemy as sa
from alembic import op

from service.utctime import UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "response_event",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("programme", sa.String(80), nullable=False),
        sa.Column("asset_id", sa.String(80), nullable=False),
        sa.Column("signal", sa.String(40), nullable=False),
        sa.Column("start_utc", UtcTime(), nullable=False),
        sa.Column("end_utc", UtcTime()),
        sa.Column("amounts", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("plan_id", sa.String(64), nullable=False, server_default=""),
        sa.Column("foreign_id", sa.String(140)),
        sa.Column("modified_utc", UtcTime()),
        sa.Column("document", sa.JSON()),
        sa.Column("made_at_utc", UtcTime(), nullable=False),
        sa.Column("announced_utc", UtcTime()),
        sa.Column("approvals_needed", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("cancelled_utc", UtcTime()),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_response_event")),
        sa.UniqueConstraint("foreign_id", name="uq_response_event_foreign_id"),
    )
    op.create_index("response_event_by_start", "response_event", ["start_utc"])
    op.create_table(
        "settlement",
        sa.Column("event_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("version", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("settled_utc", UtcTime(), nullable=False),
        sa.Column("baseline_kwh", sa.Float(), nullable=False),
        sa.Column("measured_kwh", sa.Float(), nullable=False),
        sa.Column("asked_kwh", sa.Float(), nullable=False),
        sa.Column("delivered_kwh", sa.Float(), nullable=False),
        sa.Column("performance", sa.Float()),
        sa.Column("payment", sa.Float(), nullable=False),
        sa.Column("penalty", sa.Float(), nullable=False),
        sa.Column("rebound_kwh", sa.Float(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("reported_utc", UtcTime()),
        sa.PrimaryKeyConstraint("event_id", "version", name=op.f("pk_settlement")),
    )


def downgrade() -> None:
    op.drop_table("settlement")
    op.drop_index("response_event_by_start", "response_event")
    op.drop_table("response_event")
