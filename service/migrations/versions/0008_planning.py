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
        sa.Column("foreign_id", sa.String(340)),
        sa.Column("modified_utc", UtcTime()),
        sa.Column("document", sa.JSON()),
        sa.Column("made_at_utc", UtcTime(), nullable=False),
        sa.Column("call_by_utc", UtcTime()),
        sa.Column("announced_utc", UtcTime()),
        sa.Column("approvals_needed", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("cancelled_utc", UtcTime()),
        sa.Column("who", sa.String(200), nullable=False),
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
        sa.PrimaryKeyConstraint("event_id", "version", name=op.f("pk_settlement")),
    )
    op.create_table(
        "response_report",
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(3), nullable=False),
        sa.Column("foreign_id", sa.String(128)),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_response_report")),
        sa.UniqueConstraint("event_id", "version", "way", "foreign_id", name="uq_response_report"),
    )
    op.create_table(
        "what_if",
        sa.Column("what_if_id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.String(64), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("cost", sa.Float()),
        sa.Column("co2_kg", sa.Float()),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("what_if_id", name=op.f("pk_what_if")),
    )
    op.create_index("what_if_by_plan", "what_if", ["plan_id"])
    op.create_table(
        "pareto",
        sa.Column("plan_id", sa.String(64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("trade", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("co2_kg", sa.Float(), nullable=False),
        sa.Column("peak_kw", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", "ordinal", name=op.f("pk_pareto")),
    )
    op.add_column("hold", sa.Column("setpoint", sa.Float()))


def downgrade() -> None:
    op.drop_column("hold", "setpoint")
    op.drop_table("pareto")
    op.drop_index("what_if_by_plan", "what_if")
    op.drop_table("what_if")
    op.drop_table("response_report")
    op.drop_table("settlement")
    op.drop_index("response_event_by_start", "response_event")
    op.drop_table("response_event")
