"""The tables of forecasting: the models that went live or did not, and what people and the weather service told."""

from sqlalchemy import Column, Index, LargeBinary, String, Text
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
