"""What goes, kind by kind: each deletes its rows older than a time, all that hangs on them, and nothing else. Returns how many.

A kind is one function here and one line in `KINDS`; it never looks at what is open, unless a single row is (an alarm with a case).
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, delete, func, or_, select

from service import schema as t
from service.cases.states import OPEN

DONE = ("written", "refused", "mismatch", "expired", "superseded")  # a command in another state may still have to be written, or settled


def _gone(connection: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    return connection.execute(delete(table).where(*where)).rowcount


def cold_readings(connection: Connection, before_utc: datetime) -> int:
    """Days in cold storage; their files go once this is committed, see `removing.sweep`. Counts readings."""
    older = t.cold_day.c.day < before_utc.date()
    count = connection.execute(select(func.coalesce(func.sum(t.cold_day.c.readings), 0)).where(older)).scalar_one()
    _gone(connection, t.cold_day, older)
    return int(count)


def forecasts(connection: Connection, before_utc: datetime) -> int:
    night = before_utc.date()
    count = _gone(connection, t.forecast, t.forecast.c.night < night)
    count += _gone(connection, t.forecast_now, t.forecast_now.c.made_at_utc < before_utc)
    for table in (t.forecast_event, t.peak):
        _gone(connection, table, table.c.night < night)
    m, named = t.forecast_model.c, [select(table.c.model_id).where(table.c.model_id.is_not(None)) for table in (t.forecast, t.forecast_now)]
    count += _gone(
        connection, t.forecast_model, m.state != "live", m.trained_at_utc < before_utc, *(m.model_id.not_in(one) for one in named)
    )
    return count


def paths(connection: Connection, before_utc: datetime) -> int:
    return _gone(connection, t.forecast_path, t.forecast_path.c.night < before_utc.date())


def plans(connection: Connection, before_utc: datetime) -> int:
    """Plans that nobody approved: an approved one is what the audit's line decided on, and stays."""
    p, c, e = t.plan.c, t.command.c, t.response_event.c
    waits = select(c.plan_id).where(c.state.not_in((*DONE, "proposed")) | ((c.state == "proposed") & (c.not_after_utc >= before_utc)))
    stays = (select(t.approval.c.plan_id), waits, select(e.plan_id).where(e.state != "cancelled"))
    ids = list(connection.execute(select(p.plan_id).where(p.made_at_utc < before_utc, *(p.plan_id.not_in(one) for one in stays))).scalars())
    for some in (ids[i : i + 500] for i in range(0, len(ids), 500)):
        for table in (t.plan_value, t.price, t.breach, t.command, t.what_if, t.pareto, t.plan):
            _gone(connection, table, table.c.plan_id.in_(some))
    return len(ids)


def alarms(connection: Connection, before_utc: datetime) -> int:
    """Alarms that are over, but for those with a case that is not, and the last number of each table: it must not be given again, since
    cases and notices name alarms by it."""
    a, k, e = t.alarm.c, t.work_case.c, t.case_event.c
    newest = select(e.case_id, func.max(e.ordinal).label("ordinal")).group_by(e.case_id).subquery()
    stands = select(e.case_id).join(newest, (newest.c.case_id == e.case_id) & (newest.c.ordinal == e.ordinal)).where(e.state.in_(OPEN))
    sources = connection.execute(select(k.source_id).where(k.kind == "alarm", k.case_id.in_(stands))).scalars()
    kept = [int(source) for source in sources if source.isdigit()]
    last = select(t.alarm_event.c.alarm_id).order_by(t.alarm_event.c.event_id.desc()).limit(1)
    kept += [*connection.execute(select(func.max(a.alarm_id))).scalars(), *connection.execute(last).scalars()]
    ids = select(a.alarm_id).where(a.ended_utc < before_utc, a.alarm_id.not_in(kept))
    _gone(connection, t.alarm_event, t.alarm_event.c.alarm_id.in_(ids))
    return _gone(connection, t.alarm, a.ended_utc < before_utc, a.alarm_id.not_in(kept))


def runs(connection: Connection, before_utc: datetime) -> int:
    """Records of nights of which no forecast is left, which is computed again at the time that they say; the newest night stays."""
    newest = connection.execute(select(func.max(t.run.c.night))).scalar()
    count = 0
    for table in (t.step, t.run):
        n = table.c.night
        count = _gone(connection, table, n < before_utc.date(), n != newest, n.not_in(select(t.forecast.c.night)))
    used = select(t.run.c.config_hash)
    _gone(connection, t.config_version, t.config_version.c.seen_utc < before_utc, t.config_version.c.config_hash.not_in(used))
    return count


def notices(connection: Connection, before_utc: datetime) -> int:
    return _gone(connection, t.notice, t.notice.c.next_utc.is_(None), t.notice.c.made_utc < before_utc)


def sessions(connection: Connection, before_utc: datetime) -> int:
    s, f = t.session.c, t.sign_in_failure.c
    count = _gone(connection, t.session, or_(s.ended != "", s.ends_utc < before_utc), s.seen_utc < before_utc)
    return count + _gone(connection, t.sign_in_failure, f.until_utc < before_utc, f.last_utc < before_utc)


class Kind(NamedTuple):
    """Its name; the key of [retention] that says its age; whether what is open may need it; and what deletes it."""

    name: str
    key: str
    needed: bool
    remove: Callable[[Connection, datetime], int]


KINDS = (
    Kind("cold readings", "cold_readings_years", True, cold_readings),
    Kind("forecasts", "forecasts_days", True, forecasts),
    Kind("sample paths", "paths_days", True, paths),
    Kind("plans", "plans_days", True, plans),
    Kind("alarms", "alarms_days", True, alarms),
    Kind("runs", "runs_days", True, runs),
    Kind("notices", "notices_days", False, notices),
    Kind("sessions", "sessions_days", False, sessions),
)
