"""The store: SQLAlchemy Core over SQLite (embedded default) or PostgreSQL (by URL)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, inspect, make_url
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from city.problems import PenstockError, fault
from service import releases
from service.auditing.chain import Line
from service.auditing.sealing import seal
from service.extras import lacking
from service.schema import metadata
from service.store.limits import limits


def open_store(url: str, *, create: bool = False) -> Engine:
    """An engine on `url`, e.g. `sqlite:///var/demo/penstock.db` or `postgresql+psycopg://...`.

    SQLite runs in WAL mode with full synchronisation: what a transaction acknowledged survives a power cut. PostgreSQL gets `limits`:
    a server that is cut off ends a connection after half a minute. On both, all that one transaction reads is of one moment. Raises
    `PenstockError` when the URL cannot be read, the server cannot be reached, or the tables are not there (unless `create`).
    """
    try:
        made = make_url(url)
        engine = create_engine(made, pool_pre_ping=True, connect_args=limits(made), **one_moment(made))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        told = lacking(error) if isinstance(error, ModuleNotFoundError) else None
        if told is not None:
            raise PenstockError(told) from None
        observed = "cannot be read" if isinstance(error, ValueError) else str(error).split("\n")[0]  # it may hold the password
        raise fault("PENSTOCK_DATABASE_URL", observed, "sqlite:/// or postgresql+psycopg://", "Correct the URL.") from None
    if engine.dialect.name == "sqlite":
        if engine.url.database and engine.url.database != ":memory:":
            _make_folder(Path(engine.url.database).parent)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    if not create:
        _require_tables(engine)
    return engine


def one_moment(url: URL) -> dict[str, str]:
    """Arguments for `create_engine`: PostgreSQL reads as SQLite does, every statement of a transaction from the same snapshot."""
    return {"isolation_level": "REPEATABLE READ"} if url.get_backend_name() == "postgresql" else {}


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise fault(
            f"data folder {folder}",
            error.strerror or "cannot be made",
            "a folder that can be written",
            "Set PENSTOCK_HOME to such a folder.",
        ) from None


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN is ours, not the driver's late one
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at the start: upgrading a read transaction fails at once when another writer was in between.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes: committed whole at the end, or nothing of it; its audit lines are sealed last.

    Of a store that is `service.lease.fenced`, nothing is committed once the lease was taken over.
    """
    lines: list[Line] = []
    with for_writing(engine, lines).begin() as connection:
        yield connection
        if (fence := connection.get_execution_options().get("fence")) is not None:
            fence(connection)
        seal(connection, lines)


def for_writing(engine: Engine, lines: list[Line]) -> Engine:
    """The same store, its transactions such as may write; `lines` takes their audit lines. `writing` also seals and commits them."""
    options: dict[str, Any] = {"writes": True, "audit": lines}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "READ COMMITTED"  # who waited for a lock goes on with what the other wrote
    return engine.execution_options(**options)


def alone(connection: Connection, table: Table) -> None:
    """Be the only writer of `table` until this transaction ends, as every writing transaction of SQLite is.

    Then numbers are given in the order of the transactions, and two writers never wait for each other's rows crosswise.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")


def insert_into(connection: Connection, table: Table) -> Any:
    """An INSERT in the words of the connection's database, which may say what becomes of a row whose key is there already."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # a tenth of what `penstock status` takes

        return postgresql.insert(table)
    return sqlite.insert(table)


def present_tables(engine: Engine) -> set[str]:
    """The names of the tables that are there. Raises `PenstockError` when the database does not answer or is none."""
    try:
        return set(inspect(engine).get_table_names())
    except DBAPIError as error:
        raise fault(
            _named(engine), str(error.orig).strip(), "a database that answers", "Start it or correct PENSTOCK_DATABASE_URL."
        ) from None


def _named(engine: Engine) -> str:
    shown = engine.url.set(query={})  # a password may stand there as well
    return f"database {shown.render_as_string(hide_password=True)}"


def _require_tables(engine: Engine) -> None:
    present = present_tables(engine)
    if "alembic_version" not in present:
        raise fault(_named(engine), "no tables", "a database made by `penstock init`", "Run `penstock init` first.")
    _require_release(engine)
    lost = sorted(set(metadata.tables) - present)
    if lost:
        raise fault(_named(engine), f"without the tables {', '.join(lost)}", "every table", "Restore the database from its backup.")


def _require_release(engine: Engine) -> None:
    """Raises `PenstockError` for a store of an older or a newer release: half of what it holds would be passed over, or not be there."""
    found, own = revision(engine), releases.REVISIONS[releases.RELEASE]
    if found == own:
        return
    remedy = "Install the newer release again, or take the store down there: `penstock downgrade`."
    if found < own:
        remedy = "Run `penstock upgrade`: it makes a backup first."
    raise fault(_named(engine), f"is of {releases.of(found)}", releases.of(own), remedy)


def revision(engine: Engine) -> str:
    """The revision of the tables; empty where there are none."""
    with engine.connect() as connection:
        return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or "")
