"""What units and crontab start, started as they say it on a machine of its own: exit codes, health, and an end on SIGTERM."""

import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.deploy.machine import DEPLOY, ROOT, SYSTEMD, Machine, directives, made, seconds

pytestmark = pytest.mark.slow
SERVICES = sorted(SYSTEMD.glob("*.service"))
ENDING = [path for path in SERVICES if directives(path).get("Type") == ["oneshot"]]
STAYING = [path for path in SERVICES if path not in ENDING]
CLEAN = {0, -signal.SIGTERM}  # what systemd takes for the clean end of a service that it told to end
STOP = "90s"  # systemd's own TimeoutStopSec
MOST_S = 250.0  # that a test waits


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Set up, its tables made by the command of the page, its history imported."""
    with made(tmp_path_factory.mktemp("machine") / "it") as found:
        page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
        (first,) = re.findall(r"^systemd-run .* (/opt/penstock/bin/penstock init)$", page, re.MULTILINE)
        for line in (first, "/opt/penstock/bin/penstock import"):
            code, said = ran(found, line)
            assert code == 0, said
        yield found


def ran(machine: Machine, line: str, most_s: float = MOST_S) -> tuple[int, str]:
    """Exit code and words of a line of a unit."""
    words = machine.penstock(shlex.split(line), machine.service_environment())
    done = subprocess.run(words, capture_output=True, text=True, timeout=min(most_s, MOST_S), check=False)
    return done.returncode, done.stdout + done.stderr


def allowed(unit: dict[str, list[str]], clean: set[int]) -> set[int]:
    return clean | {int(code) for codes in unit.get("SuccessExitStatus", ()) for code in codes.split()}


def asked(machine: Machine, url: str) -> str:
    """What answers on the machine's own loopback address; nothing when nothing does."""
    words = machine.root(
        "/opt/penstock/bin/python", "-c", f"import urllib.request as u; print(u.urlopen({url!r}, timeout=5).read().decode())"
    )
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False).stdout


def worked(machine: Machine) -> bool:
    with closing(sqlite3.connect(f"file:{machine.lib}/penstock.db?mode=ro", uri=True)) as store:
        return bool(store.execute("SELECT 1 FROM heartbeat WHERE process = 'work'").fetchall())


WELL: dict[str, Callable[[Machine], bool]] = {
    "penstock-poll": lambda machine: (machine.lib / "spool.db").exists(),  # it is heard of with the next quarter-hour
    "penstock-work": worked,
    "penstock-console": lambda machine: asked(machine, "http://127.0.0.1:8501/_stcore/health").strip() == "ok",
    "penstock-metrics": lambda machine: (
        "penstock_store_up 1.0" in asked(machine, "http://127.0.0.1:9464/metrics")
        and json.loads(asked(machine, "http://127.0.0.1:9464/health/live"))["live"]
    ),
}


def test_no_unit_waits_for_a_word_that_is_never_sent() -> None:
    """Type=notify or a watchdog would need READY=1 and WATCHDOG=1 of the process; none of ours sends them."""
    for path in SERVICES:
        unit = directives(path)
        assert unit.get("Type", ["simple"]) in (["simple"], ["oneshot"]), path.name
        assert {name for name in unit if name.startswith("Exec") or "Watchdog" in name or name == "NotifyAccess"} == {"ExecStart"}, (
            path.name
        )
    assert {path.stem for path in STAYING} == set(WELL)


@pytest.mark.parametrize("path", ENDING, ids=lambda path: path.stem)
def test_a_unit_that_ends_does_so_in_time_with_a_code_that_counts_as_success(path: Path, machine: Machine) -> None:
    unit = directives(path)
    for line in unit["ExecStart"]:
        code, said = ran(machine, line, seconds(unit["TimeoutStartSec"][-1]))
        assert code in allowed(unit, {0}), f"{line}: {code}\n{said}"
    assert "Permission denied" not in said
    wanted = {"penstock-backup": "1 whole backups in /var/lib/penstock/backups", "penstock-leaks": "0 bursts", "penstock-night": "optimal"}
    assert wanted[path.stem] in said


@pytest.mark.parametrize("path", STAYING, ids=lambda path: path.stem)
def test_a_unit_that_stays_becomes_well_and_ends_when_it_is_told_to(path: Path, machine: Machine) -> None:
    unit = directives(path)
    (line,) = unit["ExecStart"]
    words = machine.penstock(shlex.split(line), machine.service_environment())
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True) as process:
        try:
            until = time.monotonic() + 90
            while not WELL[path.stem](machine):
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < until, f"{line}: not well after 90 s"
                time.sleep(0.5)
            process.send_signal(signal.SIGTERM)  # to it alone, as KillMode=mixed says
            said = process.communicate(timeout=min(MOST_S, seconds(unit.get("TimeoutStopSec", [STOP])[-1])))[0]
        finally:
            process.kill()
    assert unit["KillMode"] == ["mixed"]
    assert process.returncode in allowed(unit, CLEAN), f"{line}: {process.returncode}\n{said}"
    with pytest.raises(ProcessLookupError):  # what it had started ended with it
        os.killpg(process.pid, 0)
    assert "Traceback" not in said
    assert "Permission denied" not in said


def cron_lines() -> list[str]:
    text = (DEPLOY / "cron" / "penstock").read_text(encoding="utf-8")
    return [line.split(maxsplit=6)[6] for line in text.splitlines() if re.match(r"[\d*]", line)]


@pytest.mark.parametrize("line", cron_lines(), ids=lambda line: line.split("bin/penstock ")[1].split(" -")[0].split(" >")[0])
def test_a_line_of_the_crontab_runs_in_the_little_that_cron_gives_it(line: str, machine: Machine) -> None:
    assert "%" not in line  # a new line, to cron
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    (readable,) = re.findall(r"`(chgrp penstock .* && chmod 640 .*?)`", page)
    little = {"HOME": "/var/lib/penstock", "LOGNAME": "penstock", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    words = machine.penstock(["/bin/sh", "-c", line], little)
    root_alone = "chown root:root /etc/penstock/penstock.env; chmod 600 /etc/penstock/penstock.env"
    subprocess.run(machine.root("sh", "-c", root_alone), check=True)
    assert "cannot open" in subprocess.run(words, capture_output=True, text=True, timeout=60, check=False).stderr
    subprocess.run(machine.root("sh", "-c", readable), check=True)
    done = subprocess.run(words, capture_output=True, text=True, timeout=MOST_S, check=False)
    (log,) = re.findall(r">>(\S+)", line)
    assert done.returncode in (0, 2), machine.read(log)
    assert (done.stdout, done.stderr) == ("", "")
    assert "did not foresee" not in machine.read(log)
