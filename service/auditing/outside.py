"""Heads of the audit kept outside the store, beside the roots of the ledger: `audit-roots.txt` next to `roots.txt`.

A line of text each time, as `service.books.roots` writes them: time of the audit line, its number, its SHA-256, signature, public key.
Who cuts lines off or hashes the audit again throughout cannot rewrite those. That a file was begun is a line of the audit itself, so a file
that was taken away differs from one that never was.
"""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from carbon.ledger import signature
from city.problems import PenstockError, Problem, fault
from service import schema as t
from service.auditing import cutting
from service.books import roots
from service.books.posting import Sign
from service.books.roots import Kept
from service.books.signing import signer
from service.settings import LoadedCity
from service.store import operations, writing

BEGUN = "keep heads"  # the action of the line that says from when on a file keeps heads
_REMEDY = "The audit was cut off, rewritten or restored from an older backup: compare it with a backup before you trust either."


def files(city: LoadedCity) -> list[Path]:
    """Where heads are kept: beside each of [carbon] outside_roots."""
    return [path.with_name(f"audit-{path.name}") for path in (city.folder / name for name in city.settings.carbon.outside_roots)]


def begun(connection: Connection, city: LoadedCity) -> dict[Path, int]:
    """{file: number of the last audit line that says it was begun}; a file that never was is not there."""
    a, names = t.audit.c, city.settings.carbon.outside_roots
    chosen = select(a.subject, func.max(a.audit_id)).where(a.action == BEGUN).group_by(a.subject)
    numbers = {str(name): int(number) for name, number in connection.execute(chosen).tuples()}
    return {path: numbers[name[:120]] for path, name in zip(files(city), names, strict=True) if name[:120] in numbers}


def read(path: Path, since: int | None = None) -> list[Kept]:
    """The heads of a file that was begun by audit line `since`; of one that nobody began there may be none.

    Raises `PenstockError` when it cannot be read, a line is none, or the heads from `since` on are not all there.
    """
    kept = roots.read(path) if path.exists() or since is None else []
    if since is not None and (not kept or kept[0].number > since):
        observed = f"begins with line {kept[0].number}" if kept else "empty" if path.exists() else "not there"
        allowed = f"heads since audit line {since}, which says that they are kept there"
        remedy = "Look for who took them away and compare the store with a backup; then move the file aside, `penstock audit head --anew`."
        raise fault(f"heads of the audit, {path}", observed, allowed, remedy)
    return kept


def heads(engine: Engine, city: LoadedCity) -> tuple[dict[Path, list[Kept]], list[Problem]]:
    """The heads of every file that can be read, none where nobody began one yet, and what is wrong with the others.

    Ask before the lines are read: a head that is kept in the meantime would be one of a line that was not there yet.
    """
    kept, problems = dict[Path, list[Kept]](), list[Problem]()
    with engine.connect() as connection:
        since = begun(connection, city)
    for path in files(city):
        try:
            kept[path] = read(path, since.get(path)) if path in since or path.exists() else []
        except PenstockError as error:
            problems += error.problems
    return kept, problems


def publish(engine: Engine, city: LoadedCity, who: str, at_utc: datetime, *, anew: bool = False) -> list[Problem]:
    """Append the last line's head to every file that does not have it yet. Returns what went wrong.

    A file that is begun gets a line of the audit by `who`; `anew` begins those again that are gone.
    """
    sign, problems = signer(city.environment)
    for path, name in zip(files(city), city.settings.carbon.outside_roots, strict=True):
        try:
            with engine.connect() as connection:
                since = begun(connection, city).get(path)
                again = anew and since is not None and not (path.exists() and path.stat().st_size)
                _append(connection, path, sign, None if again else since)
            if (since is None or again) and path.exists():
                with writing(engine) as connection:
                    operations.record(connection, at_utc, who, BEGUN, name[:120], f"heads of the audit are kept in {path.name} from now on")
                with engine.connect() as connection:
                    _append(connection, path, sign, None)
        except PenstockError as error:
            problems += error.problems
        except OSError as error:
            observed, remedy = error.strerror or str(error), "Mend it: the next night appends the head."
            problems.append(Problem(f"audit outside, {path}", observed, "a file that can be appended to", remedy))
    return problems


def _append(connection: Connection, path: Path, sign: Sign | None, since: int | None) -> None:
    last = connection.execute(select(t.audit).order_by(t.audit.c.audit_id.desc()).limit(1)).first()
    kept = read(path, since) if path.exists() or since is not None else []
    if found := differences(connection, kept, path):
        raise PenstockError(found)
    if last is None or (kept and kept[-1].number == last.audit_id):
        return
    if kept and not path.read_bytes().endswith(b"\n"):
        raise fault(f"audit outside, {path}", "its last line is torn", "whole lines", "Delete that line by hand.")
    public, signed = sign(_said(last.audit_id, last.sha256)) if sign else ("-", "-")
    with path.open("a", encoding="ascii", newline="\n") as file:
        file.write(f"{last.at_utc.isoformat()} {last.audit_id} {last.sha256} {signed} {public}\n")
        file.flush()
        os.fsync(file.fileno())


def head(engine: Engine) -> str:
    """Number, time and SHA-256 of the last line, as a sentence to keep."""
    with engine.connect() as connection:
        last = connection.execute(select(t.audit).order_by(t.audit.c.audit_id.desc()).limit(1)).first()
    return f"audit line {last.audit_id} of {last.at_utc:%Y-%m-%dT%H:%M:%SZ}, SHA-256 {last.sha256}" if last else "no audit line yet"


def _said(number: int, sha256: str) -> str:
    """What is signed of a head: never a root of the ledger."""
    return f"audit {number} {sha256}"


def differences(connection: Connection, kept: Sequence[Kept], path: Path, keys: Sequence[str] = ()) -> list[Problem]:
    """Where the store is not what was kept outside: lines gone or another SHA-256, and signatures that are none."""
    cut, _ = cutting.found(connection)
    numbers = [one.number for one in kept]
    rows: dict[int, Any] = {}
    for some in (numbers[i : i + 500] for i in range(0, len(numbers), 500)):
        chosen = select(t.audit.c.audit_id, t.audit.c.sha256).where(t.audit.c.audit_id.in_(some))
        rows.update({row.audit_id: row.sha256 for row in connection.execute(chosen)})
    found = []
    for one in kept:
        subject, allowed = f"audit line {one.number}", f"SHA-256 {one.root[:12]}, as {path} keeps it"
        if rows.get(one.number) != one.root and not (one.number not in rows and cut.went(one.number, datetime.fromisoformat(one.at_utc))):
            observed = f"SHA-256 {rows[one.number][:12]}" if one.number in rows else "not in the store"
            found.append(Problem(subject, observed, allowed, _REMEDY))
        signed = one.signature != "-"
        if signed and not signature.check(one.public_key, _said(one.number, one.root), one.signature):
            found.append(Problem(subject, f"the signature in {path} is not of its head", "a signature of it", _REMEDY))
        elif keys and one.public_key not in keys and (signed or one is kept[-1]):
            observed = f"signed by {one.public_key[:16]}" if signed else "unsigned"
            found.append(Problem(subject, f"{observed} in {path}", f"signed by {' or '.join(key[:16] for key in keys)}", _REMEDY))
    return found[:20]
