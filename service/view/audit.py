"""The audit trail as a page shows it: the lines that were asked for, and whether the chain is whole."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from sqlalchemy import Engine, select

from city.problems import Problem
from service import schema as t
from service.auditing import cutting, listing, outside
from service.auditing.chain import GENESIS
from service.auditing.listing import Asked
from service.auditing.verifying import faults
from service.settings import LoadedCity

CHECKED = 20_000  # of the newest lines: a quarter of a second; `penstock audit verify` reads all
COLUMNS = ["audit_id", "at_utc", "who", "action", "subject", "sentence", "decided", "sha256"]


@dataclass(frozen=True)
class Chain:
    """The chain of the audit: its lines, how many of the newest were checked, what is wrong with it, and what is kept outside of it.

    `kept` is the number of the last line whose head is kept outside, None where no file is named or none is there yet.
    """

    lines: int
    checked: int
    head: str
    faults: tuple[Problem, ...]
    outside: bool
    kept: int | None
    kept_utc: datetime | None


def chain(engine: Engine, city: LoadedCity) -> Chain:
    """The state of the chain by its newest lines and by the heads that can be read outside."""
    a = t.audit.c
    heads, unread = outside.heads(engine, city)
    with engine.connect() as connection:
        cut, told = cutting.found(connection)
        newest = connection.execute(select(t.audit).order_by(a.audit_id.desc()).limit(CHECKED + 1)).all()[::-1]
        whole = len(newest) <= CHECKED
        before = cut.sha256 if whole else newest[0].sha256
        rows = newest if whole else newest[1:]
        first = rows[0].audit_id if rows and not whole else cut.number + 1
        wrong = told + list(faults(rows, first, before))[:20] + unread
        kept = None
        for path, some in heads.items():
            wrong += outside.differences(connection, some, path)
            kept = some[-1] if some and (kept is None or some[-1].number > kept.number) else kept
    last = rows[-1] if rows else None
    at = datetime.fromisoformat(kept.at_utc) if kept else None
    return Chain(
        last.audit_id if last else 0,
        len(rows),
        last.sha256 if last else GENESIS,
        tuple(wrong),
        bool(outside.files(city)),
        kept.number if kept else None,
        at,
    )


def lines(engine: Engine, asked: Asked, limit: int | None, offset: int = 0) -> pd.DataFrame:
    """The columns `COLUMNS` of the lines, newest first."""
    rows = listing.lines(engine, asked, limit, offset)
    frame = pd.DataFrame([[getattr(row, name) for name in COLUMNS] for row in rows], columns=COLUMNS)
    return frame.assign(at_utc=pd.to_datetime(frame["at_utc"], utc=True))
