"""A server that does not answer holds up notices alone: the loop of `penstock work` goes on, and there is one sender."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from service import schema as t
from service.notices import delivering, outbox
from service.notices.sending import Sender
from service.store import operations, results, writing
from tests.notices.conftest import KEY, NOW, night
from tests.notices.receivers import Web
from tests.notices.test_outbox import BODY, hook, rows

SILENT_S = 8.0


def slow_hook(web: Web) -> str:
    return hook(web).replace("timeout_s = 0.5", f"timeout_s = {2 * SILENT_S:g}")


def seen(what, within_s: float = 60.0) -> bool:
    """Does `what` come true?"""
    until = time.monotonic() + within_s
    while not what() and time.monotonic() < until:
        time.sleep(0.05)
    return bool(what())


@pytest.mark.slow
def test_the_loop_of_work_goes_on_while_a_webhook_does_not_answer(engine: Engine, city, tmp_path: Path) -> None:
    web = Web(next=[SILENT_S])
    town = city(slow_hook(web))
    night(engine, "failed", datetime.now(UTC))
    variables = {"PENSTOCK_CITY": str(town.environment.city_file), "PENSTOCK_HOME": str(tmp_path)}
    variables |= {"PENSTOCK_NOTIFY_SECRETS": f'{{"hook": "{KEY}"}}', "PENSTOCK_DATABASE_URL": str(engine.url)}
    with web.up():
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "work"], env={**os.environ, **variables}, stderr=subprocess.DEVNULL
        )
        try:
            assert seen(lambda: not web.next)  # the delivery has begun, and hangs
            asked = [operations.ask(engine, "what-if", "ada", datetime.now(UTC), {"plan_id": "none", "changes": {}}) for _ in range(3)]
            assert seen(lambda: len(results.rows(engine, t.request, t.request.c.state == "failed")) == len(asked), SILENT_S - 2)
            assert web.taken == []  # so it was served while the server was silent
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        finally:
            process.kill()
            process.wait()
    told = rows(engine)[0]  # on a slow machine a round of `work` has told of an alarm as well
    assert (len(web.taken), told.attempts, told.sent_utc is not None) == (1, 1, True)  # the delivery under way was finished and recorded


def test_a_silent_server_holds_up_nobody_and_nothing_is_sent_twice_at_once(engine: Engine, city) -> None:
    web = Web(next=[1.0])
    town = city(slow_hook(web))
    with writing(engine) as connection:
        for number in range(3):
            outbox.write(connection, f"one {number}", "hook", NOW, "One", BODY)
    with web.up():
        began = time.monotonic()
        with Sender(engine, town, lambda: NOW):
            assert time.monotonic() - began < 0.5
            assert seen(lambda: len(web.taken) == 3)
    assert [row.attempts for row in rows(engine)] == [1, 1, 1]
    assert len({told["webhook-id"] for told, _ in web.taken}) == 3


def test_a_single_pass_tells_what_was_found_before_it_ends(engine: Engine, city) -> None:
    web = Web()
    with web.up(), Sender(engine, city(hook(web)), lambda: NOW, once=True):
        night(engine, "failed")
    assert len(web.taken) == 1


def test_it_ends_with_the_process_and_a_database_that_is_away_does_not_end_it(engine: Engine, city, monkeypatch) -> None:
    turns: list[float] = []

    def away(*_: object) -> int:
        turns.append(time.monotonic())
        raise OperationalError("", {}, Exception("away"))

    monkeypatch.setattr(delivering, "turn", away)
    monkeypatch.setattr("service.notices.sending.AWAY_S", 0.01)
    with Sender(engine, city(hook(Web())), lambda: NOW):
        assert seen(lambda: len(turns) > 2)
    assert [thread for thread in threading.enumerate() if thread.name == "penstock-notices"] == []


def test_a_city_that_tells_nobody_has_no_sender(engine: Engine, city) -> None:
    with Sender(engine, city(), lambda: NOW):
        assert [thread for thread in threading.enumerate() if thread.name == "penstock-notices"] == []
