"""Is every audit line as it was sealed, and is what was decided still what the line says?"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError

from city.problems import Problem
from service import schema as t
from service.auditing import cutting, decided, outside
from service.auditing.chain import GENESIS, Line, digest
from service.auditing.cutting import Cut
from service.books.roots import Kept
from service.settings import LoadedCity
from service.store import by_hand
from service.utctime import micros

_SHOWN = 20  # findings told of one kind
_REMEDY = "Compare the store with a backup."
_UNREADABLE = (TypeError, ValueError, OverflowError, OSError, DBAPIError)


def line_of(row: Any) -> Line:
    """A row of audit as it is hashed."""
    return Line(row.audit_id, micros(row.at_utc), row.who, row.action, row.subject, row.sentence, row.decided)


def faults(rows: Iterable[Any], place: int = 1, before: str = GENESIS) -> Iterator[Problem]:
    """Every way in which rows of audit, in the order of their numbers, are no chain from number `place` on, behind the hash `before`.

    A tail cut off and lines hashed again throughout show only against a head that was kept outside, `outside.differences`.
    """
    for row in rows:
        number = row.audit_id
        if number > place:
            named = f"audit line {place}" if number == place + 1 else f"audit lines {place} to {number - 1}"
            yield Problem(named, "missing", "numbers without a gap", _REMEDY)
        elif row.previous != before:
            observed = f"behind a line with SHA-256 {row.previous[:12]}"
            yield Problem(f"audit line {number}", observed, f"{before[:12]}, of the line before", _REMEDY)
        if digest(row.previous, line_of(row)) != row.sha256:
            yield Problem(f"audit line {number}", "its fields do not give its SHA-256", row.sha256[:12], _REMEDY)
        place, before = number + 1, row.sha256


def unreadable(connection: Connection) -> list[Problem]:
    """Lines that hold what no writer can have written, one by one: SQLite keeps bytes where text belongs, and text where a time does."""
    found, known = list[Problem](), select(t.audit)
    for number in connection.execute(select(t.audit.c.audit_id).order_by(t.audit.c.audit_id)).scalars().all():
        try:
            row = connection.execute(known.where(t.audit.c.audit_id == number)).one()
            digest(row.previous, line_of(row))
        except _UNREADABLE as error:
            observed = f"cannot be read ({type(error).__name__})"
            found.append(Problem(f"audit line {number}", observed, "text, and times between the years 1 and 9999", _REMEDY))
    return found


def check(engine: Engine, city: LoadedCity, given: Path | None = None, keys: Iterable[str] = ()) -> tuple[list[str], list[Problem]]:
    """What was looked at and what was found: the chain, what hangs on its decisions, and heads kept outside.

    `given` is a file of heads kept outside instead of those beside [carbon] outside_roots; `keys` [hex] are those that may sign heads.
    Raises `PenstockError` when `given` cannot be read.
    """
    heads, unread = ({given: outside.read(given)}, []) if given else outside.heads(engine, city)
    with engine.connect() as connection:
        try:
            told, found = _checked(connection, heads, tuple(keys))
        except _UNREADABLE:
            told, found = ["the audit cannot be read through"], unreadable(connection)
            if not found:
                raise
    found += unread
    if not given and not city.settings.carbon.outside_roots:
        told.append("no head of the audit is kept outside: lines cut off at its end would not show")
    return told, found


def _checked(connection: Connection, heads: Mapping[Path, Sequence[Kept]], keys: Sequence[str]) -> tuple[list[str], list[Problem]]:
    ordered = select(t.audit).order_by(t.audit.c.audit_id)
    cut, found = cutting.found(connection)
    rows = connection.execute(ordered, execution_options={"yield_per": 2000})
    found += _first(faults(rows, cut.number + 1, cut.sha256))
    found += _first(_undecided(connection, cut))
    last = connection.execute(ordered.order_by(None).order_by(t.audit.c.audit_id.desc()).limit(1)).first()
    told = [f"{last.audit_id:,} audit lines, head {last.sha256}" if last else "no audit line"]
    if cut.number:
        told.append(f"it begins behind line {cut.number:,}: older lines went by [retention]")
    for path, kept in heads.items():
        found += outside.differences(connection, kept, path, keys)
        told.append(_kept(path, kept))
    return told, found


def _kept(path: Path, kept: Sequence[Kept]) -> str:
    if not kept:
        return f"no head of the audit is kept in {path} yet: lines cut off at its end would not show"
    return f"{len(kept)} head{'s' * (len(kept) != 1)} of the audit in {path}, the last of line {kept[-1].number:,}"


def _first(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The first twenty, and how many more there are."""
    more = 0
    for number, problem in enumerate(problems):
        if number < _SHOWN:
            yield problem
        more = max(0, number + 1 - _SHOWN)
    if more:
        yield Problem("audit", f"{more} more like these", "none", _REMEDY)


