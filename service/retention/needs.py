"""What is still open, and from when on it needs what there is: ledger periods, statements, cases, events of demand response."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, func, select

from service import schema as t
from service.books.closing import span
from service.cases.states import OPEN
from service.settings import LoadedCity

BEFORE_A_CASE = timedelta(days=45)  # what came before it is what explains it
ALWAYS = datetime(1, 1, 1, tzinfo=UTC)  # everything is needed


@dataclass(frozen=True)
class Need:
    """What is open, in words, and the time [UTC] from which on it needs readings, plans and the audit."""

    what: str
    since_utc: datetime


def open_ones(connection: Connection, city: LoadedCity) -> list[Need]:
    """Every need, the one that reaches back furthest first."""
    found = [*_periods(connection, city), *_statements(connection, city), *_cases(connection), *_events(connection, city)]
    return sorted(found, key=lambda one: one.since_utc)


def _periods(connection: Connection, city: LoadedCity) -> Iterator[Need]:
    """The first month with entries that is not signed off, alone or with its year; and days that wait to be restated."""
    zone = city.settings.city.time_zone
    b = t.ledger_batch.c
    first, last = connection.execute(select(func.min(b.first_day), func.max(b.last_day))).one()
    closed = set(connection.execute(select(t.ledger_close.c.period)).scalars())
    month: date | None = first.replace(day=1) if first is not None else None
    while month is not None and month <= last:
        if not closed & {f"{month:%Y-%m}", f"{month:%Y}"}:
            yield Need(f"ledger period {month:%Y-%m} is open", span(f"{month:%Y-%m}", zone)[0])
            break
        month = (month + timedelta(days=32)).replace(day=1)
    due = connection.execute(select(func.min(t.ledger_due.c.day_start_utc))).scalar()
    if due is not None:
        yield Need(f"the ledger has to restate {due:%Y-%m-%d}", due)


def _statements(connection: Connection, city: LoadedCity) -> Iterator[Need]:
    r = t.request.c
    waiting = select(r.request_id, r.detail).where(r.kind == "statement", r.state.in_(("waiting", "working")))
    for row in connection.execute(waiting):
        period = row.detail.get("period") if isinstance(row.detail, dict) else None
        since = span(period, city.settings.city.time_zone)[0] if isinstance(period, str) and period else ALWAYS
        yield Need(f"statement {row.request_id} is being made", since)


def _cases(connection: Connection) -> Iterator[Need]:
    e, c = t.case_event.c, t.work_case.c
    newest = select(e.case_id, func.max(e.ordinal).label("ordinal")).group_by(e.case_id).subquery()
    stands = select(e.case_id).join(newest, (newest.c.case_id == e.case_id) & (newest.c.ordinal == e.ordinal)).where(e.state.in_(OPEN))
    for row in connection.execute(select(c.case_id, c.found_utc).where(c.case_id.in_(stands))):
        yield Need(f"case {row.case_id} is open", row.found_utc - BEFORE_A_CASE)
    leak = t.leak_case.c
    for row in connection.execute(select(leak.case_id, leak.start_utc).where(leak.state.in_(("suspected", "open")))):
        yield Need(f"{row.case_id} is open", row.start_utc - BEFORE_A_CASE)


def _events(connection: Connection, city: LoadedCity) -> Iterator[Need]:
    """Events that somebody was called for and that are not settled yet: their baseline is made of days before them."""
    e = t.response_event.c
    back = max((one.baseline.look_back_days for one in city.settings.programmes), default=45)
    waits = (e.state == "announced") & (e.asset_id != "*") & e.event_id.not_in(select(t.settlement.c.event_id))
    for row in connection.execute(select(e.event_id, e.start_utc).where(waits)):
        yield Need(f"event {row.event_id} is not settled", row.start_utc - timedelta(days=back))
