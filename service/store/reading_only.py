"""The store opened so that nothing can be written: SQLite by mode=ro, PostgreSQL by default_transaction_read_only."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event, make_url

from service.store import one_moment, open_store
from service.store.limits import limits

_LONGEST_S = 10  # of one statement on PostgreSQL, or of one wait for a lock on SQLite [s]


def open_reading(url: str) -> Engine:
    """An engine on `url` whose connections only read; the database itself refuses anything else. Raises as `open_store`."""
    open_store(url).dispose()  # its checks, with its sentences
    made = make_url(url)
    if made.get_backend_name() == "postgresql":
        options = f"-c default_transaction_read_only=on -c statement_timeout={_LONGEST_S * 1000}"
        return create_engine(made, pool_pre_ping=True, connect_args={"options": options, **limits(made)}, **one_moment(made))
    path = Path(str(made.database)).resolve()
    engine = create_engine(f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true", pool_pre_ping=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("query_only=ON", f"busy_timeout={_LONGEST_S * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")
