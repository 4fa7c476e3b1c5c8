"""Roads by which readings come without being polled: watched folders and message brokers. All end in the same spool."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

import pandas as pd

from meters.spool.spool import Spool

_ROUNDS = 100  # of one source in one slot: a folder that fills faster than it is read must not stop the polling


class Source(Protocol):
    """Something that has readings of its own accord. It gives a frame, and lets go of its origin only when told that the frame is safe."""

    def readings(self, slot_utc: datetime, /) -> pd.DataFrame:
        """What has come since the last call, as `city.frames.READINGS`; empty when nothing has. Never raises for what others sent."""
        ...

    def kept(self) -> None:
        """The frame given last is on the disk: a file may be moved away, a message acknowledged."""
        ...

    def close(self) -> None: ...


def take_in(sources: Iterable[Source], spool: Spool, slot_utc: datetime) -> int:
    """Move into the spool whatever the sources have. Returns the readings kept.

    Raises `PenstockError` when the spool refuses; then the source still holds what it gave, and gives it again.
    """
    taken = 0
    for source in sources:
        for _ in range(_ROUNDS):
            frame = source.readings(slot_utc)
            if frame.empty:
                break
            spool.append(frame)
            source.kept()
            taken += len(frame)
    return taken
