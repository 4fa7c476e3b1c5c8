"""HTTP/1.1 that waits for nobody: a connection on which nothing moves is closed, so that silent ones do not fill the server."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE_S = 30.0  # for a head that is whole, and for a reader to take some of an answer


class Impatient(H11Protocol):
    """Ends a connection that neither began a request nor took a byte of an answer between two looks, nor is being answered.

    uvicorn itself looks at connections between two requests only: one that sends no head, or a byte of it now and then, stays for ever.
    """

    _timer: asyncio.TimerHandle | None = None
    _before: tuple[Any, int] = (None, 0)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(PATIENCE_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        now = self.cycle, self.transport.get_write_buffer_size()
        answering = self.cycle is not None and not self.cycle.response_complete
        if now == self._before and (not answering or now[1]):
            self.transport.abort()
            return
        self._before, self._timer = now, self.loop.call_later(PATIENCE_S, self._look)
