"""Who is signed in: sessions kept in the store, so that every console of a city ends them alike.

A session is known by a token that is made at sign-in and held by the server's own memory of the browser tab: it is in no cookie, no URL
and no log, so there is none to plant beforehand (session fixation, CWE-384) or to read. The store keeps its SHA-256 alone.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, select

from city.problems import PenstockError
from service import schema as t
from service.access.roles import Role
from service.access.settings import UNTIL_SIGNED_OUT, Access
from service.store import operations, writing

KEPT = timedelta(days=30)  # rows of ended sessions
SEEN_EVERY = timedelta(seconds=20)  # a click within this of the last one writes nothing


def new_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def begin(
    engine: Engine,
    token: str,
    name: str,
    role: Role,
    rules: Access,
    at_utc: datetime,
    origin: str = "local",
    ends_utc: datetime | None = None,
    *,
    confirmed: bool = False,
) -> None:
    """Sign somebody in, at most until `ends_utc`; an audit line says so. A token that was used before begins nothing."""
    latest = at_utc + timedelta(hours=rules.hours(role))
    row = {
        "digest": digest(token),
        "name": name,
        "origin": origin,
        "confirmed": confirmed,
        "began_utc": at_utc,
        "seen_utc": at_utc,
        "ends_utc": min(latest, ends_utc) if ends_utc else latest,
        "ended": "",
    }
    with writing(engine) as connection:
        s = t.session.c
        connection.execute(delete(t.session).where(s.ends_utc < at_utc - KEPT))
        if _row(connection, token) is None:
            connection.execute(t.session.insert().values(row))
            how = " with a second factor" if confirmed else ""
            operations.record(connection, at_utc, name, "sign in", name, f"{name} signed in as {role}{how} ({origin})")


def refuse(engine: Engine, token: str, name: str, at_utc: datetime, error: PenstockError) -> None:
    """Keep that a sign-in was refused: once, however often the browser comes back with it. It can begin no session any more."""
    row = {"digest": digest(token), "name": name, "origin": "oidc", "confirmed": False, "began_utc": at_utc, "seen_utc": at_utc}
    with writing(engine) as connection:
        if _row(connection, token) is None:
            connection.execute(t.session.insert().values(row | {"ends_utc": at_utc, "ended": "refused"}))
            for problem in error.problems:
                operations.record(connection, at_utc, name, "sign in refused", problem.subject[:120], str(problem))


def running(engine: Engine, token: str, role: Role, rules: Access, at_utc: datetime, *, clicked: bool) -> Any | None:
    """The session of a token while it runs: name, confirmed; None for an unknown, ended or expired one, which is ended here.

    `clicked` keeps it from falling idle; a page that only refreshes itself does not.
    """
    with engine.connect() as connection:
        row = _row(connection, token)
    if row is None or row.ended:
        return None
    idle = role not in UNTIL_SIGNED_OUT and at_utc - row.seen_utc > timedelta(minutes=rules.idle_minutes)
    ends = min(row.ends_utc, row.began_utc + timedelta(hours=rules.hours(role)))  # by the role of now: a viewer's may have been longer
    if idle or at_utc >= ends:
        end(engine, token, at_utc, "idle" if idle else "time over")
        return None
    if clicked and at_utc - row.seen_utc > SEEN_EVERY:
        with writing(engine) as connection:
            connection.execute(t.session.update().where(t.session.c.digest == row.digest).values(seen_utc=at_utc))
    return row


def name_of(engine: Engine, token: str) -> str | None:
    """Whose session it is, running or not; None for an unknown token."""
    with engine.connect() as connection:
        row = _row(connection, token)
    return row.name if row else None


def end(engine: Engine, token: str, at_utc: datetime, why: str) -> None:
    """Sign out; an audit line says why. A session that has ended stays as it is."""
    with writing(engine) as connection:
        row = _row(connection, token)
        if row is not None and not row.ended:
            _end(connection, row, at_utc, why)


def end_all(connection: Connection, name: str, at_utc: datetime, why: str) -> int:
    """Sign a person out everywhere. Returns of how many sessions."""
    rows = connection.execute(select(t.session).where(t.session.c.name == name, t.session.c.ended == "")).all()
    for row in rows:
        _end(connection, row, at_utc, why)
    return len(rows)


def digest(token: str) -> str:
    """What the store keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _row(connection: Connection, token: str) -> Any | None:
    return connection.execute(select(t.session).where(t.session.c.digest == digest(token))).first()


def _end(connection: Connection, row: Any, at_utc: datetime, why: str) -> None:
    connection.execute(t.session.update().where(t.session.c.digest == row.digest).values(ended=why))
    operations.record(connection, at_utc, row.name, "sign out", row.name, f"{row.name} signed out: {why}")
