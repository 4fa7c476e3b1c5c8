"""Cases as they stand: what was found, and where the newest of its events put each one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, and_, func, select

from city.problems import fault
from service import schema as t
from service.cases.levels import CaseSettings, Level, due
from service.cases.states import OPEN, State

SYSTEM = "penstock"  # who moves a case when nobody does


@dataclass(frozen=True)
class Event:
    """One step of a case; never changed."""

    ordinal: int
    at_utc: datetime
    who: str
    step: str
    state: State
    owner: str | None
    note: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A case with its events, oldest first; its state is that of the newest. `since_utc`: in this state since then."""

    case_id: int
    kind: str
    source_id: str
    subject: str
    district: str
    priority: int
    found_utc: datetime
    sentence: str
    facts: dict[str, Any]
    events: tuple[Event, ...]
    level: Level

    @property
    def last(self) -> Event:
        return self.events[-1]

    @property
    def state(self) -> State:
        return self.last.state

    @property
    def owner(self) -> str | None:
        return self.last.owner

    @property
    def since_utc(self) -> datetime:
        before = [i for i, event in enumerate(self.events) if event.state != self.state]
        return self.events[before[-1] + 1 if before else 0].at_utc

    @property
    def worked_by(self) -> str | None:
        """Who did the work that is to be checked; `SYSTEM` where it was over by itself."""
        return next((event.who for event in reversed(self.events) if event.step in ("work", "done")), None)

    @property
    def due_utc(self) -> datetime | None:
        """When an owner, then its end, is due; None once it has ended."""
        return due(self.level, self.state, self.found_utc)

    def newest(self, step: str) -> Event | None:
        """The newest event of a step."""
        return next((event for event in reversed(self.events) if event.step == step), None)

    def overdue(self, now_utc: datetime) -> timedelta | None:
        """By how much it is late, None when it is not."""
        late = self.due_utc
        return now_utc - late if late is not None and now_utc > late else None


def _made(row: Any, events: Sequence[Any], settings: CaseSettings) -> Case:
    told = tuple(Event(*event[1:]) for event in events)  # its columns stand in this order, behind the number of the case
    return Case(**row._mapping, events=told, level=settings.level(row.kind, row.priority))


def read(connection: Connection, where: Any, settings: CaseSettings) -> list[Case]:
    """The cases for which `where` holds, oldest first."""
    c, e = t.work_case.c, t.case_event.c
    rows = connection.execute(select(t.work_case).where(where).order_by(c.case_id)).all()
    told: dict[int, list[Any]] = {row.case_id: [] for row in rows}
    of_these = select(c.case_id).where(where)
    for event in connection.execute(select(t.case_event).where(e.case_id.in_(of_these)).order_by(e.case_id, e.ordinal)):
        told[event.case_id].append(event)
    return [_made(row, told[row.case_id], settings) for row in rows]


def in_states(states: Iterable[str]) -> Any:
    """The condition on `work_case` that the newest event of a case has one of these states."""
    e = t.case_event.c
    newest = select(e.case_id, func.max(e.ordinal).label("ordinal")).group_by(e.case_id).subquery()
    same = and_(newest.c.case_id == e.case_id, newest.c.ordinal == e.ordinal)
    return t.work_case.c.case_id.in_(select(e.case_id).join(newest, same).where(e.state.in_(list(states))))


def listed(engine: Engine, settings: CaseSettings, *, states: Iterable[str] | None = None, since_utc: datetime | None = None) -> list[Case]:
    """Cases, the oldest first: by default those that have not ended, and with `since_utc` those that ended, or moved at all, since."""
    wanted = in_states(OPEN if states is None else states)
    if since_utc is not None:
        wanted |= t.work_case.c.case_id.in_(select(t.case_event.c.case_id).where(t.case_event.c.at_utc >= since_utc))
    with engine.connect() as connection:
        return read(connection, wanted, settings)


def one(engine: Engine, settings: CaseSettings, case_id: int) -> Case:
    """A case with all its events. Raises `PenstockError` for a number that no case has."""
    with engine.connect() as connection:
        found = read(connection, t.work_case.c.case_id == case_id, settings)
    if not found:
        raise fault(f"case {case_id}", "no case has this number", "one that `penstock case list` shows", "Check the number.")
    return found[0]
