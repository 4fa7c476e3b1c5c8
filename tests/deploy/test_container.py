"""What image and compose file would do, as far as it can be met without an engine: what is copied installs, services and probes run."""

import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatch
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.cli_operations import metrics
from service.releases import RELEASE
from tests.deploy.machine import DEPLOY, ROOT, Machine, made

DOCKERFILE = (DEPLOY / "container" / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
PROGRAM = "/opt/penstock/bin/penstock"


def copied() -> dict[str, str]:
    """{source in the checkout: where it goes}"""
    lines = re.findall(r"^COPY (?!--from)(.*) (\S+)$", DOCKERFILE, re.MULTILINE)
    return {word: to for words, to in lines for word in words.split()}


def ignored(path: str) -> bool:
    """Would .dockerignore keep it, or a folder above it, out of the build? Its patterns hold from the top, `**/` at any depth."""
    patterns = [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert not any(pattern.startswith("!") for pattern in patterns)
    above = [path, *map(str, Path(path).parents)][:-1]
    names = {part for one in above for part in Path(one).parts}
    return any(fnmatch(name, one[3:]) for one in patterns if one.startswith("**/") for name in names) or any(
        fnmatch(part, one) for one in patterns for part in above
    )


def pip_lines(text: str) -> list[list[str]]:
    return [shlex.split(words) for words in re.findall(r"/opt/penstock/bin/pip (install .*?)(?: \\)?$", text, re.MULTILINE)]


def test_nothing_that_is_copied_is_kept_out_of_the_build() -> None:
    assert ignored("docs/deploy.md")
    assert ignored("service/night/__pycache__/x.pyc")
    files = subprocess.run(["git", "ls-files", "--", *copied()], cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
    assert [path for path in [*copied(), *files] if ignored(path)] == []


def test_packages_come_by_the_lines_of_the_page_from_the_lock() -> None:
    """One way to install, tried on every machine that runs the tests: `make venv` says the same, but for `-e`."""
    lines = pip_lines(DOCKERFILE)
    assert lines == pip_lines((ROOT / "docs" / "deploy.md").read_text(encoding="utf-8"))
    made_here = re.findall(r"pip (install --quiet .*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[:2]
    assert lines == [[word for word in shlex.split(line) if word not in ("--quiet", "-e")] for line in made_here]


def test_ports_and_folders_are_those_that_the_program_uses() -> None:
    environment = dict(re.findall(r"(PENSTOCK_\w+)=(\S+)", DOCKERFILE))
    assert environment == {"PENSTOCK_CITY": "/etc/penstock/city.toml", "PENSTOCK_HOME": "/var/lib/penstock"}
    for one in (one for one in SERVICES.values() if one["image"] == "penstock"):
        assert one["volumes"] == ["./city:/etc/penstock:ro", "data:/var/lib/penstock"]
    assert "VOLUME /var/lib/penstock" in DOCKERFILE
    port = signature(metrics).parameters["port"].default
    assert SERVICES["metrics"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f"http://127.0.0.1:{port}/" in SERVICES["metrics"]["healthcheck"]["test"][-1]
    assert "--port" not in [*SERVICES["metrics"]["command"], *SERVICES["console"]["command"]]
    into = SERVICES["backup"]["command"][SERVICES["backup"]["command"].index("--into") + 1]
    assert into.startswith("/var/lib/penstock/")


@pytest.mark.slow
def test_what_is_copied_installs_by_its_line_and_makes_a_store(tmp_path: Path) -> None:
    """The line of the image, on nothing but what it copies; the packages of the lock are those that these tests run with."""
    source, target = tmp_path / "src", tmp_path / "installed"
    for name, to in copied().items():
        if name == "deploy/container/daily.sh":
            continue
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (source / to).mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / to)
    line = [*pip_lines(DOCKERFILE)[1][:-1], "--quiet", "--no-index", "--target", str(target), str(source)]
    done = subprocess.run([sys.executable, "-m", "pip", *line], capture_output=True, text=True, cwd=tmp_path, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    environment = {"PYTHONPATH": str(target), "PATH": "/usr/bin:/bin", "PENSTOCK_HOME": str(tmp_path / "home")}
    for words, said in (["--version"], f"penstock {RELEASE}"), (["init"], "database ready"):
        command = [sys.executable, "-m", "service.cli", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=100, check=False)
        assert (done.returncode, said in done.stdout) == (0, True), done.stderr


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with made(tmp_path_factory.mktemp("container") / "it") as found:
        yield found


def run(machine: Machine, words: list[str]) -> "subprocess.CompletedProcess[str]":
    started = machine.penstock(words, machine.service_environment())
    return subprocess.run(started, capture_output=True, text=True, timeout=200, check=False)


@pytest.mark.slow
def test_init_runs_at_every_start_and_its_word_holds_the_others_back(machine: Machine) -> None:
    words = [PROGRAM, *SERVICES["init"]["command"]]
    assert run(machine, [PROGRAM, *SERVICES["backup"]["command"]]).returncode == 1  # no store yet
    for _ in range(2):
        done = run(machine, words)
        assert (done.returncode, "database ready" in done.stdout) == (0, True), done.stderr
    assert run(machine, [PROGRAM, *SERVICES["backup"]["command"]]).returncode == 0


@pytest.mark.slow
def test_the_probe_of_metrics_finds_it_well_while_it_runs_and_only_then(machine: Machine) -> None:
    kind, *probe = SERVICES["metrics"]["healthcheck"]["test"]
    assert kind == "CMD"
    assert run(machine, probe).returncode != 0
    words = machine.penstock([PROGRAM, *SERVICES["metrics"]["command"]], machine.service_environment())
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            until = time.monotonic() + 90
            while run(machine, probe).returncode:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < until
                time.sleep(0.5)
        finally:
            process.terminate()
            process.communicate(timeout=60)
