"""A Modbus server on loopback that answers as a mode says, and the trial of a link against it."""

import asyncio
import os
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any, cast

from benchmarks._hostile_modes import CLOSE, GOOD, RESET, RTU, TCP, TIMEOUT_S, Mode, Query
from meters.links.link import Link, LinkConfig, LinkFault
from meters.maps.formats import Table

UNIT, ADDRESS = 3, 30
KINDS = {"strict": ("tcp", TCP), "pymodbus": ("tcp", TCP), "pymodbus, RTU": ("rtu+tcp", RTU)}
_PATIENCE_S = 5.0  # the deadline where none should be needed: on a busy machine a good reply may take its time
_LATEST_S = 1.0  # behind a deadline, on a busy machine
_WAITED = ("TIMEOUT", "DRIP", "TRUNCATED", "STALE")


@dataclass
class Trial:
    """What a link did wrong in one mode; nothing is best."""

    mode: str
    kind: str
    wrong: list[str] = field(default_factory=list)
    accepted_invalid: int = 0
    escaped: int = 0
    next_good: bool = False
    latest_s: float = 0.0  # behind its deadline


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def served(mode: Mode, rtu: bool, idle: asyncio.Event) -> asyncio.Server:
    """The first request is answered well, then come the steps of `mode`, and from then on all is well again. `idle`: all of it is sent."""
    asked = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        try:
            while True:
                query = await _query(reader, rtu)
                idle.clear()
                step = mode.steps[asked - 1][0] if 1 <= asked <= len(mode.steps) else Query.frame
                asked += 1
                told = step(query)
                for piece in [told] if isinstance(told, bytes) else told:
                    await _send(writer, piece)
                idle.set()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            idle.set()
            writer.transport.abort()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


async def _send(writer: asyncio.StreamWriter, piece: bytes | float | str) -> None:
    if piece in (CLOSE, RESET):
        if piece == RESET:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        raise ConnectionResetError
    if isinstance(piece, bytes):
        writer.write(piece)
        await writer.drain()
    else:
        await asyncio.sleep(float(piece))


async def _query(reader: asyncio.StreamReader, rtu: bool) -> Query:
    head = await reader.readexactly(2 if rtu else 8)
    function = head[-1]
    rest = await reader.readexactly(4)
    if function in (15, 16):
        size = await reader.readexactly(1)
        rest += size + await reader.readexactly(size[0])
    if rtu:
        await reader.readexactly(2)
    address, count = struct.unpack(">HH", rest[:4])
    return Query(0 if rtu else int.from_bytes(head[:2], "big"), head[-2], function, address, count, bytes([function]) + rest, rtu)


def expected(mode: Mode) -> list[int]:
    wanted = range(ADDRESS, ADDRESS + mode.count)
    return [int(a % 3 == 0) for a in wanted] if mode.table in ("coil", "discrete") else [7 * a % 65536 for a in wanted]


async def ask(link: Link, mode: Mode, within_s: float) -> list[int]:
    end, table = asyncio.get_running_loop().time() + within_s, cast(Table, mode.table)
    if mode.write:
        await link.write(UNIT, ADDRESS, [1] * mode.count, table, mode.write == "single", end)
        return expected(mode)
    return [int(value) for value in await link.read(UNIT, table, ADDRESS, mode.count, end)]


async def tried(mode: Mode, kind: str) -> Trial:
    """One mode against one engine, with a connection of its own."""
    scheme, _ = KINDS[kind]
    engine: Any = "strict" if kind == "strict" else "pymodbus"
    trial = Trial(mode.name, kind)
    idle = asyncio.Event()
    server = await served(mode, scheme == "rtu+tcp", idle)
    url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    link = Link(LinkConfig(id="hostile", url=url, timeout_s=TIMEOUT_S, read_only=False, engine=engine))
    for cause in (GOOD, *(cause for _, cause in mode.steps)):
        await _step(link, mode, cause, trial)
        if cause == GOOD:
            await idle.wait()
        await asyncio.sleep(0.03)
    try:
        trial.next_good = await ask(link, mode, _PATIENCE_S) == expected(mode)
    except LinkFault as failure:
        trial.wrong.append(f"the next good request failed: {failure}")
    except Exception as error:  # what else escapes is what is looked for
        trial.escaped += 1
        trial.wrong.append(f"the next good request: {error!r}")
    link.close()
    server.close()
    await asyncio.sleep(0)
    return trial


async def _step(link: Link, mode: Mode, cause: str, trial: Trial) -> None:
    waits = cause in _WAITED
    allowed_s = TIMEOUT_S if waits else _PATIENCE_S
    began = time.perf_counter()
    got, detail = GOOD, ""
    try:
        if await ask(link, mode, allowed_s) != expected(mode):
            trial.wrong.append("a wrong value")
            trial.accepted_invalid += 1
    except LinkFault as failure:
        got, detail = failure.cause.name, str(failure)
    except Exception as error:  # what else escapes is what is looked for
        got, detail, trial.escaped = repr(error), "", trial.escaped + 1
    took_s = time.perf_counter() - began
    trial.latest_s = max(trial.latest_s, took_s - allowed_s)
    if got != cause:
        trial.accepted_invalid += got == GOOD
        trial.wrong.append(f"{got} instead of {cause}: {detail}")
    if took_s > (TIMEOUT_S + _LATEST_S if waits else _PATIENCE_S / 2):  # a wrong reply costs no timeout
        trial.wrong.append(f"{cause} after {took_s:.3f} s")
