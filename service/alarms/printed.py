"""Alarms and their figures as lines of text."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from service.alarms import figures as targets
from service.alarms.figures import Figures
from service.alarms.listing import Listing, overview, put_aside
from service.alarms.shown import Shown
from service.alarms.states import HIDDEN
from service.alarms.told import told, words
from service.settings import LoadedCity


def listing(engine: Engine, city: LoadedCity, at_utc: datetime, *, aside: bool, as_json: bool) -> Iterator[str]:
    """The list, or what is off it, one alarm a line; groups are told with their members below."""
    made = overview(engine, at_utc, positions=city.settings.alarms.operator_positions)
    rows = put_aside(engine) if aside else list(made.rows)
    if as_json:
        yield json.dumps(_plain(made, rows), ensure_ascii=False)
        return
    if not made.live:
        since = f"since {made.evaluated_utc:%Y-%m-%d %H:%M} UTC" if made.evaluated_utc else "ever"
        yield f"ALARMS NOT EVALUATED {since}: what follows is old"
    if made.flood_since_utc:
        yield f"ALARM FLOOD since {made.flood_since_utc:%Y-%m-%d %H:%M} UTC"
    for alarm in rows:
        yield _line(alarm)
        yield from (f"    {_line(one)}" for one in alarm.members)
    hidden = sum(made.hidden.values())
    severe = sum(count for (_, priority), count in made.hidden.items() if priority == 1)
    yield f"{sum(alarm.count for alarm in made.rows) + made.more} on the list, {made.unseen} not acknowledged; {hidden} off it" + (
        f", {severe} of them of PRIORITY 1" if severe else ""
    )


def _line(alarm: Shown) -> str:
    what, todo = told(alarm)
    by = f" by {alarm.acknowledged_by}" if alarm.acknowledged_by and alarm.state not in HIDDEN else ""
    until = f" until {alarm.shelved_until_utc:%Y-%m-%d %H:%M} UTC: {alarm.reason}" if alarm.shelved_until_utc else ""
    return f"#{alarm.alarm_id} P{alarm.priority} {alarm.since_utc:%Y-%m-%d %H:%M} UTC {alarm.state}{by}{until}: {what} -> {todo}"


def _plain(made: Listing, rows: list[Shown]) -> dict[str, Any]:
    def row(alarm: Shown) -> dict[str, Any]:
        times = ("since_utc", "shelved_until_utc", "annunciated_utc")
        told_of = {name: time.isoformat() if (time := getattr(alarm, name)) else None for name in times}
        what, todo = told(alarm)
        plain = {key: value for key, value in asdict(alarm).items() if key not in ("members", *times)}
        return plain | told_of | {"what": what, "todo": todo, "members": [row(one) for one in alarm.members]}

    return {
        "evaluated_utc": made.evaluated_utc.isoformat() if made.evaluated_utc else None,
        "live": made.live,
        "flood_since_utc": made.flood_since_utc.isoformat() if made.flood_since_utc else None,
        "not_acknowledged": made.unseen,
        "off_the_list": [{"state": state, "priority": priority, "count": count} for (state, priority), count in made.hidden.items()],
        "alarms": [row(alarm) for alarm in rows],
    }


def figures(made: Figures) -> Iterator[str]:
    """The figures beside the targets of the standard."""
    yield f"{made.start_utc:%Y-%m-%d %H:%M} to {made.end_utc:%Y-%m-%d %H:%M} UTC, operator positions: {made.positions}"
    yield f"annunciated            {made.annunciated}"
    yield f"per operator-hour      {made.per_operator_hour:.2f}   (target about {targets.TARGET_PER_HOUR:g})"
    yield f"most in 10 minutes     {made.worst_10_min}   (target at most {targets.TARGET_PER_10_MIN})"
    yield f"time in flood          {made.flood_share:.1%}   (target under {targets.TARGET_FLOOD_SHARE:.0%}), floods: {made.floods}"
    shares = " / ".join(f"{made.shares[priority]:.0%}" for priority in (3, 2, 1))
    yield f"low / medium / high    {shares}   (target about {' / '.join(f'{targets.TARGET_SHARES[p]:.0%}' for p in (3, 2, 1))})"
    wait = "nothing acknowledged" if made.mean_acknowledge_s is None else f"{made.mean_acknowledge_s / 60:.1f} min, of {made.acknowledged}"
    yield f"time to acknowledge    {wait}"
    yield f"stale (over 24 h)      {made.stale}   (target under {targets.TARGET_STALE})"
    yield f"fleeting / chattering  {made.fleeting} / {len(made.chattering)}"
    for one in made.top:
        yield f"  {one.times:5d}  {one.kind}: {words(one.kind, one.subject, one.facts)[0]}"
