"""`penstock backup`: everything a city cannot make again, in one folder that says of each of its files what it must be.

The database is copied while it is in use, as it was at one moment. The spools are copied before it: a reading that moved from one to the
other meanwhile is then in both, and stored once. Files of cold storage and of the ledger are never changed, so those that the database
lists are copied after it.

| in the folder | what |
|---|---|
| manifest.json | when, of which release and revision, how many rows each table has, the hash of each file of city/ and data/ |
| SHA256SUMS | the hash of every other file, as `sha256sum -c` reads it |
| database/ | the SQLite file, or one file per table of PostgreSQL: binary COPY, Zstandard |
| cold/, spool.db, received.db | readings in cold storage, and those that wait for the store |
| ledger/ | the entries of the carbon ledger, batch by batch |
| city/ | city.toml, its devices and factors, and what it names beside it |
| data/ | what city.toml names in the data folder: prices, intensities |
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, create_engine, func, inspect, select, table

from carbon.ledger.files import file_of
from city.problems import PenstockError, Problem, fault
from service import schema as t
from service.environment import SPOOLS, Environment
from service.keeping import MANIFEST, SUMS, beside
from service.releases import RELEASE
from service.store import cold, ledger, open_store, partitions
from service.store.columns import driver_errors

SQLITE = "penstock.db"
ALREADY = "is there already, whole and verified"


def back_up(env: Environment, target: Path, now_utc: datetime, *, older: bool = False) -> str:
    """Write a backup of the city to the new folder `target`, `older`: also of a store of an older release. Returns a sentence.

    The folder has its name only when it is complete. One that is there, verified and of the same moment is what was asked for: it was
    made by a process that was killed behind it. Raises `PenstockError` when anything else is there already, the folder cannot be written,
    or something in the city's own data is not as it was written.
    """
    if target.exists():
        return _there_already(env, target, now_utc)
    half = target.with_name(target.name + ".part")
    shutil.rmtree(half, ignore_errors=True)
    try:
        half.mkdir(parents=True)
        manifest = _written(env, half, now_utc, older)
        files = sorted(path for path in half.rglob("*") if path.is_file())
        manifest["files"] = len(files)
        (half / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        sums = [(cold.sync(path)[0], path.relative_to(half).as_posix()) for path in [*files, half / MANIFEST]]
        (half / SUMS).write_text("".join(f"{digest}  {name}\n" for digest, name in sums), encoding="utf-8")
        for path in [half / SUMS, *(path for path in half.rglob("*") if path.is_dir()), half]:
            cold.sync(path)
        half.rename(target)
        cold.sync(target.parent)
    except OSError as error:
        raise fault(f"backup {target}", error.strerror or str(error), "a folder with room that can be written", "Free the disk.") from None
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    rows = sum(table["rows"] for table in manifest["tables"].values())
    return f"{target}: {len(files)} files, {size / 1e6:,.1f} MB, {rows:,} rows of {len(manifest['tables'])} tables{beside.told(manifest)}"


def _there_already(env: Environment, target: Path, now_utc: datetime) -> str:
    try:
        manifest = verified(target)
    except PenstockError as error:
        remedy = "Give another name, e.g. with the date in it, and look at that folder."
        raise fault(f"backup {target}", f"is there already, and not whole: {error.problems[0]}", "a new folder", remedy) from None
    if manifest["city"] == env.city_id and datetime.fromisoformat(manifest["made_at_utc"]) == now_utc:
        return f"{target} {ALREADY}"
    observed = f"{ALREADY}: of {manifest['city']} at {manifest['made_at_utc']}"
    raise fault(f"backup {target}", observed, "a new folder", "Keep it, and give another name, e.g. with the date in it.")


def _written(env: Environment, target: Path, now_utc: datetime, older: bool) -> dict[str, Any]:
    engine = open_store(env.url, create=older)
    for name in SPOOLS:
        if (env.folder / name).exists():
            _copy_sqlite(env.folder / name, target / name)
    (target / "database").mkdir()
    is_sqlite = engine.dialect.name == "sqlite"
    tables = _sqlite(engine, target) if is_sqlite else _postgresql(engine, target)
    _copy_cold(tables.pop("cold files"), env.folder / cold.FOLDER, target / cold.FOLDER)
    _copy_ledger(tables.pop("ledger files"), env.folder / ledger.FOLDER, target / ledger.FOLDER)
    (target / "city").mkdir()
    (target / "city" / "city.toml").write_bytes(env.content)  # the edition whose names are copied
    return {
        "made_at_utc": now_utc.isoformat(),
        "release": RELEASE,
        "city": env.city_id,
        "database": engine.dialect.name,
        "revision": tables.pop("revision"),
        "tables": tables,
        **beside.copy(env, target),
    }


def _copy_sqlite(source: Path, target: Path) -> None:
    """One moment of a SQLite database in use, as a file of its own. Raises `PenstockError` when SQLite finds it damaged."""
    with closing(sqlite3.connect(source, timeout=30)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")
        told = new.execute("PRAGMA quick_check(1)").fetchone()[0]
    if told != "ok":
        raise fault(f"database {source}", told, "a whole SQLite file", "Restore the newest backup.")


def _sqlite(engine: Engine, target: Path) -> dict[str, Any]:
    _copy_sqlite(Path(str(engine.url.database)), target / "database" / SQLITE)
    copy = create_engine(f"sqlite:///{target / 'database' / SQLITE}")
    try:
        with copy.connect() as connection:
            return _described(connection)
    finally:
        copy.dispose()


def _postgresql(engine: Engine, target: Path) -> dict[str, Any]:
    with engine.connect() as connection:
        found = _described(connection)
        if "reading" in found:
            found["reading"]["days"] = [str(day) for day in partitions.present(connection)]
        driver: Any = connection.connection.driver_connection
        for name in [name for name, one in found.items() if isinstance(one, dict)]:
            columns = ", ".join(f'"{column}"' for column in found[name]["columns"])  # `limit` is a word of SQL
            with (
                driver_errors(connection),
                pa.CompressedOutputStream(str(target / "database" / f"{name}.zst"), "zstd") as file,
                driver.cursor() as cursor,
                cursor.copy(f"COPY (SELECT {columns} FROM {name}) TO STDOUT (FORMAT BINARY)") as copy,  # noqa: S608 - our names
            ):
                for chunk in _gathered(copy):
                    file.write(chunk)
        return found


def _gathered(chunks: Iterator[Any], size: int = 1 << 20) -> Iterator[bytes]:
    """PostgreSQL sends a message per row: written one by one they would cost more than all the rest."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        if len(held) >= size:
            yield bytes(held)
            held.clear()
    yield bytes(held)


