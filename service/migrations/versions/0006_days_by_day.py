"""An index of validated days by day."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("meter_day_by_day", "meter_day", ["day_start_utc", "point_key", "version", "amount_sum"])


def downgrade() -> None:
    op.drop_index("meter_day_by_day", "meter_day")
