"""Savings for a terminal: measures with their verdict, and the nights of Penstock's own plans."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import Engine

from city.clock import local_date
from city.problems import fault
from service.savings.measures import measures
from service.savings.nights import PlanSavings, nights
from service.settings import LoadedCity


def asked(city: LoadedCity, first: str | None, last: str | None, now_utc: datetime) -> tuple[date, date]:
    """First and last night as they were typed. Raises `PenstockError` for what is no date, and for a first night after the last."""
    try:
        end = date.fromisoformat(last) if last else local_date(now_utc, city.settings.city.time_zone)
        begin = date.fromisoformat(first) if first else end - timedelta(days=30)
    except ValueError:
        raise fault("nights", f"{first or ''} to {last or ''}", "dates such as 2022-06-15", "Correct them.") from None
    if begin > end:
        raise fault("nights", f"{begin} to {end}", "in order", "Exchange them.")
    return begin, end


def lines(engine: Engine, city: LoadedCity, first: date, last: date, now_utc: datetime) -> Iterator[str]:
    """What `penstock carbon savings` tells."""
    for one in measures(engine, city, now_utc):
        yield f"{one.measure.id}: {one.savings.sentence if one.savings else 'not judged'}"
        if one.avoided is not None:
            low, high = one.avoided.low_kg, one.avoided.high_kg
            yield f"  avoided {one.avoided.kg:,.0f} kg CO2e ({low:,.0f} to {high:,.0f}) by {one.avoided.signal}"
        yield from (f"  {problem}" for problem in one.problems)
    found = nights(engine, city, first, last)
    yield from _table(found)
    yield f"plans: {found.sentence}"


def _table(found: PlanSavings) -> Iterator[str]:
    if found.frame.empty:
        return
    head = f"{'night':12}{'baseline':>12}{'planned':>12}{'metered':>12}{'saved':>12} kWh"
    yield f"{head}{f'saved {found.currency}':>14}{'avoided kg':>12}{'missing':>9}"
    for row in found.nights.itertuples():
        kg = "-" if row.saved_kg != row.saved_kg else f"{row.saved_kg:+,.0f}"
        used = f"{row.baseline_kwh:12,.0f}{row.planned_kwh:12,.0f}{row.metered_kwh:12,.0f}{row.saved_kwh:+12,.0f}"
        yield f"{row.night!s:12}{used}    {row.saved_cost:+14,.0f}{kg:>12}{row.missing:9,.0f}"
