"""An outage of the grid is a case until everybody has power again."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Engine, select

from service import schema as t
from service.cases.kinds import Found, Move
from service.cases.store import Case
from service.settings import LoadedCity


def changes(engine: Engine, city: LoadedCity, now_utc: datetime, cases: Sequence[Case]) -> Iterator[Found | Move]:  # noqa: ARG001
    """Every outage that lasts, and the end of those that have a case."""
    o, known = t.grid_outage.c, {case.source_id for case in cases}
    with engine.connect() as connection:
        rows = connection.execute(select(t.grid_outage).where(o.ended_utc.is_(None) | o.outage_id.in_(known))).all()
    for row in rows:
        if row.ended_utc is None:
            where, critical = row.detail.get("districts", ()), list(row.detail.get("critical", {}).values())
            facts = {"feeder": row.feeder, "branch": row.branch, "customers": row.customers, "critical": critical}
            district = str(where[0]) if len(where) == 1 else ""
            yield Found(row.outage_id, row.feeder, district, 1, row.found_utc, row.sentence, facts)
        else:
            yield Move(row.outage_id, "done", row.ended_utc, "everybody has power again")


def lasts(engine: Engine, case: Case) -> bool | None:
    """Is somebody without power still?"""
    o = t.grid_outage.c
    with engine.connect() as connection:
        row = connection.execute(select(o.ended_utc).where(o.outage_id == case.source_id)).first()
    return None if row is None else row.ended_utc is None
