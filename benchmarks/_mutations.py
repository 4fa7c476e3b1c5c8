"""What can happen to a frame on its way: the changes that the fuzzing makes."""

import random
import struct

from benchmarks._hostile_modes import crc16

_EDGES = (0, 1, 2, 3, 4, 6, 7, 127, 128, 131, 132, 254, 255)


def mutated(rng: random.Random, good: bytes, rtu: bool) -> bytes:
    """`good` with one to three changes; over RTU mostly with a checksum that fits again, or hardly any would get past it."""
    frame = bytearray(good[:-2] if rtu else good)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        rng.choice(_CHANGES)(rng, frame)
    if not rtu:
        return bytes(frame)
    return bytes(frame) + (struct.pack("<H", crc16(bytes(frame))) if rng.random() < 0.8 else rng.randbytes(2))


def _flip(rng: random.Random, frame: bytearray) -> None:
    if frame:
        frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)


def _header(rng: random.Random, frame: bytearray) -> None:
    if frame:
        frame[rng.randrange(min(len(frame), 10))] = rng.choice(_EDGES)


def _value(rng: random.Random, frame: bytearray) -> None:
    if len(frame) > 9:
        frame[rng.randrange(9, len(frame))] = rng.randrange(256)


def _insert(rng: random.Random, frame: bytearray) -> None:
    frame[(at := rng.randrange(len(frame) + 1)) : at] = rng.randbytes(rng.choice((1, 2, 7)))


def _delete(rng: random.Random, frame: bytearray) -> None:
    at = rng.randrange(len(frame) + 1)
    del frame[at : at + rng.choice((1, 2, 7))]


def _cut(rng: random.Random, frame: bytearray) -> None:
    del frame[rng.randrange(len(frame) + 1) :]


def _append(rng: random.Random, frame: bytearray) -> None:
    frame += rng.choice((bytes(frame), rng.randbytes(1 + rng.randrange(20))))


def _swap(rng: random.Random, frame: bytearray) -> None:
    if frame:
        a, b = rng.randrange(len(frame)), rng.randrange(len(frame))
        frame[a], frame[b] = frame[b], frame[a]


def _noise(rng: random.Random, frame: bytearray) -> None:
    frame[:] = rng.randbytes(rng.randrange(1, 40))


def _exception(_: random.Random, frame: bytearray) -> None:
    if len(frame) > 8:
        frame[4:6] = b"\0\3"
        frame[7] |= 0x80
        del frame[9:]


def _resize(rng: random.Random, frame: bytearray) -> None:
    """Another number of registers, and every length says so."""
    if len(frame) > 8:
        count = rng.randrange(126)
        frame[4:6], frame[8] = struct.pack(">H", 3 + 2 * count), 2 * count
        frame[9:] = rng.randbytes(2 * count)


_CHANGES = (_flip, _header, _value, _value, _insert, _delete, _cut, _append, _swap, _noise, _exception, _resize)
