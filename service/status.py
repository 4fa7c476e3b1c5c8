"""`penstock status`: what runs, what the last night said, what waits, what is abnormal - as a page or as JSON."""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, and_, case, func, select

from city.causes import ANSWERED
from meters.spool import fill
from service import schema as t
from service.environment import Environment
from service.levels import listing
from service.notices import listing as notices
from service.store import feeds, open_store, operations, runs

LATE = timedelta(minutes=45)  # three slots without a reading


def gather(env: Environment, now_utc: datetime) -> dict[str, Any]:
    """Everything `status` tells, read from the store."""
    city = env.city_id  # asked for first: of a broken city file that is what is told, not the database it leads to
    engine = open_store(env.url)
    night = runs.last_night(engine, city)
    steps = runs.steps_done(engine, city, night) if night else {}
    with engine.connect() as connection:
        waiting = connection.execute(
            select(t.command.c.plan_id, t.command.c.state, t.command.c.reverts.is_not(None), func.count())
            .group_by(t.command.c.plan_id, t.command.c.state, t.command.c.reverts.is_not(None))
            .order_by(t.command.c.plan_id, t.command.c.state)
        ).all()
        unknown = connection.execute(select(t.command.c.command_id, t.command.c.sentence).where(t.command.c.state == "unknown")).all()
        newest = connection.execute(select(func.max(t.latest.c.time_utc))).scalar()
        silent = connection.execute(select(func.count()).select_from(t.latest).where(t.latest.c.value.is_(None))).scalar_one()
        points = connection.execute(select(func.count()).select_from(t.latest)).scalar_one()
        posted = connection.execute(select(func.max(t.ledger_batch.c.last_day))).scalar()
        sealed = connection.execute(select(t.ledger_batch).order_by(t.ledger_batch.c.number.desc()).limit(1)).first()
        leaks = connection.execute(select(t.leak_case.c.case_id, t.leak_case.c.sentence).where(t.leak_case.c.state == "open")).all()
    return {
        "city": city,
        "now": now_utc.isoformat(),
        "heartbeats": {name: time.isoformat() for name, time in runs.heartbeats(engine).items()},
        "newest_reading": newest.isoformat() if newest else None,
        "reading_age_s": round((now_utc - newest).total_seconds()) if newest else None,
        "points": points,
        "points_without_value": silent,
        "meters_online": list(_online(engine)),
        "night": night.isoformat() if night else None,
        "steps": {
            name: {"status": row.status, "seconds": row.seconds, "sentence": row.sentence, "problems": row.problems}
            for name, row in steps.items()
        },
        "commands": [{"plan": row[0], "state": row[1], "going_back": bool(row[2]), "count": row[3]} for row in waiting],
        "approved_once": operations.approved_once(engine),
        "unknown_outcomes": {row.command_id: row.sentence for row in unknown},
        "holds": [{"subject": row.subject, "who": row.who, "reason": row.reason} for row in operations.holds(engine, now_utc)],
        "spools": {name: found.told(now_utc) for name in fill.NAMES if (found := fill.look(env.folder / name)) is not None},
        "weather": [_told_weather(row, now_utc) for row in feeds.state(engine, now_utc)],
        "ledger": {"posted": str(posted), "root": sealed.root, "signed": sealed.signature is not None} if sealed else None,
        "notices": notices.state(engine, now_utc),
        "open_leaks": {row.case_id: row.sentence for row in leaks},
        "levels": listing.for_status(env, engine, now_utc),
    }


def _told_weather(row: dict[str, Any], now_utc: datetime) -> dict[str, Any]:
    age_h = round((now_utc - row["issued"]).total_seconds() / 3600, 1)
    return {"source": row["source"], "place": row["place"], "age_h": age_h, "reaches": row["reaches"].isoformat()}


def _online(engine: Engine) -> tuple[int, int]:
    """(devices that answered when last read, devices): within three hours of the newest of all, as hourly meters need."""
    with engine.connect() as connection:
        newest = connection.execute(select(func.max(t.latest.c.time_utc))).scalar()
        if newest is None:
            return 0, 0
        answered = (t.latest.c.quality // 256).in_([int(cause) for cause in ANSWERED])
        heard = and_(answered, t.latest.c.time_utc > newest - timedelta(hours=3))
        name = func.count(t.point.c.meter_id.distinct())
        statement = select(func.count(case((heard, t.point.c.meter_id)).distinct()), name).join_from(
            t.latest, t.point, t.point.c.point_key == t.latest.c.point_key
        )
        online, of = connection.execute(statement).one()
        return int(online), int(of)


def show(env: Environment, now_utc: datetime, *, as_json: bool) -> str:
    """Print the status. Returns 'done', or 'problems' when a step of the last night had any or a leak is open."""
    told = gather(env, now_utc)
    late = told["reading_age_s"] is not None and told["reading_age_s"] > LATE.total_seconds()
    bad_steps = any(step["status"] != "done" for step in told["steps"].values())
    abnormal = bool(late or told["open_leaks"] or told["holds"] or told["unknown_outcomes"] or bad_steps)
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        _page(told)
    return "problems" if abnormal or not told["steps"] else "done"


def _told(time: str | None) -> str:
    return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M} UTC" if time else "none"


def _page(told: dict[str, Any]) -> None:
    silent = f"{told['points_without_value']} of {told['points']} points without value"
    print(f"{told['city']}: newest reading {_told(told['newest_reading'])}; {silent}")
    online, meters = told["meters_online"]
    if meters:
        print(f"meters online: {online} of {meters} ({100 * online / meters:.1f} %); `penstock meters health` says which are not, and why")
    if told["reading_age_s"] is not None and told["reading_age_s"] > LATE.total_seconds():
        print(f"NOT LIVE: the newest reading is {told['reading_age_s'] / 3600:,.1f} h old; is `penstock poll` running?")
    for line in listing.status_lines(told["levels"]):
        print(line)
    for row in told["weather"]:
        print(f"weather from {row['source']}: newest forecast {row['age_h']:.0f} h old, reaches {_told(row['reaches'])}")
    for spool in told["spools"].values():
        for alarm in spool["alarms"]:
            print(f"ALARM {alarm}")
    print(f"night of {told['night'] or '(none yet: run `penstock night`)'}")
    for name, step in told["steps"].items():
        print(f"  {name:<9} {step['status']:<8} {step['seconds']:7.1f} s  {step['sentence']}")
        for problem in step["problems"]:
            print(f"             - {problem}")
    if told["ledger"]:
        signed = "signed" if told["ledger"]["signed"] else "UNSIGNED (no PENSTOCK_LEDGER_KEY)"
        print(f"ledger posted to {told['ledger']['posted']}, {signed} root {told['ledger']['root']}")
    for row in told["commands"]:
        print(f"  commands of {row['plan']}: {row['count']} {row['state']}{' (going back)' if row['going_back'] else ''}")
    for plan_id, who in told["approved_once"].items():
        print(f"  APPROVED ONCE {plan_id}, by {who}: another operator must approve it too")
    for command_id, sentence in told["unknown_outcomes"].items():
        print(f"  UNKNOWN {command_id}: {sentence}; look at the device, then `penstock settle {command_id} --found VALUE`")
    for row in told["holds"]:
        print(f"  HOLD on {'everything' if row['subject'] == '*' else row['subject']} by {row['who']}: {row['reason']}")
    for channel, sentence in told["notices"]["given_up"].items():
        print(f"  NOT TOLD by {channel}: {sentence}; `penstock notices retry` once that is mended")
    for name, sentence in told["open_leaks"].items():
        print(f"  LEAK {name}: {sentence}")
