"""Notices as lines of text and as figures for the status."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select

from service import schema as t
from service.notices.outbox import N

MOST = 50


def lines(engine: Engine, city_zone: Any, *, everything: bool) -> Iterator[str]:
    """A line per notice, the newest first: what waits or was given up, or the last ones of all."""
    statement = select(t.notice).order_by(N.notice_id.desc())
    statement = statement.limit(MOST) if everything else statement.where(N.sent_utc.is_(None))
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
    for row in rows:
        made = f"{row.made_utc.astimezone(city_zone):%Y-%m-%d %H:%M}"
        yield f"notice {row.notice_id}  {made}  {row.channel}  {_state(row, city_zone)}: {row.title}"
        if row.error:
            yield f"    {row.error}"
    if not rows:
        yield "no notice yet" if everything else "nothing waits; `penstock notices list --all` shows what was sent"


def _state(row: Any, zone: Any) -> str:
    if row.sent_utc is not None:
        return f"sent {row.sent_utc.astimezone(zone):%Y-%m-%d %H:%M}"
    if row.next_utc is None:
        return "GIVEN UP"
    return f"waits, {row.attempts} tried, next {row.next_utc.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def state(engine: Engine, now_utc: datetime) -> dict[str, Any]:
    """For `penstock status`: how many wait, the oldest of them [s], and what was given up, by channel."""
    with engine.connect() as connection:
        count, oldest = connection.execute(select(func.count(), func.min(N.made_utc)).where(N.next_utc.is_not(None))).one()
        lost = connection.execute(select(t.notice).where(N.next_utc.is_(None), N.sent_utc.is_(None)).order_by(N.notice_id)).all()
    return {
        "waiting": count,
        "oldest_s": round((now_utc - oldest).total_seconds()) if oldest else None,
        "given_up": {row.channel: row.error for row in lost},
    }
