"""Mutated frames through the engines' own receiving code, judged by an oracle that shares nothing with it.

The frames arrive at `StrictEngine.data_received` and at pymodbus' protocol as from a socket; what becomes a value goes through the
register map. A frame may become a valid value only if it is byte for byte the expected one except for data within the map's range.
"""

import asyncio
import random
import struct
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks._hostile_modes import Query, crc16
from benchmarks._mutations import mutated
from city.quality import VALID
from meters.links.asked import Asked, reading
from meters.links.engine import Engine
from meters.links.pymodbus_engine import PymodbusEngine
from meters.links.strict import LinkFault
from meters.links.strict_engine import StrictEngine
from meters.links.transports import LinkConfig
from meters.maps.batch import Layout
from meters.maps.model import DeviceModel

LOW, HIGH = 0, 40_000
_MAP = DeviceModel.model_validate(
    {
        "name": "fuzzed",
        "registers": [
            {"name": "level", "address": 0, "type": "u16", "quantity": "level_m", "minimum": LOW, "maximum": HIGH, "not_implemented": []}
        ],
    }
)
_LAYOUT = Layout(_MAP)
_AT_ONCE = 1000  # frames whose values are decoded together


class Wire:
    """A transport that leads nowhere."""

    def write(self, data: bytes) -> None:
        self.sent = data

    def abort(self) -> None:
        pass

    close = abort


@dataclass
class Fuzzed:
    frames: int = 0
    accepted_invalid: int = 0
    valid_mutations: int = 0
    out_of_map: int = 0  # accepted by the engine, made questionable by the map
    refused_valid: int = 0
    escaped: int = 0


def fuzz(frames: int, seed: int) -> tuple[Fuzzed, Counter[str]]:
    """Seven of ten frames to the strict engine, the rest to pymodbus, half of them over RTU. Returns what became of them, by cause too."""
    rng, told, causes = random.Random(seed), Fuzzed(), Counter[str]()  # noqa: S311 - mutations, no secrets

    async def run() -> None:
        for start in range(0, frames, _AT_ONCE):
            accepted = [_one(rng, told, causes) for _ in range(min(_AT_ONCE, frames - start))]
            _decoded([one for one in accepted if one is not None], told)
            await asyncio.sleep(0)

    asyncio.run(run())
    return told, causes


def _one(rng: random.Random, told: Fuzzed, causes: Counter[str]) -> tuple[Asked, bytes, bool] | None:
    """One frame. Returns request, frame and whether it was mutated, if the engine made values of it."""
    rtu, strict = rng.random() < 0.15, rng.random() < 0.7 / 0.85
    count = rng.choice((1, 2, 2, 4, 4, 8, 8, 30, 125))
    asked = reading(rng.choice((0, 1, 3, 17, 255)), rng.choice(("holding", "input")), rng.randrange(1000), count, rtu)
    data = struct.pack(f">{count}H", *rng.choices(range(HIGH), k=count))
    good = Query(1, asked.unit, asked.function, asked.address, count, asked.request, rtu).frame(bytes([asked.function, 2 * count]) + data)
    frame, late = mutated(rng, good, rtu), rng.random() < 0.02
    told.frames += 1
    try:
        reply = received(rng, asked, frame, strict and not rtu, late)
    except LinkFault as failure:
        causes[failure.cause.name] += 1
        told.refused_valid += not late and valid(asked, frame)
        return None
    except Exception:  # what else escapes is what is looked for
        told.escaped += 1
        return None
    if late or reply != frame or not valid(asked, frame):
        told.accepted_invalid += 1
        return None
    return asked, frame, frame != good


def _decoded(accepted: list[tuple[Asked, bytes, bool]], told: Fuzzed) -> None:
    """The values of the accepted frames by the register map: those outside its range must not be valid."""
    if not accepted:
        return
    image = np.concatenate([asked.values(frame) for asked, frame, _ in accepted])[:, None]
    quality = _LAYOUT.decode(image, np.zeros((len(image), 1), np.uint8))[1][:, 0]
    ends = np.cumsum([asked.count for asked, _, _ in accepted])
    for (asked, frame, changed), qualities in zip(accepted, np.split(quality, ends[:-1]), strict=True):
        within = bool((qualities == VALID).all())
        if within != in_range(asked, frame):
            told.accepted_invalid += 1
        elif not within:
            told.out_of_map += 1
        elif changed:
            told.valid_mutations += 1


def received(rng: random.Random, asked: Asked, frame: bytes, strict: bool, late: bool) -> bytes:
    """What the engine makes of `frame`, in one to three pieces. Raises `LinkFault` if that is nothing, at its deadline at the latest."""
    engine: Engine
    receiver: Any
    if strict:
        engine = receiver = StrictEngine()
        receiver.connection_made(Wire())
    else:
        engine = PymodbusEngine(_RTU if asked.rtu else _TCP, None)
        receiver = engine._context
        receiver.transport = Wire()
    waiting = engine.ask(asked, engine.loop.time()).__await__()
    next(waiting)
    if late:
        engine._ring()
    # A cut right behind a whole reply makes two messages of it: the second comes when nobody waits, and is another test.
    cuts = sorted({rng.randrange(len(frame) + 1) for _ in range(rng.choice((0, 0, 0, 1, 2)))} - {asked.length + (0 if asked.rtu else 2)})
    for start, end in zip([0, *cuts], [*cuts, len(frame)], strict=True):
        if start < end:
            receiver.data_received(frame[start:end])
    engine._ring()
    engine.close()
    try:
        next(waiting)
    except StopIteration as done:
        return bytes(done.value)
    raise RuntimeError("neither a reply nor a fault")


_TCP = LinkConfig(id="fuzz", url="tcp://127.0.0.1:1")
_RTU = LinkConfig(id="fuzz", url="rtu+tcp://127.0.0.1:1")


def valid(asked: Asked, frame: bytes) -> bool:
    """The oracle: is `frame` a good reply, whatever its values? Transaction 1 asked; written from the specification."""
    data = 2 * asked.count
    if asked.rtu:
        return (
            len(frame) == 5 + data
            and frame[0] == asked.unit
            and frame[1] == asked.function
            and frame[2] == data
            and struct.unpack("<H", frame[-2:])[0] == crc16(frame[:-2])
        )
    if len(frame) != 9 + data:
        return False
    transaction, protocol, length, unit, function, byte_count = struct.unpack(">HHHBBB", frame[:9])
    return (transaction, protocol, length) == (1, 0, 3 + data) and (unit, function, byte_count) == (asked.unit, asked.function, data)


def in_range(asked: Asked, frame: bytes) -> bool:
    first = 3 if asked.rtu else 9
    return all(LOW <= value <= HIGH for value in struct.unpack_from(f">{asked.count}H", frame, first))
