"""The night: is today's done, by when must it be, and what did the newest one's steps take."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from city.clock import local_date
from service import schema as t
from service.levels.counted import FINISHED
from service.metrics.sample import Asked, Sample


def night(asked: Asked) -> Iterator[Sample]:
    """Nothing before the first night."""
    settings, r, s = asked.city.settings, t.run.c, t.step.c
    city, zone = settings.city.id, settings.city.time_zone
    ended = (r.city == city, r.command == "night", r.status.in_(FINISHED))
    today = local_date(asked.now_utc, zone)
    done = asked.connection.execute(select(func.count()).select_from(t.run).where(*ended, r.night == today)).scalar_one()
    yield "night_done", (), float(done > 0)
    deadline = datetime.combine(today, settings.levels.night_by, ZoneInfo(zone))
    yield "night_deadline_timestamp_seconds", (), deadline.timestamp()
    last = asked.connection.execute(select(t.run).where(*ended).order_by(r.run_id.desc()).limit(1)).first()
    if last is not None:
        yield "night_end_timestamp_seconds", (), (last.now_utc + (last.ended_utc - last.started_utc)).timestamp()
        yield "night_seconds", (), (last.ended_utc - last.started_utc).total_seconds()
    newest = asked.connection.execute(select(func.max(s.night)).where(s.city == city)).scalar()
    if newest is None:
        return
    for step in asked.connection.execute(select(s.step, s.status, s.seconds).where(s.city == city, s.night == newest)):
        yield "night_step_seconds", (step.step,), step.seconds
        yield "night_step_status", (step.step, step.status), 1.0
    z = t.zone_out.c
    statement = select(z.step, func.count()).where(z.city == city, z.night == newest).group_by(z.step)
    for name, count in asked.connection.execute(statement).tuples():
        yield "night_zones_out", (name,), float(count)
