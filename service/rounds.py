"""The round: what is looked at again whenever new readings are there. `penstock work` makes it, and the night does at its end.

Water quality first, then the grid, then alarms, which read both, then cases, which read all. Each part stands alone: what one trips
over is logged and costs the others nothing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine, select

from city.problems import PenstockError
from service import schema as t
from service.settings import LoadedCity
from service.store import readings, runs

log = structlog.get_logger()
BEAT = "round"  # the heartbeat it leaves
PAUSE = timedelta(minutes=1)
Part = Callable[[Engine, LoadedCity, datetime], object]


def parts() -> dict[str, Part]:
    """The parts by name, in their order; imported here, so that reading a city file stays light."""
    from service import water_quality
    from service.alarms import refresh
    from service.cases import opening
    from service.grid import watching

    return {"water quality": water_quality.watch, "grid": watching.follow, "alarms": refresh.follow, "cases": opening.follow}


def due(engine: Engine, at_utc: datetime) -> bool:
    """Has a slot been read since the last round, or a minute passed? What is shelved or overdue changes without readings, too."""
    with engine.connect() as connection:
        last = connection.execute(select(t.heartbeat.c.time_utc, t.heartbeat.c.detail).where(t.heartbeat.c.process == BEAT)).first()
    return last is None or abs(at_utc - last.time_utc) >= PAUSE or last.detail.get("slot") != _slot(engine)


def _slot(engine: Engine) -> str | None:
    newest = readings.last_slot(engine)
    return newest.isoformat() if newest else None


def make(engine: Engine, city: LoadedCity, at_utc: datetime) -> list[str]:
    """Make one round at `at_utc`. Returns what went wrong, as sentences; the same readings give the same store.

    A night that is run again for a time gone by looks at the city as the last round did: what came to light since is not forgotten.
    """
    from service.alarms.refresh import forward

    slot = _slot(engine)
    with engine.connect() as connection:
        at_utc = forward(at_utc, connection.execute(select(t.heartbeat.c.time_utc).where(t.heartbeat.c.process == BEAT)).scalar())
    wrong = []
    for name, part in parts().items():
        try:
            part(engine, city, at_utc)
        except PenstockError as error:
            wrong += [f"{name}: {problem}" for problem in error.problems]
        except Exception as error:  # a part that fails must not blind the others
            log.exception("part of the round failed", part=name)
            wrong.append(f"{name}: {type(error).__name__}, see the log")
    runs.beat(engine, BEAT, at_utc, {"slot": slot, "wrong": wrong})
    return wrong
