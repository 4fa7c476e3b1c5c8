"""`penstock restore`: a backup becomes the city's data again, all of it or nothing.

Every file is checked before anything is touched. The database changes in one transaction of its own kind: SQLite copies the pages of the
backup over those it has, PostgreSQL drops the tables, makes and fills them anew. A kill at any moment leaves the former database whole.
"""

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, inspect, select, text
from sqlalchemy.exc import DBAPIError

from city.problems import PenstockError, fault
from meters.spool.packing import Batch
from meters.spool.spool import Spool
from service import migrations
from service import schema as t
from service.environment import SPOOLS, Environment
from service.keeping import backup, beside
from service.lease import NIGHT, leased
from service.one_process import lock
from service.store import cold, ledger, open_store, operations, partitions, present_tables, writing
from service.store.columns import driver_errors

LONGEST_S = 60  # that a restore or an upgrade waits for another session's locks


def restore(env: Environment, source: Path, now_utc: datetime, *, replace: bool = False) -> str:
    """Put the backup in the folder `source` in place of the city's data. Returns a sentence, which stands in the audit, too.

    The city file stays as it is; files that it names come back beside it. Readings that wait in this machine's spools stay, and those of
    the backup's join them. Raises `PenstockError` when a file of the backup is not what it was, when it is of another kind of database or
    a newer release, while poll or a night runs here, or a night elsewhere, when it is of another city, or (unless `replace`) when there is
    a database already, or a file beside city.toml that differs.
    """
    manifest = backup.verified(source)
    if manifest["city"] != env.city_id:  # backups of several cities lie in one folder
        remedy = "Give a backup of this city, or --city with the file of that one: it lies in city/ of the backup."
        raise fault(f"backup {source}", f"of the city '{manifest['city']}'", f"one of '{env.city_id}'", remedy)
    engine = open_store(env.url, create=True)
    if manifest["database"] != engine.dialect.name:
        allowed = f"a backup of {engine.dialect.name}"
        raise fault(f"backup {source}", f"of {manifest['database']}", allowed, "Set PENSTOCK_DATABASE_URL to a database of its kind.")
    migrations.require_known(engine, manifest["revision"])
    if not replace and present_tables(engine) & set(t.metadata.tables):
        observed, remedy = "a database is there already", "Back that up first, then give --replace."
        raise fault(f"restore of {source}", observed, "an empty one", remedy)
    files = beside.places(env, source, manifest, replace)
    with lock(env.folder, "poll"), lock(env.folder, "night"), _no_night_elsewhere(engine) as token:
        # What they know of the database would no longer be so.
        put_back = beside.put_back(files)
        for name in (cold.FOLDER, ledger.FOLDER):
            _put_back_files(source / name, env.folder / name)
        if engine.dialect.name == "sqlite":
            _sqlite(engine, source / "database" / backup.SQLITE)
        else:
            _postgresql(engine, source / "database", manifest, token)
        waiting = sum(_put_back_spool(source / name, env.folder / name) for name in SPOOLS)
    rows = sum(table["rows"] for table in manifest["tables"].values())
    tables = f"{rows:,} rows of {len(manifest['tables'])} tables; {waiting} batches wait{put_back}"
    told = f"{manifest['city']} as of {manifest['made_at_utc']}: {tables}"
    with writing(engine) as connection:
        operations.record(connection, now_utc, env.operator.strip() or "restore", "restore", source.name[:120], told)
    return told


@contextmanager
def _no_night_elsewhere(engine: Engine) -> Iterator[int]:
    """Hold the lease of the night, where other machines may write the same database, too. Yields its token, 0 where there is none."""
    if engine.dialect.name != "postgresql" or t.lease.name not in present_tables(engine):
        yield 0
        return
    with leased(engine) as lease:
        yield lease.token


