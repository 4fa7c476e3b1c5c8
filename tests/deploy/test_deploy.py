"""What deploy/ starts exists, with those options; the units are guarded; the image takes what is there. No engine runs here."""

import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from configparser import ConfigParser
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from service.cli import UsageError, app
from service.environment import Environment

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SYSTEMD = DEPLOY / "systemd"
UNITS = sorted([*SYSTEMD.glob("*.service"), *SYSTEMD.glob("*.timer")])
PROGRAM = "/opt/penstock/bin/penstock"


def parsed(words: list[str]) -> None:
    """Let the command's own parser read the words; nothing runs. Raises `UsageError` for what it does not take."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("penstock", [words[0]], resilient_parsing=True)
    while hasattr(command, "commands"):
        name, *words = words
        found = command.get_command(context, name)
        assert found is not None, f"penstock {name}"
        command = found
    command.make_context(command.name, list(words))


def started(path: Path) -> list[str]:
    (line,) = re.findall(r"^ExecStart=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return shlex.split(line)


@pytest.mark.parametrize("path", sorted(SYSTEMD.glob("*.service")), ids=lambda path: path.stem)
def test_every_unit_starts_a_command_that_exists(path: Path) -> None:
    program, *words = started(path)
    assert program == PROGRAM
    parsed(words)


def test_the_parser_of_these_tests_refuses_what_is_none() -> None:
    for words in (["nihgt"], ["backup", "--intoo", "/x"], ["water", "wach"]):
        with pytest.raises((AssertionError, UsageError)):
            parsed(words)


@pytest.mark.parametrize("path", sorted(SYSTEMD.glob("*.timer")), ids=lambda path: path.stem)
def test_every_timer_has_its_service(path: Path) -> None:
    assert path.with_suffix(".service").exists()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units as on a machine, but for the program, which is not in /opt here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed; Debian has it in the package systemd")
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(SYSTEMD, root / "etc/systemd/system")
    for path in (root / "etc/systemd/system").glob("*.service"):
        path.write_text(path.read_text(encoding="utf-8").replace(PROGRAM, "/bin/true"), encoding="utf-8")
    return root


def analyzed(installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{installed / 'etc/systemd/system'}:"}
    return subprocess.run(["systemd-analyze", *words], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_reads_every_unit_without_a_word(path: Path, installed: Path) -> None:
    done = analyzed(installed, "verify", "--man=no", str(installed / "etc/systemd/system" / path.name))
    assert (done.returncode, done.stderr.strip()) == (0, "")


@pytest.mark.parametrize("path", sorted(SYSTEMD.glob("*.service")), ids=lambda path: path.stem)
def test_systemd_calls_every_service_little_exposed(path: Path, installed: Path) -> None:
    done = analyzed(installed, "security", "--offline=true", f"--root={installed}", "--threshold=20", "--no-pager", path.name)
    assert done.returncode == 0, done.stdout[-400:]  # 20: an exposure of 2.0 out of 10


def test_every_service_is_guarded_by_one_file() -> None:
    guard = ConfigParser(strict=False, interpolation=None)
    guard.optionxform = str  # type: ignore[assignment,method-assign]
    guard.read(SYSTEMD / "penstock-.service.d" / "10-guarded.conf", encoding="utf-8")
    told = dict(guard["Service"])
    assert (told["User"], told["NoNewPrivileges"], told["ProtectSystem"]) == ("penstock", "yes", "strict")
    assert told["ReadWritePaths"] == told["WorkingDirectory"] == "/var/lib/penstock"
    for path in SYSTEMD.glob("penstock-*.service"):
        assert not re.findall(r"^(User|ProtectSystem|NoNewPrivileges|ReadWritePaths)=", path.read_text(), re.MULTILINE), path.name


def test_cron_starts_what_the_timers_start() -> None:
    found = set()
    for line in (DEPLOY / "cron" / "penstock").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#") or re.match(r"^[A-Z]+=", line):
            continue
        *times, user, command = line.split(maxsplit=6)
        assert all(re.fullmatch(r"[\d,*/]+", one) for one in times)
        assert (len(times), user) == (5, "penstock")
        (words,) = re.findall(rf"exec {PROGRAM} (.*?) >>", command)
        parsed(shlex.split(words))
        found.add(words)
    timers = [path.with_suffix(".service") for path in SYSTEMD.glob("*.timer")]
    assert found == {" ".join(started(path)[1:]) for path in timers}


def test_the_example_of_the_environment_names_variables_that_are_read() -> None:
    names = re.findall(r"^#?PENSTOCK_([A-Z_]+)=", (DEPLOY / "penstock.env.example").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(names) >= 5
    assert {name.lower() for name in names} <= set(Environment.model_fields)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text(encoding="utf-8"))


def test_compose_starts_commands_that_exist(compose: dict[str, Any]) -> None:
    own = {name: one for name, one in compose["services"].items() if one["image"] == "penstock"}
    assert set(own) == {"init", "poll", "work", "night", "backup", "metrics", "console"}
    for name, one in own.items():
        parsed(list(one["command"]))
        if "entrypoint" in one:
            script, times, program = one["entrypoint"]
            assert (script, program) == ("/opt/penstock/bin/daily.sh", PROGRAM), name
            assert all(re.fullmatch(r"\d\d:\d\d", at) for at in times.split(","))


def test_compose_gives_its_containers_no_rights(compose: dict[str, Any]) -> None:
    for name, one in compose["services"].items():
        for port in one.get("ports", ()):
            assert port.startswith("127.0.0.1:"), f"{name}: {port}"
        if one["image"] == "penstock":
            assert one["read_only"] is True
            assert one["cap_drop"] == ["ALL"]
            assert one["security_opt"] == ["no-new-privileges:true"]
            assert "db" in one["depends_on"] or one["depends_on"]["init"]["condition"] == "service_completed_successfully"
    assert compose["networks"]["store"] == {"internal": True}
    assert "PASSWORD: penstock" not in (DEPLOY / "container" / "compose.yaml").read_text()


def test_the_image_copies_what_is_there_and_every_package() -> None:
    text = (DEPLOY / "container" / "Dockerfile").read_text(encoding="utf-8")
    sources = [word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for word in line.split()]
    assert [name for name in sources if not (ROOT / name).exists()] == []
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {name.rstrip("*") for name in packages} <= set(sources)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert set(sources) & set(ignored) == set()
    assert "--require-hashes -r requirements.lock" in text
    assert text.index("USER 10001") < text.index("ENTRYPOINT")


def test_the_timer_of_a_container_runs_at_its_times_and_outlives_a_failure(tmp_path: Path) -> None:
    """A clock of our own in place of `date` and `sleep`: it is 00:29:58, then whatever was slept."""
    clock = tmp_path / "clock"
    clock.write_text("1655332198")  # 2022-06-15 22:29:58 UTC, 00:29:58 in Rome
    real = shutil.which("date")
    (tmp_path / "date").write_text(
        f'#!/bin/sh\nif [ "$1" = +%s ]; then cat {clock}; exit; fi\n'
        f"day=$2; case $day in today*) base=0;; *) base=86400;; esac\n"
        f'exec {real} -d "$({real} -d @$(($(cat {clock}) + base)) +%F) ${{day#* }}" +%s\n'
    )
    (tmp_path / "sleep").write_text(f"#!/bin/sh\necho $(($(cat {clock}) + $1)) > {clock}.new; mv {clock}.new {clock}\n")
    log = tmp_path / "log"
    (tmp_path / "job").write_text(
        f'#!/bin/sh\ncat {clock} >> {log}; [ "$(wc -l < {log})" -lt 4 ] || {{ kill -TERM $PPID; exit 0; }}\nexit 1\n'
    )
    for name in ("date", "sleep", "job"):
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TZ": "Europe/Rome"}
    words = ["sh", str(DEPLOY / "container" / "daily.sh"), "02:30,00:30", str(tmp_path / "job")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=20, check=False)
    from zoneinfo import ZoneInfo

    times = [datetime.fromtimestamp(int(line), ZoneInfo("Europe/Rome")) for line in log.read_text().split()]
    assert [f"{time:%d %H:%M:%S}" for time in times] == ["16 00:30:00", "16 02:30:00", "17 00:30:00", "17 02:30:00"]
    assert times[-1] - times[0] == timedelta(hours=26)
    assert done.returncode == 0
    assert "ended with 1" in done.stderr


def test_the_timer_of_a_container_lives_through_the_day_that_has_no_half_past_two(tmp_path: Path) -> None:
    """Summer time begins on 2027-03-28 in Rome: 02:30 is no time of that day, for which `date` ends with a fault."""
    (tmp_path / "date").write_text(
        '#!/bin/sh\ncase "$*" in *02:30*) echo "date: invalid date" >&2; exit 1;; esac\n'
        'case "$*" in *today*) echo 500;; *tomorrow*) echo 1500;; *) echo 1000;; esac\n'
    )
    (tmp_path / "sleep").write_text(f"#!/bin/sh\necho $1 > {tmp_path}/slept\n")
    (tmp_path / "job").write_text("#!/bin/sh\nkill -TERM $PPID\n")
    for name in ("date", "sleep", "job"):
        (tmp_path / name).chmod(0o755)
    words = ["sh", str(DEPLOY / "container" / "daily.sh"), "02:30,00:30", str(tmp_path / "job")]
    done = subprocess.run(words, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, (tmp_path / "slept").read_text()) == (0, "500\n"), done.stderr


def test_a_shell_reads_the_environment_file_with_its_secrets_whole(tmp_path: Path) -> None:
    """As the cron lines do: unquoted JSON would be cut at its first blank, and the rest of the secret run as a command."""
    text = (DEPLOY / "penstock.env.example").read_text(encoding="utf-8")
    (tmp_path / "env").write_text(re.sub(r"^#(?=PENSTOCK_)", "", text, flags=re.MULTILINE), encoding="utf-8")
    words = ["sh", "-c", f"set -a; . {tmp_path}/env; env -0"]
    done = subprocess.run(words, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True)
    found = dict(one.split("=", 1) for one in done.stdout.split("\0") if one)
    assert done.stderr == ""
    assert set(json.loads(found["PENSTOCK_NOTIFY_SECRETS"])) == {"duty", "chat"}
    assert set(json.loads(found["PENSTOCK_VTN_SECRETS"])) == {"utility"}
