"""The only one who talks on a link: takes work by urgency, one exchange at a time."""

import asyncio
import heapq
from collections.abc import AsyncGenerator
from datetime import datetime
from itertools import count

from meters.links.link import Link

Steps = AsyncGenerator[None, None]  # pauses between two exchanges, so that something more urgent can go first
Urgency = tuple[int, int]
WRITE: Urgency = (-1, 0)  # the urgency of a write: before every read


class Actor:
    """One link and the work waiting for it. Work with the smallest urgency goes first, equals in the order they came.

    A write begins after the exchange under way at the latest. Nothing waits here for long: reads end themselves when
    their slot is over (`meters.polling.reading`).
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self.unreachable_utc: datetime | None = None  # the last slot at which there was no connection to be had
        self._waiting: list[tuple[Urgency, int, Steps, asyncio.Future[None]]] = []
        self._numbers = count()
        self._worker: asyncio.Task[None] | None = None

    def submit(self, urgency: Urgency, steps: Steps) -> asyncio.Future[None]:
        """Have `steps` done in its turn. The future ends with it, or with the exception it raised. Call from the event loop."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._waiting, (urgency, next(self._numbers), steps, done))
        if self._worker is None or self._worker.done():
            self._worker = loop.create_task(self._work())
        return done

    def close(self) -> None:
        """Stop at once and close the connection."""
        if self._worker is not None:
            self._worker.cancel()
        self.link.close()

    async def _work(self) -> None:
        """Until nothing waits: one exchange of the most urgent, then look again."""
        while self._waiting:
            work = heapq.heappop(self._waiting)
            _, _, steps, done = work
            try:
                while True:
                    await anext(steps)
                    if self._waiting and self._waiting[0] < work:
                        heapq.heappush(self._waiting, work)
                        break
            except StopAsyncIteration:
                if not done.done():
                    done.set_result(None)
            except Exception as error:  # belongs to who waits for the work, and must not stop the others
                if not done.done():
                    done.set_exception(error)
