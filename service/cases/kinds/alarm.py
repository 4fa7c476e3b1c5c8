"""An alarm becomes a case by a person's click alone; when it is back to normal, the work is done and somebody checks it."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Engine, select

from service import schema as t
from service.cases.kinds import Found, Move
from service.cases.store import Case
from service.settings import LoadedCity


def changes(engine: Engine, city: LoadedCity, now_utc: datetime, cases: Sequence[Case]) -> Iterator[Found | Move]:  # noqa: ARG001
    """The alarms with a case that are over."""
    a, known = t.alarm.c, [int(case.source_id) for case in cases if case.source_id.isdigit()]
    with engine.connect() as connection:
        over = connection.execute(select(a.alarm_id, a.ended_utc).where(a.alarm_id.in_(known), a.ended_utc.is_not(None))).all()
    for row in over:
        yield Move(str(row.alarm_id), "done", row.ended_utc, "the alarm is back to normal")


def lasts(engine: Engine, case: Case) -> bool | None:
    """Is its condition there still?"""
    if not case.source_id.isdigit():
        return None
    with engine.connect() as connection:
        active: bool | None = connection.execute(select(t.alarm.c.active).where(t.alarm.c.alarm_id == int(case.source_id))).scalar()
    return active
