"""The tables of forecasting: the models that went live or did not, and what people and the weather service told."""

from sqlalchemy import Boolean, Column, Date, Float, Index, Integer, LargeBinary, String, Text
from sqlalchemy.types import JSON

from service.schema_base import table
from service.utctime import UtcTime

forecast_model = table(
    "forecast_model",
    Column("model_id", String(64), primary_key=True),  # hash of the artifact: the same training gives the same id
    Column("group_key", String(120), nullable=False),  # quantity, step and kind of the series it serves
    Column("trained_at_utc", UtcTime, nullable=False),
    Column("known_until_utc", UtcTime, nullable=False),  # nothing at or after it was learned
    Column("state", String(20), nullable=False),  # live, refused, retired
    Column("sentence", Text, nullable=False),  # why
    Column("provenance", JSON, nullable=False),  # hash of the data, features, settings, versions of the code
    Column("artifact", LargeBinary, nullable=False),
)
Index("forecast_model_by_group", forecast_model.c.group_key, forecast_model.c.trained_at_utc)
# What the live machines say between two nights; the night's own rows stay what the plan was made from.
forecast_now = table(
    "forecast_now",
    Column("made_at_utc", UtcTime, primary_key=True),  # start of the first step
    Column("series_id", String(120), primary_key=True),
    Column("step_s", Integer, nullable=False),
    Column("quantity", String(40), nullable=False),
    Column("model", String(40), nullable=False),
    Column("reason", Text, nullable=False),
    Column("quantiles", LargeBinary, nullable=False),  # float32[3, t]: P10, P50, P90
    Column("model_id", String(64), nullable=False),
    Column("known_at_utc", UtcTime, nullable=False),
    Column("input_hash", String(64), nullable=False),
)
forecast_path = table(
    "forecast_path",
    Column("night", Date, primary_key=True),
    Column("series_id", String(120), primary_key=True),
    Column("start_utc", UtcTime, nullable=False),
    Column("step_s", Integer, nullable=False),
    Column("paths", Integer, nullable=False),
    Column("amounts", LargeBinary, nullable=False),  # float32[paths, t]; path k of one series happens together with path k of another
)
peak = table(
    "peak",
    Column("night", Date, primary_key=True),
    Column("series_id", String(120), primary_key=True),
    Column("day", Date, primary_key=True),  # civil
    Column("start_utc", UtcTime, nullable=False),  # of the day's first forecast step
    Column("step_s", Integer, nullable=False),
    Column("quantity", String(40), nullable=False),  # power_kw or flow_m3_per_h: the unit of everything below
    Column("p10", Float, nullable=False),
    Column("p50", Float, nullable=False),
    Column("p90", Float, nullable=False),
    Column("at_utc", UtcTime, nullable=False),  # start of the step the peak most often falls into
    Column("limit", Float),
    Column("probability", Float),  # that the limit is passed at least once that day
    Column("by_step", LargeBinary),  # float32[t], the same for each step
)
weather = table(
    "weather",
    Column("source", String(80), primary_key=True),
    Column("place", String(80), primary_key=True),  # zone it is for; '' the whole city
    Column("variable", String(40), primary_key=True),
    Column("start_utc", UtcTime, primary_key=True),
    Column("issued_utc", UtcTime, primary_key=True),  # what was over then is a measurement, the rest a forecast
    Column("available_at_utc", UtcTime, primary_key=True),  # a correction comes with a later one; nothing is overwritten
    Column("archive", Boolean, nullable=False),  # taken over with its own times
    Column("step_s", Integer, nullable=False),
    Column("amounts", LargeBinary, nullable=False),  # float32[t], NaN where nothing was told
)
known_event = table(
    "known_event",
    Column("event_id", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),  # shutdown, festival, outage, works, other
    Column("subject", String(120), nullable=False),  # a point, meter or zone, a kind of forecast, or all
    Column("start_utc", UtcTime, nullable=False),
    Column("end_utc", UtcTime, nullable=False),
    Column("effect", String(20), nullable=False),  # factor, level, like
    Column("amount", Float),
    Column("like_day", String(20)),
    Column("reason", Text, nullable=False),
    Column("who", String(80), nullable=False),
    Column("at_utc", UtcTime, nullable=False),
    Column("ended_utc", UtcTime),  # cancelled: it acts until then; not after its start: it never happened
    Column("ended_at_utc", UtcTime),  # when that was told
    Column("ended_by", String(80)),
    Column("ended_why", Text),
)
Index("known_event_by_end", known_event.c.end_utc)
forecast_event = table(
    "forecast_event",
    Column("night", Date, primary_key=True),
    Column("series_id", String(120), primary_key=True),
    Column("event_id", Integer, primary_key=True),
    Column("first_utc", UtcTime, nullable=False),  # of the steps that it changed
    Column("until_utc", UtcTime, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("change", Float, nullable=False),  # of P50, summed over these steps [unit of the forecast's quantity]
    Column("sentence", Text, nullable=False),
)
