"""Writers at the same time make one chain, on both databases; what was there before an upgrade is in it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Engine, column, func, select, table, text

from service import migrations
from service import schema as t
from service.auditing.chain import GENESIS
from service.auditing.verifying import faults
from service.store import open_store, operations, writing
from service.utctime import UtcTime

AT = datetime(2022, 6, 15, 22, 40, tzinfo=UTC)
BOTH = pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])])
WRITERS, EACH = 8, 12
LINE = ("audit_id", "at_utc", "who", "action", "subject", "sentence")


@pytest.fixture
def empty(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    url = f"sqlite:///{tmp_path / 'p.db'}" if database == "sqlite" else request.getfixturevalue("postgres_database")
    return open_store(url, create=True)


def rows(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return list(connection.execute(select(t.audit).order_by(t.audit.c.audit_id)))


@BOTH
def test_eight_writers_at_once_make_one_chain_without_a_gap(empty: Engine) -> None:
    """Each transaction also locks a row that others lock before they write their line: nobody waits crosswise."""
    migrations.upgrade(empty)
    start = Barrier(WRITERS)

    def write(writer: int) -> None:
        engine = open_store(empty.url.render_as_string(hide_password=False))
        start.wait()
        for number in range(EACH):
            try:
                with writing(engine) as connection:
                    operations.record(connection, AT, f"writer {writer}", "hold", "*", f"line {number}")
                    connection.execute(t.heartbeat.delete().where(t.heartbeat.c.process == f"p{number % 2}"))
                    operations.record(connection, AT, f"writer {writer}", "release", "*", f"line {number}")
                    if number % 4 == 3:
                        raise InterruptedError  # rolled back: takes no number
            except InterruptedError:
                continue
        engine.dispose()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    found = rows(empty)
    assert len(found) == WRITERS * EACH * 3 // 4 * 2
    assert list(faults(found)) == []
    for writer in range(WRITERS):  # and in the order in which each of them wrote
        own = [(row.sentence, row.action) for row in found if row.who == f"writer {writer}"]
        assert own == [(f"line {n}", action) for n in range(EACH) if n % 4 != 3 for action in ("hold", "release")]


@BOTH
def test_an_upgrade_chains_the_lines_that_were_there_and_a_downgrade_keeps_them(empty: Engine) -> None:
    migrations.upgrade(empty, "0010")
    before = table("audit", *(column(name, UtcTime() if name == "at_utc" else None) for name in LINE))
    lines = [(3 * n + 1, AT + timedelta(microseconds=n), "ada", "hold", "*", f"Zeile {n} ä") for n in range(1203)]  # numbers had gaps
    with writing(empty) as connection:
        connection.execute(before.insert(), [dict(zip(LINE, line, strict=True)) for line in lines])
    migrations.upgrade(empty)
    found = rows(empty)
    assert [(row.at_utc, row.sentence) for row in found] == [(line[1], line[5]) for line in lines]
    assert (found[0].previous, found[-1].audit_id) == (GENESIS, 1203)
    assert list(faults(found)) == []
    with writing(empty) as connection:
        operations.record(connection, AT, "ada", "release", "*", "after")
    assert list(faults(rows(empty))) == []
    migrations.downgrade(empty, "0010")
    with writing(empty) as connection:
        former = table("audit", column("audit_id"), column("at_utc", UtcTime()), *map(column, LINE[2:]))
        kept = connection.execute(select(former).order_by(former.c.audit_id)).all()
        assert [row.sentence for row in kept] == [*(line[5] for line in lines), "after"]
        values = dict(zip(LINE[1:], (AT, "ada", "hold", "*", "numbered by the database"), strict=True))
        connection.execute(former.insert().values(values))
        assert connection.execute(select(func.max(former.c.audit_id))).scalar() == 1205


@BOTH
def test_an_empty_audit_goes_up_and_back(empty: Engine) -> None:
    migrations.upgrade(empty)
    migrations.downgrade(empty, "0010")
    with writing(empty) as connection:
        connection.execute(text("INSERT INTO audit (at_utc, who, action, subject, sentence) SELECT now_utc, '', '', '', '' FROM run"))
    migrations.upgrade(empty)
    assert rows(empty) == []


def test_a_line_outside_of_a_writing_transaction_is_refused(tmp_path: Path) -> None:
    """It could not be sealed: better no decision than one without its line."""
    engine = open_store(f"sqlite:///{tmp_path / 'p.db'}", create=True)
    migrations.upgrade(engine)
    with engine.begin() as connection, pytest.raises(KeyError):
        operations.record(connection, AT, "ada", "hold", "*", "")
