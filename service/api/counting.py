"""Calls of the API by hour, route and outcome, counted every few seconds, off the path of any answer."""

import threading
from collections import Counter
from datetime import UTC, datetime
from time import monotonic

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.levels import uptime
from service.levels.calls import count

log = structlog.get_logger()
EVERY_S = 5.0
_SIGN_S = 20.0  # between two signs of life, which availability counts
UNKNOWN = "(no such path)"
Calls = Counter[tuple[datetime, str, int]]


class Counting:
    """Counts in memory and writes every few seconds from a thread of its own; while the database is away the counts wait."""

    def __init__(self, engine: Engine, every_s: float = EVERY_S) -> None:
        self._engine, self._every_s = engine, every_s
        self._calls: Calls = Counter()
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="counting", daemon=True)

    def count(self, route: str, status: int, now_utc: datetime | None = None) -> None:
        """One call; `route` is the template of its path."""
        hour = (now_utc or datetime.now(UTC)).replace(minute=0, second=0, microsecond=0)
        with self._lock:
            self._calls[hour, route, status] += 1

    def flush(self) -> None:
        """Write what was counted; what cannot be written is kept."""
        with self._lock:
            calls, self._calls = self._calls, Counter()
        try:
            for (hour, route, status), number in sorted(calls.items()):
                count(self._engine, route, status, hour, number)
                del calls[hour, route, status]
        except SQLAlchemyError as error:
            log.warning("calls of the API wait to be counted", cause=_cause(error))
        finally:
            with self._lock:
                self._calls += calls

    def __enter__(self) -> "Counting":
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.flush()
        if kind is None:  # told to end
            uptime.stopped(self._engine, "api")

    def _run(self) -> None:
        said = -_SIGN_S
        while not self._stop.wait(self._every_s):
            self.flush()
            if monotonic() - said >= _SIGN_S:
                said = monotonic()
                self._sign_of_life()

    def _sign_of_life(self) -> None:
        try:
            uptime.alive(self._engine, "api", datetime.now(UTC))
        except SQLAlchemyError as error:
            log.warning("database does not take the sign of life", cause=_cause(error))


def _cause(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip()[:300]
