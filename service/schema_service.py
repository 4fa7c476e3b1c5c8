"""How the service itself runs: who may write, what was configured, which zones a night left out, what was told to whom, and how well."""

from sqlalchemy import Column, Date, Float, Index, Integer, String, Text
from sqlalchemy.types import JSON

from service.schema_base import table
from service.utctime import UtcTime

lease = table(  # one row per thing that only one process may do; the token grows with every taking, so that a late writer is refused
    "lease",
    Column("name", String(80), primary_key=True),
    Column("holder", String(120), nullable=False),
    Column("token", Integer, nullable=False),
    Column("taken_utc", UtcTime, nullable=False),
    Column("until_utc", UtcTime, nullable=False),
)
config_version = table(  # every city file that a run was made with
    "config_version",
    Column("config_hash", String(64), primary_key=True),
    Column("seen_utc", UtcTime, nullable=False),
    Column("author", String(120), nullable=False),
    Column("text", Text, nullable=False),
)
zone_out = table(  # what a step of a night had to leave out; gone once it was done after all
    "zone_out",
    Column("city", String(40), primary_key=True),
    Column("night", Date, primary_key=True),
    Column("step", String(20), primary_key=True),
    Column("zone", String(80), primary_key=True),
    Column("problems", JSON, nullable=False),
    Column("since_utc", UtcTime),  # the first day that validation left out
)
notice = table(  # what is to be told outside; kept until it was delivered or given up
    "notice",
    Column("notice_id", Integer, primary_key=True),
    Column("subject_key", String(160), nullable=False),  # what it is about and to whom: told once
    Column("channel", String(80), nullable=False),
    Column("made_utc", UtcTime, nullable=False),
    Column("title", String(200), nullable=False),
    Column("body", JSON, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_utc", UtcTime),  # none: delivered, or given up
    Column("sent_utc", UtcTime),
    Column("error", Text, nullable=False),
)
Index("notice_once", notice.c.subject_key, unique=True)
up_span = table(  # from when to when a long-running process was alive
    "up_span",
    Column("process", String(20), primary_key=True),
    Column("since_utc", UtcTime, primary_key=True),
    Column("until_utc", UtcTime, nullable=False),
    Column("ended", String(10), nullable=False, server_default=""),  # planned: somebody stopped it; else it runs, or was cut off
)
stored_lag = table(  # how many readings of an hour were stored within a minute of being read
    "stored_lag",
    Column("hour_utc", UtcTime, primary_key=True),
    Column("in_time", Integer, nullable=False),
    Column("late", Integer, nullable=False),
)
api_hour = table(  # calls of the API by hour and outcome
    "api_hour",
    Column("hour_utc", UtcTime, primary_key=True),
    Column("route", String(80), primary_key=True),
    Column("status", Integer, primary_key=True),
    Column("calls", Integer, nullable=False),
)
level_day = table(  # a service level of a civil day: good of all
    "level_day",
    Column("day", Date, primary_key=True),
    Column("level", String(40), primary_key=True),
    Column("good", Float, nullable=False),
    Column("total", Float, nullable=False),
    Column("basis", Text, nullable=False, server_default=""),  # how it was counted where not as usual
)
removal = table(  # what retention took away
    "removal",
    Column("removal_id", Integer, primary_key=True),
    Column("at_utc", UtcTime, nullable=False),
    Column("subject", String(80), nullable=False),
    Column("before_utc", UtcTime, nullable=False),
    Column("count", Integer, nullable=False),
)
