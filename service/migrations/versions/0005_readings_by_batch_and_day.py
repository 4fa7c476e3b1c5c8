"""Readings by batch and day: which batch brought a reading, a partition per day on PostgreSQL, days in cold storage, totals of vectors."""

import zlib
from datetime import timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

from city.quality import usable
from service.utctime import UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _reading(name: str, *last: sa.Column, partitioned: bool) -> None:
    """The table of readings: key (time, point) as they arrive on SQLite; partitions by day with key (point, time) on PostgreSQL."""
    key = ("point_key", "time_utc") if partitioned else ("time_utc", "point_key")
    how: Any = {"postgresql_partition_by": "RANGE (time_utc)"} if partitioned else {}
    op.create_table(
        name,
        sa.Column("time_utc", UtcTime(), nullable=False),
        sa.Column("point_key", sa.Integer(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("quality", sa.Integer(), nullable=False),
        *last,
        sa.PrimaryKeyConstraint(*key),
        sqlite_with_rowid=False,
        **how,
    )


def _batch(*columns: sa.Column, key: str) -> None:
    op.create_table(
        "batch_new",
        *columns,
        sa.Column("batch_id", sa.String(length=64), nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(key, name="batch_new_pkey"),
        *([] if key == "batch_id" else [sa.UniqueConstraint("batch_id")]),
        sqlite_with_rowid=True,
    )


def _conflict(last: sa.Column) -> None:
    op.create_table(
        "conflict_new",
        sa.Column("time_utc", UtcTime(), nullable=False),
        sa.Column("point_key", sa.Integer(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        last,
        sa.PrimaryKeyConstraint("time_utc", "point_key", "value", name="conflict_new_pkey"),
        sqlite_with_rowid=True,
    )


def _in_place(table: str) -> None:
    """`<table>_new` takes the place of `table`."""
    op.drop_table(table)
    op.rename_table(f"{table}_new", table)
    if _postgresql():
        op.execute(f"ALTER INDEX {table}_new_pkey RENAME TO {table}_pkey")


def upgrade() -> None:
    _batch(
        sa.Column("batch_no", sa.Integer(), autoincrement=False, nullable=False),
        key="batch_no",
    )
    op.execute(
        "INSERT INTO batch_new (batch_no, batch_id, readings) SELECT row_number() OVER (ORDER BY batch_id), batch_id, readings FROM batch"
    )
    _conflict(sa.Column("batch_no", sa.Integer(), nullable=False))
    op.execute(
        "INSERT INTO conflict_new SELECT time_utc, point_key, value, batch_no FROM conflict c JOIN batch_new b ON b.batch_id = c.batch_id"
    )
    _in_place("conflict")
    _in_place("batch")
    _rename_reading()
    late, no = (sa.Column(name, sa.Integer(), nullable=False) for name in ("late_s", "batch_no"))
    _reading("reading", late, no, partitioned=_postgresql())
    if _postgresql():
        _partitions()
    op.execute(
        f"INSERT INTO reading SELECT time_utc, point_key, value, quality, {_seconds('received_at_utc', 'time_utc')}, 0 FROM reading_old"  # noqa: S608
    )
    op.drop_table("reading_old")
    if _postgresql():  # each row changes every quarter-hour: with room beside it, without touching the index
        op.execute("ALTER TABLE latest SET (fillfactor = 50)")
    op.create_table(
        "cold_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file", sa.String(length=80), nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("day", "part"),
        sa.UniqueConstraint("file"),
        sqlite_with_rowid=True,
    )
    op.add_column("meter_day", sa.Column("amount_sum", sa.BigInteger(), nullable=True))
    _sum_vectors()


def _seconds(later: str, earlier: str) -> str:
    """Whole seconds between two times, rounded up: nothing counts as known before it was."""
    if _postgresql():
        return f"ceil(extract(epoch FROM {later} - {earlier}))::int"
    us = f"({later} - {earlier})"  # SQLite divides whole numbers towards zero: for negative ones that is up already
    return f"({us} + CASE WHEN {us} > 0 THEN 999999 ELSE 0 END) / 1000000"


def _rename_reading() -> None:
    op.rename_table("reading", "reading_old")
    if _postgresql():
        op.execute("ALTER INDEX reading_pkey RENAME TO reading_old_pkey")


def _partitions() -> None:
    days = (
        op.get_bind().execute(sa.text("SELECT DISTINCT (time_utc AT TIME ZONE 'UTC')::date AS day FROM reading_old ORDER BY day")).scalars()
    )
    for day in days.all():
        ends = f"FROM ('{day} 00:00+00') TO ('{day + timedelta(days=1)} 00:00+00')"
        op.execute(f"CREATE TABLE reading_{day:%Y%m%d} PARTITION OF reading FOR VALUES {ends}")


def _sum_vectors() -> None:
    day = sa.table(
        "meter_day", *(sa.column(name) for name in ("point_key", "day_start_utc", "version", "amounts", "quality", "amount_sum"))
    )
    found = op.get_bind().execute(sa.select(day.c.point_key, day.c.day_start_utc, day.c.version, day.c.amounts, day.c.quality)).all()
    sums = []
    for key, start, version, amounts, quality in found:
        good = usable(np.frombuffer(zlib.decompress(quality), dtype="<u2"))
        total = int(np.cumsum(np.frombuffer(zlib.decompress(amounts), dtype="<i8"))[good].sum())
        sums.append({"k": key, "d": start, "v": version, "total": total})
    if sums:
        one = (day.c.point_key == sa.bindparam("k")) & (day.c.day_start_utc == sa.bindparam("d")) & (day.c.version == sa.bindparam("v"))
        op.get_bind().execute(day.update().where(one).values(amount_sum=sa.bindparam("total")), sums)


def downgrade() -> None:
    """Readings of hot days stay. Those in cold files are no longer found, and the files stay where they are."""
    op.drop_column("meter_day", "amount_sum")
    op.drop_table("cold_day")
    if _postgresql():
        op.execute("ALTER TABLE latest RESET (fillfactor)")
    _rename_reading()
    _reading("reading", sa.Column("received_at_utc", UtcTime(), nullable=False), partitioned=False)
    received = "time_utc + late_s * interval '1 second'" if _postgresql() else "time_utc + late_s * 1000000"
    op.execute(f"INSERT INTO reading SELECT time_utc, point_key, value, quality, {received} FROM reading_old")  # noqa: S608
    op.drop_table("reading_old")
    _conflict(sa.Column("batch_id", sa.String(length=64), nullable=False))
    op.execute(
        "INSERT INTO conflict_new SELECT time_utc, point_key, value, batch_id FROM conflict c JOIN batch b ON b.batch_no = c.batch_no"
    )
    _in_place("conflict")
    _batch(key="batch_id")
    op.execute("INSERT INTO batch_new (batch_id, readings) SELECT batch_id, readings FROM batch")
    _in_place("batch")
