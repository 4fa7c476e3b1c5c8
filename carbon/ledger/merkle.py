"""The Merkle tree over a batch's content, its proof of one entry, and the chain of roots.

References: RFC 6962, section 2.1: a leaf is hashed behind a byte 0, a node behind a byte 1, and the left half of a tree of n leaves
has the largest power of two below n.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carbon.ledger.batch import COLUMNS, same_throughout

ROWS = 1024  # of a block: what a finding names and a proof of one entry carries
TEXTS = 64  # lines or rules of a leaf
SIZE = 32  # bytes of a SHA-256


def as_bytes(array: NDArray[Any]) -> memoryview:
    """The bytes of an array in C order, without a copy."""
    return array.reshape(-1).view(np.uint8).data


def digests(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
    """uint8[blocks, columns, 32]: the SHA-256 of each column's rows 0 to 1023, 1024 to 2047 and so on, in the order of `COLUMNS`."""
    rows = len(columns["line"])
    blocks = -(-rows // ROWS)
    made = np.empty((blocks, len(COLUMNS), SIZE), np.uint8)
    for place, array in enumerate(columns[name] for name in COLUMNS):
        if same_throughout(array):
            starts: Sequence[int] = (0, (blocks - 1) * ROWS)  # every block but the last is like the first
            said = [hashlib.sha256(array[first : first + ROWS].tobytes()).digest() for first in starts]
            data = said[0] * (blocks - 1) + said[1]
        else:
            view, size = as_bytes(array), ROWS * array.itemsize
            data = b"".join([hashlib.sha256(view[first : first + size]).digest() for first in range(0, len(view), size)])
        made[:, place] = np.frombuffer(data, np.uint8).reshape(blocks, SIZE)
    return made


def leaves(told: bytes, dictionaries: Sequence[bytes], blocks: NDArray[np.uint8]) -> list[bytes]:
    """The leaves of a batch: rows.json, 64 lines at a time, 64 rules at a time, then of each block of rows the digests of all columns."""
    texts = [block for text in dictionaries for block in text_blocks(text)]
    return [_leaf(data) for data in (told, *texts, *(block.tobytes() for block in blocks))]


def text_blocks(text: bytes) -> list[bytes]:
    """64 lines of text at a time."""
    said = text.splitlines(keepends=True)
    return [b"".join(said[first : first + TEXTS]) for first in range(0, len(said), TEXTS)]


def _leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def _level(level: Sequence[bytes]) -> list[bytes]:
    """The nodes above; the last of an odd number moves up as it is, which is the tree of RFC 6962."""
    made = [hashlib.sha256(b"\1" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
    return made + list(level[len(level) - len(level) % 2 :])


def tree_root(level: Sequence[bytes]) -> str:
    """Root of the tree over leaves, hex."""
    while len(level) > 1:
        level = _level(level)
    return level[0].hex()


def audit_path(level: Sequence[bytes], leaf: int) -> list[str]:
    """The hashes beside the way from a leaf to the root, from below, hex."""
    path = []
    while len(level) > 1:
        if leaf ^ 1 < len(level):
            path.append(level[leaf ^ 1].hex())
        level, leaf = _level(level), leaf // 2
    return path


def chain_root(sealed: Sequence[int | str]) -> str:
    """SHA-256, hex, of the JSON list [previous, number, rows, start, end, known at [us since 1970 UTC], reason, Merkle root]."""
    return hashlib.sha256(json.dumps(list(sealed), separators=(",", ":")).encode()).hexdigest()
