"""Modbus over TCP or TLS in as little work as strictness allows: one send, one receive and one comparison per request.

A good reply is its known beginning plus data, of known length: that is compared in one go. Everything else - pieces, exceptions,
faults, late replies - goes to `meters.links.exchange`.
"""

import asyncio
import ssl
from typing import Self, cast

from meters.links.asked import Asked
from meters.links.engine import Engine
from meters.links.strict import LinkFault
from meters.links.transports import LinkConfig


class StrictEngine(Engine, asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[bytes] | None = None
        self._good, self._length = b"", -1  # beginning and length of the reply that is open
        self._transaction = 0

    @classmethod
    async def connect(cls, config: LinkConfig, tls: ssl.SSLContext | None) -> Self:
        """Raises `OSError` when nobody answers, `ssl.SSLError` when the peer is not who it should be."""
        loop = asyncio.get_running_loop()
        _, engine = await loop.create_connection(cls, config.at.hostname or "", config.at.port or 0, ssl=tls)
        return engine

    @property
    def connected(self) -> bool:
        return self._transport is not None

    def ask(self, asked: Asked, deadline: float) -> "asyncio.Future[bytes]":
        """Send; the future holds the whole good reply, or raises `LinkFault` at `deadline` [loop time, s] at the latest."""
        self._transaction = self._transaction % 0xFFFF + 1
        transaction = self._transaction.to_bytes(2, "big")
        self._good, self._length = transaction + asked.expected, 2 + asked.length
        self.exchange.begin(asked, transaction, self.loop.time())
        self._waiting = waiting = self.loop.create_future()
        self.end_at(deadline)
        cast(asyncio.Transport, self._transport).write(transaction + asked.request)
        return waiting

    def close(self) -> None:
        """Drop the connection at once; the end of TLS is not negotiated."""
        transport, self._transport = self._transport, None
        self.no_alarm()
        if transport is not None:
            transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if len(data) == self._length and data.startswith(self._good) and not self.exchange.received:
            self._finish(data)
            return
        verdict = self.exchange.take(data, self.loop.time())
        if isinstance(verdict, LinkFault):
            self.fail(verdict)
        elif verdict is not None:
            self._finish(verdict)

    def connection_lost(self, error: Exception | None) -> None:
        why = f"the peer ended TLS: {error.reason}" if isinstance(error, ssl.SSLError) else "the peer closed the connection"
        self.fail(self.exchange.lost(why))
        self.close()

    def _finish(self, reply: bytes) -> None:
        self._length = -1
        self.exchange.end()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(reply)

    def fail(self, failure: LinkFault) -> None:
        self._length = -1
        self.exchange.end()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(failure)
        elif self._transport is not None:
            self.close()  # it speaks without being asked
