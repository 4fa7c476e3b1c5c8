"""What a killed plan leaves of its working folder is removed by the next one; that of a living one is not touched."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.own_folder import own_folder, sweep
from tests.town import NOW, Town

HOLD = """
import sys, time
from pathlib import Path
from service.own_folder import own_folder
with own_folder(Path(sys.argv[1]), "plan") as folder:
    (folder / "east.feeder").write_bytes(b"what a feeder said")
    print(folder.name, flush=True)
    time.sleep(300)
"""


@contextmanager
def another(home: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that works in a folder of its own."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(home)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, home / process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(tmp_path: Path) -> None:
    with another(tmp_path) as (killed, left), another(tmp_path) as (_, worked_in):
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert left.exists()
        with own_folder(tmp_path, "plan") as own:
            assert sorted(tmp_path.glob("plan-*")) == sorted([worked_in, own])
            assert (worked_in / "east.feeder").exists()
    sweep(tmp_path, "plan")
    assert list(tmp_path.glob("plan-*")) == []


def test_only_working_folders_are_removed(tmp_path: Path) -> None:
    for name in ("plan-archive", "plan-2022-06-16", "plan-notes123"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "note.txt").write_text("somebody's")
    (tmp_path / "plan-ab12cd34").mkdir()  # killed before it had its lock
    (tmp_path / "plan-ab12cd35").symlink_to(tmp_path / "plan-archive")
    sweep(tmp_path, "plan")
    found = {path.name for path in tmp_path.glob("plan-*")}
    assert found == {"plan-archive", "plan-2022-06-16", "plan-notes123", "plan-ab12cd35"}
    assert all((tmp_path / name / "note.txt").exists() for name in found)
    sweep(tmp_path / "nowhere", "plan")


@pytest.mark.slow
def test_a_plan_killed_in_the_middle_is_cleared_away_by_the_next_plan(planned: Town) -> None:
    line = '[[assets]]\nid = "east"\nkind = "line"\nto_balance = "east-side"\nrating_kw = 100.0\n'
    hall = 'kind = "fixed_load"\nseries = ["hall.energy"]\n'
    text = planned.file.read_text(encoding="utf-8").replace(hall, f'{hall}balance = "east-side"\n')
    planned.file.write_text(f"{text}\n{line}\n[plan]\nrefresh_forecasts = false\ndecompose_over = 1\n", encoding="utf-8")
    variables = {**os.environ, "PENSTOCK_CITY": str(planned.file), "PENSTOCK_HOME": str(planned.folder)}
    words = [sys.executable, "-m", "service.cli", "plan", "now", "--now", NOW]
    process = subprocess.Popen(words, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (left := list(planned.folder.glob("plan-*/plan.lock"))) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(left) == 1
    assert left[0].exists()
    assert planned.penstock("plan", "now", "--now", NOW).code == 0
    assert list(planned.folder.glob("plan-*")) == []
