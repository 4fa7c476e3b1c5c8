"""What is expected: forecasts as they were made, with quantiles, and how good they were."""

from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import func, select

from service import schema as t
from service.api.moments import iso, number
from service.api.operation import Asked, declared
from service.api.parameters import day, text
from service.api.problem import missing
from service.api.shapes import DAY, NUMBER, TEXT, TIME, WHOLE, Shape, each, maybe, page, told
from service.store.vectors import unpack_float

_HEAD = {
    "series": TEXT,
    "night": told(DAY, "the night it was made in"),
    "made_at_utc": TIME,
    "start_utc": told(TIME, "of the first step"),
    "step_s": told(WHOLE, "[s]"),
    "steps": WHOLE,
    "quantity": told(TEXT, "with its unit; the amount of each step"),
    "model": TEXT,
    "reason": told(TEXT, "why this model"),
}
FORECAST = Shape("Forecast", _HEAD)
_QUANTILE = each(maybe(NUMBER))
VALUES = Shape(
    "ForecastValues",
    {
        **_HEAD,
        "p10": told(_QUANTILE, "one value per step, in the unit of `quantity`"),
        "p50": _QUANTILE,
        "p90": _QUANTILE,
    },
)
SKILL = Shape(
    "Skill",
    {
        "night": DAY,
        "series": TEXT,
        "day": told(WHOLE, "1: the first day ahead"),
        "model": TEXT,
        "mae": told(maybe(NUMBER), "mean absolute error [unit of the series]"),
        "mae_naive": told(maybe(NUMBER), "of the same hours a week before"),
        "cover80": told(maybe(NUMBER), "share of values between P10 and P90"),
        "n": told(WHOLE, "values it was measured on"),
    },
)
_F = t.forecast.c
_COLUMNS = (*(column for column in _F if column is not _F.quantiles), func.length(_F.quantiles).label("bytes"))
NIGHT = day("night", "the night it was made in; the newest when not given")


@declared("/v1/forecasts", "forecasts", NIGHT, answer=page(FORECAST), group="forecasts")
def list_forecasts(asked: Asked) -> dict[str, Any]:
    """The forecasts of a night without their values, by series."""
    homes, (after,), f = asked.homes, asked.after(str) or ("",), t.forecast.c
    night = _night(asked, f.night)
    statement = select(*_COLUMNS).where(f.night == night, f.series_id > after).order_by(f.series_id)
    with asked.engine.connect() as connection:
        rows = list(islice((row for row in connection.execute(statement) if homes.series(row.series_id, night)), asked["limit"] + 1))
    return asked.page([_head(row) for row in rows], lambda item: [item["series"]])


@declared("/v1/forecasts/{series}", "forecasts", text("series", "a series id", place="path"), NIGHT, answer=VALUES, group="forecasts")
def get_forecast(asked: Asked) -> dict[str, Any]:
    """The forecast of one series: its 10, 50 and 90 % quantiles at each step."""
    f = t.forecast.c
    night = _night(asked, f.night)
    statement = select(*_COLUMNS, f.quantiles).where(f.night == night, f.series_id == asked["series"])
    with asked.engine.connect() as connection:
        row = connection.execute(statement).first() if asked.homes.series(asked["series"], night) else None
    if row is None:
        raise missing(f"forecast of {asked['series']!r}")
    low, middle, high = ([number(value) for value in line.tolist()] for line in unpack_float(row.quantiles).reshape(3, -1))
    return _head(row) | {"p10": low, "p50": middle, "p90": high}


@declared("/v1/skill", "forecasts", NIGHT, answer=page(SKILL), group="forecasts")
def list_skill(asked: Asked) -> dict[str, Any]:
    """How good the forecasts were, as a night measured those issued before it; by series and day ahead."""
    homes, s = asked.homes, t.skill.c
    after = asked.after(str, int) or ("", 0)
    night = _night(asked, s.night)
    statement = select(t.skill).where(s.night == night)
    with asked.engine.connect() as connection:
        rows = sorted(connection.execute(statement), key=lambda row: (str(row.series_id), int(row.day)))  # a database may collate otherwise
    left = (row for row in rows if (row.series_id, row.day) > tuple(after) and homes.series(row.series_id, night))
    items = [
        {
            "night": str(row.night),
            "series": row.series_id,
            "day": row.day,
            "model": row.model,
            "mae": number(row.mae),
            "mae_naive": number(row.mae_naive),
            "cover80": number(row.cover80),
            "n": row.n,
        }
        for row in islice(left, asked["limit"] + 1)
    ]
    return asked.page(items, lambda item: [item["series"], item["day"]])


def _night(asked: Asked, column: Any) -> date | None:
    """The night asked for, or the newest there is."""
    if asked["night"] is not None:
        return asked["night"]
    with asked.engine.connect() as connection:
        newest: date | None = connection.execute(select(func.max(column))).scalar()
    return newest


def _head(row: Any) -> dict[str, Any]:
    return {
        "series": row.series_id,
        "night": str(row.night),
        "made_at_utc": iso(row.made_at_utc),
        "start_utc": iso(row.start_utc),
        "step_s": row.step_s,
        "steps": row.bytes // 12,  # three float32
        "quantity": row.quantity,
        "model": row.model,
        "reason": row.reason,
    }


OPERATIONS = (list_forecasts, get_forecast, list_skill)
