"""What the audit's chain costs: a line, its size, checking it."""

import argparse
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, select

from city.problems import PenstockError
from service import migrations
from service import schema as t
from service.auditing.verifying import faults
from service.store import open_store, operations, writing

SUMMARY = "audit lines sealed in a chain: microseconds and bytes per line against plain lines, lines checked per second"
AT = datetime(2022, 6, 15, 22, 40, tzinfo=UTC)
SAID = "operator approved 76 commands and called the events 1: looks right"


def run(args: argparse.Namespace) -> dict[str, Any]:
    alone, many = (200, 4_000) if args.quick else (2_000, 200_000)
    with TemporaryDirectory() as folder:
        plain, chained = (_empty(Path(folder) / name) for name in ("plain.db", "chained.db"))
        us_plain, us_chained = 1e6 * _cpu_s(lambda: _plain(plain, alone)) / alone, 1e6 * _cpu_s(lambda: _chained(chained, alone)) / alone
        us_more = 1e6 * _cpu_s(lambda: _together(chained, many)) / many
        _unsealed(plain, many)
        sizes = [_bytes(Path(folder) / name) / (alone + many) for name in ("plain.db", "chained.db")]
        with chained.connect() as connection:
            rows = connection.execute(select(t.audit).order_by(t.audit.c.audit_id)).all()
        check_s = _cpu_s(lambda: _checked(rows))
    return {
        "lines": len(rows),
        "plain_line_us": round(us_plain, 1),
        "chained_line_us": round(us_chained, 1),
        "chained_line_of_many_us": round(us_more, 1),
        "plain_line_bytes": round(sizes[0]),
        "chained_line_bytes": round(sizes[1]),
        "checked_lines_per_cpu_s": round(len(rows) / check_s),
    }


def _empty(file: Path) -> Engine:
    engine = open_store(f"sqlite:///{file}", create=True)
    migrations.upgrade(engine)
    return engine


def _cpu_s(work: Any) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _plain(engine: Engine, count: int) -> None:
    """A line each in a transaction of its own, without a chain: what a line costs anyway."""
    for number in range(1, count + 1):
        with writing(engine) as connection:
            connection.execute(t.audit.insert().values(_row(number)))


def _unsealed(engine: Engine, count: int) -> None:
    with writing(engine) as connection:
        connection.execute(t.audit.insert(), [_row(number + 10**6) for number in range(count)])


def _row(number: int) -> dict[str, Any]:
    told = {"audit_id": number, "at_utc": AT, "who": "operator", "action": "approve", "subject": "plan-20220616-0", "sentence": SAID}
    return {**told, "previous": "", "sha256": ""}


def _chained(engine: Engine, count: int) -> None:
    for _ in range(count):
        with writing(engine) as connection:
            operations.record(connection, AT, "operator", "approve", "plan-20220616-0", SAID)


def _together(engine: Engine, count: int) -> None:
    for _ in range(count // 1000):
        with writing(engine) as connection:
            for _ in range(1000):
                operations.record(connection, AT, "operator", "approve", "plan-20220616-0", SAID)


def _bytes(file: Path) -> int:
    """The file with its write-ahead log folded in."""
    engine = open_store(f"sqlite:///{file}")
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return os.path.getsize(file)


def _checked(rows: Any) -> None:
    if found := list(faults(rows)):
        raise PenstockError(found)
