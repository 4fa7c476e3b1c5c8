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


def downgrade() -> None:
    op.drop_index("forecast_model_by_group", "forecast_model")
    op.drop_table("forecast_model")
