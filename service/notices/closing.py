"""Telling as what closes a night; what no server takes now, `penstock work` or the next night sends."""

from datetime import datetime

from sqlalchemy import Engine, select

from service import schema as t
from service.notices.delivering import deliver
from service.notices.telling import tell
from service.settings import LoadedCity

MOST, MOST_S = 50, 60.0  # notices, and seconds, that the end of a night spends on telling


def told(city: LoadedCity, engine: Engine, run_id: int) -> None:
    """Write what is to be told of the night of a run and of its alarms, and deliver what is due, as of the time it ended: claims of the
    time it began would have run out for `penstock work`, which would send the same.
    """
    if not city.settings.notify:
        return
    with engine.connect() as connection:
        run = connection.execute(select(t.run).where(t.run.c.run_id == run_id)).one()
    now_utc: datetime = run.now_utc + ((run.ended_utc or run.started_utc) - run.started_utc)
    tell(engine, city, now_utc)
    deliver(engine, city, now_utc, most=MOST, seconds=MOST_S)
