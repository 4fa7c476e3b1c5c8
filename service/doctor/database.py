"""The database: does it answer, take writes, have this release's tables, and keep itself tidy; and what only it can say of the city."""

import time
from collections.abc import Iterator

from sqlalchemy import Connection, Engine

from city.problems import PenstockError, Problem, fault
from service.doctor.check import Check, Patient
from service.metrics.machine import database_bytes
from service.settings import LoadedCity
from service.store import readings, writing

SLOW_S = 1.0  # for an answer to nothing
IDLE_SHARE, IDLE_BYTES = 0.5, 500_000_000  # pages of a SQLite file that hold nothing: worth a VACUUM from both on
WAL_BYTES = 1_000_000_000  # a write-ahead log this long: somebody reads without end, and it cannot be taken in
DEAD_SHARE, DEAD_ROWS = 0.5, 1_000_000  # rows of PostgreSQL that autovacuum should have taken away


def checks(patient: Patient) -> Iterator[Check]:
    if patient.station:
        return
    yield Check("database", lambda: answers(patient.engine))
    yield Check("database writes", lambda: writable(patient.engine))
    yield Check("database room", lambda: tidy(patient.engine))
    yield Check("database pages", lambda: whole(patient.engine), slow=True)
    if (city := patient.city) is not None:
        yield Check("meters over time", lambda: _meters_over_time(city, patient.engine))
        yield Check("ledger", lambda: _ledger(city, patient), slow=True)


def answers(engine: Engine) -> str:
    """In time; that its tables are those of this release was seen when it was opened."""
    began = time.perf_counter()
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    if (took := time.perf_counter() - began) > SLOW_S:
        raise fault("database", f"answered after {took:.1f} s", f"within {SLOW_S:g} s", "Look at its machine and the network to it.")
    return ", ".join(f"{count:,} rows in {name}" for name, count in readings.size(engine).items())


def writable(engine: Engine) -> str:
    """A writing transaction can be opened; nothing is written."""
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            if connection.exec_driver_sql("SHOW transaction_read_only").scalar_one() != "off":
                raise fault("database", "read only: a standby, or set so", "one that takes writes", "Correct PENSTOCK_DATABASE_URL.")
            autovacuum = connection.exec_driver_sql("SHOW autovacuum").scalar_one()
            if autovacuum != "on":
                raise fault("database", f"autovacuum is {autovacuum}", "on", "Set autovacuum = on: tables grow without end else.")
        else:
            connection.exec_driver_sql("UPDATE heartbeat SET process = process WHERE 0")  # asks for the lock and the right to write
    return "takes writes"


def tidy(engine: Engine) -> str:
    """Not full of rows and pages that hold nothing, and its log is taken in."""
    with engine.connect() as connection:
        size = database_bytes(connection)
        problems = _postgresql(connection) if connection.dialect.name == "postgresql" else _sqlite(connection, size)
    if problems:
        raise PenstockError(problems)
    return f"{size / 1e6:,.1f} MB"


def _sqlite(connection: Connection, size: int) -> list[Problem]:
    pages, idle, page = (
        connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "freelist_count", "page_size")
    )
    found = []
    if idle > IDLE_SHARE * pages and idle * page > IDLE_BYTES:
        observed, allowed = f"{idle * page / 1e9:.1f} GB of its {pages * page / 1e9:.1f} GB hold nothing", f"at most {IDLE_SHARE:.0%}"
        found.append(Problem("database", observed, allowed, "Stop the processes and run VACUUM on the file."))
    wal = size - pages * page
    if wal > WAL_BYTES:
        remedy = "Restart what holds it open: a reader that never ends keeps the log from being taken in."
        found.append(Problem("database", f"write-ahead log of {wal / 1e9:.1f} GB", f"at most {WAL_BYTES / 1e9:g} GB", remedy))
    return found


def _postgresql(connection: Connection) -> list[Problem]:
    statement = "SELECT relname, n_dead_tup, n_live_tup FROM pg_stat_user_tables WHERE n_dead_tup > %s AND n_dead_tup > %s * n_live_tup"
    rows = connection.exec_driver_sql(statement, (DEAD_ROWS, DEAD_SHARE)).all()
    return [
        Problem(
            f"table {name}", f"{dead:,} dead rows beside {live:,} live ones", f"at most {DEAD_SHARE:.0%}", f"Run VACUUM ANALYZE {name}."
        )
        for name, dead, live in rows
    ]


def whole(engine: Engine) -> str:
    """Every page of a SQLite file is as it should be; PostgreSQL checks its own when it reads them."""
    if engine.dialect.name != "sqlite":
        return "checked by PostgreSQL itself"
    with engine.connect() as connection:
        told = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if told != "ok":
        raise fault("database", str(told).splitlines()[-1], "a whole file", "Restore the newest backup (`penstock restore`).")
    return "whole"


def _meters_over_time(city: LoadedCity, engine: Engine) -> str:
    from service.metering import unwritten_registers
    from service.store.renames import unsettled

    found = [*unwritten_registers(city), *unsettled(engine, list(city.points.values()))]
    if found:
        raise PenstockError(found)
    entries = [entry for meter in city.settings.meters for entry in meter.history]
    return f"{len(entries)} entries of history, every exchange of a billed register with its registers"


def _ledger(city: LoadedCity, patient: Patient) -> str:
    """Files, key and the roots outside; `penstock verify` looks into every entry."""
    from carbon.accounts import doubts
    from service.books import roots, signing
    from service.store import ledger

    rows = ledger.heads(patient.engine)
    problems = ledger.gone(rows, city.folder)
    _, found = signing.signer(patient.env)
    kept, more = roots.state(rows, city)
    if problems := [*problems, *found, *more]:
        raise PenstockError(problems)
    signed = "signed" if patient.env.ledger_key else f"unsigned: set {signing.VARIABLE} (`penstock carbon keygen`)"
    doubted = "".join(f"; in doubt: {doubt}" for doubt in doubts(city.settings.accounts))
    return f"{len(rows)} batches, every file there, {signed}; {kept}{doubted}"
