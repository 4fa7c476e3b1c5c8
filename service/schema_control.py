"""The tables of control: what is to be written, who approved it, what came of it, and what people ask for."""

from sqlalchemy import Column, Float, Index, Integer, String, Text
from sqlalchemy.types import JSON

from service.schema_base import table
from service.utctime import UtcTime

command = table(
    "command",
    Column("command_id", String(64), primary_key=True),
    Column("plan_id", String(64), nullable=False),  # a plan's or an isolation's id
    Column("point_id", String(120), nullable=False),
    Column("not_before_utc", UtcTime, nullable=False),
    Column("not_after_utc", UtcTime, nullable=False),
    Column("quantity", String(40), nullable=False),
    Column("setpoint", Float, nullable=False),
    # proposed, approved, held, writing, written, refused, mismatch, unknown, expired, superseded
    Column("state", String(20), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("approvals_needed", Integer, nullable=False, server_default="1"),  # people who must approve it before it is written
    Column("reverts", String(64)),  # the command whose setpoint this one takes back when nothing follows it
)
Index("command_by_state", command.c.state, command.c.not_before_utc)
approval = table(
    "approval",
    Column("plan_id", String(64), primary_key=True),
    Column("who", String(80), primary_key=True),
    Column("at_utc", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("commands", Integer, nullable=False),  # that it released, or valves that crews turn; 0 while another person must approve too
)
audit = table(
    "audit",
    Column("audit_id", Integer, primary_key=True, autoincrement=False),  # 1, 2, 3: the number of the line in the chain
    Column("at_utc", UtcTime, nullable=False),
    Column("who", String(80), nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", String(120), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("decided", String(64)),  # SHA-256 of the rows that the line decides on
    Column("previous", String(64), nullable=False),  # sha256 of the line before
    Column("sha256", String(64), nullable=False),  # of the line, as service.auditing.chain says it
)
Index("audit_by_action", audit.c.action, audit.c.at_utc)
hold = table(
    "hold",
    Column("hold_id", Integer, primary_key=True),
    Column("subject", String(120), nullable=False),  # an asset, a point, or '*' for the emergency stop
    Column("since_utc", UtcTime, nullable=False),
    Column("until_utc", UtcTime),
    Column("setpoint", Float),  # at which the held point stays, for the plan; none: at its present one
    Column("released_utc", UtcTime),
    Column("who", String(80), nullable=False),
    Column("reason", Text, nullable=False),
)
request = table(
    "request",
    Column("request_id", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),  # replan, what-if, pareto, forecast, statement
    Column("who", String(80), nullable=False),
    Column("at_utc", UtcTime, nullable=False),
    Column("state", String(20), nullable=False),  # waiting, working, done, failed
    Column("detail", JSON, nullable=False),
    Column("sentence", Text, nullable=False),
)
