"""The outbox: a notice is written once, in the store, before anything is sent; it stays there until it was delivered or given up.

Sending and recording cannot be one act. A process that dies between the two leaves the notice claimed; when the claim has run out it
is sent again. So a notice may come twice, never not at all; its id stays the same, by which a receiver can see the double.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any

from sqlalchemy import Connection, Engine, or_, select, update

from service import schema as t
from service.store import alone, writing

FIRST, MOST = timedelta(seconds=30), timedelta(minutes=30)  # pause after the first failure, and the longest one
CLAIM = timedelta(minutes=3)  # longer than any delivery may take
GIVE_UP = timedelta(days=1)
N = t.notice.c
_chance = SystemRandom()


@dataclass(frozen=True)
class Waiting:
    """A notice to be delivered. `body` has facts [(label, value)], lines, foot, type and data."""

    notice_id: int
    stable_id: str
    channel: str
    title: str
    body: dict[str, Any]
    made_utc: datetime
    attempts: int


def stable_id(subject_key: str) -> str:
    """The same for each delivery of the same subject to the same channel."""
    return hashlib.sha256(subject_key.encode()).hexdigest()[:32]


def waiting(row: Any) -> Waiting:
    """A row of the table as what is delivered."""
    return Waiting(row.notice_id, stable_id(row.subject_key), row.channel, row.title, dict(row.body), row.made_utc, row.attempts)


def write(connection: Connection, subject_key: str, channel: str, at_utc: datetime, title: str, body: dict[str, Any]) -> bool:
    """Put a notice into the outbox; False when this subject was told to this channel before. In a transaction of `writing`."""
    alone(connection, t.notice)
    if connection.execute(select(N.notice_id).where(N.subject_key == subject_key)).first() is not None:
        return False
    row = {"subject_key": subject_key, "channel": channel, "made_utc": at_utc, "title": title[:200], "body": body}
    connection.execute(t.notice.insert().values(**row, attempts=0, next_utc=at_utc, error=""))
    return True


def _due(now_utc: datetime, without: Sequence[str]) -> Any:
    # What is set further ahead than any pause was set by a clock that was ahead: it does not wait for that day.
    at = or_(N.next_utc <= now_utc, N.next_utc > now_utc + MOST + CLAIM)
    return select(t.notice).where(at, N.channel.not_in(list(without))).order_by(N.attempts, N.next_utc, N.notice_id).limit(1)


def claim(engine: Engine, now_utc: datetime, without: Sequence[str] = ()) -> Waiting | None:
    """Take the next notice that is due, of channels but `without`; no other process takes it until the claim has run out."""
    with engine.connect() as connection:
        if connection.execute(_due(now_utc, without)).first() is None:
            return None
    with writing(engine) as connection:
        row = connection.execute(_due(now_utc, without).with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        connection.execute(update(t.notice).where(N.notice_id == row.notice_id).values(attempts=row.attempts + 1, next_utc=now_utc + CLAIM))
        taken = waiting(row)
    return Waiting(**(taken.__dict__ | {"attempts": row.attempts + 1}))


def delivered(engine: Engine, notice: Waiting, now_utc: datetime, remark: str) -> None:
    with writing(engine) as connection:
        connection.execute(update(t.notice).where(N.notice_id == notice.notice_id).values(sent_utc=now_utc, next_utc=None, error=remark))


def pause(attempts: int) -> timedelta:
    """How long to wait after so many failures: doubled each time up to the longest, and between half and all of that by chance, so
    that a server that comes back is not asked by everybody at once."""
    return min(FIRST * 2 ** min(attempts - 1, 16), MOST) * _chance.uniform(0.5, 1.0)


def failed(engine: Engine, notice: Waiting, now_utc: datetime, sentence: str, *, final: bool = False) -> bool:
    """Record that an attempt came to nothing. Returns whether the notice is given up: after a day, or at once where it is `final`.

    What else is due over its channel waits with it: a server that is away is asked once, not once for every notice.
    """
    over = final or now_utc - notice.made_utc >= GIVE_UP
    tries = f"{notice.attempts} {'tries' if notice.attempts > 1 else 'try'}"
    told = f"given up after {tries}: {sentence}" if over else sentence
    later = None if over else now_utc + pause(notice.attempts)
    with writing(engine) as connection:
        connection.execute(update(t.notice).where(N.notice_id == notice.notice_id).values(next_utc=later, error=told))
        if later is not None:
            connection.execute(update(t.notice).where(N.channel == notice.channel, N.next_utc <= now_utc).values(next_utc=later))
    return over


def given_up(engine: Engine) -> Sequence[Any]:
    """The notices that nobody got, newest first."""
    with engine.connect() as connection:
        statement = select(t.notice).where(N.next_utc.is_(None), N.sent_utc.is_(None)).order_by(N.notice_id.desc())
        return connection.execute(statement).all()


def again(engine: Engine, now_utc: datetime, channel: str | None = None) -> int:
    """Make everything that was not delivered due now. Returns how many."""
    asked = N.sent_utc.is_(None) if channel is None else (N.sent_utc.is_(None)) & (N.channel == channel)
    with writing(engine) as connection:
        return int(connection.execute(update(t.notice).where(asked).values(next_utc=now_utc)).rowcount)
