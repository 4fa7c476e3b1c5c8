"""A Modbus/TCP gateway with units that can be told to misbehave, in a thread of the test; nothing of it is shared with the client."""

import asyncio
import struct
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from meters.links.link import LinkConfig
from meters.maps.model import DeviceModel

SLOT = datetime(2026, 1, 5, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}


@dataclass
class Asked:
    """One request as it came."""

    at: float
    unit: int
    table: str
    address: int
    count: int


@dataclass
class Gateway:
    """Every register holds its own address (plus `words`); what it answers is decided by the sets, which may be changed at any time."""

    words: dict[tuple[int, str, int], int] = field(default_factory=dict)  # unit, table, address
    refused: set[tuple[int, str, int]] = field(default_factory=set)
    most: int = 125  # longer reads are refused
    dead: set[int] = field(default_factory=set)
    absent: set[int] = field(default_factory=set)  # the gateway itself says that these do not answer
    delay_s: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    written: list[tuple[float, int, int, int]] = field(default_factory=list)  # time, unit, address, word
    on_read: object = None  # called with each Asked before it is answered

    def __enter__(self):
        self._loop, ready = asyncio.new_event_loop(), threading.Event()
        self._writers = set()

        async def listen():
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]
            ready.set()

        def run():
            self._loop.create_task(listen())
            self._loop.run_forever()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert ready.wait(5)
        return self

    def __exit__(self, *_):
        self.hang_up()
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    @property
    def url(self):
        return f"tcp://127.0.0.1:{self.port}"

    def hang_up(self):
        """Close every connection, as a gateway that restarts."""
        for writer in list(self._writers):
            self._loop.call_soon_threadsafe(writer.close)

    def reads(self, unit=None):
        return [(a.address, a.count) for a in self.asked if unit in (None, a.unit)]

    async def _serve(self, reader, writer):
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readexactly(7)
                transaction, _, length, unit = struct.unpack(">HHHB", head)
                pdu = await reader.readexactly(length - 1)
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                answer = self._answer(unit, pdu)
                if answer is not None:
                    writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, unit, pdu):
        function, address, count = struct.unpack(">BHH", pdu[:5])
        if unit in self.dead:
            self.asked.append(Asked(time.monotonic(), unit, TABLES.get(function, ""), address, count))
            return None
        if unit in self.absent:
            self.asked.append(Asked(time.monotonic(), unit, TABLES.get(function, ""), address, count))
            return bytes((function | 0x80, 11))
        if function in (6, 16):
            self.written.append((time.monotonic(), unit, address, count if function == 6 else int.from_bytes(pdu[6:8], "big")))
            self.words[unit, "holding", address] = self.written[-1][3]
            return pdu[:5]
        table = TABLES[function]
        asked = Asked(time.monotonic(), unit, table, address, count)
        self.asked.append(asked)
        if self.on_read is not None:
            self.on_read(asked)
        places = [(unit, table, a) for a in range(address, address + count)]
        if count > self.most * (16 if function < 3 else 1) or any(place in self.refused for place in places):
            return bytes((function | 0x80, 2))
        words = [self.words.get(place, place[2]) for place in places]
        if function < 3:
            bits = sum((word & 1) << i for i, word in enumerate(words))
            data = bits.to_bytes((count + 7) // 8, "little")
        else:
            data = struct.pack(f">{count}H", *words)
        return bytes((function, len(data))) + data


def model(*registers, **limits):
    """A map of u16 powers; a register is (name, address) or a dict."""
    made = [r if isinstance(r, dict) else {"name": r[0], "address": r[1]} for r in registers]
    return DeviceModel.model_validate(
        {"name": "m", "registers": [{"type": "u16", **({} if "scale_of" in r else {"quantity": "power_kw"}), **r} for r in made], **limits}
    )


def config(gateway, **changes):
    return LinkConfig(**{"id": "field", "url": gateway.url, "timeout_s": 0.15, "backoff_s": 900, "read_only": False, **changes})


def row(frame):
    return {r.point_id: r for r in frame.itertuples()}


def many(count, **limits):
    return model(*((f"r{i:02d}", i) for i in range(count)), **limits)
