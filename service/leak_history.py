"""Leaks the network part found: not demand while they run, and part of tonight's inflow as long as nobody ended them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Engine, select

from city.frames import Block
from forecasting.events import Event
from service import schema as t
from service.settings import LoadedCity
from service.store.operations import SENT

if TYPE_CHECKING:
    from service.unmanaged import Change

SUSPECTED, OPEN, REPAIRED, OVER = "suspected", "open", "repaired", "over"
RUNNING = (SUSPECTED, OPEN)


@dataclass(frozen=True)
class _Case:
    """A leak from its start until it was repaired or its pipe cut off; `cut` while its valves are shut."""

    case_id: str
    leak: str  # cases of one leak count once
    zone: str
    flow_m3_per_h: float
    start_utc: datetime
    sized_utc: datetime | None  # until then a slow leak has grown from nothing
    end_utc: datetime | None
    cut_utc: datetime | None
    cut_m3_per_h: float


def inflows(city: LoadedCity, zone: str) -> tuple[str, ...]:
    """Points of the meters that measure what a zone takes."""
    meters = {m.id for m in city.settings.meters if m.zone == zone and m.commodity == "water" and m.role == "load" and m.forecast}
    return tuple(p.id for p in city.points.values() if p.meter in meters and p.quantity.is_register)


def correct(
    engine: Engine,
    city: LoadedCity,
    history: Block,
    row: Mapping[str, int],
    change: "Change",
    note: Callable[..., Any],
    known_utc: datetime,
) -> None:
    """Take known leaks off the inflow of their zones, and leave out the time in which a part of the zone was cut off."""
    end = history.start_utc + history.steps * history.step
    cases = _cases(engine, known_utc)
    hours = history.step / timedelta(hours=1)
    for zone in dict.fromkeys(case.zone for case in cases):
        own = [case for case in cases if case.zone == zone]
        for i in (row[name] for name in inflows(city, zone) if name in row):
            lost, cut = np.zeros(history.steps), np.zeros(history.steps, bool)
            for leak in dict.fromkeys(case.leak for case in own):
                same = [case for case in own if case.leak == leak]
                lost += hours * np.max([_flow(history, case, end) for case in same], axis=0)
            for case in own:
                if case.cut_utc is not None:
                    cut |= _part(history, case.cut_utc, case.end_utc or end) > 0
            names = ", ".join(case.case_id for case in own)
            if (lost > 0).any():
                change.adds(i, -lost)
                told = f"{lost.sum():,.4g} m3 of {names} are not counted as demand."
                change.notes.append(note(history.ids[i], "leak", int((lost > 0).sum()), float(-lost.sum()), told))
            if cut.any():
                change.leaves_out(i, cut)
                told = f"{int(cut.sum())} steps are left out: a part of {zone} was cut off ({names})."
                change.notes.append(note(history.ids[i], "isolation", int(cut.sum()), 0.0, told))


def ongoing(engine: Engine, city: LoadedCity, known_utc: datetime, start_utc: datetime, until_utc: datetime) -> list[Event]:
    """What leaks and isolations of which no end is known do to the inflows from `start_utc` on, for `forecasting.events.applied`.

    The history is free of them, the tanks are not: inflow = demand + known leak, or demand less what is cut off.
    """
    found = []
    cases = [case for case in _cases(engine, known_utc) if case.end_utc is None]
    for zone in dict.fromkeys(case.zone for case in cases):
        own = [case for case in cases if case.zone == zone]
        cut = [case for case in own if case.cut_utc is not None]
        largest = {case.leak: max(one.flow_m3_per_h for one in own if one.leak == case.leak) for case in own}
        flow = -max(case.cut_m3_per_h for case in cut) if cut else sum(largest.values())
        named = cut or own
        told = f"{', '.join(case.case_id for case in named)}, {'cut off' if cut else 'not repaired yet'}"
        found.append(Event(0, "isolation" if cut else "leak", inflows(city, zone), start_utc, until_utc, "offset", flow, None, told))
    return found


def _cases(engine: Engine, known_utc: datetime) -> list[_Case]:
    """Leak cases as they were known at a time, with when the valves of their isolation were shut: the last of them, and all still are."""
    c, i, a = t.leak_case.c, t.isolation.c, t.audit.c
    with engine.connect() as connection:
        cases = connection.execute(select(t.leak_case).where(c.seen_utc <= known_utc).order_by(c.start_utc, c.case_id)).all()
        plans = connection.execute(select(i.case_id, i.isolation_id, i.demand_m3_per_h, i.detail)).all()
        closing = connection.execute(select(t.command).where(t.command.c.plan_id.in_([p.isolation_id for p in plans]))).all()
        points = {row.point_id for row in closing}
        sent = connection.execute(select(a.subject, a.at_utc).where(a.action.in_(SENT), a.subject.in_(points), a.at_utc <= known_utc)).all()
        told = connection.execute(
            select(a.subject, a.at_utc, a.sentence).where(a.action == "valve told", a.at_utc <= known_utc).order_by(a.audit_id)
        ).all()
    first = {row.case_id: row for row in reversed(plans)}
    found = []
    for case in cases:
        plan = first.get(case.case_id)
        own = [] if plan is None else [row for row in closing if row.plan_id == plan.isolation_id]
        shut = None if plan is None else _shut_utc(plan, own, sent, told, known_utc)
        cut = plan.demand_m3_per_h if plan is not None else 0.0
        ended = case.ended_utc if case.ended_utc is not None and case.ended_at_utc <= known_utc else None
        leak, grown = case.leak_id or case.zone_id, case.sized_utc if case.kind == "slow" else None
        found.append(_Case(case.case_id, leak, case.zone_id, case.flow_m3_per_h, case.start_utc, grown, ended, shut, cut))
    return found


def _shut_utc(plan: Any, closing: Sequence[Any], sent: Sequence[Any], told: Sequence[Any], known_utc: datetime) -> datetime | None:
    """When the last valve of an isolation was shut: motors as they were written, the others as crews told; None while one is open."""
    work = plan.detail.get("schedule", {})
    since = datetime.fromisoformat(work["made_utc"]) if "made_utc" in work else None
    if any(row.state != "written" for row in closing) or (since is not None and since > known_utc):
        return None
    writes = [[s.at_utc for s in sent if s.subject == row.point_id and s.at_utc >= row.not_before_utc] for row in closing]
    times = [min(found) for found in writes if found]
    if since is not None and work.get("closed"):
        times.append(since)  # these were shut before the plan was made
    moved = {row.point_id.rpartition(".")[2] for row in closing}
    last = {one.subject: one for one in told if since is None or one.at_utc >= since}
    for valve in plan.detail.get("valves", ()):
        if valve in moved:
            continue
        word = last.get(valve)
        if word is None or not word.sentence.startswith(f"{valve} is closed"):
            return None
        times.append(word.at_utc)
    return max(times, default=None)


def _flow(history: Block, case: _Case, end: datetime) -> np.ndarray:
    """Mean flow of a leak in each step, float64[T] [m3/h]; a slow one grew in a straight line until it was last sized."""
    runs = min(time for time in (case.end_utc, case.cut_utc, end) if time is not None)
    flow = case.flow_m3_per_h * _part(history, case.start_utc, runs)
    if case.sized_utc is None:
        return flow
    grown = (case.sized_utc - case.start_utc) / history.step
    middle = np.arange(history.steps) + 0.5 - (case.start_utc - history.start_utc) / history.step
    return np.asarray(flow * np.clip(middle / max(grown, 1.0), 0, 1))


def _part(history: Block, begin: datetime, until: datetime) -> np.ndarray:
    """Part of each step that a time covers, float64[T] [1]."""
    first, last = ((time - history.start_utc) / history.step for time in (begin, until))
    at = np.arange(history.steps)
    return np.asarray(np.clip(np.minimum(at + 1, last) - np.maximum(at, first), 0, 1))
