"""Tables of readings: as they arrived, the newest of each point, and where the old ones lie."""

from sqlalchemy import BigInteger, Column, Date, Index, Integer, String, Table, text

from service.schema_base import metadata, table
from service.utctime import UtcTime

# A reading is written once and never changed. SQLite keeps the rows in the order of this key, which is the order they come in;
# PostgreSQL keeps a partition per UTC day, each with the key (point, time): see migration 0005 and service/store/partitions.py.
reading = Table(
    "reading",
    metadata,
    Column("time_utc", UtcTime, primary_key=True),
    Column("point_key", Integer, primary_key=True),
    Column("value", BigInteger),
    Column("quality", Integer, nullable=False),
    Column("late_s", Integer, nullable=False),  # whole seconds from its time to when it was received
    Column("batch_no", Integer, nullable=False),  # which batch brought it; 0 where a release before this one did not keep it
    sqlite_with_rowid=False,
    postgresql_partition_by="RANGE (time_utc)",
)
# What is not plainly good: few rows of many, which is what health and alarms ask for.
Index(
    "reading_not_good",
    reading.c.time_utc,
    reading.c.point_key,
    reading.c.quality,
    sqlite_where=text("quality <> 1"),
    postgresql_where=text("quality <> 1"),
)
batch = table(
    "batch",
    Column("batch_no", Integer, primary_key=True, autoincrement=False),  # in the order of their transactions, without gaps
    Column("batch_id", String(64), nullable=False, unique=True),
    Column("readings", Integer, nullable=False),
)
# What came for a point and time that had another value already.
conflict = table(
    "conflict",
    Column("time_utc", UtcTime, primary_key=True),
    Column("point_key", Integer, primary_key=True),
    Column("value", BigInteger, primary_key=True),
    Column("batch_no", Integer, nullable=False),
)
latest = table(
    "latest",
    Column("point_key", Integer, primary_key=True, autoincrement=False),
    Column("time_utc", UtcTime, nullable=False),
    Column("value", BigInteger),
    Column("quality", Integer, nullable=False),
    Column("good_time_utc", UtcTime),
    Column("good_value", BigInteger),
)
# How many readings of a time came with which quality: counted as they are stored, since a slot of a large city has 100,000 of them.
slot_quality = table(
    "slot_quality",
    Column("time_utc", UtcTime, primary_key=True),
    Column("quality", Integer, primary_key=True, autoincrement=False),
    Column("readings", Integer, nullable=False),
    rowid=False,
)
# One row per Parquet file of readings that have left `reading`.
cold_day = table(
    "cold_day",
    Column("day", Date, primary_key=True),  # UTC
    Column("part", Integer, primary_key=True, autoincrement=False),  # 1, and one more each time late readings were added
    Column("file", String(80), nullable=False, unique=True),  # in the folder `cold` of the city's data folder
    Column("readings", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
)