def _put_back_files(source: Path, target: Path) -> None:
    """Files are named by their content: one that is there and whole is the same. A backup of an older release has no ledger in files."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*")):
        there = target / path.name
        if there.exists() and cold.sync(there)[0] == cold.sync(path)[0]:
            continue
        half = there.with_suffix(".part")
        shutil.copy(path, half)
        cold.sync(half)
        half.rename(there)
    cold.sync(target)


def _sqlite(engine: Engine, source: Path) -> None:
    engine.dispose()
    target = str(engine.url.database)
    try:
        reading = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        with closing(reading) as old, closing(sqlite3.connect(target, timeout=30)) as new:
            new.execute("PRAGMA journal_mode = WAL")
            new.execute("PRAGMA synchronous = FULL")
            old.backup(new)
    except sqlite3.Error as error:
        raise fault(f"database {target}", str(error), "one that nobody writes to", "Stop poll, work, night and the console.") from None
    migrations.upgrade(engine)


@contextmanager
def others_awaited(connection: Connection) -> Iterator[None]:
    """Wait for the locks of PostgreSQL's other sessions for so long, and no longer. Raises `PenstockError` where one holds a table on."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LONGEST_S}s'")
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != "55P03":  # lock_not_available
            raise
        remedy = "The database was not changed: stop poll, work, night and the console, then run it again."
        raise fault("the store", f"another session holds a table for over {LONGEST_S} s", "nobody else in it", remedy) from None


def _postgresql(engine: Engine, folder: Path, manifest: dict[str, Any], token: int) -> None:
    with writing(engine) as connection, others_awaited(connection):
        for name in present_tables(engine) & {*t.metadata.tables, "alembic_version"}:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name} CASCADE")
        migrations.upgrade(engine, manifest["revision"], connection)
        there = set(inspect(connection).get_table_names())
        known = [table.name for table in t.metadata.sorted_tables]
        for name in [*known, *sorted(set(manifest["tables"]) - set(known))]:  # an older release had tables by other names
            if name in manifest["tables"] and name in there:
                _fill(connection, name, manifest["tables"][name], folder / f"{name}.zst")
        migrations.upgrade(engine, "head", connection)
        if token:
            _outlive(connection, token)


def _outlive(connection: Connection, token: int) -> None:
    """Let no token be given again: a night that stood still since before the restore must find another one than its own."""
    c, now_utc = t.lease.c, datetime.now(UTC)
    last = connection.execute(select(c.token).where(c.name == NIGHT)).scalar() or 0
    connection.execute(t.lease.delete().where(c.name == NIGHT))
    row = {"name": NIGHT, "holder": "", "token": max(last, token) + 1, "taken_utc": now_utc, "until_utc": now_utc}
    connection.execute(t.lease.insert().values(**row))


def _fill(connection: Connection, name: str, table: dict[str, Any], file: Path) -> None:
    """One table from binary COPY; its numbering, if it has one, goes on after the rows. Raises `PenstockError` if the count differs."""
    partitions.ensure(connection, [date.fromisoformat(day) for day in table.get("days", ())])
    driver: Any = connection.connection.driver_connection
    columns = ", ".join(f'"{column}"' for column in table["columns"])
    with driver_errors(connection), driver.cursor() as cursor, pa.CompressedInputStream(str(file), "zstd") as content:
        with cursor.copy(f"COPY {name} ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
            while chunk := content.read(1 << 20):
                copy.write(chunk)
        if cursor.rowcount != table["rows"]:
            raise fault(f"backup {file}", f"{cursor.rowcount} rows", f"{table['rows']} by the manifest", "Use another backup.")
    go_on_numbering(connection, name)


def go_on_numbering(connection: Connection, name: str) -> None:
    """Let PostgreSQL's own numbers of a table, where it gives them, go on after rows that were put there with theirs."""
    key = t.metadata.tables[name].primary_key.columns[0].name
    sequence = connection.execute(text("SELECT pg_get_serial_sequence(:name, :key)"), {"name": name, "key": key}).scalar()
    if sequence is not None:
        highest = f"(SELECT max({key}) FROM {name})"  # noqa: S608 - our names
        connection.execute(text(f"SELECT setval('{sequence}', coalesce({highest}, 1), {highest} IS NOT NULL)"))


def _put_back_spool(source: Path, target: Path) -> int:
    """Batches that waited when the backup was made wait again, beside those that wait now. Returns how many the backup had."""
    if not source.exists():
        return 0
    with TemporaryDirectory(dir=target.parent) as folder:
        shutil.copy(source, Path(folder) / "spool.db")  # a spool is opened to be written, and a backup is not
        with Spool(Path(folder) / "spool.db", 0) as old, Spool(target) as live:
            batches = old.waiting_batches(sys.maxsize)
            for batch in batches:
                live.keep(batch, _count(batch))
    return len(batches)


def _count(batch: Batch) -> int:
    try:
        return len(batch.readings())
    except PenstockError:  # torn before it was backed up: told as such when it is delivered
        return 0
