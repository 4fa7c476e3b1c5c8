"""The sender of `penstock work`: a thread beside its loop, so that a mail server that takes its time delays no plan, round or request.

There is one, and it sends one notice at a time. What it has claimed, tried and failed is in the store, not in the thread: another
process that sends meanwhile, the end of a night or `penstock notices retry`, passes over what is claimed here.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from service.notices import delivering
from service.settings import LoadedCity

log = structlog.get_logger()
IDLE_S = 1.0  # between two looks at what is new or due, when nothing was
AWAY_S = 10.0  # after a database that did not answer
MOST_ONCE = 50  # notices of a single pass
LAST_S = 90.0  # that the end of the process waits for the delivery under way; longer than any may take


class Sender:
    """`with Sender(engine, city, clock): ...` writes what is new and sends what is due meanwhile; at the end one delivery is finished.

    With `once` there is no thread, but a single pass when all else is done. A city without `[[notify]]` gets neither.
    """

    def __init__(self, engine: Engine, city: LoadedCity, clock: Callable[[], datetime], *, once: bool = False) -> None:
        self._engine, self._city, self._clock, self._once = engine, city, clock, once
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._city.settings.notify and not self._once:
            # A daemon: where the delivery under way outlasts LAST_S, the process ends all the same, and its claim runs out.
            self._thread = threading.Thread(target=self._run, name="penstock-notices", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join(LAST_S)
        if self._once and error is None:
            delivering.turn(self._engine, self._city, self._clock(), MOST_ONCE)

    def _run(self) -> None:
        while not self._end.is_set():
            self._end.wait(self._turned())

    def _turned(self) -> float:
        """One turn; how long to wait before the next one [s]. A database that is away ends the loop beside, if it lasts, not this."""
        try:
            return 0.0 if delivering.turn(self._engine, self._city, self._clock(), 1) else IDLE_S
        except DBAPIError as error:
            log.warning("notices wait for the database", told=str(error.orig).strip())
            return AWAY_S
