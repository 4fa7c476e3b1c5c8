"""A step that hangs, dies or is stopped costs itself: it is ended with all that it started, and the rest of the night goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from optimisation.guarded import Guarded
from service import schema as t
from service.city_settings import Deadlines
from service.night.apart import Ended, apart
from service.night.step import Output
from service.store import results, runs, writing
from service.store.runs import StepResult, steps_done
from tests.service.test_night_steps import DAY, engine, ran

__all__ = ["engine"]
LIMIT_S, NOW_UTC = 0.6, datetime(2022, 6, 16, tzinfo=UTC)


def running(pid: int) -> bool:
    """Is it there, and more than a dead one that nobody reaped yet?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def gone_soon(pid: int) -> bool:
    until = time.monotonic() + 10
    while running(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not running(pid)


def test_work_that_ends_gives_back_what_it_made_however_much_it_is() -> None:
    assert apart(lambda: list(range(300_000)), 60).answer == list(range(300_000))


def test_work_is_done_in_another_process_whose_use_is_told() -> None:
    ended = apart(lambda: (os.getpid(), bytearray(60_000_000).count(0))[0], 60)
    assert ended.answer != os.getpid()
    assert ended.peak_mb > 60


@pytest.mark.parametrize(
    "hang",
    [lambda: time.sleep(60), lambda: os.kill(os.getpid(), signal.SIGSTOP), lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {15}) and 0],
)
def test_work_past_its_deadline_is_ended_also_when_it_stands_still_or_hears_no_signal(hang: Callable[[], Any]) -> None:
    began = time.monotonic()
    ended = apart(lambda: (hang(), time.sleep(60)), LIMIT_S)
    assert ended.how == "it was ended after 0.6 s, its deadline"
    assert time.monotonic() - began < 10


def test_what_the_work_started_is_ended_with_it(tmp_path: Path) -> None:
    def work() -> None:
        child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"])
        (tmp_path / "pid").write_text(str(child.pid))
        time.sleep(60)

    assert "deadline" in apart(work, 1.5).how
    assert gone_soon(int((tmp_path / "pid").read_text()))


def test_work_that_is_killed_says_by_what() -> None:
    assert apart(lambda: os.kill(os.getpid(), signal.SIGKILL), 60).how == "its process was killed by signal 9"


def test_what_is_raised_meanwhile_ends_the_work(tmp_path: Path) -> None:
    def work() -> None:
        (tmp_path / "pid").write_text(str(os.getpid()))
        time.sleep(60)

    def lost() -> None:
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            raise RuntimeError("the lease is lost")

    with pytest.raises(RuntimeError, match="the lease is lost"):
        apart(work, 60, lost)
    assert not running(int((tmp_path / "pid").read_text()))


PARENT = """
import sys, time
from service.night.apart import apart
from tests.night.test_deadlines import solve_forever
apart(lambda: solve_forever(sys.argv[1]), 60)
"""


def solve_forever(folder: str) -> None:
    """A solver's process that hangs, as one that never returns from the library does: it holds the interpreter."""
    solver = Guarded(60)
    (Path(folder) / "step").write_text(str(os.getpid()))
    solver._ask(_hang, 60, (folder,), [])


def _hang(folder: str) -> None:
    (Path(folder) / "solver").write_text(str(os.getpid()))
    import ctypes

    ctypes.PyDLL(None).sleep(60)  # without giving the interpreter up


def test_a_night_killed_by_signal_9_takes_its_step_and_a_hanging_solver_with_it(tmp_path: Path) -> None:
    night = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    until = time.monotonic() + 30
    while not (tmp_path / "solver").exists() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.2)
    pids = [int((tmp_path / name).read_text()) for name in ("step", "solver")]
    assert all(running(pid) for pid in pids)
    night.kill()
    night.wait()
    assert all(gone_soon(pid) for pid in pids)


def test_a_hanging_solver_is_ended_with_its_step(tmp_path: Path) -> None:
    def begun() -> None:
        if (tmp_path / "solver").exists() and (tmp_path / "solver").read_text():
            raise TimeoutError

    with pytest.raises(TimeoutError):
        apart(lambda: solve_forever(str(tmp_path)), 60, begun)
    assert gone_soon(int((tmp_path / "solver").read_text()))


# --- in a night -------------------------------------------------------------------------------------------------------


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines of half a second."""
    monkeypatch.setattr(Deadlines, "of", lambda _self, _step: LIMIT_S)


def test_a_step_past_its_deadline_is_a_failed_step_with_a_sentence_and_the_rest_goes_on(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: None
) -> None:
    def stopped() -> Output:
        os.kill(os.getpid(), signal.SIGSTOP)
        raise AssertionError

    status, told = ran(engine, tmp_path, monkeypatch, {"forecast": stopped})
    done = steps_done(engine, "x", DAY)
    assert status == "failed"
    assert done["forecast"].sentence == "forecast failed: it was ended after 0.6 s, its deadline"
    assert "forecast_minutes" in done["forecast"].problems[0]
    assert {name for name, row in done.items() if row.status == "done"} == {"validate", "leaks", "ledger", "targets"}
    assert "plan" in told  # it waits for the forecast
    monkeypatch.setattr(Deadlines, "of", lambda _self, _step: 60.0)
    assert ran(engine, tmp_path, monkeypatch, {}) == ("done", ["forecast", "plan"])


def test_a_step_that_hangs_in_the_middle_of_its_writes_leaves_nothing_of_them(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: None
) -> None:
    def half(connection: Any) -> None:
        runs.beat_in(connection, "half", NOW_UTC)
        time.sleep(60)

    ran(engine, tmp_path, monkeypatch, {"plan": lambda: Output(StepResult("made"), half)})
    assert steps_done(engine, "x", DAY)["plan"].status == "failed"
    assert results.rows(engine, t.heartbeat, t.heartbeat.c.process == "half") == []
    with writing(engine):  # and no lock on the store
        pass


def test_a_step_killed_after_it_had_written_counts_as_done(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.night import working

    def then_killed(work: Callable[[], Any], limit_s: float, meanwhile: Any) -> Ended:
        return apart(lambda: (work(), os.kill(os.getpid(), signal.SIGKILL)), limit_s, meanwhile)

    monkeypatch.setattr(working, "apart", then_killed)
    assert ran(engine, tmp_path, monkeypatch, {})[0] == "done"
    assert {row.status for row in steps_done(engine, "x", DAY).values()} == {"done"}
