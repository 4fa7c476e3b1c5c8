"""A lease: one holder at a time, also from two machines; a token that grows; a late holder writes nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from city.problems import PenstockError
from service import lease, night
from service import schema as t
from service.environment import Environment
from service.settings import load
from service.store import open_store, results, runs, writing
from service.store.runs import StepResult
from tests.town import NOW, Town, prepared

HOLD = """
import sys, time
from service import lease
from service.store import open_store, writing, runs
from datetime import UTC, datetime
engine = open_store(sys.argv[1])
held = lease.take(engine)
print(held.token, flush=True)
sys.stdin.readline()
try:
    with writing(lease.fenced(engine, held)) as connection:
        runs.beat_in(connection, "late", datetime(2022, 6, 16, tzinfo=UTC), {})
    print("written")
except lease.TakenOver as error:
    print(error)
"""


@contextmanager
def another(engine: Engine) -> Iterator[subprocess.Popen[str]]:
    """A process that took the lease, and writes under it when a line comes in."""
    url = engine.url.render_as_string(hide_password=False)
    words = [sys.executable, "-c", HOLD, url]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip().isdigit()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def row(engine: Engine) -> tuple[int, str]:
    with engine.connect() as connection:
        found = connection.execute(select(t.lease)).one()
    return found.token, found.holder


def later(by: timedelta) -> datetime:
    return datetime.now(UTC) + by


def test_a_lease_that_lives_is_refused_and_its_holder_named(engine: Engine) -> None:
    with another(engine) as process:
        with pytest.raises(PenstockError, match=rf"process {process.pid} on .* is running one; .*one night at a time"):
            lease.take(engine)
        assert row(engine)[0] == 1


def test_the_lease_of_a_killed_process_of_this_machine_is_taken_at_once(engine: Engine) -> None:
    with another(engine) as process:
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and not reaped yet: a zombie holds nothing
        assert lease.take(engine).token == 2


def test_a_holder_that_was_taken_over_writes_nothing(engine: Engine) -> None:
    with another(engine) as process:
        process.send_signal(signal.SIGSTOP)
        mine = lease.take(engine, clock=lambda: later(lease.TERM))  # it stood still until its lease ran out
        assert mine.token == 2
        process.send_signal(signal.SIGCONT)
        said, _ = process.communicate("write\n", timeout=30)
    assert "took it over meanwhile" in said
    assert f"process {os.getpid()} on" in said
    assert "late" not in runs.heartbeats(engine)
    with writing(lease.fenced(engine, mine)) as connection:
        runs.beat_in(connection, "mine", datetime(2022, 6, 16, tzinfo=UTC), {})
    assert "mine" in runs.heartbeats(engine)


def test_a_holder_whose_lease_ran_out_still_writes_as_long_as_nobody_took_it(engine: Engine) -> None:
    held = lease.take(engine, clock=lambda: later(-2 * lease.TERM))
    with writing(lease.fenced(engine, held)) as connection:
        runs.beat_in(connection, "mine", datetime(2022, 6, 16, tzinfo=UTC), {})
    assert "mine" in runs.heartbeats(engine)


def test_renewing_holds_it_for_another_term_and_a_taken_one_cannot_be_renewed(engine: Engine) -> None:
    held = lease.take(engine, clock=lambda: later(-lease.TERM))
    held.renew(engine)
    with pytest.raises(PenstockError, match="one night at a time"):
        lease.take(engine)
    lease.take(engine, clock=lambda: later(2 * lease.TERM))
    with pytest.raises(lease.TakenOver):
        held.renew(engine)


def test_renewing_does_not_wait_for_a_step_whose_commit_hangs(engine: Engine) -> None:
    held = lease.take(engine)
    began = time.monotonic()
    with writing(lease.fenced(engine, held)) as connection:
        held.check(connection)
        with pytest.raises(DBAPIError):
            held.renew(engine)
    assert time.monotonic() - began < 4 * lease.LOCKED_S
    held.renew(engine)


def test_a_lease_by_a_clock_that_was_years_ahead_holds_nobody_up(engine: Engine) -> None:
    lease.take(engine, clock=lambda: later(timedelta(days=4000)))
    assert lease.take(engine).token == 2


def test_a_lease_that_was_given_back_is_free_and_its_token_goes_on(engine: Engine) -> None:
    with lease.leased(engine) as first:
        pass
    with lease.leased(engine) as second:
        assert (first.token, second.token) == (1, 2)


def test_of_a_lease_from_elsewhere_nobody_knows_that_its_holder_is_gone() -> None:
    host, boot, namespace, pid, started = lease.holder().split("|")
    assert not lease.gone("|".join([host, "another-boot", namespace, "1", "1"]))
    assert not lease.gone("|".join([host, boot, "4026539999", pid, started]))  # another container counts its processes apart
    assert lease.gone("|".join([host, boot, namespace, pid, str(int(started) + 1)]))  # the number came round again
    assert not lease.gone(lease.holder())


def test_of_four_processes_that_want_it_at_the_same_time_one_gets_it(engine: Engine) -> None:
    text = "import sys\nfrom service import lease\nfrom service.store import open_store\nimport time\nengine = open_store(sys.argv[1])\n"
    text += "sys.stdin.readline()\ntry:\n    print(lease.take(engine).token, flush=True)\n    time.sleep(30)\nexcept Exception as error:\n"
    text += "    print(type(error).__name__, flush=True)\n"
    words = [sys.executable, "-c", text, engine.url.render_as_string(hide_password=False)]
    racers = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    try:
        time.sleep(0.1)
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        said = sorted(racer.stdout.readline().strip() for racer in racers if racer.stdout is not None)
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    assert sorted(said) == ["1", "Busy", "Busy", "Busy"]


def test_a_night_of_another_machine_refuses_this_ones_and_leaves_no_trace_of_it(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=0).without("tariff", "assets", "controls", "accounts", "targets"))
    with another(open_store(town.database)):  # it shares the store, not the data folder with its file lock
        said = town.penstock("night", "--now", NOW)
        assert said.code == 1
        assert "one night at a time" in said.err
        assert results.rows(open_store(town.database), t.run) == []
    runs.start_run(open_store(town.database), "town", date(2022, 6, 16), "night", datetime(2022, 6, 15, 22, 30, tzinfo=UTC), "")
    assert town.penstock("night", "--now", NOW).code in (0, 2)  # it was killed, here: its lease is taken over at once
    killed, mine = results.rows(open_store(town.database), t.run, order=t.run.c.run_id)
    assert (killed.status, killed.ended_utc) == ("failed", None)  # it is not running, and nobody knows when it ended
    assert mine.status in ("done", "problems")


@pytest.mark.parametrize("late", ["among its steps", "behind them"])
def test_a_night_that_was_taken_over_leaves_its_own_record_to_the_other_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    town = prepared(Town(tmp_path, days=0).without("tariff", "assets", "controls", "accounts", "targets"))
    engine, told = open_store(town.database), list[str]()
    monkeypatch.setattr("service.night.CLOSING", ("tests.night.test_lease:never",))

    def taken_over(*_given: object) -> dict[str, StepResult]:
        lease.take(engine, clock=lambda: later(2 * lease.TERM))
        return {}

    def stepped(name: str, result: StepResult | None) -> None:
        told.append(name)
        if (name, result, late) == ("leaks", None, "among its steps"):
            taken_over()

    if late == "behind them":
        monkeypatch.setattr("service.night.follow", taken_over)
    with pytest.raises(lease.TakenOver, match="took it over meanwhile"):
        night.run(
            load(Environment(city=town.file, home=tmp_path)),
            engine,
            datetime(2022, 6, 15, 22, 30, tzinfo=UTC),
            on_step=stepped,
        )
    assert told
    (run,) = results.rows(engine, t.run)
    assert (run.status, run.ended_utc, run.detail) == ("running", None, None)
    with engine.connect() as connection:
        (beat,) = connection.execute(select(t.heartbeat).where(t.heartbeat.c.process == "night")).all()
    assert beat.detail["status"] == "running"
    runs.close_killed(engine, "town", "night")  # as the other night does when it begins
    assert results.rows(engine, t.run)[0].status == "failed"


def never(*_given: object) -> None:
    raise AssertionError("a night that was taken over has no report")
