"""A lease in the store: what only one process may do, wherever it runs; a file lock binds the processes of one machine only.

Whoever takes a lease gets a token that is greater than all before it. The holder renews until it ends. A lease that ran out is taken over,
and so is, at once, that of a process of this machine which is gone. A holder that was taken over - it stood still, its network was cut -
finds another token when it wants to write, and writes nothing: `fenced` puts that check at the end of every writing transaction (Kleppmann,
"How to do distributed locking", 2016, fencing tokens).

Times are those of each machine's clock. A clock that is wrong makes others wait longer, or costs its holder the lease; never two writers.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError

from city.problems import PenstockError, fault
from service import schema as t
from service.one_process import AT_ONCE, Busy, Waits, patient
from service.store import alone, writing

NIGHT = "night"
TERM = timedelta(seconds=90)
RENEWAL = timedelta(seconds=15)  # several of them may be missed
LOCKED_S = 5  # that a renewal waits, as SQLite does
LONGEST_DEED = 12  # letters of a deed: a holder has 120
AHEAD = timedelta(hours=1)  # a lease that ends later than this was taken by a clock that was wrong: it would hold for years


class TakenOver(PenstockError):
    """Another process holds the lease by now."""


@dataclass(frozen=True)
class Lease:
    """One taking of a lease."""

    name: str
    holder: str
    token: int

    def check(self, connection: Connection) -> None:
        """At the end of a writing transaction: raises `TakenOver` where another one took the lease, so that nothing is written.

        A lease that ran out and that nobody took is still ours. On PostgreSQL the row stays locked until the transaction ends.
        """
        c = t.lease.c
        statement = select(c.token, c.holder).where(c.name == self.name).with_for_update(read=True)
        row = connection.execute(statement).first()
        if row is None or row.token != self.token:
            raise self._taken_over(row.holder if row is not None else "")

    def renew(self, engine: Engine, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Hold it for another term. Raises `TakenOver`, and `DBAPIError` when a transaction that writes has it for some seconds."""
        c = t.lease.c
        own = (c.name == self.name) & (c.token == self.token)
        with writing(engine) as connection:
            if connection.dialect.name == "postgresql":  # a step whose commit hangs has the row: who renews must see to its deadline
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCKED_S}s'")
            if connection.execute(t.lease.update().where(own).values(until_utc=clock() + TERM)).rowcount == 0:
                raise self._taken_over(connection.execute(select(c.holder).where(c.name == self.name)).scalar() or "")

    def release(self, engine: Engine) -> None:
        """Give it back: the next one takes it at once. One that was taken over stays as it is."""
        c = t.lease.c
        own = (c.name == self.name) & (c.token == self.token)
        with writing(engine) as connection:
            connection.execute(t.lease.update().where(own).values(until_utc=datetime.now(UTC), holder=""))

    def _taken_over(self, by: str) -> TakenOver:
        observed = f"{told(by)} took it over meanwhile"
        return TakenOver(
            fault(self.name, observed, f"one {self.name} at a time", "Nothing more was written; let the other one end.").problems
        )


def take(engine: Engine, name: str = NIGHT, clock: Callable[[], datetime] = lambda: datetime.now(UTC), deed: str = "") -> Lease:
    """Take a lease for a term, for the night or a person's short `deed`. Raises `Busy` while another process holds it."""
    c, own = t.lease.c, holder(deed)
    with writing(engine) as connection:
        alone(connection, t.lease)
        row = connection.execute(select(t.lease).where(c.name == name)).first()
        now = clock()
        if row is not None and now < row.until_utc <= now + AHEAD and not gone(row.holder):
            until = f", and its lease ends at {row.until_utc:%H:%M:%S} UTC unless it renews it"
            raise Busy(name, told(row.holder), row.taken_utc, _parts(row.holder)[5], until)
        token = (row.token if row is not None else 0) + 1
        values = {"holder": own, "token": token, "taken_utc": now, "until_utc": now + TERM}
        if row is None:
            connection.execute(t.lease.insert().values(name=name, **values))
        else:
            connection.execute(t.lease.update().where(c.name == name).values(**values))
    return Lease(name, own, token)


@contextmanager
def leased(engine: Engine, name: str = NIGHT, deed: str = "", waits: Waits = AT_ONCE) -> Iterator[Lease]:
    """Take it and give it back; a killed holder gives nothing back, and is found to be gone."""
    lease = patient(lambda: take(engine, name, deed=deed), waits)
    try:
        yield lease
    finally:
        with suppress(DBAPIError):  # the database is away: the lease runs out, and what went wrong is told by what is raised already
            lease.release(engine)


def fenced(engine: Engine, lease: Lease) -> Engine:
    """The same store, with `Lease.check` at the end of every transaction of `writing`."""
    return engine.execution_options(fence=lease.check)


def holder(deed: str = "") -> str:
    """This process: host, boot, process namespace, id and start time - no other one ever is or was the same - and its deed, if any."""
    pid = os.getpid()
    name = "|".join([socket.gethostname()[:32], *_machine(), str(pid), _started(pid) or ""])
    return f"{name}|{deed[:LONGEST_DEED]}" if deed else name


def told(name: str) -> str:
    """A holder as people read it."""
    host, _, _, pid, _, deed = _parts(name)
    return (f"process {pid} on {host}" if pid else "another process") + (f" ({deed})" if deed else "")


def gone(name: str) -> bool:
    """Did the holder run on this machine, and does it no longer? One elsewhere is not known to be gone."""
    _, boot, namespace, pid, started, _ = _parts(name)
    if not pid:
        return not name  # given back
    return bool(boot) and (boot, namespace) == _machine() and _started(int(pid)) != started


def _parts(name: str) -> tuple[str, str, str, str, str, str]:
    """Host, boot, namespace, id, start and deed of a holder; empty words where it is not of that form."""
    host, boot, namespace, pid, started, deed = [*name.split("|"), ""][:6] if name.count("|") in (4, 5) else [""] * 6
    return host, boot, namespace, pid, started, deed


def _machine() -> tuple[str, str]:
    """Which boot of which machine, and which of its process namespaces: containers count their processes apart. Empty off Linux."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return boot, os.readlink("/proc/self/ns/pid").removeprefix("pid:").strip("[]")
    except OSError:
        return "", ""


def _started(pid: int) -> str | None:
    """When a process started [clock ticks since boot]; None when it is no more, or only waits to be reaped."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = line.rpartition(")")[2].split()  # the name before may hold blanks
    return None if state in "ZX" else fields[18]
