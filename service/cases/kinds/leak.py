"""A leak that was reported is a case; a crew that found it has it in hand, and with its repair the work is done."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from service import schema as t
from service.alarms.sources import KINDS
from service.cases.kinds import Found, Move
from service.cases.store import SYSTEM, Case
from service.leak_history import OPEN, OVER, REPAIRED, RUNNING
from service.settings import LoadedCity


def changes(engine: Engine, city: LoadedCity, now_utc: datetime, cases: Sequence[Case]) -> Iterator[Found | Move]:  # noqa: ARG001
    """Every open leak, and what was told of those that have a case."""
    k, f = t.leak_case.c, t.leak_finding.c
    known = {case.source_id for case in cases}
    with engine.connect() as connection:
        leaks = connection.execute(select(t.leak_case).where((k.state == OPEN) | k.case_id.in_(known))).all()
        finds = connection.execute(select(t.leak_finding).where(f.case_id.in_(known), f.found).order_by(f.at_utc)).all()
        told = _tellers(connection, known)
    for find in finds:
        yield Move(find.case_id, "taken", find.at_utc, f"the leak was found at pipe {find.pipe}", find.who)
    for leak in leaks:
        if leak.state == OPEN:
            facts = {"kind": leak.kind, "flow": leak.flow_m3_per_h, "zone": leak.zone_id, "pipe": leak.pipe}
            found_utc = leak.reported_utc or leak.seen_utc
            priority = KINDS["burst" if leak.kind == "burst" else "slow_leak"].priority  # that of its alarm
            yield Found(leak.case_id, leak.zone_id or city.settings.city.id, leak.zone_id, priority, found_utc, leak.sentence, facts)
        elif leak.state == REPAIRED:
            yield Move(leak.case_id, "done", leak.ended_at_utc, "the leak was told repaired", told.get(leak.case_id, SYSTEM))
        elif leak.state == OVER:
            yield Move(leak.case_id, "done", leak.ended_at_utc, "the leak watch no longer sees it")


def _tellers(connection: Connection, known: set[str]) -> dict[str, str]:
    """{leak case: who told it repaired}, as the audit has it."""
    a = t.audit.c
    rows = connection.execute(select(a.subject, a.who).where(a.action == "leak repaired", a.subject.in_(known)).order_by(a.audit_id))
    return {row.subject: row.who for row in rows}


def lasts(engine: Engine, case: Case) -> bool | None:
    """Is the leak open still?"""
    with engine.connect() as connection:
        state = connection.execute(select(t.leak_case.c.state).where(t.leak_case.c.case_id == case.source_id)).scalar()
    return None if state is None else state in RUNNING
