"""Batches on disk: one file each, named by the Merkle root of its content, read by memory map."""

import hashlib
import json
import mmap
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carbon.ledger.batch import COLUMNS, Batch, Header, Line, Rule, same_throughout
from carbon.ledger.container import NPY_BYTES, frame, members, npy_header
from carbon.ledger.merkle import ROWS as BLOCK
from carbon.ledger.merkle import SIZE, as_bytes, digests, leaves, tree_root
from city.problems import PenstockError, fault

ROWS, DICTIONARIES, DIGESTS = "rows.json", ("lines.jsonl", "rules.jsonl"), "digests.npy"


def dictionaries(batch: Batch) -> tuple[bytes, bytes]:
    """Lines and rules, each a JSON list of its fields' values in their order, one per line of text."""
    return _said(Line, batch.lines), _said(Rule, batch.rules)


def _said(kind: type[Line] | type[Rule], rows: Sequence[Line] | Sequence[Rule]) -> bytes:
    values = attrgetter(*(field.name for field in fields(kind)))
    return b"".join(json.dumps(values(row), ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in rows)


# Nights differ little: most share their lines and many their rules, so the last two are kept.
@lru_cache(maxsize=2)
def _lines(data: bytes) -> tuple[Line, ...]:
    return tuple(Line(*values) for values in _texts(data))


@lru_cache(maxsize=2)
def _rules(data: bytes) -> tuple[Rule, ...]:
    rows = _texts(data)
    for row in rows:
        row[6] = tuple((name, sha) for name, sha in row[6])  # parts
    return tuple(Rule(*row) for row in rows)


def _texts(data: bytes) -> list[list[Any]]:
    made: list[list[Any]] = json.loads(b"[" + b",".join(data.split(b"\n")[:-1]) + b"]")
    return made


def sha256(data: bytes) -> str:
    """Its SHA-256, hex."""
    return hashlib.sha256(data).hexdigest()


def rows_json(columns: Mapping[str, NDArray[Any]], said: Sequence[bytes]) -> bytes:
    """How many rows, lines and rules there are, the columns that hold one value throughout, and the SHA-256 of lines and rules.

    {"rows": 24, "lines": 1, "rules": 1, "same": {"seconds": 3600, ...}, "sha256": ["...", "..."]}
    """
    same = {name: int(array[0]) for name, array in columns.items() if same_throughout(array)}
    lines, rules = (text.count(b"\n") for text in said)
    told = {"rows": len(columns["line"]), "lines": lines, "rules": rules, "same": same, "sha256": [sha256(text) for text in said]}
    return json.dumps(told, separators=(",", ":")).encode()


def encoded(batch: Batch) -> tuple[str, list[Any]]:
    """The Merkle root of a batch [hex], and the bytes of its file, piece by piece."""
    said, blocks = dictionaries(batch), digests(batch.columns)
    told = rows_json(batch.columns, said)
    parts: dict[str, tuple[Any, ...]] = {ROWS: (told,), **{name: (text,) for name, text in zip(DICTIONARIES, said, strict=True)}}
    columns = {name: array for name, array in batch.columns.items() if not same_throughout(array)}
    for name, array in {**columns, "digests": blocks}.items():
        parts[f"{name}.npy"] = (npy_header(array.dtype, array.shape), as_bytes(array))
    *before, behind = frame({name: (sum(map(len, part)), _crc(part)) for name, part in parts.items()})
    pieces = [piece for head, part in zip(before, parts.values(), strict=True) for piece in (head, *part)]
    return tree_root(leaves(told, said, blocks)), [*pieces, behind]


def merkle_root(batch: Batch) -> str:
    """Root of the tree over a batch's content, hex."""
    said = dictionaries(batch)
    return tree_root(leaves(rows_json(batch.columns, said), said, digests(batch.columns)))


def write(batch: Batch, folder: Path, flushed: bool = True) -> str:
    """Write a batch's file and return its Merkle root [hex], which is its name; a file of the same content is left as it is.

    The file appears whole or not at all: it is written beside, flushed to the disk (unless it is not to last), and renamed.
    """
    merkle, pieces = encoded(batch)
    path = file_of(folder, merkle)
    if path.exists():
        return merkle
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{merkle}.{os.getpid()}.part"
    try:
        with beside.open("wb") as out:
            out.writelines(pieces)
            out.flush()
            if flushed:
                os.fsync(out.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    if flushed:
        _sync(folder)
    return merkle


def _crc(part: Sequence[Any]) -> int:
    made = 0
    for piece in part:
        made = zlib.crc32(piece, made)
    return made


def _sync(folder: Path) -> None:
    """Flush a folder, so that the new name in it survives a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_of(folder: Path, merkle: str) -> Path:
    """Where the batch of that Merkle root [hex] lies."""
    return folder / f"{merkle}.zip"


@dataclass(frozen=True)
class Content:
    """What a file holds, as it is there: its members, its columns and the digests kept with them."""

    members: dict[str, memoryview]
    columns: dict[str, NDArray[Any]]
    digests: NDArray[np.uint8]

    @property
    def dictionaries(self) -> tuple[bytes, ...]:
        """Lines and rules."""
        return tuple(bytes(self.members[name]) for name in DICTIONARIES)


def mapped(path: Path, subject: str) -> memoryview:
    """A file as memory, read when touched. Raises `PenstockError` when it is missing or empty."""
    try:
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):
        raise fault(subject, f"file {path.name} is missing or empty", "the file of the batch", "Restore it from a copy.") from None


def content(data: memoryview, subject: str) -> Content:
    """What a batch's file holds. Raises `PenstockError` when its layout is not that of `write`."""
    found = members(data, subject)
    try:
        told = json.loads(bytes(found[ROWS]))
        rows, same = int(told["rows"]), {name: COLUMNS[name].type(value) for name, value in told["same"].items()}
        columns = {
            name: np.broadcast_to(same[name], rows) if name in same else _array(found[f"{name}.npy"], dtype, (rows,))
            for name, dtype in COLUMNS.items()
        }
        kept = _array(found[DIGESTS], np.dtype("|u1"), (-(-rows // BLOCK), len(COLUMNS), SIZE))
        if list(found) != [ROWS, *DICTIONARIES, *(f"{name}.npy" for name in COLUMNS if name not in same), DIGESTS]:
            raise KeyError
    except (ValueError, TypeError, KeyError, OverflowError, AttributeError, RecursionError):
        raise fault(subject, "a file that is not laid out as a batch", "the file as it was written", "Restore it from a copy.") from None
    return Content(found, columns, kept)


def _array(view: memoryview, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The array of a .npy member. Raises `ValueError` when its header or length is another."""
    if view[:NPY_BYTES] != npy_header(dtype, shape):
        raise ValueError
    return np.frombuffer(view[NPY_BYTES:], dtype).reshape(shape)


def parsed(dictionaries: Sequence[bytes], subject: str) -> tuple[tuple[Line, ...], tuple[Rule, ...]]:
    """Lines and rules of their JSON. Raises `PenstockError` when it is none."""
    try:
        lines, rules = _lines(dictionaries[0]), _rules(dictionaries[1])
        if [len(lines), len(rules)] != [text.count(b"\n") for text in dictionaries]:  # two lists in one line of text
            raise ValueError
        return lines, rules
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, PenstockError):
        raise fault(subject, "lines or rules that cannot be read", "JSON lists as they were", "Restore it from a copy.") from None


def read(folder: Path, header: Header) -> Batch:
    """The batch of a header, its columns memory-mapped. `carbon.ledger.verify` says whether it is as it was sealed; this does not."""
    subject = f"ledger batch {header.number}"
    found = content(mapped(file_of(folder, header.merkle), subject), subject)
    return Batch(*parsed(found.dictionaries, subject), found.columns, header.known_at_utc, header.reason)
