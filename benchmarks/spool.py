"""Never lose a reading: processes killed, database away, disk full, clocks set; then what was produced against what is stored."""

import argparse
import json
import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _spool as parts
from meters.spool.spool import Spool
from service import migrations
from service.delivery import StoreSink, drain
from service.store import open_store

SUMMARY = "readings produced and stored through kill -9, a day without database, a full disk and jumping clocks; drain rate"
OUTAGE_SLOTS = 96  # quarter-hours of a day
_FORK = multiprocessing.get_context("forkserver")  # a child is ready in milliseconds, so it can be killed often


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=220, help="processes that are killed")
    parser.add_argument("--meters", type=int, default=200, help="readings in a batch of the first part")
    parser.add_argument("--day", type=int, default=10_000, help="meters of the day that is drained for the rate")


def run(args: argparse.Namespace) -> dict[str, Any]:
    kills, meters, day = (20, 100, 1000) if args.quick else (args.kills, args.meters, args.day)
    _FORK.set_forkserver_preload(["benchmarks._spool"])
    with tempfile.TemporaryDirectory() as folder:
        city = City(Path(folder), meters, np.random.default_rng(args.seed))
        killed = _survive(city, kills)
        full = _full_disk(city)
        figures = city.account()
        rate = _rate(Path(folder) / "day", day)
    return {
        **figures,
        "kills": killed,
        "outage_h": OUTAGE_SLOTS / 4,
        "disk_full": full,
        "clock": "the producer's argument, set in 10 % of slots",
    } | rate


@dataclass
class City:
    """A store, a spool folder that may change, and the log of what was produced."""

    folder: Path
    meters: int
    rng: np.random.Generator
    number: int = 0
    file_limit: int = 0  # of the producer's files [bytes]; 0: none

    def __post_init__(self) -> None:
        self.url = f"sqlite:///{self.folder / 'penstock.db'}"
        migrations.upgrade(open_store(self.url, create=True))
        self.at = self.folder / "spool"
        self.at.mkdir()

    def producer(self) -> ForkServerProcess:
        """Starts with numbers that no producer before it can have used: what was in flight when that one died stays recognisable."""
        self.number = max((number for _, number in self.log()), default=-1) + 1000
        return self._started(parts.produce, self.at, self.number, self.meters, self.file_limit)

    def drainer(self) -> ForkServerProcess:
        return self._started(parts.deliver, self.at, self.url, self.meters)

    def _started(self, work: Any, *words: Any) -> ForkServerProcess:
        process = _FORK.Process(target=work, args=words, daemon=True)
        process.start()
        return process

    def log(self) -> list[tuple[str, int]]:
        path = self.folder / "produced.log"
        return [(word, number) for word, number in map(json.loads, path.read_text().splitlines())] if path.exists() else []

    def drain(self) -> None:
        with Spool(self.at / "spool.db", parts.RESERVE) as spool:
            drain(spool, StoreSink(open_store(self.url), parts.points(self.meters)))

    def account(self) -> dict[str, Any]:
        """Every reading that was produced against every reading that is stored, with its value."""
        self.drain()
        log = self.log()
        kept, begun = ({number for word, number in log if word == wanted} for wanted in ("kept", "begun"))
        with closing(sqlite3.connect(self.folder / "penstock.db")) as base:
            rows = np.array(
                base.execute("SELECT time_utc, point_key, value, batch_no FROM reading ORDER BY time_utc, point_key").fetchall()
            )
            (arrived,), (conflicts,) = (
                base.execute(s).fetchone() for s in ("SELECT sum(readings) FROM batch", "SELECT count(*) FROM conflict")
            )
        micros = int(parts.START.timestamp() * 1e6)
        numbers, values = (rows[:, 0] - micros) // 1_000_000, rows[:, 2].reshape(-1, self.meters)
        stored = numbers.reshape(-1, self.meters)[:, 0]
        good = {
            int(n) for n, found in zip(stored, values, strict=True) if (found == np.rint(parts.value(int(n), self.meters) * 1000)).all()
        }
        flight = (begun - kept) & set(map(int, stored))
        order = rows.reshape(-1, self.meters, 4)[:, 0, 3]
        return {
            "produced": len(kept) * self.meters,
            "in_flight": len(flight) * self.meters,
            "stored": len(rows),
            "lost": len(kept - good) * self.meters,
            "duplicated": int(arrived) - len(rows) + int(conflicts),
            "never_begun": len(set(map(int, stored)) - begun) * self.meters,
            "out_of_order": int((np.diff(order) < 0).sum()),
        }