def _undecided(connection: Connection, cut: Cut) -> Iterator[Problem]:
    """Approvals and sign-offs without their line, lines without them, and those that are no longer what their line decided on."""
    yield from _approvals(connection, cut)
    closes = connection.execute(select(t.ledger_close)).all()
    lines = connection.execute(select(t.audit).where(t.audit.c.action == "close").order_by(t.audit.c.audit_id)).all()
    for line in lines:
        if not any(_tells(line, row) for row in closes):
            observed = f"the sign-off that audit line {line.audit_id} by {line.who} tells of is gone or was changed"
            yield Problem(line.subject, observed, "the sign-off as it was decided", _REMEDY)
    for row in closes:
        if not any(_tells(line, row) for line in lines) and not cut.told_of(row.closed_at_utc):
            observed = f"sign-off {row.number} by {row.who} has no audit line that tells of it as it stands"
            yield Problem(f"period {row.period}", observed, "a line for each sign-off", _REMEDY)


def _tells(line: Any, close: Any) -> bool:
    """Does an audit line tell of a sign-off as it stands? A line of an older release gives its statement, and no more."""
    if line.subject != f"period {close.period}":
        return False
    return bool(line.decided == decided.sign_off(close._mapping) if line.decided else line.sentence.startswith(close.statement))


def _approvals(connection: Connection, cut: Cut) -> Iterator[Problem]:
    """Approvals, also the first of two, against their lines; what two approved must be the same."""
    a = t.audit.c
    renames = connection.execute(select(a.audit_id, a.subject, a.sentence).where(a.action == "rename").order_by(a.audit_id)).all()
    lines = connection.execute(select(t.audit).where(a.action.in_(("approve", "approve once"))).order_by(a.audit_id)).all()
    approvals = connection.execute(select(t.approval)).all()
    given = {(row.plan_id, row.who, row.commands > 0) for row in approvals}
    old = {(row.plan_id, row.who, row.commands > 0) for row in approvals if cut.told_of(row.at_utc)}  # their lines went
    released = {line.subject for line in lines if line.action == "approve"}
    for line in lines:
        if (line.subject, line.who, line.action == "approve") not in given:
            observed = f"the approval that audit line {line.audit_id} by {line.who} tells of is gone"
            yield Problem(line.subject, observed, "the approval as it was given", _REMEDY)
        elif line.decided is not None and line.subject in released and line.decided != _approved(connection, line, renames):
            observed = f"its commands are no longer those that {line.who} approved by audit line {line.audit_id}"
            yield Problem(line.subject, observed, f"SHA-256 {line.decided[:12]} of its commands", _REMEDY)
    told = {(line.subject, line.who, line.action == "approve") for line in lines}
    called = connection.execute(
        select(a.subject, a.who).where(a.action == "response call")
    ).all()  # a proposal that goes takes its calls along
    for plan_id, who, _ in sorted(given - told - old - {(f"event-{row.subject}", row.who, False) for row in called}):
        yield Problem(plan_id, f"its approval by {who} has no audit line", "a line for each approval", _REMEDY)


def _approved(connection: Connection, line: Any, renames: Iterable[Any]) -> str | None:
    """What the approval of a line would sign now, by the names of its time."""
    former: dict[str, str] = {}
    for one in renames:
        if one.audit_id > line.audit_id:
            old = one.sentence.split(" is called ")[0]
            former[one.subject] = former.pop(old, old)
    found = decided.commands(connection, line.subject, former)
    if found is None:
        found = decided.crews(line.subject, by_hand.turned(connection, line.subject)[0])
    return found
