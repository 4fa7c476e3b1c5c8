"""What somebody could do to a sealed ledger: random edits of bytes, values, rows, lines, rules, headers and whole batches."""

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from benchmarks._batch_edits import edited
from carbon.ledger import files
from carbon.ledger.batch import COLUMNS, Batch, Header
from carbon.ledger.chain import seal, sealed
from carbon.ledger.container import NPY_BYTES, frame, members
from carbon.ledger.verify import chained, differences
from city.problems import PenstockError, Problem


@dataclass
class State:
    """A ledger as it lies on disk: headers in order, and files by name."""

    headers: list[Header]
    files: dict[str, bytes]

    def copy(self) -> "State":
        return State(list(self.headers), dict(self.files))


@dataclass
class Forged:
    """A changed ledger, and where its finding must say the change is (empty: anywhere)."""

    state: State
    place: str = ""


def stored(batches: list[Batch]) -> State:
    """The ledger of batches as files in memory."""
    state = State([], {})
    for batch in batches:
        merkle, pieces = files.encoded(batch)
        state.files[merkle] = b"".join(bytes(piece) for piece in pieces)
        state.headers.append(seal(batch, state.headers[-1] if state.headers else None, merkle=merkle))
    return state


def findings(state: State, root: str) -> list[Problem]:
    """What `carbon.ledger.verify.verify` finds, on files in memory."""
    problems = chained(state.headers, root)
    for header in state.headers:
        try:
            if header.merkle not in state.files:
                problems.append(Problem(f"ledger batch {header.number}", "file missing", "the file of the batch", "Restore it."))
            else:
                problems += differences(memoryview(state.files[header.merkle]), header)
        except PenstockError as error:
            problems += error.problems
    return problems


def forged(rng: random.Random, good: State) -> tuple[str, Forged]:
    """A kind of change, and the ledger after it; it differs from `good` in a header or in a file's bytes."""
    while True:
        name = rng.choice(list(KINDS))
        made = KINDS[name](rng, good.copy())
        if made is not None and (made.state.headers, made.state.files) != (good.headers, good.files):
            return name, made


def _opened(state: State, number: int) -> Batch:
    header = state.headers[number]
    found = files.content(memoryview(state.files[header.merkle]), "good")
    columns = {name: array.copy() for name, array in found.columns.items()}
    return Batch(*files.parsed(found.dictionaries, "good"), columns, header.known_at_utc, header.reason)


def _put(state: State, number: int, batch: Batch) -> State:
    """The file of a batch rewritten, sound in itself, under its old name and header."""
    state.files[state.headers[number].merkle] = b"".join(bytes(piece) for piece in files.encoded(batch)[1])
    return state


def _resealed(state: State, number: int, batch: Batch) -> State:
    """A batch rewritten, and it and all later ones sealed again: sound but for the root."""
    merkle, pieces = files.encoded(batch)
    state.files[merkle] = b"".join(bytes(piece) for piece in pieces)
    before = state.headers[number - 1] if number else None
    old = state.headers[number:]
    made = [seal(batch, before, old[0].previous, merkle)]
    for header in old[1:]:
        made.append(sealed(replace(header, previous=made[-1].root)))
    state.headers[number:] = made
    return state


def _pick(rng: random.Random, state: State) -> tuple[int, Batch]:
    number = rng.randrange(len(state.headers))
    return number, _opened(state, number)


def _bit(rng: random.Random, state: State) -> Forged:
    header = rng.choice(state.headers)
    data = bytearray(state.files[header.merkle])
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    state.files[header.merkle] = bytes(data)
    return Forged(state, f"ledger batch {header.number}")


def _bytes(rng: random.Random, state: State) -> Forged:
    header = rng.choice(state.headers)
    data, at = state.files[header.merkle], rng.randrange(len(state.files[header.merkle]))
    new = rng.randbytes(rng.randint(1, 16))
    state.files[header.merkle] = rng.choice([data[:at], data + new, data[:at] + new + data[at:], data[:at] + data[at + len(new) :], b""])
    return Forged(state, f"ledger batch {header.number}")


