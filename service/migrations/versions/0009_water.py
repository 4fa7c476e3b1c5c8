"""The leak watch, what crews and operators found, and sensor faults."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from service.utctime import UtcTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

CASE: tuple[sa.Column[Any], ...] = (
    sa.Column("leak_id", sa.String(64)),
    sa.Column("reported_utc", UtcTime()),
    sa.Column("kind", sa.String(20), nullable=False, server_default="burst"),
    sa.Column("flow_sd_m3_per_h", sa.Float()),
    sa.Column("sized_utc", UtcTime()),
    sa.Column("worth", sa.Text(), nullable=False, server_default=""),
)


def upgrade() -> None:
    op.create_table(
        "leak_watch",
        sa.Column("city", sa.String(80), nullable=False),
        sa.Column("inputs", sa.String(64), nullable=False),
        sa.Column("calibrated_utc", UtcTime(), nullable=False),
        sa.Column("until_utc", UtcTime(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("city", name=op.f("pk_leak_watch")),
    )
    for column in CASE:
        op.add_column("leak_case", column.copy())
    op.execute("UPDATE leak_case SET reported_utc = seen_utc")
    op.create_table(
        "leak_finding",
        sa.Column("finding_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.Column("pipe", sa.String(40), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("found", sa.Boolean(), nullable=False),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("taken_utc", UtcTime()),
        sa.ForeignKeyConstraint(["case_id"], ["leak_case.case_id"], name=op.f("fk_leak_finding_case_id_leak_case")),
        sa.PrimaryKeyConstraint("finding_id", name=op.f("pk_leak_finding")),
    )
    op.create_index("leak_finding_by_case", "leak_finding", ["case_id"])
    op.create_table(
        "sensor_fault",
        sa.Column("sensor", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("since_utc", UtcTime(), nullable=False),
        sa.Column("size", sa.Float(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("seen_utc", UtcTime(), nullable=False),
        sa.Column("over_utc", UtcTime()),
        sa.PrimaryKeyConstraint("sensor", "kind", "since_utc", name=op.f("pk_sensor_fault")),
    )
    op.create_table(
        "valve_state",
        sa.Column("valve", sa.String(80), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("turns", sa.Float()),
        sa.Column("exercised", sa.Date()),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("valve", name=op.f("pk_valve_state")),
    )
    op.create_table(
        "loss_month",
        sa.Column("zone_id", sa.String(40), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("inflow_m3", sa.Float(), nullable=False),
        sa.Column("loss_m3", sa.Float(), nullable=False),
        sa.Column("loss_sd_m3", sa.Float(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("zone_id", "month", name=op.f("pk_loss_month")),
    )


def downgrade() -> None:
    op.drop_table("loss_month")
    op.drop_table("valve_state")
    op.drop_table("sensor_fault")
    op.drop_index("leak_finding_by_case", "leak_finding")
    op.drop_table("leak_finding")
    for column in reversed(CASE):
        op.drop_column("leak_case", column.name)
    op.drop_table("leak_watch")
