"""The audit trail to read: by person, action, subject and time; as a file with all that is hashed."""

import csv
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, case, func, or_, select

from city.problems import fault
from city.spreadsheets import neutral
from service import schema as t
from service.auditing.chain import GENESIS
from service.utctime import micros

MASKED = "(household)"
COLUMNS = ("number", "at_utc", "at_us", "who", "action", "subject", "sentence", "decided", "previous", "sha256")


@dataclass(frozen=True)
class Asked:
    """Which lines: empty means any. `text` is a part of the subject or of the sentence, in any case of letters."""

    who: str = ""
    action: str = ""
    text: str = ""
    start_utc: datetime | None = None
    end_utc: datetime | None = None


def lines(engine: Engine, asked: Asked, limit: int | None = 200, offset: int = 0) -> Sequence[Any]:
    """Rows of audit, newest first; what names a household or its owner is masked."""
    with engine.connect() as connection:
        return connection.execute(_chosen(select(*_shown()), asked).order_by(t.audit.c.audit_id.desc()).limit(limit).offset(offset)).all()


def count(engine: Engine, asked: Asked) -> int:
    """How many lines those are."""
    with engine.connect() as connection:
        return int(connection.execute(_chosen(select(func.count()).select_from(t.audit), asked)).scalar_one())


def choices(engine: Engine) -> dict[str, list[str]]:
    """{"who": names, "action": actions} that stand in the audit."""
    with engine.connect() as connection:
        of = {name: select(t.audit.c[name]).where(~_of_household()).distinct() for name in ("who", "action")}
        return {name: sorted(map(str, connection.execute(statement).scalars())) for name, statement in of.items()}


def _of_household() -> ColumnElement[bool]:
    """Lines of households: consents, owners who read their book, and where owners sign in and out or get their accounts."""
    a, owners = t.audit.c, select(t.household_consent.c.owner)
    of_account = or_(a.action.startswith("sign "), a.action.startswith("account"))
    of_owner = and_(of_account, or_(a.who.in_(owners), a.subject.in_(owners)))
    return or_(a.action.startswith("household"), a.action.startswith("consent"), of_owner)


def _shown() -> list[ColumnElement[Any]]:
    """The columns of audit, with the words of a household's lines masked: they are for its owner, and for the auditor of an export."""
    words = ("who", "subject", "sentence")
    return [case((_of_household(), MASKED), else_=c).label(c.name) if c.name in words else c for c in t.audit.c]


def _chosen(statement: Select[Any], asked: Asked) -> Select[Any]:
    a = t.audit.c
    for column, wanted in ((a.who, asked.who), (a.action, asked.action)):
        statement = statement.where(column == wanted) if wanted else statement
    if asked.who or asked.text:  # what is masked cannot be found either
        statement = statement.where(~_of_household())
    if asked.text:
        told = (column.icontains(asked.text, autoescape=True) for column in (a.subject, a.sentence))
        statement = statement.where(or_(*told))
    statement = statement.where(a.at_utc >= asked.start_utc) if asked.start_utc else statement
    return statement.where(a.at_utc < asked.end_utc) if asked.end_utc else statement


def write(engine: Engine, file: Path) -> str:
    """Write every line, oldest first, to a new file: JSON lines with `verify_audit.py` beside it, or CSV. Returns a sentence.

    Raises `PenstockError` for another ending, and when the file cannot be made or is there already.
    """
    if file.suffix not in (".jsonl", ".csv"):
        raise fault(f"export {file}", f"ends in '{file.suffix}'", ".jsonl or .csv", "Give a name with such an ending.")
    with engine.connect() as connection:
        rows = connection.execute(select(t.audit).order_by(t.audit.c.audit_id)).all()
    try:
        with file.open("x", encoding="utf-8", newline="") as made:
            made.writelines(as_json(rows) if file.suffix == ".jsonl" else [as_csv(rows)])
        if file.suffix == ".jsonl":
            shutil.copy(Path(__file__).with_name("standalone.py"), file.with_name("verify_audit.py"))
    except OSError as error:
        observed = error.strerror or str(error)
        raise fault(f"export {file}", observed, "a new file in a folder that is there", "Give another name.") from None
    return f"{file}: {len(rows):,} lines, head {rows[-1].sha256 if rows else GENESIS}"


def fields(row: Any) -> dict[str, Any]:
    """A line with all that is hashed, by the names of `COLUMNS`; the time as text, and in microseconds since 1970 UTC."""
    said: Mapping[str, Any] = row._mapping
    own = {"number": row.audit_id, "at_utc": row.at_utc.isoformat(), "at_us": micros(row.at_utc)}
    return own | {name: said[name] for name in COLUMNS[3:]}


def as_json(rows: Sequence[Any]) -> Iterator[str]:
    """A JSON object per line of text, as `standalone.py` reads them."""
    return (json.dumps(fields(row), ensure_ascii=False) + "\n" for row in rows)


def as_csv(rows: Sequence[Any]) -> str:
    """The same with a head of names, for a spreadsheet: text that it would run as a formula gets an apostrophe before it."""
    made = StringIO(newline="")
    writer = csv.DictWriter(made, COLUMNS)
    writer.writeheader()
    writer.writerows({name: neutral(value) if isinstance(value, str) else value for name, value in fields(row).items()} for row in rows)
    return made.getvalue()
