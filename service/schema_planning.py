"""The tables of planning beyond the plan itself: what-ifs and trade-offs beside it, events of demand response and what came of them."""

from sqlalchemy import Column, Float, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.types import JSON

from service.schema_base import table
from service.utctime import UtcTime

response_event = table(
    "response_event",
    Column("event_id", Integer, primary_key=True),
    Column("programme", String(80), nullable=False),
    Column("asset_id", String(80), nullable=False),  # who is called; '*' for the whole city: a price, a limit, an intensity
    Column("signal", String(40), nullable=False),  # reduce_kw, import_limit_kw, import_price_per_kwh, ...
    Column("start_utc", UtcTime, nullable=False),
    Column("end_utc", UtcTime),  # none: until it is cancelled
    Column("amounts", JSON, nullable=False),  # [[start, end or null, amount]] in the unit of the signal
    Column("state", String(20), nullable=False),  # proposed, announced, cancelled; active and done follow from the clock
    Column("origin", String(20), nullable=False),  # plan, operator, openadr
    Column("plan_id", String(64), nullable=False, server_default=""),  # the plan that proposed it
    Column("foreign_id", String(340)),  # whose it is elsewhere: programme, id at the VTN, signal and asset
    Column("modified_utc", UtcTime),  # when the VTN changed it last
    Column("document", JSON),  # the OpenADR event as it came
    Column("made_at_utc", UtcTime, nullable=False),
    Column("call_by_utc", UtcTime),  # of a plan's proposal: later its notice could not be kept
    Column("announced_utc", UtcTime),
    Column("approvals_needed", Integer, nullable=False, server_default="1"),
    Column("cancelled_utc", UtcTime),
    Column("who", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("foreign_id", name="uq_response_event_foreign_id"),
)
Index("response_event_by_start", response_event.c.start_utc)
settlement = table(
    "settlement",
    Column("event_id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),  # a later one when the readings changed
    Column("settled_utc", UtcTime, nullable=False),
    Column("baseline_kwh", Float, nullable=False),
    Column("measured_kwh", Float, nullable=False),
    Column("asked_kwh", Float, nullable=False),
    Column("delivered_kwh", Float, nullable=False),
    Column("performance", Float),  # delivered over asked, none where nothing was asked
    Column("payment", Float, nullable=False),
    Column("penalty", Float, nullable=False),
    Column("rebound_kwh", Float, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("detail", JSON, nullable=False),  # days and factor of the baseline, and every interval: what a hand needs to compute it again
)
response_report = table(
    "response_report",
    Column("report_id", Integer, primary_key=True),
    Column("event_id", Integer, nullable=False),
    Column("version", Integer, nullable=False),  # of the settlement that is reported; 0: a report that came in
    Column("way", String(3), nullable=False),  # in, out
    Column("foreign_id", String(128)),  # its id at the VTN, or at who sent it
    Column("at_utc", UtcTime, nullable=False),
    Column("document", JSON, nullable=False),  # the OpenADR report
    UniqueConstraint("event_id", "version", "way", "foreign_id", name="uq_response_report"),
)
what_if = table(
    "what_if",
    Column("what_if_id", Integer, primary_key=True),
    Column("plan_id", String(64), nullable=False),  # the plan it was asked of
    Column("at_utc", UtcTime, nullable=False),
    Column("who", String(80), nullable=False),
    Column("changes", JSON, nullable=False),  # what was changed, as optimisation.whatif parses it
    Column("sentence", Text, nullable=False),  # the changes in words
    Column("status", String(20), nullable=False),
    Column("cost", Float),
    Column("co2_kg", Float),
    Column("detail", JSON, nullable=False),
)
Index("what_if_by_plan", what_if.c.plan_id)
pareto = table(
    "pareto",
    Column("plan_id", String(64), primary_key=True),  # the plan whose question it trades off
    Column("ordinal", Integer, primary_key=True),
    Column("trade", String(20), nullable=False),  # co2_kg or peak_kw: what is traded for cost
    Column("status", String(20), nullable=False),
    Column("cost", Float, nullable=False),
    Column("co2_kg", Float, nullable=False),
    Column("peak_kw", Float, nullable=False),
)
