"""What is told: nights as they ended, alarms as they come; from records of the store, so that what a crash left out is told later."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, func, select

from city.problems import PenstockError
from service import schema as t
from service.alarms.listing import shown
from service.alarms.sources.outside import UNTOLD
from service.alarms.states import State
from service.alarms.told import told
from service.notices import outbox
from service.notices.settings import Notify
from service.notices.words import words
from service.settings import LoadedCity
from service.store import alone, writing

log = structlog.get_logger()
LOOK_BACK = timedelta(days=1)  # nights and alarms older than that are no news
MOST_LINES = 20
MOST_CHARS = 400  # of one line
N, R, A, J = t.notice.c, t.run.c, t.alarm.c, t.alarm_event.c


def tell(engine: Engine, city: LoadedCity, now_utc: datetime) -> int:
    """Put into the outbox what is new since the last time, for every channel that asks for it. Returns how many notices."""
    if not city.settings.notify:
        return 0
    return _nights(engine, city, now_utc) + sum(_alarms(engine, city, channel, now_utc) for channel in city.settings.notify)


def _name(city: LoadedCity, channel: Notify) -> str:
    return (city.settings.city.name_zh if channel.language == "zh" else "") or city.settings.city.name


def _nights(engine: Engine, city: LoadedCity, now_utc: datetime) -> int:
    """The newest run of every night that ended in the last day. A night that had failed is told of when it is done after all."""
    name = city.settings.city.id
    recent = select(t.run).where(R.city == name, R.command == "night", R.now_utc > now_utc - LOOK_BACK, R.now_utc <= now_utc + LOOK_BACK)
    with engine.connect() as connection:
        newest = {row.night: row for row in connection.execute(recent.order_by(R.run_id))}
        keys = [f"night {name} {night} {row.status} to {channel.id}" for night, row in newest.items() for channel in city.settings.notify]
        known = set(connection.execute(select(N.subject_key).where(N.subject_key.in_(keys))).scalars())
        mended = {
            (night, channel.id)
            for night in newest
            for channel in city.settings.notify
            if connection.execute(select(N.notice_id).where(N.subject_key == f"night {name} {night} failed to {channel.id}")).first()
        }
    count = 0
    for night, row in newest.items():
        for channel in city.settings.notify:
            key, asked = f"night {name} {night} {row.status} to {channel.id}", row.status in channel.on or (night, channel.id) in mended
            if row.ended_utc is None or not asked or key in known:
                continue
            title, body = _night(engine, city, channel, row)
            with writing(engine) as connection:
                count += outbox.write(connection, key, channel.id, now_utc, title, body)
    return count


def _night(engine: Engine, city: LoadedCity, channel: Notify, row: Any) -> tuple[str, dict[str, Any]]:
    """Title and body of a night: the figures of its report, its problems, and where the report lies."""
    from service.notices.night_facts import facts, lines

    say = words(channel.language)
    title = say(f"night_{row.status}", city=_name(city, channel), night=row.night.isoformat())
    data = {"city": city.settings.city.id, "night": row.night.isoformat(), "status": row.status, "run": row.run_id}
    try:
        from service.run_report.document import document

        report = document(engine, city, row.night)
        told_facts, told_lines = facts(report, channel.language), lines(report, channel.language)
        data |= {"plan_id": report["plan"]["plan_id"] if report["plan"] else None, "alarms": report["alarms"]["by_priority"]}
    except PenstockError as error:  # a night whose records cannot be read is told of all the same
        told_facts, told_lines = [], [str(problem) for problem in error.problems]
    except Exception:
        log.exception("figures of the night cannot be read for its notice")
        told_facts, told_lines = [], [say("no_figures")]
    foot = say("foot_night", path=f"nights/{row.night}/")
    return title, {"type": f"night.{row.status}", "facts": told_facts, "lines": _cut(told_lines, say), "foot": foot, "data": data}


def _cut(lines: Sequence[str], say: Any) -> list[str]:
    shown_lines = [line if len(line) <= MOST_CHARS else f"{line[: MOST_CHARS - 1]}…" for line in lines[:MOST_LINES]]
    return [*shown_lines, *([say("more", count=len(lines) - MOST_LINES)] if len(lines) > MOST_LINES else [])]


def _alarms(engine: Engine, city: LoadedCity, channel: Notify, now_utc: datetime) -> int:
    """One notice for all alarms that were annunciated since the last one: a flood of alarms must not be a flood of mails."""
    if not channel.alarms_to:
        return 0
    with engine.connect() as connection:
        if not _new(connection, channel, now_utc):
            return 0
    with writing(engine) as connection:
        alone(connection, t.notice)
        rows = _new(connection, channel, now_utc)  # again, now that nobody else writes
        if not rows:
            return 0
        alarms = [shown(row) for row in rows]
        say, place = words(channel.language), 1 if channel.language == "zh" else 0
        lines = [f"{say(f'priority_{one.priority}')}: {' → '.join(filter(None, told(one, place)))}" for one in alarms]
        worst = min(one.priority for one in alarms)
        title = say("alarms", city=_name(city, channel), count=len(alarms), priority=worst)
        data = {
            "city": city.settings.city.id,
            "until_event": max(row.event_id for row in rows),
            "alarms": [{"id": one.alarm_id, "kind": one.kind, "subject": one.subject, "priority": one.priority} for one in alarms[:200]],
        }
        facts = [[say("count"), str(len(alarms))], [say("worst"), say(f"priority_{worst}")]]
        body = {"type": "alarms", "facts": facts, "lines": _cut(lines, say), "foot": say("foot_alarms"), "data": data}
        # With the time: behind a restored backup the same numbers are of other alarms, which a receiver would take for doubles.
        numbers = f"{min(row.event_id for row in rows)}-{data['until_event']} of {now_utc:%Y%m%dT%H%M%S}"
        key = f"alarms {city.settings.city.id} {numbers} to {channel.id}"
        return int(outbox.write(connection, key, channel.id, now_utc, title, body))


def _new(connection: Connection, channel: Notify, now_utc: datetime) -> list[Any]:
    """Alarms annunciated after those that this channel was told, worst first. Of its own failing deliveries a channel is not told."""
    mark = _mark(connection, channel)
    newest = connection.execute(select(func.max(J.event_id))).scalar() or 0
    if newest <= mark:
        return []
    statement = (
        select(t.alarm, J.event_id)
        .join(t.alarm_event, J.alarm_id == A.alarm_id)
        .where(J.event_id > mark, J.state == State.UNACKNOWLEDGED, A.priority <= channel.alarms_to, J.at_utc > now_utc - LOOK_BACK)
        .where(~((A.kind == UNTOLD.name) & (A.subject == channel.id)))
        .order_by(A.priority, J.event_id)
    )
    last = {row.alarm_id: row for row in connection.execute(statement)}  # one that came twice is told once
    return list(last.values())


def _mark(connection: Connection, channel: Notify) -> int:
    """The last annunciation that this channel was told of."""
    of_alarms = N.subject_key.startswith("alarms ") & (N.channel == channel.id)
    body = connection.execute(select(N.body).where(of_alarms).order_by(N.notice_id.desc()).limit(1)).scalar()
    return int(body["data"]["until_event"]) if body else 0
