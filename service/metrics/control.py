"""What waits for devices and people: commands, requests, alarms, notices. Only what is not over is read."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func, select

from service import schema as t
from service.metrics.sample import Asked, Sample

UNDER_WAY = ("proposed", "approved", "held", "writing", "unknown")
OVERDUE = timedelta(minutes=5)
GIVEN_UP = timedelta(days=7)


def commands(asked: Asked) -> Iterator[Sample]:
    """By the index of states: what is written, refused or expired is not counted."""
    c = t.command.c
    found: dict[str, int] = dict(
        asked.connection.execute(select(c.state, func.count()).where(c.state.in_(UNDER_WAY)).group_by(c.state)).tuples().all()
    )
    for state in UNDER_WAY:
        yield "commands", (state,), float(found.get(state, 0))
    due = (c.state == "approved", c.not_before_utc < asked.now_utc - OVERDUE, c.not_after_utc > asked.now_utc)
    yield "commands_overdue", (), float(asked.connection.execute(select(func.count()).select_from(t.command).where(*due)).scalar_one())
    waiting = select(func.count()).select_from(t.request).where(t.request.c.state == "waiting")
    yield "requests_waiting", (), float(asked.connection.execute(waiting).scalar_one())


def alarms(asked: Asked) -> Iterator[Sample]:
    a = t.alarm.c
    statement = select(a.priority, a.state, func.count()).where(a.ended_utc.is_(None)).group_by(a.priority, a.state)
    for priority, state, count in asked.connection.execute(statement).tuples():
        yield "alarms", (str(priority), state), float(count)


def notices(asked: Asked) -> Iterator[Sample]:
    n = t.notice.c
    waiting = select(n.channel, func.count()).where(n.sent_utc.is_(None), n.next_utc.is_not(None)).group_by(n.channel)
    for channel, count in asked.connection.execute(waiting).tuples():
        yield "notices_waiting", (channel,), float(count)
    lately = n.made_utc > asked.now_utc - GIVEN_UP
    lost = select(n.channel, func.count()).where(n.sent_utc.is_(None), n.next_utc.is_(None), lately).group_by(n.channel)
    for channel, count in asked.connection.execute(lost).tuples():
        yield "notices_given_up", (channel,), float(count)
