"""`penstock work` outlives a database that is away or held by another writer, and answers afterwards what waited."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from service import schema as t
from service.foreseen import foreseen
from service.store import open_store, operations, results, writing
from tests.town import NOW, Town


def seen(what: Callable[[], object], within_s: float = 60.0) -> bool:
    """Does `what` come true?"""
    until = time.monotonic() + within_s
    while not what() and time.monotonic() < until:
        time.sleep(0.05)
    return bool(what())


@pytest.mark.slow
def test_work_waits_for_a_database_that_another_holds_and_then_answers(tmp_path: Path) -> None:
    town = Town(tmp_path / "town", days=0).write()
    assert town.penstock("init").code == 0
    engine = open_store(town.database)
    environment = {**os.environ, "PENSTOCK_CITY": str(town.file), "PENSTOCK_HOME": str(town.folder)}
    with (tmp_path / "said").open("w+") as said:
        process = subprocess.Popen([sys.executable, "-m", "service.cli", "work"], env=environment, stderr=said)
        try:
            assert seen(lambda: results.rows(engine, t.up_span))
            asked = operations.ask(engine, "what-if", "ada", datetime.now(UTC), {"plan_id": "none", "changes": {}})
            assert seen(lambda: results.rows(engine, t.request, t.request.c.state == "failed"))
            with writing(engine) as connection:  # as if it had been under way when the database went
                connection.execute(t.request.update().where(t.request.c.request_id == asked).values(state="working"))
            with closing(sqlite3.connect(town.folder / "penstock.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                assert seen(lambda: "work waits for the database" in (tmp_path / "said").read_text(), 30)
                other.execute("ROLLBACK")
            assert seen(lambda: results.rows(engine, t.request, t.request.c.state == "failed"), 30)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 2
        finally:
            process.kill()
            process.wait()
    assert not list(town.folder.glob("error-*.txt"))
    with engine.connect() as connection:
        (row,) = connection.execute(select(t.up_span)).all()
    assert row.ended == "planned"


def test_a_single_pass_says_that_the_database_is_held(tmp_path: Path) -> None:
    town = Town(tmp_path / "town", days=0).write()
    assert town.penstock("init").code == 0
    with closing(sqlite3.connect(town.folder / "penstock.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = town.penstock("work", "--once")
    assert (answer.code, answer.foreseen) == (1, True)
    assert "database: database is locked; allowed: one that answers" in answer.err


def test_a_command_says_that_the_database_is_held_and_leaves_no_crash_file(tmp_path: Path) -> None:
    town = Town(tmp_path / "town", days=0).write()
    assert town.penstock("init").code == 0
    with closing(sqlite3.connect(town.folder / "penstock.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = town.penstock("night", "--now", NOW)
    assert (answer.code, answer.foreseen) == (1, True)
    assert "database: database is locked; allowed: one that answers and takes writes" in answer.err
    assert not list(town.folder.glob("error-*.txt"))


def test_what_is_a_fault_of_ours_is_no_fault_of_the_database() -> None:
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(sqlite3.OperationalError) as error:
        connection.execute("SELECT nothing FROM nowhere")
    assert foreseen(OperationalError("", {}, error.value)) is None
    assert foreseen(ZeroDivisionError()) is None