def _described(connection: Connection) -> dict[str, Any]:
    """Rows and columns of each table that is there, the revision, and the files that tables list."""
    seen = inspect(connection)
    found: dict[str, Any] = {
        name: {"rows": rows, "columns": [column["name"] for column in seen.get_columns(name)]} for name, rows in counts(connection).items()
    }
    found["revision"] = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    cold_files, batches = select(t.cold_day.c.file, t.cold_day.c.sha256), select(t.ledger_batch.c.merkle)
    found["cold files"] = connection.execute(cold_files).all() if "cold_day" in found else []
    in_files = "merkle" in found.get("ledger_batch", {"columns": ()})["columns"]  # a release before kept its entries as rows
    found["ledger files"] = connection.execute(batches).scalars().all() if in_files else []
    return found


def counts(connection: Connection) -> dict[str, int]:
    """{table: rows} of a store of this release or an older one, in an order in which they can be filled again."""
    there = {name for name in inspect(connection).get_table_names() if not name.startswith("reading_2")} - {"alembic_version"}
    known = [one.name for one in t.metadata.sorted_tables if one.name in there]
    names = [*known, *sorted(there - set(known))]
    return {name: connection.execute(select(func.count()).select_from(table(name))).scalar_one() for name in names}


def _copy_cold(files: Any, source: Path, target: Path) -> None:
    target.mkdir()
    for name, sha256 in files:
        if not (source / name).exists():
            raise fault(f"cold file {source / name}", "missing", "every file that the table cold_day lists", "Restore it from a backup.")
        shutil.copy(source / name, target / name)
        if cold.sync(target / name)[0] != sha256:
            raise fault(f"cold file {source / name}", "is not as it was written", f"SHA-256 {sha256}", "Restore it from a backup.")


def _copy_ledger(listed: Any, source: Path, target: Path) -> None:
    """`penstock verify` says whether a batch is as it was sealed; a missing one is found here."""
    target.mkdir()
    for path in sorted({file_of(source, merkle) for merkle in listed}):
        if not path.is_file():
            raise fault(f"ledger file {path}", "missing", "every file that the table ledger_batch lists", "Restore it from a backup.")
        shutil.copy(path, target / path.name)


def verified(folder: Path) -> dict[str, Any]:
    """The manifest of a backup whose every file is what its sums say. Raises `PenstockError` with one problem per file that is not."""
    problems: list[Problem] = []

    def is_not(path: Path, observed: str, allowed: str) -> None:
        problems.extend(fault(f"backup {path}", observed, allowed, "Use another backup.").problems)

    try:
        lines = (folder / SUMS).read_bytes().decode("ascii").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise fault(
            f"backup {folder}", f"{SUMS} cannot be read: {error}", "a folder that `penstock backup` wrote", "Check the path."
        ) from None
    listed = set()
    for line in lines:
        digest, gap, name = line[:64], line[64:66], line[66:-1]
        if gap != "  " or not line.endswith("\n") or (folder / name).resolve() == folder.resolve() or ".." in Path(name).parts:
            is_not(folder / SUMS, f"line {line!r}", "a hash, two blanks, a name")
            continue
        listed.add(name)
        path = folder / name
        if not path.is_file():
            is_not(path, "missing", "every file that SHA256SUMS lists")
        elif cold.sync(path)[0] != digest:
            is_not(path, "another content", f"SHA-256 {digest}")
    if MANIFEST not in listed:
        is_not(folder / SUMS, f"no line for {MANIFEST}", "a line for each file")
    if problems:
        raise PenstockError(problems)
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if manifest["files"] != len(listed) - 1:
        raise fault(f"backup {folder}", f"{len(listed) - 1} files listed", f"{manifest['files']}", "Use another backup.")
    return manifest
