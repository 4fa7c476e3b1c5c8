"""The list of alarms as a person sees it: ranked, grouped, with what is off it counted. Reads the store only."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from service import schema as t
from service.access.roles import Person, reaches
from service.alarms.flood import flood_at, grouped
from service.alarms.shown import Shown
from service.alarms.states import HIDDEN, UNSEEN, State
from service.alarms.store import A, J, evaluated

MOST = 2000  # rows that are read; the worst
OLD = timedelta(minutes=45)  # after that long without an evaluation the list is not live
LOOK_BACK = timedelta(hours=24)  # a flood that began before is not seen
ON_LIST: list[State] = [state for state in State if state not in HIDDEN and state != State.NORMAL]


@dataclass(frozen=True)
class Listing:
    """`rows` are on the list, `more` of them were not read; `hidden` counts what is off it by (state, priority)."""

    rows: tuple[Shown, ...]
    more: int
    hidden: dict[tuple[str, int], int]
    unseen: int
    evaluated_utc: datetime | None
    live: bool
    flood_since_utc: datetime | None


def overview(engine: Engine, at_utc: datetime, person: Person | None = None, positions: int = 1) -> Listing:
    """The whole list at a time. With a person that is bound to districts, what lies there comes first."""
    with engine.connect() as connection:
        last, _ = evaluated(connection)
        counts = _counts(connection)
        rows = _read(connection, ON_LIST, person)
        times = select(J.at_utc).where(J.state == State.UNACKNOWLEDGED, J.at_utc > at_utc - LOOK_BACK, J.at_utc <= at_utc)
        flood = flood_at(list(connection.execute(times.order_by(J.at_utc)).scalars()), at_utc, positions)
    on_list = sum(count for (state, _), count in counts.items() if state in ON_LIST)
    return Listing(
        tuple(grouped(rows, flood=flood is not None)),
        max(on_list - len(rows), 0),  # what ended between two reads is not missing
        {key: count for key, count in counts.items() if key[0] in HIDDEN},
        sum(count for (state, _), count in counts.items() if state in UNSEEN),
        last,
        last is not None and abs(at_utc - last) <= OLD,
        flood,
    )


def listed(engine: Engine, at_utc: datetime, person: Person | None = None, positions: int = 1) -> list[Shown]:
    """The rows of `overview`: alarms and groups of alarms, worst first."""
    return list(overview(engine, at_utc, person, positions).rows)


def put_aside(engine: Engine, person: Person | None = None) -> list[Shown]:
    """What is shelved, suppressed by design or out of service, worst first."""
    with engine.connect() as connection:
        return _read(connection, list(HIDDEN), person)


def one(engine: Engine, alarm_id: int) -> Shown | None:
    """An alarm by its number, also one that has ended; None where there is none."""
    with engine.connect() as connection:
        row = connection.execute(select(t.alarm).where(A.alarm_id == alarm_id)).first()
    return shown(row) if row else None


def shown(row: Any, person: Person | None = None) -> Shown:
    """A row of the table as it is shown."""
    made = Shown(
        alarm_id=row.alarm_id,
        kind=row.kind,
        subject=row.subject,
        priority=row.priority,
        state=State(row.state),
        since_utc=row.since_utc,
        facts=dict(row.facts),
        acknowledged_by=row.acknowledged_by,
        shelved_until_utc=row.until_utc,
        group=row.follows,
        district=row.district,
        source=row.source,
        reason=row.reason,
        annunciated_utc=row.annunciated_utc,
        active=row.active,
        own=person is None or reaches(person, row.district.split(",")),
    )
    return made


def _counts(connection: Connection) -> Counter[tuple[str, int]]:
    statement = select(A.state, A.priority, func.count()).where(A.ended_utc.is_(None)).group_by(A.state, A.priority)
    return Counter({(str(state), int(priority)): int(count) for state, priority, count in connection.execute(statement).tuples()})


def _read(connection: Connection, states: list[State], person: Person | None) -> list[Shown]:
    statement = select(t.alarm).where(A.ended_utc.is_(None), A.state.in_(states)).order_by(A.priority, A.annunciated_utc.desc()).limit(MOST)
    return sorted((shown(row, person) for row in connection.execute(statement)), key=Shown.rank)
