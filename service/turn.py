"""A person's turn at readings and ledger: the lease of the night, for an edit, a closing or a restatement, from whichever machine.

The file lock beside it guards the ledger's files, which lie on this machine. A turn waits a little for whoever is at it, and the night
waits for a turn. However long it takes, a thread renews its lease; one that was taken over all the same, because its process stood still,
writes nothing and says so.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from city.problems import fault
from service.lease import RENEWAL, Lease, TakenOver, fenced, leased
from service.one_process import Busy, Waits, lock

WAITS: Waits = (10.0, 10.0)  # of a person: somebody looks at a screen meanwhile [s]
NIGHT_WAITS: Waits = (0.0, 300.0)  # of a night: a second one is refused at once, a turn is waited for [s]


@contextmanager
def turn(engine: Engine, folder: Path, deed: str, subject: str, waits: Waits | None = None) -> Iterator[Engine]:
    """Be the only one at readings and ledger. Gives the store, which writes nothing once another one took the lease over.

    Raises `PenstockError` when another one is at it for longer than this one waits.
    """
    waits = WAITS if waits is None else waits
    with ExitStack() as stack:
        try:
            stack.enter_context(lock(folder, deed=deed, waits=waits))
            lease = stack.enter_context(leased(engine, deed=deed, waits=waits))
        except Busy as busy:
            who = busy.who if busy.deed else f"{busy.who} (night)"
            allowed = "one at a time: a night, an edit, a closing or a restatement"
            remedy = f"Nothing was written after {waits[0]:g} s of waiting; wait for it to end and do it again."
            raise fault(subject, f"{who} has readings and ledger since {busy.since_utc:%Y-%m-%d %H:%M:%S} UTC", allowed, remedy) from None
        stack.enter_context(_renewed(lease, engine))
        yield fenced(engine, lease)


@contextmanager
def _renewed(lease: Lease, engine: Engine) -> Iterator[None]:
    """Hold the lease for as long as the block takes. A database that is busy or away costs a renewal, as it costs the night one."""
    over = Event()

    def renewing() -> None:
        with suppress(TakenOver):
            while not over.wait(RENEWAL.total_seconds()):
                with suppress(DBAPIError):
                    lease.renew(engine)

    thread = Thread(target=renewing, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