def _cell(rng: random.Random, state: State) -> Forged | None:
    """A value changed in the file, its CRC set right, its digest not: the finding must name column and rows."""
    header = rng.choice(state.headers)
    parts = {name: bytes(view) for name, view in members(memoryview(state.files[header.merkle]), "good").items()}
    name = rng.choice([name for name in COLUMNS if f"{name}.npy" in parts])
    row, width = rng.randrange(header.rows), COLUMNS[name].itemsize
    data = bytearray(parts[f"{name}.npy"])
    data[NPY_BYTES + row * width + rng.randrange(width)] ^= rng.randint(1, 255)
    parts[f"{name}.npy"] = bytes(data)
    *before, behind = frame({name: (len(part), zlib.crc32(part)) for name, part in parts.items()})
    state.files[header.merkle] = b"".join(piece for pair in zip(before, parts.values(), strict=True) for piece in pair) + behind
    first = row // 1024 * 1024
    return Forged(state, f"ledger batch {header.number}, column {name}, rows {first} to {min(first + 1024, header.rows) - 1}")


def _sound_file(rng: random.Random, state: State) -> Forged:
    number, batch = _pick(rng, state)
    return Forged(_put(state, number, edited(rng, batch)), f"ledger batch {number}")


def _rehashed(rng: random.Random, state: State) -> Forged | None:
    number, batch = _pick(rng, state)
    other = edited(rng, batch)
    return Forged(_resealed(state, number, other)) if files.merkle_root(other) != state.headers[number].merkle else None


def _header(rng: random.Random, state: State) -> Forged:
    number = rng.randrange(len(state.headers))
    old = state.headers[number]
    other = bytes.fromhex(rng.choice([old.root, old.merkle, old.previous]))[::-1].hex()
    hour = timedelta(hours=rng.choice((-1, 1)))
    changes: list[dict[str, Any]] = [
        {"number": old.number + rng.choice((-1, 1))},
        {"rows": old.rows + rng.choice((-1, 1, 1000))},
        {"start": old.start + rng.choice((-1, 1))},
        {"end": old.end + rng.choice((-1, 1))},
        {"known_at_utc": old.known_at_utc + hour},
        {"reason": old.reason + " "},
        *({name: other} for name in ("previous", "merkle", "root")),
    ]
    new = replace(old, **rng.choice(changes))
    state.headers[number] = sealed(new) if rng.random() < 0.5 and new.root == old.root else new
    return Forged(state)


def _batches(rng: random.Random, state: State) -> Forged:
    """Whole batches taken away, moved, repeated, put in, their files lost or exchanged."""
    at, other = rng.randrange(len(state.headers)), rng.randrange(len(state.headers))
    heads = state.headers
    match rng.randrange(6):
        case 0:
            del heads[at]
        case 1:
            heads[at], heads[other] = heads[other], heads[at]
        case 2:
            heads.insert(other, heads[at])
        case 3:
            number, batch = _pick(rng, state)
            merkle, pieces = files.encoded(batch := edited(rng, batch))
            state.files[merkle] = b"".join(bytes(piece) for piece in pieces)
            heads.insert(number + 1, seal(batch, heads[number], merkle=merkle))
        case 4:
            del state.files[heads[at].merkle]
        case 5:
            one, two = heads[at].merkle, heads[other].merkle
            state.files[one], state.files[two] = state.files[two], state.files[one]
    return Forged(state)


def _tail(rng: random.Random, state: State) -> Forged:
    """The last batches cut off, files and all."""
    for header in state.headers[rng.randrange(len(state.headers)) :]:
        del state.files[header.merkle]
    state.headers = [header for header in state.headers if header.merkle in state.files]
    return Forged(state)


KINDS: dict[str, Callable[[random.Random, State], Forged | None]] = {
    "bit": _bit,
    "bytes": _bytes,
    "value": _cell,
    "sound file": _sound_file,
    "header": _header,
    "batches": _batches,
    "tail cut": _tail,
    "sealed again": _rehashed,
}
