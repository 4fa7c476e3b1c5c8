"""From a spool to where its batches belong, oldest first: to this machine's store here, to the central over HTTPS in `service.edge`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Protocol

import pandas as pd
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from city.places import Point
from city.problems import PenstockError
from city.quantities import Quantity
from meters.spool.packing import Batch
from meters.spool.spool import Spool, SpoolFull
from service import schema as t
from service.store import readings, writing

log = structlog.get_logger()
AT_ONCE = 100_000  # readings that one transaction of the store takes


class Refused(Exception):
    """The content is not taken, now or later."""


class Away(Exception):
    """Nobody takes anything now; try again later."""


class Sink(Protocol):
    """Where batches go. Both methods may be called again with what they took before, and then do nothing."""

    at_once: int  # readings that `take` is given together

    def take(self, batches: Sequence[Batch]) -> int:
        """Keep the batches for good. Returns the readings kept. Raises `Refused` (nothing was kept) or `Away`."""

    def bury(self, batch: Batch, reason: str) -> None:
        """Keep what was refused among the dead letters. Raises `Away`."""


def drain(spool: Spool, sink: Sink, seconds: float | None = None) -> tuple[int, str]:
    """Hand batches over, oldest first, until none waits or `seconds` [s] have passed.

    Returns the readings taken, and why it stopped before the end ('' when it did not have to).

    A batch is acknowledged only after the sink has it for good, and the sink knows its id: whatever dies in between, the batch is
    handed over again and kept once. One that is refused is halved until its bad readings are alone: those become dead letters, the
    others go in.
    """
    end = None if seconds is None else monotonic() + seconds
    taken = 0
    while (batches := spool.waiting_batches(sink.at_once)) and (end is None or monotonic() < end):
        try:
            for letter in (batch for batch in batches if batch.reason):
                sink.bury(letter, letter.reason)
            taken += _taken(sink, [batch for batch in batches if not batch.reason])
            spool.acknowledge(*(batch.batch_id for batch in batches))
        except (Away, SpoolFull) as error:
            return taken, str(error)
    return taken, ""


def _taken(sink: Sink, batches: Sequence[Batch]) -> int:
    try:
        return sink.take(batches) if batches else 0
    except Refused:
        return sum(halved(sink, batch) for batch in batches)


def halved(sink: Sink, batch: Batch) -> int:
    """Hand over one batch, or what is good in it. Returns the readings taken; the others are dead letters. Raises `Away`."""
    try:
        return sink.take([batch])
    except Refused as refused:
        reason = str(refused)
    try:
        frame = batch.readings()
    except PenstockError as error:  # torn: no half can be told from the other
        sink.bury(batch, str(error))
        return 0
    if len(frame) < 2:
        sink.bury(batch, reason)
        return 0
    middle = len(frame) // 2
    return sum(halved(sink, Batch.of(half, batch.origin)) for half in (frame.iloc[:middle], frame.iloc[middle:]))


def deliver(engine: Engine, spool: Spool, points: Sequence[Point], seconds: float | None = None) -> int:
    """Hand spooled batches to the store, oldest first. Returns the readings stored. A locked or lost database leaves the rest waiting."""
    try:
        taken, away = drain(spool, StoreSink(engine, points), seconds)
    except Away as error:
        taken, away = 0, str(error)
    if away:
        log.warning("database does not take readings; they stay in the spool", batches=spool.depth(), cause=away)
    return taken


class StoreSink:
    """This machine's store."""

    at_once = AT_ONCE

    def __init__(self, engine: Engine, points: Sequence[Point], stored_utc: datetime | None = None) -> None:
        """`points` are registered first; `stored_utc` is a replay's clock. Raises `Away`."""
        self._engine, self._stored_utc = engine, stored_utc
        self._key_of = self._registered(points)

    def take(self, batches: Sequence[Batch]) -> int:
        """Store the batches, each once, with the table of where they came from."""
        try:
            frames = [(batch.batch_id, batch.readings()) for batch in batches]
        except PenstockError as error:
            raise Refused(str(error)) from None
        for _, frame in frames:
            self._know(frame)
        try:
            stored = readings.store_batches(self._engine, frames, self._key_of, self._stored_utc)
            self._remember_origins(batches)
        except (DataError, IntegrityError) as error:
            raise Refused(_cause(error)) from None
        except DBAPIError as error:
            raise Away(_cause(error)) from None
        except (ValueError, OverflowError, TypeError, KeyError) as error:  # a number that no column holds
            raise Refused(f"{type(error).__name__}: {error}") from None
        return stored

    def bury(self, batch: Batch, reason: str) -> None:
        """Keep what was refused in the table `dead_letter`."""
        try:
            count = len(batch.readings())
        except PenstockError:
            count = 0
        log.error("dead letter", letter=batch.batch_id[:12], readings=count, reason=reason)
        row = {"letter_id": batch.batch_id, "readings": count, "origin": batch.origin, "reason": reason.replace("\0", "?")[:2000]}
        try:
            with writing(self._engine) as connection:
                made = readings.ignore_duplicates(connection, t.dead_letter)
                connection.execute(made.values(**row, at_utc=datetime.now(UTC), content=batch.kept))
        except DBAPIError as error:
            raise Away(_cause(error)) from None

    def _know(self, frame: pd.DataFrame) -> None:
        """Register points that were read but have left city.toml since: their readings are kept, not stuck. Raises `Refused`, `Away`."""
        unknown = set(frame["quantity"].unique()) - {str(quantity) for quantity in Quantity}
        if unknown:
            raise Refused(f"unknown quantity {', '.join(sorted(unknown))}")
        gone = set(frame["point_id"].to_numpy(dtype=object)) - self._key_of.keys()
        if gone:
            rows = frame.loc[frame["point_id"].isin(gone), ["point_id", "quantity"]].drop_duplicates("point_id").itertuples(index=False)
            self._key_of |= self._registered([Point(id=name, meter=name.rsplit(".", 1)[0], quantity=Quantity(q)) for name, q in rows])

    def _registered(self, points: Sequence[Point]) -> dict[str, int]:
        try:
            return readings.register_points(self._engine, points)
        except DataError as error:
            raise Refused(_cause(error)) from None
        except DBAPIError as error:
            raise Away(_cause(error)) from None

    def _remember_origins(self, batches: Sequence[Batch]) -> None:
        rows = [{"batch_id": batch.batch_id, "origin": batch.origin} for batch in batches if batch.origin]
        if rows:
            with writing(self._engine) as connection:
                connection.execute(readings.ignore_duplicates(connection, t.batch_origin), rows)


def _cause(error: DBAPIError) -> str:
    return str(error.orig).strip()
