"""Cold storage: readings older than the hot days, for good, as one Parquet file per UTC day in the city's data folder.

A file is written once and never changed. It is on the disk, whole, before the transaction that lists it in `cold_day` deletes the
rows; a crash before that leaves a file nobody lists, and the next run writes the same bytes to the same name. Readings that come
later still for a day in cold storage are hot again at first, then one more part of their day.

A file needs no database to be read: it names each point, its quantity and scale, and how late the reading was received.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, func, select

from city.problems import fault
from city.quantities import Quantity
from service import schema as t
from service.store import alone, columns, partitions, readings, writing
from service.store.columns import NONE, Columns
from service.utctime import from_micros, micros

FOLDER = "cold"
_ROWS = 131_072  # of a row group: what is read for one point
_UTC = pa.timestamp("us", "UTC")
_SCHEMA = pa.schema(
    [
        ("point_id", pa.dictionary(pa.int32(), pa.string())),
        ("point_key", pa.int32()),
        ("quantity", pa.dictionary(pa.int32(), pa.string())),
        ("time_utc", _UTC),
        ("value", pa.int64()),  # in the stored scale; null where there was none
        ("quality", pa.uint16()),
        ("late_s", pa.int32()),  # from its time to when it was received
        ("batch_no", pa.int32()),
    ],
    metadata={f"scale.{quantity}": str(quantity.scale) for quantity in Quantity},
)
# The bytes of a register's value split into streams: its high bytes hardly change from one quarter-hour to the next.
_ENCODING = dict.fromkeys(("point_key", "time_utc", "late_s", "batch_no"), "DELTA_BINARY_PACKED") | {"value": "BYTE_STREAM_SPLIT"}
_READ = [column.name for column in t.reading.columns]


def archive(engine: Engine, folder: Path, before_utc: datetime) -> list[tuple[date, int]]:
    """Move every UTC day that ends at or before `before_utc` from `reading` to `folder`/cold. Returns (day, readings moved).

    A reading whose point and time lie in cold storage already is dropped, and kept in `conflict` if its value is another. Raises
    `PenstockError` when the folder cannot be written or a file is not as it was written.
    """
    moved = []
    while (first := readings.first_slot(engine)) is not None and first.date() < before_utc.astimezone(UTC).date():
        moved.append((first.date(), _archive_day(engine, folder / FOLDER, first.date())))
    return moved


def raw(engine: Engine, folder: Path, point_ids: Sequence[str], start_utc: datetime, end_utc: datetime) -> pd.DataFrame:
    """Readings of some points in [start, end), hot and cold alike, by point and time: the frame `city.frames.READINGS`.

    Raises `PenstockError` for a cold file that is lost or damaged.
    """
    with engine.connect() as connection:
        # Hot first: what is archived in between is then seen twice, not never.
        hot = readings.select_hot(connection, point_ids, start_utc, end_utc)
        known = readings.keys_of(connection, point_ids)
        first, last = (partitions.days_of(np.array([micros(at)]))[0] for at in (start_utc, end_utc - timedelta(microseconds=1)))
        parts = _parts(connection, first, last)
        cold = _read(folder / FOLDER, [part.file for part in parts], sorted(known[name] for name in point_ids if name in known))
        inside = (cold[0] >= micros(start_utc)) & (cold[0] < micros(end_utc))
        both = [np.concatenate([old[inside], new]) for old, new in zip(cold, hot, strict=True)]
        order, kept = firsts(both)
        return readings.as_frame(connection, [column[order[order == kept]] for column in both])


def firsts(found: Columns) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows by point and time, of equal ones in the order they have; and for each of those the first with its point and time."""
    order = np.lexsort((found[0], found[1]))  # stable
    new = (np.diff(found[0][order], prepend=NONE) != 0) | (np.diff(found[1][order], prepend=NONE) != 0)
    return order, order[new][np.cumsum(new) - 1]


def of_day(connection: Connection, folder: Path, day: date, keys: Sequence[int]) -> Columns:
    """The columns of `reading` of some points that lie in cold storage of a UTC day, the oldest part first. Raises as `raw`."""
    parts = _parts(connection, day, day)
    return _read(folder / FOLDER, [part.file for part in parts], keys)


def _parts(connection: Connection, first: date, last: date) -> Sequence[Any]:
    c = t.cold_day.c
    return connection.execute(select(t.cold_day).where(c.day >= first, c.day <= last).order_by(c.day, c.part)).all()


