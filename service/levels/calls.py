"""Calls of the API, counted by hour, route and status."""

from datetime import datetime

from sqlalchemy import Engine

from city.clock import HOUR, floor
from service import schema as t
from service.store import insert_into, writing


def count(engine: Engine, route: str, status: int, hour: datetime, calls: int = 1) -> None:
    """Count `calls` of a route that were answered with an HTTP status in the hour that `hour` lies in [UTC].

    A route is the pattern, never the path with its ids: /v1/readings/{point}. Whoever serves many calls adds them up for some seconds.
    """
    row = {"hour_utc": floor(hour, HOUR), "route": route[:80], "status": status, "calls": calls}
    with writing(engine) as connection:
        insert = insert_into(connection, t.api_hour)
        more = {"calls": t.api_hour.c.calls + insert.excluded.calls}
        connection.execute(insert.on_conflict_do_update(index_elements=["hour_utc", "route", "status"], set_=more), row)
