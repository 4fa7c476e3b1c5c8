"""What is abnormal, worst first. An alarm is a fact with a name; the words for it, in two languages, are the console's.

References: ISA-18.2 / IEC 62682 (three priorities, each alarm with an operator action), ISA-101 (colour only for the abnormal).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, select

from city import quality as q
from city.quality import Cause
from meters.spool import fill
from service import schema as t
from service.settings import LoadedCity
from service.store import meter_days, operations, results
from service.store.vectors import unpack_quality
from service.view.moment import Moment
from service.view.water import faults, leaks

SHOWN = 12  # of one kind; the rest is counted
_STUCK_SHARE = 0.25  # of a day that must be flat before a sensor is called stuck


@dataclass(frozen=True)
class Alarm:
    """`kind` names its words, `facts` fill them in; priority 1 (now) to 3 (this shift)."""

    priority: int
    kind: str
    subject: str
    since_utc: datetime | None
    facts: dict[str, Any] = field(default_factory=dict)


def alarms(engine: Engine, city: LoadedCity, moment: Moment, board: pd.DataFrame) -> list[Alarm]:
    """All alarms by priority, newest first within one."""
    found = [
        *_holds(engine, moment),
        *_leaks(engine, city, moment),
        *_sensor_faults(engine),
        *_readings(board),
        *_pressures(city, board),
        *_stuck(engine, board),
        *_plan(engine),
        *_commands(engine),
        *_targets(engine),
        *_spools(city, moment),
        *_stations(engine, moment),
    ]
    return sorted(found, key=lambda a: (a.priority, -(a.since_utc.timestamp() if a.since_utc else 0), a.subject))


def _holds(engine: Engine, moment: Moment) -> Iterator[Alarm]:
    for row in operations.holds(engine, moment.now_utc):
        stop = row.subject == operations.STOP
        facts = {"who": row.who, "reason": row.reason}
        yield Alarm(1 if stop else 2, "emergency_stop" if stop else "hold", row.subject, row.since_utc, facts)


def _leaks(engine: Engine, city: LoadedCity, moment: Moment) -> Iterator[Alarm]:
    """A burst now, a slow leak this shift."""
    for leak in leaks(engine, city, moment.now_utc):
        if leak.is_open:
            zone = leak.zone_id or city.settings.city.name  # a city whose districts are not metered
            facts = {"flow": leak.flow_m3_per_h, "pipe": leak.pipe, "zone": zone, "kind": leak.kind, "task": leak.task}
            yield Alarm(1 if leak.kind == "burst" else 2, "leak", zone, leak.start_utc, facts)


def _sensor_faults(engine: Engine) -> Iterator[Alarm]:
    for row in faults(engine):
        yield Alarm(3, "sensor_fault", row.sensor.rsplit(".", 1)[0], row.since_utc, {"kind": row.kind, "size": row.size})


def _readings(board: pd.DataFrame) -> Iterator[Alarm]:
    """One alarm per meter whose newest reading cannot be used, worse when a forecast or a balance stands on it."""
    bad = board[~board["usable"] | board["late"]]
    bad = bad[bad["time_utc"].notna()]
    for meter, part in bad.groupby("meter_id", sort=True):
        silent = not part["answers"].any()
        since = part["value_utc"].min()
        cause = part["cause"].mode().iloc[0]
        facts = {"cause": cause, "points": len(part), "of": int((board["meter_id"] == meter).sum())}
        priority = 3 if (part["role"] == "sensor").all() else 2
        yield Alarm(priority, "silent" if silent else "unusable", str(meter), None if pd.isna(since) else since.to_pydatetime(), facts)


def _pressures(city: LoadedCity, board: pd.DataFrame) -> Iterator[Alarm]:
    if city.settings.water is None:
        return
    wanted = city.settings.water.service_pressure_m
    low = board[(board["quantity"] == "pressure_m") & board["usable"] & ~board["late"] & (board["value"] < wanted)]
    for row in low.itertuples():
        yield Alarm(2, "low_pressure", row.meter_id, row.value_utc.to_pydatetime(), {"value": row.value, "limit": wanted})


def _stuck(engine: Engine, board: pd.DataFrame) -> Iterator[Alarm]:
    """Points that validation found flat for a good part of the last stored day, but those the leak watch names as faulty."""
    named = {row.sensor for row in faults(engine)}
    for point_id, causes, slots in day_causes(engine):
        if point_id in named:
            continue
        flat = causes.get(Cause.FLAT, 0)
        if slots and flat / slots >= _STUCK_SHARE:
            row = board[board["point_id"] == point_id]
            value, unit = (float(row["value"].iloc[0]), row["unit"].iloc[0]) if len(row) else (float("nan"), "")
            yield Alarm(3, "stuck", point_id.rsplit(".", 1)[0], None, {"share": flat / slots, "value": value, "unit": unit})


def day_causes(engine: Engine) -> list[tuple[str, dict[Cause, int], int]]:
    """(point_id, {cause: intervals not measured}, intervals) of every point on the newest stored civil day."""
    day = meter_days.last(engine)
    if day is None:
        return []
    statement = (
        select(t.point.c.point_id, t.meter_day.c.quality)
        .join(t.point, t.point.c.point_key == t.meter_day.c.point_key)
        .where(t.meter_day.c.day_start_utc == day)
        .order_by(t.point.c.point_id, t.meter_day.c.version)
    )
    with engine.connect() as connection:
        newest = dict(connection.execute(statement).tuples().all())
    made = []
    for name, packed in newest.items():
        quality = unpack_quality(packed)
        values, counts = np.unique(quality[~q.measured(quality)] >> 8, return_counts=True)
        made.append((name, {Cause(int(v)): int(c) for v, c in zip(values, counts, strict=True)}, int(quality.size)))
    return made


def _plan(engine: Engine) -> Iterator[Alarm]:
    row = results.last_plan(engine)
    if row is None:
        return
    if row.status == "impossible":
        reasons = row.detail.get("reasons", [])
        yield Alarm(1, "no_plan", row.plan_id, row.made_at_utc, {"reason": "; ".join(map(str, reasons))})
    broken = results.rows(engine, t.breach, t.breach.c.plan_id == row.plan_id, order=t.breach.c.ordinal)
    for breach in broken[:SHOWN]:
        yield Alarm(3, "breach", breach.asset_id, row.made_at_utc, {"sentence": breach.sentence})


def _commands(engine: Engine) -> Iterator[Alarm]:
    """Writes that did not do what was approved, one alarm per state and point."""
    wrong = t.command.c.state.in_(["held", "refused", "mismatch", "unknown", "expired"])
    rows = results.rows(engine, t.command, wrong, order=t.command.c.not_before_utc)
    grouped: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        grouped.setdefault((row.point_id, row.state), []).append(row)
    for (point, state), group in sorted(grouped.items()):
        facts = {"state": state, "count": len(group), "sentence": group[-1].sentence}
        yield Alarm(3 if state in ("held", "expired") else 2, "command", point, group[-1].not_before_utc, facts)


def _targets(engine: Engine) -> Iterator[Alarm]:
    rows = results.rows(engine, t.target_progress, order=t.target_progress.c.night.desc())
    newest = [row for row in rows if row.night == rows[0].night]
    for row in newest:
        if row.on_path is False:
            yield Alarm(3, "off_path", row.target_id, None, {"actual": row.actual, "required": row.required})


def _spools(city: LoadedCity, moment: Moment) -> Iterator[Alarm]:
    """Readings that wait too long or have no room, where the console runs on the machine that keeps them."""
    for name in fill.NAMES:
        spool = fill.look(city.folder / name)
        if spool is None:
            continue
        for problem in spool.alarms(moment.now_utc):
            yield Alarm(2 if spool.reserve_held else 1, "spool", problem.subject, spool.since_utc, {"sentence": problem.observed})


def _stations(engine: Engine, moment: Moment) -> Iterator[Alarm]:
    """Stations that forward to this central and have fallen silent, or have something to say."""
    for row in results.rows(engine, t.heartbeat, t.heartbeat.c.process.startswith("edge ")):
        name = row.process.removeprefix("edge ")
        if moment.now_utc - row.time_utc > fill.LONG:
            yield Alarm(2, "station_silent", name, row.time_utc)
            continue
        for sentence in (row.detail or {}).get("alarms", ())[:SHOWN]:
            yield Alarm(2, "station", name, row.time_utc, {"sentence": str(sentence)})
