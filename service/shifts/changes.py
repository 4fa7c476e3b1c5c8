"""What changed in a span of time, from what is stored: one line each, the newest first, with the page where it is worked on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Engine, and_, or_, select

from service import schema as t
from service.settings import LoadedCity

Group = Literal["alarms", "outages", "leaks", "cases", "decisions", "plans", "commands", "meters", "nights"]
GROUPS: tuple[Group, ...] = get_args(Group)
MOST = 400  # lines of one group; the newest are kept

# Audit lines that a person's decision writes, beside requests: the page that shows what came of it.
_DECISIONS = {
    "approve": "tonight", "approve once": "tonight", "approve refused": "tonight", "hold": "now", "release": "now", "emergency stop": "now",
    "edit": "meters", "event": "tonight", "event cancel": "tonight", "response call": "tonight", "response cancel": "tonight",
    "request replan": "tonight", "alarm shelve": "now", "alarm unshelve": "now", "alarm remove": "now", "alarm restore": "now",
    "settle": "tonight", "settle readings": "meters", "switch told": "grid",
    "valve told": "water", "isolation replanned": "water", "close": "carbon", "restate": "carbon",
}  # fmt: skip
_OF_SUBJECT = {"isolate-": "water", "restore-": "grid"}  # what is approved elsewhere than on tonight's page


@dataclass(frozen=True)
class Change:
    """`key` names the words it is said with, `facts` fill them in; `sentence` is what was stored, in English."""

    at_utc: datetime
    group: Group
    key: str
    subject: str
    sentence: str
    page: str
    who: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Span:
    connection: Connection
    city: LoadedCity
    start: datetime
    end: datetime

    def holds(self, column: Any) -> Any:
        return and_(column > self.start, column <= self.end)

    def has(self, time: datetime | None) -> bool:
        return time is not None and self.start < time <= self.end

    def rows(self, table: Any, *columns: Any, also: Any = True) -> list[Any]:
        """The newest rows of a table one of whose times lies in the span."""
        within = or_(*(self.holds(column) for column in columns))
        return list(self.connection.execute(select(table).where(within, also).order_by(columns[0].desc()).limit(MOST)))


def between(engine: Engine, city: LoadedCity, start_utc: datetime, end_utc: datetime) -> list[Change]:
    """Everything that changed after `start_utc` and until `end_utc`, the newest first; at most `MOST` lines of a group."""
    with engine.connect() as connection:
        span = _Span(connection, city, start_utc, end_utc)
        made = [change for source in _SOURCES for change in source(span)]
    return sorted(made, key=lambda change: change.at_utc, reverse=True)


def _alarms(span: _Span) -> Iterator[Change]:
    """Alarms that came and that went; those of meters say which are lost and which are back."""
    from service.alarms.listing import shown
    from service.alarms.sources import KINDS
    from service.alarms.told import told

    a = t.alarm.c
    for row in span.rows(t.alarm, a.annunciated_utc, a.ended_utc, also=a.annunciated_utc.is_not(None)):
        page = KINDS[row.kind].page if row.kind in KINDS else "now"
        meter = page == "meters"
        facts = {"kind": row.kind, "priority": row.priority, "facts": row.facts, "alarm_id": row.alarm_id}
        for at, came, went in ((row.annunciated_utc, "alarm_new", "meter_lost"), (row.ended_utc, "alarm_gone", "meter_back")):
            if span.has(at):
                key = went if meter else came
                yield Change(at, "meters" if meter else "alarms", key, row.subject, told(shown(row))[0], page, facts=facts)


def _audited(span: _Span) -> Iterator[Change]:
    """Decisions as the audit has them, and writes that did not do what was approved."""
    a = t.audit.c
    failed = ("write mismatch", "write unknown", "write refused", "write expired", "write held")
    wanted = a.action.in_((*_DECISIONS, *failed, "leak dug", "leak repaired"))
    for row in span.rows(t.audit, a.at_utc, also=wanted):
        key = f"did_{row.action.replace(' ', '_')}"
        if row.action in failed:
            yield Change(row.at_utc, "commands", key, row.subject, row.sentence, "tonight")
        elif row.action.startswith("leak "):
            yield Change(row.at_utc, "leaks", key, row.subject, row.sentence, "water", row.who)
        else:
            page = next((page for begin, page in _OF_SUBJECT.items() if row.subject.startswith(begin)), _DECISIONS[row.action])
            yield Change(row.at_utc, "decisions", key, row.subject, row.sentence, page, row.who)


def _plans(span: _Span) -> Iterator[Change]:
    for row in span.rows(t.plan, t.plan.c.made_at_utc):
        facts = {"status": row.status, "cost": row.cost, "baseline_cost": row.baseline_cost}
        yield Change(row.made_at_utc, "plans", "plan_made", row.plan_id, row.status, "tonight", facts=facts)


def _leaks(span: _Span) -> Iterator[Change]:
    """Leaks that were reported, and those that the watch no longer sees; what people told of them is in the audit."""
    k = t.leak_case.c
    for row in span.rows(t.leak_case, k.reported_utc, k.ended_at_utc, also=k.reported_utc.is_not(None)):
        facts = {"kind": row.kind, "flow": row.flow_m3_per_h, "pipe": row.pipe, "zone": row.zone_id}
        if span.has(row.reported_utc):
            yield Change(row.reported_utc, "leaks", "leak_new", row.case_id, row.sentence, "water", facts=facts)
        if span.has(row.ended_at_utc) and row.state == "over":
            yield Change(row.ended_at_utc, "leaks", "leak_over", row.case_id, row.sentence, "water", facts=facts)


def _cases(span: _Span) -> Iterator[Change]:
    e, c = t.case_event.c, t.work_case.c
    events = select(t.case_event, c.kind, c.subject).join(t.work_case, c.case_id == e.case_id).where(span.holds(e.at_utc))
    for row in span.connection.execute(events.order_by(e.at_utc.desc(), e.ordinal.desc()).limit(MOST)):
        facts = {"kind": row.kind, "about": row.subject, "state": row.state, "owner": row.owner, "said": row.facts}
        told = f"{row.kind} {row.subject}: {row.step}" + (f": {row.note}" if row.note else "")
        yield Change(row.at_utc, "cases", f"case_{row.step}", str(row.case_id), told, "cases", row.who, facts)


def _outages(span: _Span) -> Iterator[Change]:
    o = t.grid_outage.c
    for row in span.rows(t.grid_outage, o.found_utc, o.ended_utc):
        facts = {"customers": row.customers, "feeder": row.feeder}
        for at, key in ((row.found_utc, "outage_new"), (row.ended_utc, "outage_over")):
            if span.has(at):
                yield Change(at, "outages", key, row.outage_id, row.sentence, "grid", facts=facts)


def _nights(span: _Span) -> Iterator[Change]:
    """Nights that ended; one that was started again tells its last end."""
    r, told = t.run.c, set()
    for row in span.rows(t.run, r.now_utc, also=r.ended_utc.is_not(None) & (r.command == "night")):
        if row.night not in told:
            told.add(row.night)
            at = min(max(row.now_utc, row.now_utc + (row.ended_utc - row.started_utc)), span.end)
            yield Change(at, "nights", "night_ended", str(row.night), row.status, "runs", facts={"status": row.status})


_SOURCES: tuple[Callable[[_Span], Iterator[Change]], ...] = (_alarms, _audited, _plans, _leaks, _cases, _outages, _nights)


def since_utc(engine: Engine, city: LoadedCity, at_utc: datetime, name: str | None = None) -> datetime:
    """Since when somebody ought to be told: since this person last took over or handed over, else since the last shift began.

    Somebody who was away for longer than a week is told of a week.
    """
    begin, _ = city.settings.shifts.bounds(at_utc, zone := city.settings.city.time_zone)
    last, _ = city.settings.shifts.bounds(begin - timedelta(seconds=1), zone)
    h, s = t.hand_over.c, t.hand_over_signed.c
    with engine.connect() as connection:
        own = select(h.at_utc).where(h.outgoing == name, h.at_utc <= at_utc).order_by(h.at_utc.desc()).limit(1)
        signed = select(s.at_utc).where(s.incoming == name, s.at_utc <= at_utc).order_by(s.at_utc.desc()).limit(1)
        known = [time for time in (connection.execute(own).scalar(), connection.execute(signed).scalar()) if time is not None]
    return max(max(known), at_utc - timedelta(days=7)) if known and name is not None else last


def since_last(engine: Engine, city: LoadedCity, at_utc: datetime, name: str | None = None) -> list[Change]:
    """What changed since this person last signed, or since the last shift began; the newest first."""
    return between(engine, city, since_utc(engine, city, at_utc, name), at_utc)
