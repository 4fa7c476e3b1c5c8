"""Forgeries of a ledger of millions of entries, in its files on disk; each is verified in full and taken back."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from carbon.ledger import files
from carbon.ledger.batch import Batch, Header
from carbon.ledger.chain import seal, sealed
from carbon.ledger.container import NPY_BYTES, members
from carbon.ledger.verify import verify

_IN_PLACE, _REWRITTEN, _AGAIN = 0.7, 0.85, 0.9  # shares of forgeries, added up; the rest are headers, tails and lost files


def forge_large(folder: Path, headers: list[Header], count: int, seed: int) -> list[str]:
    """The forgeries, of `count`, that were not found: what was done."""
    rng = random.Random(seed)  # noqa: S311 - forgeries to be drawn again, no secret
    root, path = headers[-1].root, files.file_of(folder, headers[0].merkle)
    missed = []
    for _ in range(count):
        share = rng.random()
        forge = _bytes if share < _IN_PLACE else _rewritten if share < _REWRITTEN else _again if share < _AGAIN else _elsewhere
        with forge(rng, headers, folder, path) as (what, changed):
            if not verify(changed, folder, root):
                missed.append(what)
    if verify(headers, folder, root):
        raise AssertionError("a forgery was not taken back")
    return missed


@contextmanager
def _bytes(rng: random.Random, headers: list[Header], _: Path, path: Path) -> Iterator[tuple[str, list[Header]]]:
    """Some bytes of one column, or any bytes of the file."""
    data = files.mapped(path, "large")
    parts = members(data, "large")
    begin, size = _span(data, parts[rng.choice([name for name in parts if name.endswith(".npy")])])
    if rng.random() < 0.2:
        begin, size = 0, path.stat().st_size
    width = rng.choice((1, 4, 8))
    at = begin + rng.randrange(max(size // width, 1)) * width
    with path.open("r+b") as file:
        file.seek(at)
        old = file.read(width)
        new = bytes(byte ^ rng.randint(1, 255) for byte in old)
        file.seek(at)
        file.write(new)
    try:
        yield f"bytes {at} to {at + width - 1}", headers
    finally:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(old)


def _span(data: memoryview, part: memoryview) -> tuple[int, int]:
    """Where the data of a member begin in the file, and how long they are."""
    first, here = (np.frombuffer(view, np.uint8).__array_interface__["data"][0] for view in (data, part))
    return here - first + NPY_BYTES, len(part) - NPY_BYTES


def _edited(rng: random.Random, batch: Batch) -> tuple[str, Batch]:
    rows, row = batch.rows, rng.randrange(batch.rows)
    match rng.choice(["value", "deleted", "inserted", "swapped", "rule", "line"]):
        case "value":
            name = rng.choice(["amount", "mg", "start", "quality", "version", "reverses"])
            column = np.array(batch.columns[name])
            column[row] += 1
            return f"{name} of row {row}", replace(batch, columns={**batch.columns, name: column})
        case "rule":
            rules = (replace(batch.rules[0], numerator=batch.rules[0].numerator + 1), *batch.rules[1:])
            return "a rule", replace(batch, rules=rules)
        case "line":
            lines = (*batch.lines[:-1], replace(batch.lines[-1], sector="homes"))
            return "a line", replace(batch, lines=lines)
        case "swapped":
            index = np.arange(rows)
            index[[row, row - 1]] = index[[row - 1, row]]
        case what:
            index = np.delete(np.arange(rows), row) if what == "deleted" else np.insert(np.arange(rows), row, row)
    return f"row {row} moved, added or gone", replace(batch, columns={name: column[index] for name, column in batch.columns.items()})


@contextmanager
def _rewritten(rng: random.Random, headers: list[Header], folder: Path, path: Path) -> Iterator[tuple[str, list[Header]]]:
    """The file written anew, sound in itself, under its old name."""
    what, batch = _edited(rng, files.read(folder, headers[0]))
    kept = path.rename(path.with_suffix(".kept"))
    try:
        with path.open("wb") as out:
            out.writelines(files.encoded(batch)[1])
        yield f"rewritten: {what}", headers
    finally:
        kept.replace(path)


@contextmanager
def _again(rng: random.Random, headers: list[Header], folder: Path, _: Path) -> Iterator[tuple[str, list[Header]]]:
    """Rewritten, renamed, and the whole chain sealed again: only the given root tells."""
    what, batch = _edited(rng, files.read(folder, headers[0]))
    merkle = files.write(batch, folder)
    changed = [seal(batch, genesis=headers[0].previous, merkle=merkle)]
    changed += [sealed(replace(header, previous=changed[-1].root)) for header in headers[1:]]
    try:
        yield f"sealed again: {what}", changed
    finally:
        files.file_of(folder, merkle).unlink()


@contextmanager
def _elsewhere(rng: random.Random, headers: list[Header], _: Path, path: Path) -> Iterator[tuple[str, list[Header]]]:
    """A header edited, the tail cut off, the file lost or cut short."""
    match rng.randrange(5):
        case 0:
            yield "a header's rows", [replace(headers[0], rows=headers[0].rows - 1), *headers[1:]]
        case 1:
            later = sealed(replace(headers[0], known_at_utc=headers[0].known_at_utc - timedelta(days=1)))
            yield "known earlier", [later, *headers[1:]]
        case 2:
            yield "tail cut", headers[:-1]
        case 3:
            kept = path.rename(path.with_suffix(".kept"))
            try:
                yield "file lost", headers
            finally:
                kept.replace(path)
        case _:
            with path.open("r+b") as file:
                file.seek(-100, 2)
                cut = file.tell()
                end = file.read()
                file.truncate(cut)
            try:
                yield "file cut short", headers
            finally:
                with path.open("ab") as file:
                    file.write(end)
