"""The console: audit lines in a chain, and stretches of validated days that people settled."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from service.migrations import audit_chain, open_days
from service.utctime import UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _tables() -> dict[str, tuple[Any, ...]]:
    return {
        "quality_event": (
            sa.Column("event_id", sa.String(180), nullable=False),
            sa.Column("point_id", sa.String(120), nullable=False),
            sa.Column("zone_id", sa.String(40), nullable=False),
            sa.Column("quantity", sa.String(40), nullable=False),
            sa.Column("start_utc", UtcTime(), nullable=False),
            sa.Column("seen_utc", UtcTime(), nullable=False),
            sa.Column("end_utc", UtcTime(), nullable=True),
            sa.Column("usual", sa.Float(), nullable=False),
            sa.Column("value", sa.Float(), nullable=False),
            sa.Column("sd", sa.Float(), nullable=False),
            sa.Column("outside", sa.Boolean(), nullable=False),
            sa.PrimaryKeyConstraint("event_id"),
        ),
        "slot_quality": (
            sa.Column("time_utc", UtcTime(), autoincrement=False, nullable=False),
            sa.Column("quality", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("readings", sa.Integer(), nullable=False),
            sa.PrimaryKeyConstraint("time_utc", "quality"),
        ),
        "vee_open": (
            sa.Column("day_start_utc", UtcTime(), autoincrement=False, nullable=False),
            sa.Column("point_key", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("intervals", sa.Integer(), nullable=False),
            sa.PrimaryKeyConstraint("day_start_utc", "point_key"),
        ),
        "vee_settled": (
            sa.Column("point_key", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("day_start_utc", UtcTime(), autoincrement=False, nullable=False),
            sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("first_step", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("steps", sa.Integer(), nullable=False),
            sa.Column("digest", sa.String(64), nullable=False),
            sa.Column("who", sa.String(80), nullable=False),
            sa.Column("at_utc", UtcTime(), nullable=False),
            sa.Column("reason", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("point_key", "day_start_utc", "version", "first_step"),
        ),
        "session": (
            sa.Column("digest", sa.String(64), nullable=False),
            sa.Column("name", sa.String(80), nullable=False),
            sa.Column("origin", sa.String(10), nullable=False),
            sa.Column("confirmed", sa.Boolean(), nullable=False),
            sa.Column("began_utc", UtcTime(), nullable=False),
            sa.Column("seen_utc", UtcTime(), nullable=False),
            sa.Column("ends_utc", UtcTime(), nullable=False),
            sa.Column("ended", sa.String(20), nullable=False),
            sa.PrimaryKeyConstraint("digest"),
        ),
        "sign_in_failure": (
            sa.Column("subject", sa.String(64), nullable=False),
            sa.Column("failures", sa.Integer(), nullable=False),
            sa.Column("last_utc", UtcTime(), nullable=False),
            sa.Column("until_utc", UtcTime(), nullable=False),
            sa.PrimaryKeyConstraint("subject"),
        ),
        "second_factor": (
            sa.Column("name", sa.String(80), nullable=False),
            sa.Column("sealed", sa.Text(), nullable=False),
            sa.Column("last_step", sa.Integer(), nullable=False),
            sa.Column("since_utc", UtcTime(), nullable=False),
            sa.PrimaryKeyConstraint("name"),
        ),
        "work_case": (
            sa.Column("case_id", sa.Integer(), nullable=False),
            sa.Column("kind", sa.String(20), nullable=False),
            sa.Column("source_id", sa.String(120), nullable=False),
            sa.Column("subject", sa.String(120), nullable=False),
            sa.Column("district", sa.String(40), nullable=False),
            sa.Column("priority", sa.Integer(), nullable=False),
            sa.Column("found_utc", UtcTime(), nullable=False),
            sa.Column("sentence", sa.Text(), nullable=False),
            sa.Column("facts", sa.JSON(), nullable=False),
            sa.PrimaryKeyConstraint("case_id"),
            sa.UniqueConstraint("kind", "source_id"),
        ),
        "case_event": (
            sa.Column("case_id", sa.Integer(), sa.ForeignKey("work_case.case_id"), autoincrement=False, nullable=False),
            sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("at_utc", UtcTime(), nullable=False),
            sa.Column("who", sa.String(80), nullable=False),
            sa.Column("step", sa.String(20), nullable=False),
            sa.Column("state", sa.String(20), nullable=False),
            sa.Column("owner", sa.String(80)),
            sa.Column("note", sa.Text(), nullable=False),
            sa.Column("facts", sa.JSON(), nullable=False),
            sa.PrimaryKeyConstraint("case_id", "ordinal"),
        ),
        "shift_note": (
            sa.Column("note_id", sa.Integer(), nullable=False),
            sa.Column("at_utc", UtcTime(), nullable=False),
            sa.Column("who", sa.String(80), nullable=False),
            sa.Column("about", sa.String(120), nullable=False),
            sa.Column("text", sa.Text(), nullable=False),
            sa.Column("corrects", sa.Integer(), sa.ForeignKey("shift_note.note_id")),
            sa.PrimaryKeyConstraint("note_id"),
        ),
        "hand_over": (
            sa.Column("hand_over_id", sa.Integer(), nullable=False),
            sa.Column("since_utc", UtcTime(), nullable=False),
            sa.Column("at_utc", UtcTime(), nullable=False),
            sa.Column("outgoing", sa.String(80), nullable=False),
            sa.Column("text", sa.Text(), nullable=False),
            sa.Column("changes", sa.JSON(), nullable=False),
            sa.PrimaryKeyConstraint("hand_over_id"),
        ),
        "hand_over_signed": (
            sa.Column("hand_over_id", sa.Integer(), sa.ForeignKey("hand_over.hand_over_id"), autoincrement=False, nullable=False),
            sa.Column("at_utc", UtcTime(), nullable=False),
            sa.Column("incoming", sa.String(80), nullable=False),
            sa.PrimaryKeyConstraint("hand_over_id"),
        ),
        "alarm": (
            sa.Column("alarm_id", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("kind", sa.String(40), nullable=False),
            sa.Column("source", sa.String(160), nullable=False),
            sa.Column("subject", sa.String(120), nullable=False),
            sa.Column("priority", sa.Integer(), nullable=False),
            sa.Column("state", sa.String(24), nullable=False),
            sa.Column("active", sa.Boolean(), nullable=False),
            sa.Column("pending_utc", UtcTime()),
            sa.Column("since_utc", UtcTime(), nullable=False),
            sa.Column("annunciated_utc", UtcTime()),
            sa.Column("acknowledged_utc", UtcTime()),
            sa.Column("acknowledged_by", sa.String(80)),
            sa.Column("until_utc", UtcTime()),
            sa.Column("reason", sa.Text(), nullable=False),
            sa.Column("follows", sa.String(160), nullable=False),
            sa.Column("district", sa.String(200), nullable=False),
            sa.Column("facts", sa.JSON(), nullable=False),
            sa.Column("ended_utc", UtcTime()),
            sa.PrimaryKeyConstraint("alarm_id"),
        ),
        "alarm_event": (
            sa.Column("event_id", sa.Integer(), nullable=False),
            sa.Column("alarm_id", sa.Integer(), nullable=False),
            sa.Column("at_utc", UtcTime(), nullable=False),
            sa.Column("event", sa.String(24), nullable=False),
            sa.Column("state", sa.String(24), nullable=False),
            sa.Column("who", sa.String(80), nullable=False),
            sa.Column("reason", sa.Text(), nullable=False),
            sa.ForeignKeyConstraint(["alarm_id"], ["alarm.alarm_id"]),
            sa.PrimaryKeyConstraint("event_id"),
        ),
        **_grid(),
    }


def _grid() -> dict[str, tuple[Any, ...]]:
    return {
        "grid_state": (
            sa.Column("time_utc", UtcTime(), autoincrement=False, nullable=False),
            sa.Column("network", sa.String(64), nullable=False),
            sa.Column("voltage_pu", sa.LargeBinary(), nullable=False),
            sa.Column("loading", sa.LargeBinary(), nullable=False),
            sa.Column("power_kw", sa.LargeBinary(), nullable=False),
            sa.Column("loss_kw", sa.Float(), nullable=False),
            sa.Column("load_kw", sa.Float(), nullable=False),
            sa.Column("detail", sa.JSON(), nullable=False),
            sa.PrimaryKeyConstraint("time_utc"),
        ),
        "grid_loss_day": (
            sa.Column("day", sa.Date(), nullable=False),
            sa.Column("feeder", sa.String(80), nullable=False),
            sa.Column("quarters", sa.Integer(), nullable=False),
            sa.Column("loss_kwh", sa.Float(), nullable=False),
            sa.Column("input_kwh", sa.Float(), nullable=False),
            sa.Column("billed_kwh", sa.Float()),
            sa.PrimaryKeyConstraint("day", "feeder"),
        ),
        "grid_risk": (
            sa.Column("night", sa.Date(), nullable=False),
            sa.Column("subject", sa.String(80), nullable=False),
            sa.Column("kind", sa.String(20), nullable=False),
            sa.Column("time_utc", UtcTime(), nullable=False),
            sa.Column("p50", sa.Float(), nullable=False),
            sa.Column("worst", sa.Float(), nullable=False),
            sa.Column("limit", sa.Float(), nullable=False),
            sa.Column("sentence", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("night", "subject", "kind"),
        ),
        "grid_outage": (
            sa.Column("outage_id", sa.String(64), nullable=False),
            sa.Column("feeder", sa.String(80), nullable=False),
            sa.Column("branch", sa.String(80), nullable=False),
            sa.Column("likelihood", sa.Float(), nullable=False),
            sa.Column("since_utc", UtcTime(), nullable=False),
            sa.Column("found_utc", UtcTime(), nullable=False),
            sa.Column("ended_utc", UtcTime()),
            sa.Column("customers", sa.Integer(), nullable=False),
            sa.Column("sentence", sa.Text(), nullable=False),
            sa.Column("detail", sa.JSON(), nullable=False),
            sa.PrimaryKeyConstraint("outage_id"),
        ),
        "grid_proposal": (
            sa.Column("proposal_id", sa.String(64), nullable=False),
            sa.Column("outage_id", sa.String(64), sa.ForeignKey("grid_outage.outage_id"), nullable=False),
            sa.Column("made_at_utc", UtcTime(), nullable=False),
            sa.Column("state", sa.String(20), nullable=False),
            sa.Column("customers", sa.Integer(), nullable=False),
            sa.Column("sentence", sa.Text(), nullable=False),
            sa.Column("detail", sa.JSON(), nullable=False),
            sa.PrimaryKeyConstraint("proposal_id"),
        ),
        "grid_switch": (
            sa.Column("switch", sa.String(80), nullable=False),
            sa.Column("at_utc", UtcTime(), nullable=False),
            sa.Column("state", sa.String(20), nullable=False),
            sa.Column("who", sa.String(80), nullable=False),
            sa.Column("proposal_id", sa.String(64)),
            sa.Column("note", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("switch", "at_utc"),
        ),
    }


BY_KEY = ("vee_open", "slot_quality", "vee_settled")  # SQLite keeps their rows in the order of the key
INDEXES = {"case_event": "at_utc", "shift_note": "at_utc"}


def upgrade() -> None:
    audit_chain.chained()
    for name, columns in _tables().items():
        op.create_table(name, *columns, sqlite_with_rowid=name not in BY_KEY)
    op.execute("CREATE INDEX reading_not_good ON reading (time_utc, point_key, quality) WHERE quality <> 1")
    op.execute("INSERT INTO slot_quality SELECT time_utc, quality, count(*) FROM reading GROUP BY time_utc, quality")
    open_days.note()
    op.create_index("alarm_by_end", "alarm", ["ended_utc", "priority"])
    op.create_index("alarm_event_by_time", "alarm_event", ["at_utc"])
    op.create_index("alarm_event_by_alarm", "alarm_event", ["alarm_id"])
    op.create_index("grid_proposal_by_outage", "grid_proposal", ["outage_id"])
    for name, column in INDEXES.items():
        op.create_index(f"{name}_by_time", name, [column], unique=False)
    op.add_column("water_balance", sa.Column("night_flow_m3_per_h", sa.Float(), nullable=True))


def downgrade() -> None:
    op.execute("DROP INDEX reading_not_good")
    op.drop_column("water_balance", "night_flow_m3_per_h")
    for name in reversed(_tables()):
        op.drop_table(name)
    audit_chain.unchained()
