"""`penstock meters totals`: what the meters of a civil day add up to, by zone or site."""

from collections.abc import Iterator
from datetime import date

import pandas as pd

from city.clock import civil_day, local_date
from city.problems import fault
from city.quantities import Quantity
from service.environment import Environment
from service.settings import load
from service.store import meter_days, open_store, rollup


def told(env: Environment, day: str | None, by: str) -> Iterator[str]:
    """One line per group and quantity of a day (the last validated one when not given), most points first.

    `by` is zone or site. Raises `PenstockError` for another word, a date that is none, and a day without vectors.
    """
    if by not in ("zone", "site"):
        raise fault(f"--by {by}", "unknown", "zone or site", "Give one of the two.")
    city = load(env)
    engine = open_store(env.url)
    zone = city.settings.city.time_zone
    last = meter_days.last(engine)
    try:
        start = civil_day(date.fromisoformat(day), zone)[0] if day else last
    except ValueError:
        raise fault(f"day {day}", "is no date", "YYYY-MM-DD", "Correct the date.") from None
    group_of = {p.id: getattr(city.meter[p.meter], by) or f"without a {by}" for p in city.points.values()}
    found = pd.DataFrame() if start is None else rollup.day_totals(engine, start, group_of)
    if start is None or found.empty:
        raise fault(
            f"day {day or 'of yesterday'}", "has no validated usage", "a day that a night or an import stored", "Run `penstock night`."
        )
    yield f"{local_date(start, zone)}, by {by}"
    for row in found.sort_values(["points", "group"], ascending=[False, True]).itertuples():
        quantity = Quantity(str(row.quantity))
        yield f"  {row.group:<20} {quantity.value.rpartition('_')[0]:<10} {row.total:>16,.3f} {quantity.unit:<4} of {row.points:,} meters"
