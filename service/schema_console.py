"""The tables of the console: what people settle there."""

from sqlalchemy import Column, Integer, String, Text

from service.schema_base import table
from service.utctime import UtcTime

# A stretch of a validated day that a person has settled; it counts for as long as values and quality there give the same digest.
vee_settled = table(
    "vee_settled",
    Column("point_key", Integer, primary_key=True, autoincrement=False),
    Column("day_start_utc", UtcTime, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),  # of the day, as the person saw it
    Column("first_step", Integer, primary_key=True, autoincrement=False),
    Column("steps", Integer, nullable=False),
    Column("digest", String(64), nullable=False),  # of the values and quality of the stretch
    Column("who", String(80), nullable=False),
    Column("at_utc", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    rowid=False,
)