def _archive_day(engine: Engine, folder: Path, day: date) -> int:
    start = datetime.combine(day, time(), UTC)
    inside = (t.reading.c.time_utc >= start, t.reading.c.time_utc < start + timedelta(days=1))
    with engine.connect() as connection:
        rows = columns.fetch(connection, select(*t.reading.c).where(*inside))
        parts = _parts(connection, day, day)
        fresh, refused = _against(_read(folder, [part.file for part in parts], np.unique(rows[1]).tolist()), rows)
        file = _write(connection, folder, day, fresh) if fresh[0].size else None
    newest = int(rows[5].max())
    with writing(engine) as connection:
        alone(connection, t.batch)
        if file is not None:
            connection.execute(t.cold_day.insert().values(day=day, part=len(parts) + 1, readings=fresh[0].size, **file))
        if refused:
            connection.execute(readings.ignore_duplicates(connection, t.conflict), refused)
        # What came in while the file was written stays, and is the next part.
        came = connection.execute(select(func.count()).select_from(t.reading).where(*inside, t.reading.c.batch_no > newest)).scalar_one()
        if connection.dialect.name == "postgresql" and not came:
            partitions.drop(connection, day)
        else:
            connection.execute(t.reading.delete().where(*inside, t.reading.c.batch_no <= newest))
    return int(fresh[0].size)


def _against(cold: Columns, rows: Columns) -> tuple[Columns, list[dict[str, Any]]]:
    """Which of the hot rows are new beside the cold ones, by point and time; and those that would give another value."""
    both = [np.concatenate(pair) for pair in zip(cold, rows, strict=True)]
    order, first = firsts(both)
    time_us, key, value, _, _, batch_no = both
    fresh = order[(order == first) & (order >= cold[0].size)]
    other = order[(order != first) & (value[order] != NONE) & (value[order] != value[first])]
    refused = [
        {"time_utc": from_micros(int(time_us[i])), "point_key": int(key[i]), "value": int(value[i]), "batch_no": int(batch_no[i])}
        for i in other
    ]
    return [column[fresh] for column in both], refused


def _write(connection: Connection, folder: Path, day: date, rows: Columns) -> dict[str, Any]:
    """Write rows, sorted by point and time, durably. Returns the name, size [bytes] and SHA-256 of the file."""
    half = folder / f"{day}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(
            half,
            _SCHEMA,
            compression="zstd",
            compression_level=9,
            use_dictionary=["point_id", "quantity", "quality"],
            column_encoding=_ENCODING,
            write_page_checksum=True,
        ) as writer:
            for table in _tables(connection, rows):
                writer.write_table(table, row_group_size=_ROWS)
        sha256, size = sync(half)
        name = f"{day}.{sha256[:12]}.parquet"
        half.rename(folder / name)
        sync(folder)
    except OSError as error:
        raise fault(
            f"cold storage {folder}", error.strerror or str(error), "a folder with room that can be written", "Free the disk."
        ) from None
    return {"file": name, "bytes": size, "sha256": sha256}


def _tables(connection: Connection, rows: Columns) -> Iterator[pa.Table]:
    p = t.point.c
    kinds = {row.point_key: (row.point_id, row.quantity) for row in connection.execute(select(p.point_key, p.point_id, p.quantity))}
    for at in range(0, rows[0].size, _ROWS):
        time_us, key, value, quality, late_s, batch_no = (column[at : at + _ROWS] for column in rows)
        points, place = np.unique(key, return_inverse=True)
        ids, quantities = (pa.array([kinds[int(point)][i] for point in points], pa.string()) for i in (0, 1))
        yield pa.table(
            [
                pa.DictionaryArray.from_arrays(pa.array(place, pa.int32()), ids),
                pa.array(key, pa.int32()),
                quantities.take(pa.array(place)).dictionary_encode(),
                pa.array(time_us, _UTC),
                pa.array(value, pa.int64(), mask=value == NONE),
                pa.array(quality, pa.uint16()),
                pa.array(late_s, pa.int32()),
                pa.array(batch_no, pa.int32()),
            ],
            schema=_SCHEMA,
        )


def _read(folder: Path, files: Sequence[str], keys: Sequence[int]) -> Columns:
    """The columns of `reading` of some points from cold files, the oldest part first."""
    found = []
    for name in files:
        try:
            table = pq.read_table(
                folder / name,
                columns=_READ,
                filters=[("point_key", "in", keys)],
                page_checksum_verification=True,
            )
        except (OSError, pa.ArrowException) as error:
            raise fault(f"cold file {folder / name}", str(error), "the file as it was written", "Restore it from a backup.") from None
        found.append([table[column].cast(pa.int64()).fill_null(int(NONE)).to_numpy() for column in _READ])
    return [np.concatenate(column) for column in zip(*found, strict=True)] if found else [np.empty(0, dtype=np.int64) for _ in _READ]


def sync(path: Path) -> tuple[str, int]:
    """Bring a file or folder to the disk. Returns the SHA-256 and size [bytes] of a file."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
        if path.is_dir():
            return "", 0
        with os.fdopen(os.dup(handle), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size
    finally:
        os.close(handle)
