"""What carries requests over one connection: the deadline of the open request, and what both engines have in common."""

import asyncio
import ssl
from collections.abc import Awaitable
from typing import Self

from meters.links.asked import Asked
from meters.links.exchange import Exchange
from meters.links.strict import LinkFault
from meters.links.transports import LinkConfig


class Engine:
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.exchange = Exchange()
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    @classmethod
    async def connect(cls, config: LinkConfig, tls: ssl.SSLContext | None) -> Self:
        """Raises `OSError` when nobody answers, `ssl.SSLError` when the peer is not who it should be."""
        raise NotImplementedError

    @property
    def connected(self) -> bool:
        raise NotImplementedError

    def ask(self, asked: Asked, deadline: float) -> Awaitable[bytes]:
        """Send, and await the whole good reply. Raises `LinkFault`, at `deadline` [loop time, s] at the latest."""
        raise NotImplementedError

    def fail(self, failure: LinkFault) -> None:
        """End the wait of the open request; without one, the connection."""
        raise NotImplementedError

    def close(self) -> None:
        """Drop the connection at once."""
        raise NotImplementedError

    def end_at(self, deadline: float) -> None:
        """One timer serves many requests: each only moves the deadline, and a bell that rings too early is set again."""
        self._deadline = deadline
        if self._alarm is None or self._alarm.when() > deadline:
            self.no_alarm()
            self._alarm = self.loop.call_at(deadline, self._ring)

    def no_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _ring(self) -> None:
        self._alarm = None
        if self.exchange.asked is None:
            return
        if self.loop.time() < self._deadline:
            self.end_at(self._deadline)
        else:
            self.fail(self.exchange.give_up(self.loop.time()))
