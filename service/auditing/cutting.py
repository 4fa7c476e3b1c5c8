"""The audit from its beginning to a line is taken away, and the chain says so itself: its rest begins behind that line's SHA-256.

The line that tells of the cut is sealed like any other. It names the last line that went, that line's hash (as what it decides on), and the
time before which all of them were. So the rest is still one chain, what was cut by anybody else shows as missing, and a head that was kept
outside of a line younger than that time shows as well.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, select

from city.problems import Problem
from service.auditing.chain import GENESIS
from service.retention.settings import LEAST_YEARS
from service.schema_control import audit
from service.store.operations import record

ACTION = "cut audit"
_TOLD = re.compile(r"lines 1 to (\d+)")
_BEFORE = re.compile(r"before (\S+): ")


@dataclass(frozen=True)
class Cut:
    """Where the chain begins: behind line `number` with `sha256`; all lines up to it were of a time before `before_utc`."""

    number: int = 0
    sha256: str = GENESIS
    before_utc: datetime | None = None

    def told_of(self, at_utc: datetime) -> bool:
        """Did the line of a decision of this time go?"""
        return self.before_utc is not None and at_utc < self.before_utc

    def went(self, number: int, at_utc: datetime | None) -> bool:
        """Is a line of this number and time one of those that were taken away?"""
        return number <= self.number and (at_utc is None or self.before_utc is None or at_utc < self.before_utc)


def found(connection: Connection) -> tuple[Cut, list[Problem]]:
    """Where the chain begins by its own word, and what is wrong with that word."""
    a = audit.c
    row = connection.execute(select(audit).where(a.action == ACTION).order_by(a.audit_id.desc()).limit(1)).first()
    if row is None:
        return Cut(), []
    number, before = _TOLD.fullmatch(row.subject), _BEFORE.search(row.sentence)
    if number is None or before is None or row.decided is None:
        return Cut(), [
            Problem(f"audit line {row.audit_id}", "tells of a cut that nobody made", f"'{ACTION}' in its own words", "Ask who did.")
        ]
    cut = Cut(int(number.group(1)), row.decided, datetime.fromisoformat(before.group(1)))
    wrong = []
    # Of the line's own time and of the clock: who cuts gives the line its time, and a later one would make young lines old.
    if cut.before_utc is not None and min(row.at_utc, datetime.now(UTC)) - cut.before_utc < timedelta(days=365 * LEAST_YEARS):
        observed = f"took lines away of {cut.before_utc:%Y-%m-%d}"
        wrong.append(Problem(f"audit line {row.audit_id}", observed, f"lines older than {LEAST_YEARS} years", "Compare it with a backup."))
    return cut, wrong


def cut(connection: Connection, before_utc: datetime, now_utc: datetime, who: str) -> int:
    """Take away the lines at the beginning that are older; the last line of all stays. Returns how many went. For `writing`."""
    a = audit.c
    last = connection.execute(select(func.max(a.audit_id))).scalar() or 0
    # The first line that is not older ends it, also where a clock once ran ahead: nothing goes from behind a line that stays.
    young = connection.execute(select(func.min(a.audit_id)).where(a.at_utc >= before_utc)).scalar()
    to = min(young if young is not None else last, last) - 1
    row = connection.execute(select(a.sha256).where(a.audit_id == to)).first()
    if row is None:
        return 0
    gone = connection.execute(delete(audit).where(a.audit_id <= to)).rowcount
    sentence = f"{gone:,} lines before {before_utc.isoformat()}: the rest of the chain begins behind line {to}"
    record(connection, now_utc, who, ACTION, f"lines 1 to {to}", sentence, row.sha256)
    return gone
