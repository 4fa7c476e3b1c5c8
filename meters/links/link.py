"""One field link: gives registers or says within a bounded time why not."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from city.clock import as_utc
from city.problems import PenstockError, fault
from city.quality import Cause
from meters.links.asked import Asked, reading, writing
from meters.links.engine import Engine
from meters.links.pymodbus_engine import PymodbusEngine
from meters.links.strict import LinkFault
from meters.links.strict_engine import StrictEngine
from meters.links.transports import LinkConfig, tls_context
from meters.maps.formats import Table

__all__ = ["CLOCK_UNIT", "Link", "LinkConfig", "LinkFault", "Table"]

CLOCK_UNIT = 255  # of meters.simulator
_SILENT_LIMIT = 2  # timeouts in a row after which the connection itself is doubted (a peer that lost its power sends no FIN)


class Link:
    """A connection that opens itself when needed. One request at a time; use it from one event loop.

    Raises `PenstockError` when the certificates of a TLS link cannot be used.
    """

    def __init__(self, config: LinkConfig) -> None:
        self.config = config
        self._kind: type[Engine] = PymodbusEngine if config.rtu or config.engine == "pymodbus" else StrictEngine
        self._rtu = config.rtu
        tls_context(config)  # raises what can be known now
        self._engine: Engine | None = None
        self._silent = 0
        self.connections = 0  # made so far: behind a new one there may be another meter than before
        self._lock = asyncio.Lock()

    async def read(self, unit: int, table: Table, address: int, count: int, deadline: float | None = None) -> NDArray[np.uint16]:
        """`count` registers from `address` as uint16[count]; of coils and discrete inputs one element 0 or 1 per bit.

        `deadline` is absolute [loop time, s] and covers connecting too; without one, `timeout_s` from the moment its turn comes.
        Raises `LinkFault`; `PenstockError` for what no Modbus request can ask.
        """
        asked = reading(unit, table, address, count, self._rtu)
        return asked.values(await self._exchange(asked, deadline))

    async def write(
        self, unit: int, address: int, words: Sequence[int], table: Table = "holding", single: bool = False, deadline: float | None = None
    ) -> None:
        """Write holding registers (function 16, or 6 if `single`) or coils (15, or 5). Raises `LinkFault`.

        With REFUSED and nothing sent on a read-only link. A write whose reply is lost is not repeated: the device may have taken
        it. The caller reads back.
        """
        if self.config.read_only:
            raise LinkFault(Cause.REFUSED, f"link {self.config.id} is read-only")
        await self._exchange(writing(unit, table, address, words, single, self._rtu), deadline)

    async def set_clock(self, time: datetime) -> None:
        """Set the simulator's clock (unit 255, u64 seconds since 1970). Raises `PenstockError` where no simulator is declared."""
        if not self.config.simulated:
            raise fault(f"link {self.config.id}", "set_clock", "a link with simulated = true", "Only a simulator has a clock to set.")
        words = np.frombuffer(int(as_utc(time).timestamp()).to_bytes(8, "big"), ">u2").tolist()
        await self._exchange(writing(CLOCK_UNIT, "holding", 0, words, rtu=self._rtu), None)

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        if self._engine is not None:
            self._engine.close()
        self._engine, self._silent = None, 0

    async def _exchange(self, asked: Asked, deadline: float | None) -> bytes:
        await self._lock.acquire()  # `async with` costs twice as much, which counts here
        try:
            now = asyncio.get_running_loop().time()
            end = now + self.config.timeout_s if deadline is None else deadline
            if end <= now:
                raise LinkFault(Cause.OVERRUN, "its time was over before its turn came", reachable=False)
            engine = self._engine
            if engine is None or not engine.connected:
                engine = await self._connected(end)
            reply = await engine.ask(asked, end)
            self._silent = 0
            return reply
        except LinkFault as failure:
            if failure.reachable:
                self._doubt(failure)
            raise
        except asyncio.CancelledError:
            self.close()  # nobody would know its reply
            raise
        finally:
            self._lock.release()

    async def _connected(self, deadline: float) -> Engine:
        self.close()
        try:
            async with asyncio.timeout_at(deadline):
                tls = tls_context(self.config)  # read again: certificates are renewed while the process runs
                self._engine = await self._kind.connect(self.config, tls)
        except (OSError, TimeoutError, PenstockError) as error:
            why = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error) or "no answer in time"
            raise LinkFault(Cause.NO_CONNECTION, f"{self.config.url} cannot be reached: {why}", reachable=False) from None
        self.connections += 1
        return self._engine

    def _doubt(self, failure: LinkFault) -> None:
        """A stream that was wrong once is not trusted to be in step again; one that only was silent is, for a while."""
        if failure.exception is not None:
            self._silent = 0
        elif failure.cause in (Cause.TIMEOUT, Cause.STALE):
            self._silent += 1
            if self._silent >= _SILENT_LIMIT and self.config.at.scheme != "serial":
                self.close()
        else:
            self.close()
