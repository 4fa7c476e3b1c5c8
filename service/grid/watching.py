"""The grid's part of the round: states of new quarter-hours, outages in them, and a proposal for each."""

from datetime import datetime

import structlog
from sqlalchemy import Engine

from service.grid import proposing, states
from service.settings import LoadedCity

log = structlog.get_logger()


def follow(engine: Engine, city: LoadedCity, at_utc: datetime) -> None:
    """Bring the grid up to `at_utc`; nothing for a city without [grid]. The same readings give the same store."""
    if city.settings.grid is None:
        return
    states.bring_up(engine, city, at_utc)
    for sentence in proposing.propose_due(engine, city, at_utc):
        log.warning("restoration proposed", sentence=sentence)
