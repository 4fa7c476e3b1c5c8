"""Processes and the machine: heartbeats, leases, disk, size of the database, backup, certificates."""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cryptography import x509
from sqlalchemy import Connection, func, select

from city.problems import fault
from service import keeping
from service import schema as t
from service.metrics.sample import Asked, Sample


def processes(asked: Asked) -> Iterator[Sample]:
    for row in asked.connection.execute(select(t.heartbeat.c.process, t.heartbeat.c.time_utc)):
        yield "heartbeat_age_seconds", (row.process,), asked.age_s(row.time_utc)
    for row in asked.connection.execute(select(t.lease)):
        yield "lease_held", (row.name,), float(bool(row.holder) and row.until_utc > asked.now_utc)
        yield "lease_until_timestamp_seconds", (row.name,), row.until_utc.timestamp()


def disk(asked: Asked) -> Iterator[Sample]:
    yield "disk_free_bytes", (), float(shutil.disk_usage(asked.city.folder).free)
    yield "database_bytes", (), float(database_bytes(asked.connection))


def database_bytes(connection: Connection) -> int:
    """Size of the database, of SQLite with its write-ahead log [bytes]."""
    if connection.dialect.name == "postgresql":
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
    file = Path(str(connection.engine.url.database))
    return sum(path.stat().st_size for path in (file, file.with_name(file.name + "-wal")) if path.exists())


def certificates(asked: Asked) -> Iterator[Sample]:
    for name in asked.city.settings.metrics.certificates:
        yield "certificate_expiry_timestamp_seconds", (name,), end_of(asked.city.beside / name).timestamp()


def end_of(path: Path) -> datetime:
    """When the first of the certificates in a PEM file to end does so [UTC]. Raises `PenstockError` when it cannot be read."""
    try:
        return min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        observed = (error.strerror if isinstance(error, OSError) else None) or "no PEM certificate"
        raise fault(f"certificate {path}", observed, "a PEM file", "Correct [metrics] certificates.") from None


def backup(asked: Asked) -> Iterator[Sample]:
    """Its age; while there is none, for how long there was something to lose: since the first run."""
    newest = keeping.age(asked.city.environment, asked.now_utc)
    if newest is not None:
        yield "backup_age_seconds", (), newest.hours * 3600
        return
    first = asked.connection.execute(select(func.min(t.run.c.started_utc))).scalar()
    if first is not None:
        yield "backup_missing_seconds", (), asked.age_s(first)
