"""What a night leaves to people: leaks, outages, cases, alarms by priority, and what waits for an approval."""

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select

from service import schema as t
from service.alarms.listing import shown
from service.alarms.states import HIDDEN, UNSEEN
from service.alarms.told import CHINESE, ENGLISH, told
from service.cases import store as case_store
from service.settings import LoadedCity
from service.store import results

MOST = 200  # rows of each list; `counts` has them all


def _utc(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds").replace("+00:00", "Z") if time else None


def counts(engine: Engine, city: LoadedCity, now_utc: datetime) -> dict[str, int]:
    """How many there are of everything whose list may be cut: leaks, outages, cases, alarms, proposals and their commands."""
    c, a = t.command.c, t.alarm.c
    waits = (c.state == "proposed") & (c.not_after_utc > now_utc)
    asked = {
        "leaks": select(func.count()).select_from(t.leak_case).where(t.leak_case.c.state == "open"),
        "outages": select(func.count()).select_from(t.grid_outage).where(t.grid_outage.c.ended_utc.is_(None)),
        "alarms": select(func.count()).select_from(t.alarm).where(a.ended_utc.is_(None), a.state.not_in([str(state) for state in HIDDEN])),
        "approvals": select(func.count(c.plan_id.distinct())).where(waits),
        "commands": select(func.count()).select_from(t.command).where(waits),
    }
    with engine.connect() as connection:
        found = {name: int(connection.execute(statement).scalar_one()) for name, statement in asked.items()}
    # When a case is due follows from the settings; the database does not know it.
    return found | {"cases": sum(case.due_utc is not None for case in case_store.listed(engine, city.settings.cases))}


def leaks(engine: Engine) -> list[dict[str, Any]]:
    """The leaks that are open, the largest first."""
    c = t.leak_case.c
    rows = results.rows(engine, t.leak_case, c.state == "open", order=c.case_id)
    found = [
        {
            "id": row.case_id,
            "kind": row.kind,
            "zone": row.zone_id,
            "pipe": row.pipe,
            "flow_m3_per_h": round(row.flow_m3_per_h, 2),
            "since_utc": _utc(row.start_utc),
            "sentence": f"{row.sentence} {row.worth}".strip(),
        }
        for row in rows
    ]
    return sorted(found, key=lambda one: (-one["flow_m3_per_h"], one["id"]))[:MOST]


def outages(engine: Engine) -> list[dict[str, Any]]:
    """The outages that last."""
    o = t.grid_outage.c
    rows = results.rows(engine, t.grid_outage, o.ended_utc.is_(None), order=o.since_utc)
    return [{"id": str(row.outage_id), "since_utc": _utc(row.since_utc), "sentence": row.sentence} for row in rows[:MOST]]


def cases(engine: Engine, city: LoadedCity) -> list[dict[str, Any]]:
    """The cases that somebody must still see to, the soonest due first."""
    found = [case for case in case_store.listed(engine, city.settings.cases) if case.due_utc is not None]
    ordered = sorted(found, key=lambda case: (case.due_utc, case.case_id))
    return [
        {
            "id": case.case_id,
            "kind": case.kind,
            "subject": case.subject,
            "priority": case.priority,
            "state": str(case.state),
            "owner": case.owner,
            "due_utc": _utc(case.due_utc),
            "sentence": case.sentence,
        }
        for case in ordered[:MOST]
    ]


def _word(stored: str) -> str:
    """A cause as it is read: UNIT_BACKOFF is "unit backoff"."""
    return stored.lower().replace("_", " ") if stored.isupper() else stored


def alarms(engine: Engine) -> dict[str, Any]:
    """The alarms on the list, worst first, in both languages, and how many there are of each priority."""
    a = t.alarm.c
    rows = [shown(row) for row in results.rows(engine, t.alarm, a.ended_utc.is_(None) & a.state.not_in([str(state) for state in HIDDEN]))]
    rows = sorted(rows, key=lambda one: (one.priority, one.since_utc, one.alarm_id))
    counts = Counter(one.priority for one in rows)
    listed = []
    for one in rows[:MOST]:
        (what, todo), (what_zh, todo_zh) = told(one, ENGLISH, _word), told(one, CHINESE, _word)
        listed.append(
            {
                "id": one.alarm_id,
                "priority": one.priority,
                "state": str(one.state),
                "acknowledged": one.state not in UNSEEN,
                "since_utc": _utc(one.since_utc),
                "en": {"what": what, "todo": todo},
                "zh": {"what": what_zh, "todo": todo_zh},
            }
        )
    return {"by_priority": {str(priority): counts.get(priority, 0) for priority in (1, 2, 3)}, "rows": listed}


def approvals(engine: Engine, now_utc: datetime) -> list[dict[str, Any]]:
    """Plans and isolations with commands that are proposed and not past their time, with who has approved once already."""
    c = t.command.c
    statement = (
        select(c.plan_id, func.count(), func.max(c.approvals_needed), func.min(c.not_before_utc))
        .where(c.state == "proposed", c.not_after_utc > now_utc)
        .group_by(c.plan_id)
        .order_by(c.plan_id)
    )
    with engine.connect() as connection:
        waiting = connection.execute(statement).all()
        given: dict[str, list[str]] = {}
        for row in connection.execute(select(t.approval).order_by(t.approval.c.at_utc)):
            given.setdefault(row.plan_id, []).append(row.who)
    return [
        {
            "plan_id": plan_id,
            "commands": count,
            "people": needed,
            "approved_by": given.get(plan_id, []),
            "first_utc": _utc(first),
        }
        for plan_id, count, needed, first in waiting[:MOST]
    ]
