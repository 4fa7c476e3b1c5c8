"""docs/first_city.md as a newcomer walks it: every command of every grey box, in order; only the installation is ours."""

import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "first_city.md"
REPLACED = ("git clone ", "make venv", ". .venv/bin/activate")  # by the environment that runs this test
MOST_S = 600
pytestmark = [pytest.mark.slow, pytest.mark.timeout(MOST_S + 60)]


def boxes() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def commands() -> list[str]:
    return [line for box in boxes() for line in box.splitlines() if line.strip()]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def script() -> str:
    """The boxes as one script, which stops at the first command that fails and says each before it is run."""
    field, console = free_port(), free_port()
    lines = ["set -eu"]
    for line in commands():
        if line.startswith(REPLACED) or line == "cd penstock":
            continue
        line = (
            line.replace("--simulator", f"--simulator --simulator-port {field}").replace("15502", str(field)).replace("8502", str(console))
        )
        lines += [f"echo {shlex.quote('$ ' + line)}", line]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, float]:
    """(folder, what was said, seconds) of the whole page."""
    folder = tmp_path_factory.mktemp("newcomer")
    clone, bin_ = folder / "penstock", folder / "bin"
    clone.mkdir()
    bin_.mkdir()
    (clone / "demo").symlink_to(ROOT / "demo")
    for name, module in (("penstock", " -m service.cli"), ("python", "")):
        (bin_ / name).write_text(f'#!/bin/sh\nexec {sys.executable}{module} "$@"\n')
        (bin_ / name).chmod(stat.S_IRWXU)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    environment = {**kept, "PATH": f"{bin_}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    began = time.monotonic()
    with (folder / "said").open("w+") as said:
        process = subprocess.Popen(
            ["bash", "-c", script()], cwd=clone, env=environment, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(timeout=MOST_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        said.seek(0)
        told = said.read()
    taken = time.monotonic() - began
    sys.stdout.write(f"docs/first_city.md took {taken:.0f} s\n")
    assert code == 0, told[-3000:]
    return folder, told, taken


def test_every_command_of_the_page_runs_and_a_plan_is_approved(walked: tuple[Path, str, float]) -> None:
    folder, told, taken = walked
    assert taken < MOST_S
    assert "Traceback" not in told
    assert "FAULT" not in told, "doctor finds nothing wrong with what `penstock new` wrote"
    assert "plan      plan-" in told
    assert re.search(r"commands of plan-\d+-0: \d+ proposed", told)
    assert re.search(r"commands of plan-\d+-0: .*approved", told)
    assert told.count("optimal") >= 2, "the plan of the field, and the plan of the CSV"
    assert "\nok" in told.split("_stcore/health")[1], "the console answered"
    for city in ("my-city", "office", "bench"):
        assert (folder / city / "city.toml").is_file()
        assert not list((folder / city).rglob("error-*.txt"))


def test_no_command_of_the_page_is_left_out() -> None:
    """What is replaced is the installation alone, and the page says so."""
    left_out = [line for line in commands() if line.startswith(REPLACED) or line == "cd penstock"]
    assert left_out == boxes()[0].splitlines()
    assert "but the first box" in PAGE.read_text(encoding="utf-8")
    assert len(commands()) - len(left_out) > 20


def test_the_files_of_a_new_city_are_not_for_everybody(walked: tuple[Path, str, float]) -> None:
    folder, _, _ = walked
    for path in (folder / "my-city").rglob("*"):
        assert not path.stat().st_mode & 0o007, path
    assert stat.S_IMODE((folder / "my-city" / "accounts.toml").stat().st_mode) == 0o600
