"""The carbon ledger of a city: headers and roots in SQL, the entries in files named by their content, below the data folder.

A file is whole and on the disk before the transaction that lists it, so a kill leaves at most a file that nothing lists.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from carbon.ledger.batch import Header
from carbon.ledger.files import file_of, mapped
from carbon.ledger.ledger import Ledger
from city.problems import PenstockError, Problem, fault
from service import schema as t
from service.store import alone

FOLDER = "ledger"


def heads(engine: Engine) -> Sequence[Any]:
    """Every row of ledger_batch, in order."""
    with engine.connect() as connection:
        return connection.execute(select(t.ledger_batch).order_by(t.ledger_batch.c.number)).all()


def head(engine: Engine) -> Any | None:
    """The newest row of ledger_batch, or None."""
    with engine.connect() as connection:
        return connection.execute(select(t.ledger_batch).order_by(t.ledger_batch.c.number.desc()).limit(1)).first()


def posted_until(engine: Engine) -> date | None:
    """The last civil day that is posted; the newest batch may restate an earlier one."""
    with engine.connect() as connection:
        last: date | None = connection.execute(select(func.max(t.ledger_batch.c.last_day))).scalar()
    return last


def header(row: Any) -> Header:
    """The header that a row of ledger_batch keeps."""
    return Header(row.number, row.rows, row.start_us, row.end_us, row.known_at_utc, row.reason, row.previous, row.merkle, row.root)


def open_ledger(engine: Engine, folder: Path, start: datetime | None = None, end: datetime | None = None) -> Ledger:
    """The ledger of the city whose data folder this is; of those batches whose periods touch [start, end). Files open when needed."""
    return Ledger.open([header(row) for row in heads(engine)], folder / FOLDER).between(start, end)


def add(connection: Connection, made: Header, days: Sequence[date], signed: tuple[str, str] | None) -> None:
    """List a batch that posts or restates `days`; `signed`: public key and signature of its root [hex].

    Raises `PenstockError` when the last one listed is another than the one it is sealed behind: a night elsewhere was faster.
    """
    alone(connection, t.ledger_batch)
    b = t.ledger_batch.c
    last = connection.execute(select(b.number, b.root).order_by(b.number.desc()).limit(1)).first()
    if (last.number + 1, last.root) != (made.number, made.previous) if last else made.number != 0:
        observed = f"batch {last.number} was posted meanwhile" if last else "the batches before it are gone"
        raise fault("ledger", observed, "one night at a time, on one machine", "Run it again.")
    key, signature = signed or (None, None)
    row = {"number": made.number, "first_day": min(days), "last_day": max(days), "rows": made.rows, "known_at_utc": made.known_at_utc}
    row |= {"reason": made.reason, "start_us": made.start, "end_us": made.end, "merkle": made.merkle, "previous": made.previous}
    connection.execute(t.ledger_batch.insert().values(**row, root=made.root, public_key=key, signature=signature))


def sweep(engine: Engine, folder: Path) -> int:
    """Move files that no batch lists to `unlisted/`: what a killed night left, or what a restored database no longer knows.

    Returns how many. Half-written files are removed. Only who alone may post calls it.
    """
    known = {file_of(folder / FOLDER, row.merkle) for row in heads(engine)}
    for half in (folder / FOLDER).glob(".*.part"):
        half.unlink()
    orphans = [path for path in (folder / FOLDER).glob("*.zip") if path not in known]
    for path in orphans:
        (folder / FOLDER / "unlisted").mkdir(exist_ok=True)
        path.replace(folder / FOLDER / "unlisted" / path.name)
    return len(orphans)


def sound(found: Ledger, folder: Path) -> Ledger:
    """The ledger, every file of which is as it was sealed: nothing is signed or taken back by what is not. Raises `PenstockError`."""
    from carbon.ledger.verify import differences  # it loads pandas, and `penstock explain` must not

    for one in found.batches:
        path = file_of(folder / FOLDER, one.header.merkle)
        if problems := differences(mapped(path, f"ledger batch {one.header.number}"), one.header):
            raise PenstockError(problems)
    return found


def gone(rows: Iterable[Any], folder: Path) -> list[Problem]:
    """A problem for each listed batch without its file."""
    remedy = "Restore the file from a backup: `penstock restore` puts it back."
    return [
        Problem(f"ledger batch {row.number}", f"file {row.merkle}.zip is missing", f"a file in {folder / FOLDER}", remedy)
        for row in rows
        if not file_of(folder / FOLDER, row.merkle).is_file()
    ]
