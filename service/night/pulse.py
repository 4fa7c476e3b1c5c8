"""The sign of life of a night that runs: it renews its lease, and its heartbeat says which step it is in."""

import time
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from service.lease import RENEWAL, Lease
from service.store import runs

log = structlog.get_logger()


class Pulse:
    """Call it as often as you like: it beats when it is time, and at once in a new step. Raises `TakenOver`.

    A database that is away or busy costs a beat. The lease may run out meanwhile, and still holds until another night takes it.
    """

    def __init__(self, engine: Engine, lease: Lease, now_utc: datetime) -> None:
        self.engine, self.lease, self.now_utc = engine, lease, now_utc
        self.step = ""
        self._began = time.monotonic()
        self._last: tuple[str, float] = ("", float("-inf"))

    def __call__(self) -> None:
        at = time.monotonic()
        if self._last[0] == self.step and at - self._last[1] < RENEWAL.total_seconds():
            return
        self._last = self.step, at
        try:
            self.lease.renew(self.engine)
            runs.beat(self.engine, "night", self.now_utc + timedelta(seconds=at - self._began), {"status": "running", "step": self.step})
        except DBAPIError as error:
            log.warning("no sign of life from the night", told=str(error.orig).strip())
