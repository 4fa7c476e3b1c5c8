"""One field link: a Modbus TCP connection that gives registers or says within a bounded time why not.

The only module that uses pymodbus' client. By itself pymodbus 3.16 takes some invalid replies for values (too few or too many
registers, the reply to another function, an echo of the request, bytes behind the frame) and waits out the timeout when the
peer closes; here its trace hooks pass every frame through `meters.strict` first, and end the wait when the peer closes.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from city.clock import as_utc
from city.problems import fault
from city.quality import Cause
from meters import strict

Table = Literal["holding", "input", "coil", "discrete"]  # Modbus functions 3, 4, 1, 2
CLOCK_UNIT = 255  # of meters.simulator
_READS = {"holding": "read_holding_registers", "input": "read_input_registers", "coil": "read_coils", "discrete": "read_discrete_inputs"}
_SILENT_LIMIT = 2  # timeouts in a row after which the connection itself is doubted (a peer that lost its power sends no FIN)
_BUFFER_BYTES = 1 << 20  # pymodbus throws away longer input unseen and waits; here it is seen, and refused at once
# Its warnings repeat, per frame, what the quality code of the reading already says.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)


class LinkConfig(BaseModel):
    """A way to devices: one TCP connection to a gateway or a device."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: str = Field(description="short name; meters refer to it")
    url: str = Field(description="tcp://host:port")
    timeout_s: float = Field(default=1.0, gt=0, le=30, description="longest wait for a connection and for each reply [s]")
    backoff_s: float = Field(default=900.0, ge=0, description="a unit that did not answer is left alone this long, then twice as long [s]")
    backoff_max_s: float = Field(default=28_800.0, ge=0, description="longest pause of a silent unit [s]")
    budget_s: float = Field(default=120.0, gt=0, description="longest time for one slot; units whose turn does not come are OVERRUN [s]")
    spread_s: float = Field(default=10.0, ge=0, le=300, description="units are first asked within this after the slot's time, by hash [s]")
    read_only: bool = Field(default=True, description="refuse every write on this link")
    writes_per_hour: int | None = Field(default=None, ge=1, description="most writes within any hour; further ones wait")
    simulated: bool = Field(default=False, description="the far end is meters.simulator; only then its clock may be set")

    @field_validator("url")
    @classmethod
    def _tcp(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "tcp" or not parts.hostname or parts.port is None or parts.path not in ("", "/"):
            raise ValueError(f"{url!r} is not tcp://host:port")
        return url


class LinkFault(Exception):
    """Why there is no reply that can be used. `reachable` is False when not even a connection could be made."""

    def __init__(self, cause: Cause, detail: str, reachable: bool = True) -> None:
        super().__init__(f"{cause.name.lower()}: {detail}")
        self.cause, self.detail, self.reachable = cause, detail, reachable

    @property
    def refused(self) -> bool:
        """Did the device itself say no?"""
        return self.cause is Cause.REFUSED


class Link:
    """A connection that opens itself when needed. One request at a time; use it from one event loop."""

    def __init__(self, config: LinkConfig) -> None:
        self.config = config
        self.pauses: dict[int, tuple[int, datetime]] = {}  # unit: timeouts in a row, left alone until then [slot time]
        parts = urlsplit(config.url)
        self._host, self._port = str(parts.hostname), int(parts.port or 0)
        self._client: AsyncModbusTcpClient | None = None
        self._asked: strict.Asked | None = None
        self._late: deque[int] = deque(maxlen=16)  # transactions given up: their replies may still come
        self._partial = False  # a reply has begun but not ended
        self._silent = 0
        self.connections = 0  # made so far: behind a new one there may be another meter than before
        self._lock = asyncio.Lock()

    async def read(self, unit: int, table: Table, address: int, count: int, deadline: float | None = None) -> NDArray[np.uint16]:
        """`count` registers from `address` as uint16[count]; of coils and discrete inputs one element 0 or 1 per bit.

        `deadline` is absolute [loop time, s] and covers connecting too; without one, `timeout_s` from now. Raises `LinkFault`.
        """

        def request(client: AsyncModbusTcpClient) -> Any:
            return getattr(client, _READS[table])(address, count=count, device_id=unit)

        reply = await self._exchange(request, deadline)
        return np.array(reply.registers if table in ("holding", "input") else reply.bits[:count], dtype=np.uint16)

    async def write(
        self, unit: int, address: int, words: Sequence[int], table: Table = "holding", single: bool = False, deadline: float | None = None
    ) -> None:
        """Write holding registers (function 16, or 6 if `single`) or coils (15, or 5). Raises `LinkFault`.

        With REFUSED and nothing sent on a read-only link. A write whose reply is lost is not repeated: the device may have taken
        it. The caller reads back.
        """
        if self.config.read_only:
            raise LinkFault(Cause.REFUSED, f"link {self.config.id} is read-only")
        if table not in ("holding", "coil") or (single and len(words) != 1):
            raise fault(f"write to {table}", f"{len(words)} words", "holding or coil, one word if single", "Correct the register map.")
        values = [bool(word) for word in words] if table == "coil" else [int(word) for word in words]
        kind = "coil" if table == "coil" else "register"

        def request(client: AsyncModbusTcpClient) -> Any:
            if single:
                return getattr(client, f"write_{kind}")(address, values[0], device_id=unit)
            return getattr(client, f"write_{kind}s")(address, values, device_id=unit)

        await self._exchange(request, deadline)

    async def set_clock(self, time: datetime) -> None:
        """Set the simulator's clock (unit 255, u64 seconds since 1970). Raises `PenstockError` where no simulator is declared."""
        if not self.config.simulated:
            raise fault(f"link {self.config.id}", "set_clock", "a link with simulated = true", "Only a simulator has a clock to set.")
        seconds = int(as_utc(time).timestamp()).to_bytes(8, "big")
        words = [int.from_bytes(seconds[i : i + 2], "big") for i in range(0, 8, 2)]
        await self._exchange(lambda client: client.write_registers(0, words, device_id=CLOCK_UNIT), None)

    async def settle(self) -> None:
        """Let the event loop notice what happened to the socket while it stood still."""
        for _ in range(4):
            await asyncio.sleep(0)

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        if self._client is not None:
            self._client.close()
        self._client, self._asked, self._silent = None, None, 0
        self._late.clear()

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is not None and self._client.connected:
            return self._client
        self.close()
        client = AsyncModbusTcpClient(
            self._host,
            port=self._port,
            timeout=self.config.timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._on_packet,
            trace_connect=self._on_connect,
        )
        client.ctx.max_buffer_size = _BUFFER_BYTES
        self._client = client
        if not await client.connect():
            self.close()
            raise LinkFault(Cause.NO_CONNECTION, f"{self.config.url} cannot be reached", reachable=False)
        self.connections += 1
        return client

    async def _exchange(self, request: Any, deadline: float | None) -> ModbusPDU:
        async with self._lock:
            clock = asyncio.get_running_loop().time
            end = clock() + self.config.timeout_s if deadline is None else deadline
            client = await self._connected()
            self._partial = False
            try:
                reply: ModbusPDU = await asyncio.wait_for(request(client), end - clock())
            except LinkFault as failure:
                self.close()  # a stream that was wrong once is not trusted to be in step again
                raise failure from None
            except (ModbusException, TimeoutError, OSError) as error:
                raise self._given_up(error) from None
            finally:
                self._asked = None
        self._silent = 0
        if reply.isError():
            raise LinkFault(Cause.REFUSED, f"exception {reply.exception_code}")
        return reply

    def _given_up(self, error: Exception) -> LinkFault:
        if self._client is None or not self._client.connected:
            self.close()
            return LinkFault(Cause.NO_CONNECTION, str(error))
        if self._asked is not None:
            self._late.append(self._asked.transaction)
        self._silent += 1
        if self._partial or self._silent >= _SILENT_LIMIT:
            self.close()  # half a reply would be taken for the beginning of the next one
        return LinkFault(Cause.TIMEOUT, f"no reply within {self.config.timeout_s:g} s")

    def _on_packet(self, sending: bool, data: bytes) -> bytes:
        """pymodbus shows every frame here first and decodes only what this returns."""
        if sending:
            self._asked = strict.asked(data)
            return data
        received = self._without_late(data)
        if self._asked is None:
            if received and strict.transaction_of(received) not in (None, *self._late):
                self._fail(LinkFault(Cause.INVALID_REPLY, "a reply that nobody asked for"))
            return b""
        wrong = strict.check(self._asked, received)
        if wrong:
            self._fail(LinkFault(Cause.INVALID_REPLY, wrong))
            return b""
        self._partial = bool(received) and not strict.complete(received)
        if not strict.complete(received):
            return b""
        self._asked = None
        return received

    def _without_late(self, data: bytes) -> bytes:
        """`data` without leading replies to requests that were given up before: late, but not wrong."""
        while strict.transaction_of(data) in self._late and strict.complete(data):
            data = data[6 + int.from_bytes(data[4:6], "big") :]
        return b"" if strict.transaction_of(data) in self._late else data

    def _on_connect(self, connected: bool) -> None:
        if not connected:
            self._fail(LinkFault(Cause.NO_CONNECTION, "the peer closed the connection"))

    def _fail(self, failure: LinkFault) -> None:
        """End the wait for the reply at once."""
        client = self._client
        if client is None:
            return
        waiting = client.ctx.response_future
        if self._asked is not None and not waiting.done():
            waiting.set_exception(failure)
        else:
            client.close()
