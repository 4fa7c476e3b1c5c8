"""Stored models, and what people and the weather service told."""

import sqlalchemy as sa
from alembic import op

from service.utctime import UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forecast_model",
        sa.Column("model_id", sa.String(64), nullable=False),
        sa.Column("group_key", sa.String(120), nullable=False),
        sa.Column("trained_at_utc", UtcTime(), nullable=False),
        sa.Column("known_until_utc", UtcTime(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("artifact", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_forecast_model")),
    )
    op.create_index("forecast_model_by_group", "forecast_model", ["group_key", "trained_at_utc"])
    for name, kind in (("model_id", sa.String(64)), ("known_at_utc", UtcTime()), ("input_hash", sa.String(64)), ("why", sa.JSON())):
        op.add_column("forecast", sa.Column(name, kind))
    op.create_table(
        "forecast_now",
        sa.Column("made_at_utc", UtcTime(), nullable=False),
        sa.Column("series_id", sa.String(120), nullable=False),
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.String(40), nullable=False),
        sa.Column("model", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("quantiles", sa.LargeBinary(), nullable=False),
        sa.Column("model_id", sa.String(64), nullable=False),
        sa.Column("known_at_utc", UtcTime(), nullable=False),
        sa.Column("input_hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("made_at_utc", "series_id", name=op.f("pk_forecast_now")),
    )
    op.create_table(
        "forecast_path",
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("series_id", sa.String(120), nullable=False),
        sa.Column("start_utc", UtcTime(), nullable=False),
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.Column("paths", sa.Integer(), nullable=False),
        sa.Column("amounts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("night", "series_id", name=op.f("pk_forecast_path")),
    )
    op.create_table(
        "peak",
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("series_id", sa.String(120), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("start_utc", UtcTime(), nullable=False),
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.String(40), nullable=False),
        sa.Column("p10", sa.Float(), nullable=False),
        sa.Column("p50", sa.Float(), nullable=False),
        sa.Column("p90", sa.Float(), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("limit", sa.Float()),
        sa.Column("probability", sa.Float()),
        sa.Column("by_step", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("night", "series_id", "day", name=op.f("pk_peak")),
    )
    op.create_table(
        "weather",
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("place", sa.String(80), nullable=False),
        sa.Column("variable", sa.String(40), nullable=False),
        sa.Column("start_utc", UtcTime(), nullable=False),
        sa.Column("issued_utc", UtcTime(), nullable=False),
        sa.Column("available_at_utc", UtcTime(), nullable=False),
        sa.Column("archive", sa.Boolean(), nullable=False),
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.Column("amounts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", "place", "variable", "start_utc", "issued_utc", "available_at_utc", name=op.f("pk_weather")),
    )
    op.create_table(
        "known_event",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("start_utc", UtcTime(), nullable=False),
        sa.Column("end_utc", UtcTime(), nullable=False),
        sa.Column("effect", sa.String(20), nullable=False),
        sa.Column("amount", sa.Float()),
        sa.Column("like_day", sa.String(20)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("ended_utc", UtcTime()),
        sa.Column("ended_at_utc", UtcTime()),
        sa.Column("ended_by", sa.String(80)),
        sa.Column("ended_why", sa.Text()),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_known_event")),
    )
    op.create_index("known_event_by_end", "known_event", ["end_utc"])
    op.create_table(
        "forecast_event",
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("series_id", sa.String(120), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("first_utc", UtcTime(), nullable=False),
        sa.Column("until_utc", UtcTime(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("change", sa.Float(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("night", "series_id", "event_id", name=op.f("pk_forecast_event")),
    )
    op.add_column("leak_case", sa.Column("ended_utc", UtcTime()))
    op.add_column("leak_case", sa.Column("ended_at_utc", UtcTime()))


def downgrade() -> None:
    op.drop_column("leak_case", "ended_at_utc")
    op.drop_column("leak_case", "ended_utc")
    op.drop_table("forecast_event")
    op.drop_index("known_event_by_end", "known_event")
    op.drop_table("known_event")
    op.drop_table("weather")
    op.drop_table("peak")
    op.drop_table("forecast_path")
    op.drop_table("forecast_now")
    for name in ("why", "input_hash", "known_at_utc", "model_id"):
        op.drop_column("forecast", name)
    op.drop_index("forecast_model_by_group", "forecast_model")
    op.drop_table("forecast_model")