def _survive(city: City, kills: int) -> int:
    """Kill producer and drainer at random moments: a third up, a third without database, a third while it catches up. Returns the kills."""
    running = {parts.produce: city.producer(), parts.deliver: city.drainer()}

    def kill(times: int) -> None:
        for _ in range(times):
            time.sleep(float(city.rng.uniform(0.02, 0.25)))
            which = parts.produce if city.rng.random() < 0.5 else parts.deliver
            _killed(running[which])
            running[which] = city.producer() if which is parts.produce else city.drainer()

    kill(kills // 3)
    with closing(_locked(city.folder / "penstock.db")):
        before = _kept(city)
        kill(kills // 3)
        while _kept(city) - before < OUTAGE_SLOTS:
            time.sleep(0.05)
    kill(kills - 2 * (kills // 3) - 2)
    for process in running.values():
        _killed(process)
    return kills


def _killed(process: ForkServerProcess) -> None:
    process.kill()
    process.join()


def _kept(city: City) -> int:
    return sum(word == "kept" for word, _ in city.log())


def _locked(path: Path) -> sqlite3.Connection:
    """Nobody else can write until this is closed."""
    lock = sqlite3.connect(path, isolation_level=None, timeout=60)
    lock.execute("BEGIN IMMEDIATE")
    return lock


def _full_disk(city: City) -> str:
    """Fill the disk while producing, kill the producer there, make room, let it go on. Returns how the disk was made to be full."""
    city.drain()
    city.at = city.folder / "small"
    city.at.mkdir()
    with _small_disk(city) as how:
        for _ in range(2):
            producer = city.producer()
            while not any(word == "full" and number >= city.number for word, number in city.log()):
                time.sleep(0.1)
            _killed(producer)
        producer = city.producer()
        time.sleep(0.2)
        before = _kept(city)
        city.drain()  # room again: it goes on by itself
        end = time.monotonic() + 30
        while _kept(city) == before and time.monotonic() < end:
            time.sleep(0.02)
            city.drain()
        _killed(producer)
        if _kept(city) == before:
            raise RuntimeError("the producer did not go on when there was room")
        city.drain()
    city.at = city.folder / "spool"
    return how


@contextmanager
def _small_disk(city: City) -> Iterator[str]:
    """A file system of 2 MB for the spool, where root may mount one; else a limit to the size of the producer's files."""
    words = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(city.at)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        city.file_limit = 1 << 20
        yield "RLIMIT_FSIZE of 1 MB, for want of a file system of its own"
        city.file_limit = 0
        return
    try:
        yield "tmpfs of 2 MB"
    finally:
        subprocess.run(["umount", "-l", str(city.at)], check=True)


def _rate(folder: Path, meters: int) -> dict[str, Any]:
    """A day of quarter-hours of `meters` meters, spooled and then drained through the store path."""
    folder.mkdir()
    url = f"sqlite:///{folder / 'penstock.db'}"
    migrations.upgrade(open_store(url, create=True))
    with Spool(folder / "spool.db") as spool:
        for number in range(OUTAGE_SLOTS):
            spool.append(parts.frame(number, meters, parts.START))
        size = spool.fill().used_bytes
        wall, cpu = time.perf_counter(), time.process_time()
        taken, away = drain(spool, StoreSink(open_store(url), parts.points(meters)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if away or taken != OUTAGE_SLOTS * meters or spool.depth():
            raise RuntimeError(f"{taken} readings drained of {OUTAGE_SLOTS * meters}: {away}")
    shutil.rmtree(folder)
    return {
        "drained": taken,
        "drain_readings_per_s": round(taken / wall),
        "drain_readings_per_cpu_s": round(taken / cpu),
        "spool_bytes_per_reading": round(size / taken, 1),
    }
