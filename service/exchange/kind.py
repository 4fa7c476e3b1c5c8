"""What an exported kind is: a name, the tables it tells, its columns, and how its rows are streamed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Connection

TIME = pa.timestamp("us", "UTC")
WORD = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class Span:
    """What is asked for: one snapshot of the store, the folder of the city's data, and from when to when (None: everything)."""

    connection: Connection
    folder: Path
    since: datetime | None = None
    until: datetime | None = None


Stream = Callable[[Span], Iterator[pa.Table]]


@dataclass(frozen=True)
class Kind:
    """An exported kind. Rows come in one order whatever the database, so that equal stores give equal bytes."""

    name: str
    about: str
    tables: tuple[str, ...]
    schema: pa.Schema
    stream: Stream
    timed: bool = True  # does --since cut it?
