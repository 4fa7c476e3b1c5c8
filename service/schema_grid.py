"""The tables of the power grid: its state, outages and what was proposed for them."""

from sqlalchemy import Column, Date, Float, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.types import JSON

from service.schema_base import table
from service.utctime import UtcTime

grid_state = table(
    "grid_state",
    Column("time_utc", UtcTime, primary_key=True, autoincrement=False),  # end of the quarter-hour
    Column("network", String(64), nullable=False),  # hash of the network: vectors of another one are not read
    Column("voltage_pu", LargeBinary, nullable=False),  # float32[buses], not-a-number where dead
    Column("loading", LargeBinary, nullable=False),  # float32[branches], share of the rating
    Column("power_kw", LargeBinary, nullable=False),  # float32[branches], into the branch at its from end
    Column("loss_kw", Float, nullable=False),
    Column("load_kw", Float, nullable=False),
    Column("detail", JSON, nullable=False),  # open switches, feeders, where each load comes from, what is out of limits
)
grid_loss_day = table(
    "grid_loss_day",
    Column("day", Date, primary_key=True),  # local
    Column("feeder", String(80), primary_key=True),  # empty: what lies before every feeder's head
    Column("quarters", Integer, nullable=False),  # that the sums stand on
    Column("loss_kwh", Float, nullable=False),  # technical, computed
    Column("input_kwh", Float, nullable=False),
    Column("billed_kwh", Float),  # none: not every load of the feeder has a meter of its own
)
grid_risk = table(
    "grid_risk",
    Column("night", Date, primary_key=True),
    Column("subject", String(80), primary_key=True),  # branch or bus
    Column("kind", String(20), primary_key=True),  # overload, low-voltage, high-voltage
    Column("time_utc", UtcTime, nullable=False),  # of the worst quarter-hour
    Column("p50", Float, nullable=False),  # share of the rating, or per unit
    Column("worst", Float, nullable=False),  # where all feeders are at the P90 (the P10 for a high voltage)
    Column("limit", Float, nullable=False),
    Column("sentence", Text, nullable=False),
)
grid_outage = table(
    "grid_outage",
    Column("outage_id", String(64), primary_key=True),
    Column("feeder", String(80), nullable=False),
    Column("branch", String(80), nullable=False),  # the likeliest place: what hangs behind it is dead
    Column("likelihood", Float, nullable=False),  # of that place among all
    Column("since_utc", UtcTime, nullable=False),
    Column("found_utc", UtcTime, nullable=False),
    Column("ended_utc", UtcTime),
    Column("customers", Integer, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("detail", JSON, nullable=False),  # buses, loads, meters, critical, other places, district
)
grid_proposal = table(
    "grid_proposal",
    Column("proposal_id", String(64), primary_key=True),
    Column("outage_id", String(64), ForeignKey("grid_outage.outage_id"), nullable=False),
    Column("made_at_utc", UtcTime, nullable=False),
    Column("state", String(20), nullable=False),  # proposed, superseded, done
    Column("customers", Integer, nullable=False),  # that it brings back
    Column("sentence", Text, nullable=False),
    Column("detail", JSON, nullable=False),  # the steps in their order and the proof
)
Index("grid_proposal_by_outage", grid_proposal.c.outage_id)
grid_switch = table(
    "grid_switch",
    Column("switch", String(80), primary_key=True),
    Column("at_utc", UtcTime, primary_key=True),
    Column("state", String(20), nullable=False),  # open, closed: as somebody told or its point said
    Column("who", String(80), nullable=False),
    Column("proposal_id", String(64)),  # of which it was a step
    Column("note", Text, nullable=False),
)
