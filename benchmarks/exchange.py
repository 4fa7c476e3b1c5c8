"""Export and import of readings: rows per CPU-second as CSV and Parquet, and the memory that ten million of them take."""

import argparse
import filecmp
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from city.problems import fault
from city.quality import VALID

SUMMARY = "readings out and in again as CSV and Parquet: rows per CPU-second, peak memory, the same bytes at the end"
START = datetime(2022, 6, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
CITY = """
city = { id = "bench", name = "Bench", time_zone = "UTC", country = "IT", region = "CN-ZJ" }
sectors = [{ id = "services" }]
sites = [{ id = "here", sector = "services" }]
meters = [
"""
METER = '  { id = "m%06d", site = "here", model = "electricity-meter", commodity = "electricity", role = "load" },\n'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--points", type=int, default=2_000)
    parser.add_argument("--rows", type=int, default=1_000_000, help="readings; 10,000,000 for the figure of memory")


def run(args: argparse.Namespace) -> dict[str, Any]:
    points, rows = (20, 2_000) if args.quick else (args.points, args.rows)
    slots = max(1, rows // points)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        _store(folder / "full", points, slots, args.seed)
        found: dict[str, Any] = {"rows": points * slots, "points": points}
        for form in ("csv", "parquet"):
            out = folder / f"out-{form}"
            found[form] = told = {"export": _measured(folder / "full", "export", "readings", "--format", form, "--into", str(out))}
            file = out / f"readings.{form}"
            told["bytes_per_row"] = round(file.stat().st_size / (points * slots), 1)
            empty = folder / f"empty-{form}"
            _store(empty, points, 0, args.seed)
            told["import"] = _measured(empty, "exchange", "take", "readings", str(file), "--who", "bench")
            again = folder / f"again-{form}"
            _command(empty, "export", "readings", "--format", form, "--into", str(again))
            if not filecmp.cmp(again / file.name, file, shallow=False):
                raise fault(f"readings as {form}", "other bytes after a round trip", "the same", "Mend export or import first.")
            for step in ("export", "import"):
                told[f"{step}_rows_per_cpu_s"] = round(points * slots / told[step]["cpu_s"])
    return found


def _store(folder: Path, points: int, slots: int, seed: int) -> None:
    """A city of that many registers that count up, a quarter-hour per slot."""
    from service.environment import Environment
    from service.settings import load
    from service.store import open_store, readings, writing

    folder.mkdir()
    (folder / "city.toml").write_text(CITY + "".join(METER % i for i in range(points)) + "]\n", encoding="utf-8")
    _command(folder, "init")
    if not slots:
        return
    engine = open_store(f"sqlite:///{folder / 'penstock.db'}")
    city = load(Environment(city=folder / "city.toml", home=folder))
    keys = readings.register_points(engine, list(city.points.values()))
    own = np.array([keys[f"m{i:06d}.energy"] for i in range(points)])
    rng, value = np.random.default_rng(seed), np.arange(points, dtype=np.int64) * 1_000_000
    first = int(START.timestamp()) * 1_000_000
    with writing(engine) as connection:
        for at in range(slots):
            value = value + rng.integers(0, 2_000, points)
            time_us = np.full(points, first + at * int(QUARTER.total_seconds()) * 1_000_000)
            readings.add(connection, f"slot-{at}", [time_us, own, value, np.full(points, VALID), np.full(points, 2)])


def _words(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "service.cli", *words, "--city", str(folder / "city.toml")]


def _command(folder: Path, *words: str) -> None:
    done = subprocess.run(_words(folder, *words), env=_environ(folder), capture_output=True, text=True, check=False)
    if done.returncode:
        raise fault(f"penstock {words[0]}", done.stderr.strip()[-500:], "exit code 0", "Mend it before it is measured.")


def _measured(folder: Path, *words: str) -> dict[str, Any]:
    """CPU [s], wall [s] and peak memory [MB] of a command in a process of its own, its start included.

    The peak is the process's own VmHWM: the system's `ru_maxrss` of a child begins with that of whoever measures.
    """
    code = "import sys\nfrom service.cli import run\ntry:\n    run()\nexcept SystemExit as ended:\n    code = ended.code\n"
    code += "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
    code += "print(peak.split()[1], file=sys.stderr)\nsys.exit(code)"
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    line = [sys.executable, "-c", code, *_words(folder, *words)[3:]]
    done = subprocess.run(line, env=_environ(folder), capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise fault(f"penstock {words[0]}", done.stderr.strip()[-500:], "exit code 0", "Mend it before it is measured.")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak_mb = round(int(done.stderr.split()[-1]) / 1024)
    return {"cpu_s": round(cpu_s, 2), "wall_s": round(time.perf_counter() - wall, 2), "peak_rss_mb": peak_mb}


def _environ(folder: Path) -> dict[str, str]:
    import os

    return {**os.environ, "PENSTOCK_HOME": str(folder)}
