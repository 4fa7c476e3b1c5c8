"""Events of demand response that an approval signs: with a plan's commands go the calls it proposes."""

from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from city.problems import PenstockError, Problem
from service import schema as t

e = t.response_event


def announce(connection: Connection, plan_id: str, who: str, at_utc: datetime) -> list[int]:
    """Announce the events that an approved plan calls within the hours of its commands. Returns their numbers.

    One that another announced event of the same asset overlaps is left out. Raises `PenstockError` for one whose notice could not be
    kept any more: then the whole plan is too old to be approved.
    """
    until = select(func.max(t.command.c.not_after_utc)).where(t.command.c.plan_id == plan_id).scalar_subquery()
    wanted = connection.execute(select(e).where(e.c.plan_id == plan_id, e.c.state == "proposed", e.c.start_utc < until)).all()
    late = [row for row in wanted if row.call_by_utc is not None and row.call_by_utc < at_utc]
    if late:
        raise PenstockError(
            Problem(
                f"approval of '{plan_id}'",
                f"it calls {row.asset_id} at {row.start_utc:%Y-%m-%d %H:%M} UTC, to be told by {row.call_by_utc:%H:%M}",
                "a plan whose events still keep their notice",
                "Plan again.",
            )
            for row in late
        )
    numbers = []
    for row in wanted:
        still = or_(e.c.end_utc.is_(None), e.c.end_utc > row.start_utc)
        others = e.c.asset_id == row.asset_id, e.c.state == "announced", e.c.start_utc < row.end_utc, still
        if connection.execute(select(e.c.event_id).where(*others)).first() is None:
            values = {"state": "announced", "announced_utc": at_utc, "who": who}
            connection.execute(e.update().where(e.c.event_id == row.event_id).values(**values))
            numbers.append(int(row.event_id))
    return numbers
