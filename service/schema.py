"""The tables. SQLite (embedded) and PostgreSQL (a utility's) hold the same ones; migrations/ brings either from empty to here."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    LargeBinary,
    String,
    Text,
)
from sqlalchemy.types import JSON

from service.schema_base import metadata
from service.schema_base import table as _table
from service.schema_carbon import (
    former_ledger_batch,
    former_ledger_entry,
    household_consent,
    household_month,
    household_release,
    household_spent,
    instrument_act,
    instrument_lot,
    instrument_use,
    ledger_batch,
    ledger_close,
    ledger_due,
)
from service.schema_console import (
    alarm,
    alarm_event,
    case_event,
    hand_over,
    hand_over_signed,
    second_factor,
    session,
    shift_note,
    sign_in_failure,
    vee_open,
    vee_settled,
    work_case,
)
from service.schema_control import approval, audit, command, hold, request
from service.schema_days import heard_day, meter_day
from service.schema_edge import batch_origin, dead_letter
from service.schema_forecasting import forecast_event, forecast_model, forecast_now, forecast_path, known_event, peak, weather
from service.schema_grid import grid_loss_day, grid_outage, grid_proposal, grid_risk, grid_state, grid_switch
from service.schema_planning import pareto, response_event, response_report, settlement, what_if
from service.schema_readings import batch, cold_day, conflict, latest, reading, slot_quality
from service.schema_service import api_hour, config_version, lease, level_day, notice, removal, stored_lag, up_span, zone_out
from service.schema_water import (
    isolation,
    leak_case,
    leak_finding,
    leak_watch,
    loss_month,
    quality_event,
    sensor_fault,
    valve_state,
    water_balance,
)
from service.utctime import UtcTime

__all__ = [
    "alarm",
    "alarm_event",
    "api_hour",
    "approval",
    "audit",
    "batch",
    "batch_origin",
    "case_event",
    "cold_day",
    "command",
    "config_version",
    "conflict",
    "dead_letter",
    "forecast_event",
    "forecast_model",
    "forecast_now",
    "forecast_path",
    "former_ledger_batch",
    "former_ledger_entry",
    "grid_loss_day",
    "grid_outage",
    "grid_proposal",
    "grid_risk",
    "grid_state",
    "grid_switch",
    "hand_over",
    "hand_over_signed",
    "heard_day",
    "hold",
    "household_consent",
    "household_month",
    "household_release",
    "household_spent",
    "instrument_act",
    "instrument_lot",
    "instrument_use",
    "isolation",
    "known_event",
    "latest",
    "leak_case",
    "leak_finding",
    "leak_watch",
    "lease",
    "ledger_batch",
    "ledger_close",
    "ledger_due",
    "level_day",
    "loss_month",
    "metadata",
    "meter_day",
    "notice",
    "pareto",
    "peak",
    "quality_event",
    "reading",
    "removal",
    "request",
    "response_event",
    "response_report",
    "second_factor",
    "sensor_fault",
    "session",
    "settlement",
    "shift_note",
    "sign_in_failure",
    "slot_quality",
    "stored_lag",
    "up_span",
    "valve_state",
    "vee_open",
    "vee_settled",
    "water_balance",
    "weather",
    "what_if",
    "work_case",
    "zone_out",
]

# --- acquisition -----------------------------------------------------------------------------------------------------------
point = _table(
    "point",
    Column("point_key", Integer, primary_key=True, autoincrement=False),
    Column("point_id", String(120), nullable=False, unique=True),
    Column("meter_id", String(80), nullable=False),
    Column("quantity", String(40), nullable=False),
    Column("step_s", Integer, nullable=False),
)

# --- the night -------------------------------------------------------------------------------------------------------------
run = _table(
    "run",
    Column("run_id", Integer, primary_key=True),
    Column("city", String(40), nullable=False),
    Column("night", Date, nullable=False),
    Column("command", String(20), nullable=False),
    Column("now_utc", UtcTime, nullable=False),
    Column("started_utc", UtcTime, nullable=False),
    Column("ended_utc", UtcTime),
    Column("status", String(20), nullable=False),
    Column("config_hash", String(64), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("detail", JSON),
    Column("config_author", String(120)),  # who changed the city file last, as its repository says
    Column("config_changed", Text),  # how it differs from that of the run before
)
step = _table(
    "step",
    Column("city", String(40), primary_key=True),
    Column("night", Date, primary_key=True),
    Column("step", String(20), primary_key=True),
    Column("status", String(20), nullable=False),
    Column("ended_utc", UtcTime, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("problems", JSON, nullable=False),
    Column("detail", JSON, nullable=False),
)
heartbeat = _table(
    "heartbeat", Column("process", String(20), primary_key=True), Column("time_utc", UtcTime, nullable=False), Column("detail", JSON)
)

# --- results ---------------------------------------------------------------------------------------------------------------
forecast = _table(
    "forecast",
    Column("night", Date, primary_key=True),
    Column("series_id", String(120), primary_key=True),
    Column("made_at_utc", UtcTime, nullable=False),
    Column("start_utc", UtcTime, nullable=False),
    Column("step_s", Integer, nullable=False),
    Column("quantity", String(40), nullable=False),
    Column("model", String(40), nullable=False),
    Column("reason", Text, nullable=False),
    Column("quantiles", LargeBinary, nullable=False),  # float32[3, t]: P10, P50, P90
    Column("model_id", String(64)),  # of forecast_model; with history and weather as known then it gives the same bits again
    Column("known_at_utc", UtcTime),  # what was stored until then was seen
    Column("input_hash", String(64)),  # of all that the machine was given for this series
    Column("why", JSON),  # what drove the peak of the first day, in words and effects
)
skill = _table(
    "skill",
    Column("night", Date, primary_key=True),
    Column("series_id", String(120), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("model", String(40), nullable=False),
    Column("mae", Float),
    Column("mae_naive", Float),
    Column("cover80", Float),
    Column("n", Integer, nullable=False),
)
plan = _table(
    "plan",
    Column("plan_id", String(64), primary_key=True),
    Column("night", Date, nullable=False),
    Column("made_at_utc", UtcTime, nullable=False),
    Column("start_utc", UtcTime, nullable=False),
    Column("step_s", Integer, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("cost", Float),
    Column("baseline_cost", Float),
    Column("co2_kg", Float),
    Column("baseline_co2_kg", Float),
    Column("detail", JSON, nullable=False),
)
plan_value = _table(
    "plan_value",
    Column("plan_id", String(64), primary_key=True),
    Column("scenario", String(20), primary_key=True),
    Column("asset_id", String(80), primary_key=True),
    Column("quantity", String(40), primary_key=True),
    Column("amounts", LargeBinary, nullable=False),  # float32[steps]
)
price = _table(
    "price",
    Column("plan_id", String(64), primary_key=True),
    Column("balance_id", String(80), primary_key=True),
    Column("amounts", LargeBinary, nullable=False),  # float32[steps], currency per unit
)
breach = _table(
    "breach",
    Column("plan_id", String(64), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("asset_id", String(80), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("detail", JSON, nullable=False),
)

# --- carbon ----------------------------------------------------------------------------------------------------------------
target_progress = _table(
    "target_progress",
    Column("night", Date, primary_key=True),
    Column("target_id", String(80), primary_key=True),
    Column("required", Float),
    Column("actual", Float),
    Column("on_path", Boolean),
    Column("sentence", Text, nullable=False),
    Column("detail", JSON, nullable=False),
)

# The records of the running itself; what a rerun of a night must reproduce exactly is every other table.
RUNNING = {"run", "step", "heartbeat", "lease", "config_version", "notice", "up_span", "stored_lag", "api_hour", "level_day", "removal"}
RESULTS = [t for t in metadata.sorted_tables if t.name not in RUNNING]
