"""Waiting after wrong sign-ins, kept in the store: it outlives restarts and counts over all consoles of a city.

A name waits twice as long after every wrong try (NIST SP 800-63B-4, 3.2.2), never longer than `longest_wait_s`, and tries while it waits
count for nothing: nobody is locked out for good. Whoever is signed in is not touched, and `penstock hold all` never asks.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, select

from service import schema as t
from service.access.settings import Access
from service.store import writing
from service.store.operations import spelled_alike

EVERYBODY = "all"
PAUSE = timedelta(seconds=5)  # of everybody, while somebody tries names in masses
WINDOW = timedelta(minutes=1)
FORGOTTEN = timedelta(days=1)  # a name without a wrong try for so long starts anew


def begin(engine: Engine, name: str, rules: Access, at_utc: datetime, *, machine: bool = False) -> float:
    """Before a try to sign in: how long the name must wait [s], 0 when it may try.

    The try counts as wrong until `succeeded` says otherwise, so that many at once are no way around the wait. What is tried on the
    `machine`'s command line counts apart: whoever hammers the sign-in page keeps nobody from deciding there.
    """
    own_key = digest(name, machine=machine)
    with writing(engine) as connection:
        f = t.sign_in_failure.c
        connection.execute(delete(t.sign_in_failure).where(f.last_utc < at_utc - FORGOTTEN))
        own, everybody = _row(connection, own_key), None if machine else _row(connection, EVERYBODY)
        wait = max(((row.until_utc - at_utc).total_seconds() for row in (own, everybody) if row), default=0.0)
        if wait > 0:
            return float(wait)
        tries = own.failures + 1 if own else 1
        wait_s = min(2.0 ** min(tries - rules.free_tries, 30), rules.longest_wait_s) if tries > rules.free_tries else 0.0
        _keep(connection, own_key, tries, at_utc, at_utc + timedelta(seconds=wait_s))
        if machine:
            return 0.0
        since, together = (everybody.last_utc, everybody.failures + 1) if everybody else (at_utc, 1)
        if at_utc - since > WINDOW:
            since, together = at_utc, 1
        _keep(connection, EVERYBODY, together, since, at_utc + PAUSE if together > rules.tries_per_minute else at_utc)
    return 0.0


def succeeded(engine: Engine, name: str, *, machine: bool = False) -> None:
    """The try was right: the name starts anew, and does not count among everybody's."""
    with writing(engine) as connection:
        lift(connection, name, machine=machine)
        everybody = None if machine else _row(connection, EVERYBODY)
        if everybody is not None:
            _keep(connection, EVERYBODY, max(0, everybody.failures - 1), everybody.last_utc, everybody.until_utc)


def lift(connection: Connection, name: str, *, machine: bool = False) -> None:
    """Let a name try again at once."""
    connection.execute(delete(t.sign_in_failure).where(t.sign_in_failure.c.subject == digest(name, machine=machine)))


def digest(name: str, *, machine: bool = False) -> str:
    """What a typed name is kept as: people type passwords where a name belongs. No name has a line break, which sets the machine apart."""
    return hashlib.sha256((spelled_alike(name) + ("\n" if machine else "")).encode()).hexdigest()


def _row(connection: Connection, subject: str) -> Row[Any] | None:
    return connection.execute(select(t.sign_in_failure).where(t.sign_in_failure.c.subject == subject).with_for_update()).first()


def _keep(connection: Connection, subject: str, failures: int, last_utc: datetime, until_utc: datetime) -> None:
    connection.execute(delete(t.sign_in_failure).where(t.sign_in_failure.c.subject == subject))
    row = {"subject": subject, "failures": failures, "last_utc": last_utc, "until_utc": until_utc}
    connection.execute(t.sign_in_failure.insert().values(row))
