"""The grid after the night's steps: yesterday's losses, and what the forecast of the feeders may bring."""

from datetime import timedelta

from service import schema as t
from service.night import Night
from service.store import writing
from service.store.results import replace_rows
from service.store.runs import StepResult


def compute(night: Night) -> StepResult | None:
    """Compute and store; None for a city without [grid]. A night that is run again ends as if it ran once."""
    if night.city.settings.grid is None:
        return None
    from service.grid import days, risks
    from service.grid.side import problems, required

    side = required(night.city)
    yesterday = night.date - timedelta(days=1)
    rows = days.of_day(night.engine, side, yesterday)
    passed, sentence = risks.of_night(night.engine, side, night.date, night.now_utc)
    with writing(night.engine) as connection:
        days.store(connection, yesterday, rows)
        replace_rows(connection, t.grid_risk, t.grid_risk.c.night == night.date, passed)
    lost = sum(row["loss_kwh"] for row in rows)
    whole = sum(row["input_kwh"] for row in rows if row["feeder"] == "")
    told = f"losses of {yesterday} {lost:,.0f} kWh" + (f" ({lost / whole:.1%} of what went in)" if whole > 0 else "") if rows else ""
    return StepResult(f"{told or f'no whole day of readings on {yesterday}'}; {sentence}", problems=problems(side))
