"""Tables of validated days: vectors in versions, and how many readings a day was made of."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Text

from service.schema_base import table
from service.utctime import UtcTime

# A version is never changed: 1 as read and validated, then estimates, late readings and edits, each with who and why.
meter_day = table(
    "meter_day",
    Column("point_key", Integer, primary_key=True),
    Column("day_start_utc", UtcTime, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("step_s", Integer, nullable=False),
    Column("amounts", LargeBinary, nullable=False),  # int64 little-endian in the stored scale, zlib
    Column("quality", LargeBinary, nullable=False),  # uint16 little-endian, zlib
    Column("known_at_utc", UtcTime, nullable=False),
    Column("who", String(80), nullable=False),  # import, night, or a person
    Column("reason", Text, nullable=False),
    Column("amount_sum", BigInteger),  # of the usable amounts, so that the roll-up of a city need not open 100,000 vectors
    rowid=False,
)
# One day of a whole city without its vectors: the index holds all that the roll-up needs.
Index("meter_day_by_day", meter_day.c.day_start_utc, meter_day.c.point_key, meter_day.c.version, meter_day.c.amount_sum)
# Another count than that of the last night means that readings came late: the day is validated again.
heard_day = table(
    "heard_day", Column("day_start_utc", UtcTime, primary_key=True, autoincrement=False), Column("readings", BigInteger, nullable=False)
)
