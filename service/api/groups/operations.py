"""How the service itself does: alarms, nights, service levels, and whether it answers at all."""

from typing import Any

from sqlalchemy import and_, or_, select

from service import schema as t
from service.api.moments import day_of, iso
from service.api.operation import Asked, declared
from service.api.shapes import DAY, NUMBER, TEXT, TIME, TRUTH, WHOLE, Shape, each, maybe, page, told

ALARM = Shape(
    "Alarm",
    {
        "id": WHOLE,
        "kind": TEXT,
        "subject": TEXT,
        "priority": told(WHOLE, "1 act now, 2 this hour, 3 this shift"),
        "state": TEXT,
        "active": TRUTH,
        "since_utc": TIME,
        "acknowledged_utc": maybe(TIME),
        "districts": each(TEXT),
    },
)
STEP = Shape(
    "NightStep",
    {
        "night": DAY,
        "step": TEXT,
        "status": told(TEXT, "done, problems, failed or waiting"),
        "ended_utc": TIME,
        "seconds": NUMBER,
        "sentence": TEXT,
        "problems": told(WHOLE, "how many it had"),
    },
)
LEVEL = Shape(
    "ServiceLevel",
    {
        "day": DAY,
        "level": TEXT,
        "good": NUMBER,
        "total": NUMBER,
        "basis": told(TEXT, "how it was counted where not as usual"),
        "share": told(maybe(NUMBER), "good of total [1]; null: nothing to judge"),
    },
)
HEALTH = Shape("ApiHealth", {"status": {"type": "string", "enum": ["ok"]}, "database": {"type": "string", "enum": ["answers"]}})


@declared("/v1/alarms", "operations", answer=page(ALARM), group="operations")
def list_alarms(asked: Asked) -> dict[str, Any]:
    """Alarms that last, by number; without who acknowledged them, and without those of closed homes and other districts."""
    a, (after,), homes = t.alarm.c, asked.after(int) or (0,), asked.homes
    closed = homes.closed
    with asked.engine.connect() as connection:
        rows = connection.execute(select(t.alarm).where(a.ended_utc.is_(None), a.alarm_id > after).order_by(a.alarm_id)).all()
    items = [
        {
            "id": row.alarm_id,
            "kind": row.kind,
            "subject": row.subject,
            "priority": row.priority,
            "state": row.state,
            "active": row.active,
            "since_utc": iso(row.since_utc),
            "acknowledged_utc": iso(row.acknowledged_utc),
            "districts": [district for district in row.district.split(",") if district],
        }
        for row in rows
        if row.subject not in closed
        and homes.asset(row.subject)
        and closed.isdisjoint(row.source.split())
        and homes.reaches(row.district.split(","))
    ]
    return asked.page(items, lambda item: [item["id"]])


@declared("/v1/nights", "operations", answer=page(STEP), group="operations", whole_city=True)
def list_night_steps(asked: Asked) -> dict[str, Any]:
    """What the nights did, step by step, the newest night first."""
    s, after = t.step.c, asked.after(str, str)
    statement = select(t.step).where(s.city == asked.city.settings.city.id).order_by(s.night.desc(), s.step).limit(asked["limit"] + 1)
    if after is not None:
        night = day_of(after[0])
        statement = statement.where(or_(s.night < night, and_(s.night == night, s.step > after[1])))
    with asked.engine.connect() as connection:
        rows = connection.execute(statement).all()
    items = [
        {
            "night": str(row.night),
            "step": row.step,
            "status": row.status,
            "ended_utc": iso(row.ended_utc),
            "seconds": row.seconds,
            "sentence": row.sentence,
            "problems": len(row.problems),
        }
        for row in rows
    ]
    return asked.page(items, lambda item: [item["night"], item["step"]])


@declared("/v1/levels", "operations", answer=page(LEVEL), group="operations", whole_city=True)
def list_levels(asked: Asked) -> dict[str, Any]:
    """Service levels by civil day, the newest first: good of all."""
    d, after = t.level_day.c, asked.after(str, str)
    statement = select(t.level_day).order_by(d.day.desc(), d.level).limit(asked["limit"] + 1)
    if after is not None:
        day = day_of(after[0])
        statement = statement.where(or_(d.day < day, and_(d.day == day, d.level > after[1])))
    with asked.engine.connect() as connection:
        rows = connection.execute(statement).all()
    items = [
        {
            "day": str(row.day),
            "level": row.level,
            "good": row.good,
            "total": row.total,
            "basis": row.basis,
            "share": row.good / row.total if row.total else None,
        }
        for row in rows
    ]
    return asked.page(items, lambda item: [item["day"], item["level"]])


@declared("/v1/health", None, answer=HEALTH, group="operations")
def get_health(asked: Asked) -> dict[str, Any]:
    """Does the API answer, and its database? Needs no token and tells nothing else."""
    with asked.engine.connect() as connection:
        connection.execute(select(1)).scalar_one()
    return {"status": "ok", "database": "answers"}


OPERATIONS = (list_alarms, list_night_steps, list_levels, get_health)
