"""The roots of the ledger, kept outside the store as well: a line of text per batch, appended and flushed, in every file of
[carbon] outside_roots. Who rewrites the store and hashes it again throughout cannot rewrite those.

A line: time the batch became known [ISO 8601], number, root [hex], signature [hex, - when unsigned], public key [hex, -].
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from city.problems import PenstockError, Problem, fault
from service.settings import LoadedCity
from service.store import ledger


class Kept(NamedTuple):
    """A line of such a file."""

    at_utc: str
    number: int
    root: str
    signature: str
    public_key: str


def line(row: Any) -> str:
    """What is kept outside of a row of ledger_batch."""
    return f"{row.known_at_utc.isoformat()} {row.number} {row.root} {row.signature or '-'} {row.public_key or '-'}\n"


def publish(engine: Engine, city: LoadedCity) -> tuple[int, list[Problem]]:
    """Append every root that a file lacks, also those of nights that could not reach it. Returns how many, and what went wrong."""
    rows, written = ledger.heads(engine), 0
    problems: list[Problem] = []
    for name in city.settings.carbon.outside_roots:
        try:
            written += _append(city.folder / name, rows)  # an absolute path stays one
        except PenstockError as error:
            problems += error.problems
        except (OSError, UnicodeDecodeError) as error:
            remedy = "Mend it: what it lacks is appended by the next night."
            observed = getattr(error, "strerror", None) or str(error)
            problems.append(Problem(f"roots outside, {city.folder / name}", observed, "a file that can be appended to", remedy))
    return written, problems


def state(rows: Sequence[Any], city: LoadedCity) -> tuple[str, list[Problem]]:
    """What is kept outside, as a sentence, and what is wrong with it."""
    names = city.settings.carbon.outside_roots
    problems: list[Problem] = []
    for name in names if rows else ():
        try:
            problems += differences(read(city.folder / name), rows, city.folder / name)
        except PenstockError as error:
            problems += error.problems
    return f"roots kept in {', '.join(names)}" if names else "no root is kept outside: set [carbon] outside_roots", problems


def _append(path: Path, rows: Sequence[Any]) -> int:
    lines = [line(row) for row in rows]
    with path.open("a+", encoding="ascii", newline="\n") as file:
        file.seek(0)
        text = file.read()
        whole, torn = text[: text.rfind("\n") + 1], text[text.rfind("\n") + 1 :]
        if differing := differences(read(path, whole), rows, path):
            raise PenstockError(differing)
        last = max((kept.number for kept in read(path, whole)), default=-1)
        more = "".join(lines[last + 1 :])
        if torn and not more.startswith(torn):
            raise fault(f"roots outside, {path}", f"its last line is '{torn[:60]}'", "whole lines", "Correct that line by hand.")
        file.write(more[len(torn) :])
        file.flush()
        os.fsync(file.fileno())
    return len(lines) - last - 1


def read(path: Path, text: str | None = None) -> list[Kept]:
    """The lines of a file kept outside. Raises `PenstockError` when it cannot be read or a line is none."""
    try:
        found = (path.read_text(encoding="ascii") if text is None else text).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise fault(f"roots outside, {path}", str(error), "a file that `penstock night` wrote", "Check the path.") from None
    kept = []
    for number, one in enumerate(found, start=1):
        parts = one.split(" ")
        if len(parts) != len(Kept._fields) or not re.fullmatch("[0-9]{1,9}", parts[1]):
            allowed = "time, number, root, signature, public key"
            raise fault(f"roots outside, {path}, line {number}", repr(one[:80]), allowed, "Use the file as it was written.")
        kept.append(Kept(parts[0], int(parts[1]), *parts[2:]))
    return kept


def differences(kept: Sequence[Kept], rows: Sequence[Any], path: Path) -> list[Problem]:
    """Where the store is not what was kept outside: another root, or batches that are gone."""
    roots = {row.number: row.root for row in rows}
    remedy = "The store was rewritten, cut off or restored from an older backup: compare it with a backup before you trust either."
    return [
        Problem(
            f"ledger batch {one.number}",
            f"root {roots[one.number][:12]}" if one.number in roots else "not in the store",
            f"root {one.root[:12]} of {one.at_utc}, as {path} keeps it",
            remedy,
        )
        for one in kept
        if roots.get(one.number) != one.root
    ][:20]
