"""The tables of the water side: leaks and what people found of them, sensor faults, valves, isolations, balances."""

from sqlalchemy import Boolean, Column, Date, Float, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.types import JSON

from service.schema_base import table
from service.utctime import UtcTime

leak_watch = table(
    "leak_watch",
    Column("city", String(80), primary_key=True),
    Column("inputs", String(64), nullable=False),  # hash of the network and of where its sensors are: another one starts a new watch
    Column("calibrated_utc", UtcTime, nullable=False),
    Column("until_utc", UtcTime, nullable=False),  # readings before this time have been read
    Column("state", LargeBinary, nullable=False),  # the watch's own state, JSON, compressed by zlib
)
leak_case = table(
    "leak_case",
    Column("case_id", String(64), primary_key=True),
    Column("leak_id", String(64)),  # the watch's name of the leak
    Column("night", Date, nullable=False),
    Column("start_utc", UtcTime, nullable=False),
    Column("seen_utc", UtcTime, nullable=False),
    Column("reported_utc", UtcTime),  # when it was first worth a crew
    Column("zone_id", String(40), nullable=False),
    Column("pipe", String(40), nullable=False),
    Column("kind", String(20), nullable=False, server_default="burst"),  # burst, slow
    Column("flow_m3_per_h", Float, nullable=False),
    Column("flow_sd_m3_per_h", Float),
    Column("sized_utc", UtcTime),  # end of the readings that flow, pipe and candidates rest on
    Column("state", String(20), nullable=False),  # suspected: not worth a crew yet; open: reported; repaired; over: no longer seen
    Column("sentence", Text, nullable=False),
    Column("worth", Text, nullable=False, server_default=""),  # why it is worth a crew
    Column("candidates", JSON, nullable=False),  # [{pipe, posterior}], likeliest first
    Column("ended_utc", UtcTime),  # when it was repaired as a person told, or was seen last
    Column("ended_at_utc", UtcTime),  # when that was known
)
leak_finding = table(
    "leak_finding",
    Column("finding_id", Integer, primary_key=True),
    Column("case_id", String(64), ForeignKey("leak_case.case_id"), nullable=False),
    Column("pipe", String(40), nullable=False),
    Column("at_utc", UtcTime, nullable=False),
    Column("found", Boolean, nullable=False),
    Column("who", String(80), nullable=False),
    Column("note", Text, nullable=False),
    Column("taken_utc", UtcTime),  # when the watch took it in
)
Index("leak_finding_by_case", leak_finding.c.case_id)
sensor_fault = table(
    "sensor_fault",
    Column("sensor", String(120), primary_key=True),
    Column("kind", String(20), primary_key=True),  # drift, stuck, clock, datum
    Column("since_utc", UtcTime, primary_key=True),
    Column("size", Float, nullable=False),  # drift: m a day, datum: m too high, clock: min late, stuck: m
    Column("state", String(20), nullable=False),  # open, over
    Column("sentence", Text, nullable=False),
    Column("seen_utc", UtcTime, nullable=False),
    Column("over_utc", UtcTime),
)
valve_state = table(
    "valve_state",
    Column("valve", String(80), primary_key=True),
    Column("state", String(20), nullable=False),  # open, closed, stuck: an operator's latest word, over the valve file's
    Column("turns", Float),  # until it is shut
    Column("exercised", Date),
    Column("who", String(80), nullable=False),
    Column("at_utc", UtcTime, nullable=False),
    Column("note", Text, nullable=False),
)
isolation = table(
    "isolation",
    Column("isolation_id", String(64), primary_key=True),
    Column("case_id", String(64), ForeignKey("leak_case.case_id"), nullable=False),
    Column("pipe", String(40), nullable=False),
    Column("customers", Integer, nullable=False),
    Column("demand_m3_per_h", Float, nullable=False),
    Column("proved", Boolean, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("detail", JSON, nullable=False),
)
water_balance = table(
    "water_balance",
    Column("zone_id", String(40), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("inflow_m3", Float),
    Column("loss_m3", Float),
    Column("quality", Integer, nullable=False),
    Column("night_flow_m3_per_h", Float),  # the least hour between 02:00 and 05:00
)
loss_month = table(
    "loss_month",
    Column("zone_id", String(40), primary_key=True),  # a DMA; empty for the whole city
    Column("month", String(7), primary_key=True),  # local, as 2026-01
    Column("hours", Integer, nullable=False),  # measured
    Column("inflow_m3", Float, nullable=False),
    Column("loss_m3", Float, nullable=False),  # real losses
    Column("loss_sd_m3", Float, nullable=False),
    Column("detail", JSON, nullable=False),  # the IWA table, what each telling says, targets, indicators
)
quality_event = table(
    "quality_event",
    Column("event_id", String(180), primary_key=True),
    Column("point_id", String(120), nullable=False),
    Column("zone_id", String(40), nullable=False),  # a DMA, or empty
    Column("quantity", String(40), nullable=False),
    Column("start_utc", UtcTime, nullable=False),
    Column("seen_utc", UtcTime, nullable=False),  # when it was known
    Column("end_utc", UtcTime),
    Column("usual", Float, nullable=False),  # at the most strange step [unit of the quantity]
    Column("value", Float, nullable=False),
    Column("sd", Float, nullable=False),
    Column("outside", Boolean, nullable=False),  # of what the tap may have
)
