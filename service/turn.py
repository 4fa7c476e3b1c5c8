"""A person's turn at readings and ledger: the lease of the night, for an edit, a closing or a restatement, from whichever machine.

The file lock beside it guards the ledger's files, which lie on this machine. A turn is short: it waits a little for whoever is at it, and
the night waits for a turn. What takes longer than a term of the lease, and does not `renew` it, may lose it to a night that waits; then
it writes nothing and says so.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from city.problems import fault
from service.lease import Lease, fenced, leased
from service.one_process import Busy, Waits, lock

WAITS: Waits = (10.0, 10.0)  # of a person: somebody looks at a screen meanwhile [s]
NIGHT_WAITS: Waits = (0.0, 300.0)  # of a night: a second one is refused at once, a turn is waited for [s]


@dataclass(frozen=True)
class Turn:
    """`store` writes nothing once another one took the lease over."""

    store: Engine
    lease: Lease
    engine: Engine

    def renew(self) -> None:
        """Hold it for another term. Raises `TakenOver`; a database that is busy costs a renewal, as it costs the night one."""
        with suppress(DBAPIError):
            self.lease.renew(self.engine)


@contextmanager
def turn(engine: Engine, folder: Path, deed: str, subject: str, waits: Waits | None = None) -> Iterator[Turn]:
    """Be the only one at readings and ledger. Raises `PenstockError` when another one is at it for longer than this one waits."""
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
        yield Turn(fenced(engine, lease), lease, engine)
