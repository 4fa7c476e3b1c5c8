"""A machine of the utility as docs/deploy.md sets it up, in namespaces of its own, with its own /opt, /etc and /var/lib and no network.

What the units start is run as they say it, by the user `penstock` without any privilege. systemd itself does not run.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from networks.hydraulics import simulate
from tests.networks.leakage_city import DAILY, SENSORS, STEP, network
from tests.town import MIDNIGHT_UTC, PARTS, Town

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SYSTEMD = DEPLOY / "systemd"
TOOLS = ("unshare", "nsenter", "setpriv", "ip", "systemd-sysusers")
HIDDEN = ("/opt/", "/etc/", "/var/")  # folders that the machine has for itself


class Machine:
    """`lib` is /var/lib/penstock as it is seen from outside."""

    def __init__(self, holder: int, lib: Path) -> None:
        self._holder, self.lib = str(holder), lib

    def root(self, *words: str) -> list[str]:
        """The command on that machine, by root."""
        return ["nsenter", "-t", self._holder, "-m", "-n", *words]

    def penstock(self, words: list[str], environment: dict[str, str]) -> list[str]:
        """The command on that machine, by the user penstock with these variables alone, as systemd or cron starts it."""
        rights = ["--reuid=penstock", "--regid=penstock", "--init-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        told = [f"{name}={value}" for name, value in environment.items()]
        start = ["sh", "-c", 'umask 0027; cd /var/lib/penstock; exec "$@"', "sh"]
        return self.root("setpriv", *rights, "env", "-i", *told, *start, *words)

    def read(self, path: str) -> str:
        return subprocess.run(self.root("cat", path), capture_output=True, text=True, check=True).stdout

    def service_environment(self) -> dict[str, str]:
        """What systemd gives a service: its own few variables, and the environment file as it reads that."""
        made = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "USER": "penstock", "LOGNAME": "penstock"}
        made |= {"HOME": "/var/lib/penstock", "SHELL": "/usr/sbin/nologin"}
        for line in self.read("/etc/penstock/penstock.env").splitlines():
            if line and line[0] not in "#;":
                name, _, value = line.partition("=")
                made[name] = value[1:-1] if value[:1] in ("'", '"') else value
        return made


def directives(path: Path) -> dict[str, list[str]]:
    """{directive: its values} of a unit with the guard that holds for all; of time spans and codes the last one counts."""
    found: dict[str, list[str]] = {}
    for file in (SYSTEMD / "penstock-.service.d" / "10-guarded.conf", path):
        for name, value in re.findall(r"^(\w+)=(.*)$", file.read_text(encoding="utf-8"), re.MULTILINE):
            found.setdefault(name, []).append(value)
    return found


def seconds(span: str) -> float:
    """A time span of systemd [s], of those that the units use."""
    number, unit = re.fullmatch(r"(\d+)(s|min|h)?", span).groups()  # type: ignore[union-attr]
    return float(number) * {None: 1, "s": 1, "min": 60, "h": 3600}[unit]


def recent(folder: Path, lib: Path) -> None:
    """The town of three meters and a water network; its history is of the thirty days before this one, because nothing that is
    started here is told another time. Histories lie in `lib`, where `penstock import` looks for them."""
    town = Town(folder)
    line = '{{ id = "{}", site = "here", model = "{}", commodity = "water", role = "{}", step_s = 1800, node = "{}" }},'
    listed = [line.format(f"p-{name}", "pressure-sensor", "sensor", name) for name in SENSORS]
    meters = "\n".join(["meters = [", line.format("main", "water-meter", "supply", "main"), *listed])
    history = '[[imports]]\npath = "{0}.csv"\nmapping = {{ time = "time", quantity = "{0}", step_s = 1800 }}\n'
    parts = {**PARTS, "water": '[water]\nnetwork = "grid120.inp"\nvalves = "valves.csv"\n', "carbon": '[carbon]\nprovisional = "latest"\n'}
    parts["imports"] += "".join(history.format(name) for name in ("pressure_m", "flow_m3_per_h"))
    replace(town.changed("head", "meters = [", meters), parts=parts).write()
    ends = network(folder).pipes[["id", "start"]]
    (folder / "valves.csv").write_text(
        "\n".join(["valve,link,node", *(f"v-{pipe},{pipe},{node}" for pipe, node in ends.to_numpy())]) + "\n"
    )
    zone = ZoneInfo("Europe/Rome")
    midnight = datetime.combine(datetime.now(zone).date(), time(), zone)
    for name in ("power.csv", "water.csv"):
        table = pd.read_csv(folder / name, parse_dates=["time"])
        table["time"] += midnight - MIDNIGHT_UTC
        table.to_csv(lib / name, index=False)
        (folder / name).unlink()
    for name, table in _network_says(folder, midnight).items():
        table.rename_axis("time").to_csv(lib / f"{name}.csv")


def _network_says(folder: Path, midnight: datetime, days: int = 24) -> dict[str, pd.DataFrame]:
    """What the pressure sensors and the meter of the main say in half hours, of pipes rougher than the utility believes."""
    true, rng = network(folder, roughness=112.0), np.random.default_rng(3)
    (folder / "grid112.inp").unlink()
    times = pd.date_range(end=midnight.astimezone(UTC), periods=48 * days, freq=STEP, inclusive="left")
    nodes = list(true.junctions["id"])
    demand = pd.DataFrame(3.6 * DAILY[times.hour][:, None] * (1 + 0.1 * rng.normal(size=(len(times), len(nodes)))), times, nodes)
    found = simulate(true, demand, step_s=1800)
    pressure = found.pressure_m[list(SENSORS)] + rng.normal(0, 0.02, (len(times), len(SENSORS)))
    told = {"pressure_m": pressure.round(3).rename(columns="p-{}.pressure".format), "flow_m3_per_h": found.flow_m3_per_h[["main"]].round(3)}
    return {**told, "flow_m3_per_h": told["flow_m3_per_h"].add_suffix(".flow")}


def _rebound(paths: list[Path], hold: Path) -> Iterator[str]:
    """Lines of a shell that make the paths readable to everybody, where they lie below a folder that is not or is hidden."""
    tops, held = [], []
    for path in paths:
        closed = [one for one in reversed(path.parents) if not one.stat().st_mode & 0o001]
        if closed or str(path).startswith(HIDDEN):
            tops += closed[:1]
            held.append(path)
    for number, path in enumerate(held):
        yield f"mkdir -p {hold}/{number}; mount --rbind {path} {hold}/{number}"
    for top in dict.fromkeys(tops):
        yield f"mount -t tmpfs -o mode=755 tmpfs {top}"
    yield "mount -t tmpfs -o mode=755 tmpfs /opt; mount -t tmpfs -o mode=755 tmpfs /var/lib; mount -t tmpfs -o mode=755 tmpfs /var/log"
    for number, path in enumerate(held):
        yield f"mkdir -p {path}; mount --rbind {hold}/{number} {path}"


def setup(folder: Path) -> str:
    """The shell script that makes the machine; what docs/deploy.md says is done in its words, but for the packages and systemd's own."""
    venv = Path(sys.prefix)
    hold = Path("/mnt/penstock-hold")
    lines = ["set -e", "mount --make-rprivate /", "mount -t tmpfs -o mode=755 tmpfs /mnt", "ip link set lo up"]
    lines += [f"mkdir -p {hold}/lib {hold}/made; mount --bind {folder}/lib {hold}/lib; mount --bind {folder} {hold}/made"]
    lines += ["cp -a /etc /mnt/etc; mount --bind /mnt/etc /etc"]
    lines += _rebound([Path(sys.base_prefix), venv, ROOT], hold)
    lines += ["mkdir -p /var/lib/penstock /opt/penstock/bin /var/log/penstock", f"mount --bind {hold}/lib /var/lib/penstock"]
    python = f"#!/bin/sh\nPYTHONPATH={ROOT} PYTHONDONTWRITEBYTECODE=1 exec {venv}/bin/python"
    (folder / "penstock").write_text(f'{python} -m service.cli "$@"\n')
    (folder / "python").write_text(f'{python} "$@"\n')
    lines += [f"install -m 755 {hold}/made/penstock {hold}/made/python {DEPLOY}/container/daily.sh /opt/penstock/bin/", f"cd {ROOT}"]
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    said = re.search(r"```sh\n(python3.11 -m venv.*?)```", page, re.DOTALL).group(1).splitlines()  # type: ignore[union-attr]
    lines += [line for line in said if not re.match(r"python3|/opt/penstock/bin/pip|cp city.toml|systemctl|systemd-run", line)]
    lines += [f"cp -r {hold}/made/city/. /etc/penstock/", "chown -R penstock: /var/lib/penstock /var/log/penstock"]
    return "\n".join([*lines, "echo ready", "exec cat"])


@contextmanager
def made(folder: Path) -> Iterator[Machine]:
    """The machine with the recent town, as long as the block runs; nothing of it was initialised yet."""
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"a machine of its own needs root and {', '.join(TOOLS)}" + (f"; missing: {', '.join(missing)}" if missing else ""))
    own = os.umask(0o022)  # an administrator's; a command that a test ran in this process leaves a stricter one
    try:
        (folder / "lib").mkdir(parents=True)
        (folder / "lib").chmod(0o750)
        recent(folder / "city", folder / "lib")
        with _running(folder) as machine:
            yield machine
    finally:
        os.umask(own)


@contextmanager
def _running(folder: Path) -> Iterator[Machine]:
    words = ["unshare", "--mount", "--net", "sh", "-c", setup(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stderr
        if holder.stdout.readline() != "ready\n":
            holder.stdin.close()
            told = holder.stderr.read()
            if "unshare" in told or "Operation not permitted" in told:
                pytest.skip(f"no namespaces here: {told.strip()}")
            raise AssertionError(told)
        try:
            yield Machine(holder.pid, folder / "lib")
        finally:
            holder.stdin.close()
