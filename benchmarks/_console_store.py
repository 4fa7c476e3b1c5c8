"""The store that the console is measured on: the finished demo city with 100,000 household meters more, some of them with a year."""

import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from os import environ
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import cached
from benchmarks._night_city import DEVICE, ZONE, Shapes
from city.clock import civil_day
from city.frames import Block
from city.problems import fault
from city.quality import VALID, Cause, missing, questionable
from city.quantities import Quantity

LIVE, SLOTS = date(2022, 6, 15), 104  # the demo's live day, and its quarters until 02:00 of the next
WEEK, YEAR = 7, 365  # days of vectors of every point, and of the points that are opened
_CHUNK = 10_000
_ROOT = Path(__file__).resolve().parents[1]
_STAFF = ("operator", "shift-leader", "planner", "viewer", "water-east", "engineer")  # accounts of the demo
_PEOPLE = 20
_BESIDE = ("city.toml", "*.csv", "accounts.toml", "grid*", "devices", "factors")


@dataclass(frozen=True)
class Size:
    """How much is written: household meters, those whose year is opened, nights and lines of the audit."""

    points: int = 100_000
    opened: int = 200
    nights: int = 365
    lines: int = 20_000


@dataclass(frozen=True)
class Home:
    """A city file and its data folder."""

    city: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**environ, "PENSTOCK_CITY": str(self.city), "PENSTOCK_HOME": str(self.folder), "OMP_NUM_THREADS": "1"}


def store(size: Size, seed: int, demo: Path | None) -> tuple[Home, dict[str, Any]]:
    """The cached store, made when there is none, and what was written into it.

    `demo` is the data folder of a finished demo, whose plan, night, leaks and ledger are taken over; without it there are none.
    """
    kind, ending = f"console-{size.points}-{size.opened}-{size.nights}-{seed}", "" if demo else "-bare"
    kept = cached(f"{kind}-{_sources(demo)}{ending}")
    for former in kept.parent.glob(f"{kind}-????????{ending}"):
        if former != kept:
            shutil.rmtree(former)
    home = Home(kept / "city" / "city.toml", kept / "home")
    note = kept / "written.json"
    if not note.exists():
        shutil.rmtree(kept)
        _lay_out(home, demo)
        _grow(home.city, size.points)
        _staff(home.city.parent / "accounts.toml")
        note.write_text(json.dumps(_write(home, size, seed)))
    return home, json.loads(note.read_text())


def finished_demo() -> Path:
    """The data folder of the checkout's demo, run now when it was not run before (some minutes)."""
    folder = _ROOT / "var" / "demo"
    if not (folder / "penstock.db").exists():
        subprocess.run([sys.executable, "-m", "service.cli", "demo", "--quiet"], cwd=_ROOT, check=True, stdout=sys.stderr)
    return folder


def _lay_out(home: Home, demo: Path | None) -> None:
    home.city.parent.mkdir(parents=True)
    for pattern in _BESIDE:
        for path in (_ROOT / "demo").glob(pattern):
            (shutil.copytree if path.is_dir() else shutil.copy)(path, home.city.parent / path.name)
    home.folder.mkdir()
    if demo is not None:
        shutil.copytree(demo, home.folder, ignore=shutil.ignore_patterns("backup", "penstock.db*", "*.lock"), dirs_exist_ok=True)
        with closing(sqlite3.connect(demo / "penstock.db")) as source, closing(sqlite3.connect(home.folder / "penstock.db")) as target:
            source.backup(target)


def _grow(city: Path, points: int) -> None:
    """Household meters beside those of the demo: one register each, 247 to a link, each under one of the feeders."""
    (city.parent / "devices" / "register.toml").write_text(DEVICE)
    text = city.read_text(encoding="utf-8")
    line = (
        '{{ id = "{}", unit = {}, link = "street-{}", model = "register", commodity = "electricity", role = "load", site = "houses",'
        ' under = "feeder-0{}" }},\n'
    )
    meters = "".join(line.format(name(i), i % 247 + 1, i // 247, i % 8 + 1) for i in range(points))
    links = "".join(
        f'{{ id = "street-{n}", url = "tcp://127.0.0.1:{n + 1}", simulated = true }},\n' for n in range((points - 1) // 247 + 1)
    )
    for word, added in (("links", links), ("meters", meters)):
        text, found = re.subn(rf"^{word} = \[\n", f"{word} = [\n{added}", text, count=1, flags=re.MULTILINE)
        if not found:
            raise fault(str(city), f"no list of {word}", f"a line '{word} = ['", "Restore demo/city.toml.")
    city.write_text(text, encoding="utf-8")


def _sources(demo: Path | None) -> str:
    """Of what a store is made, as eight digits: another demo, schema or city file asks for another store."""
    files = [path for pattern in _BESIDE for path in (_ROOT / "demo").glob(pattern)]
    files += [inner for path in files for inner in path.rglob("*")] + list((_ROOT / "service" / "migrations" / "versions").glob("*.py"))
    files += [Path(__file__), *([demo / "made.json"] if demo else [])]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(files) if path.is_file())).hexdigest()[:8]


def _staff(accounts: Path) -> None:
    """An account for each session, beside those of the demo, as one of them has it: alarms and shifts are read by person."""
    text = accounts.read_text(encoding="utf-8")
    blocks = {re.search(r'name = "(.+)"', block)[1]: block for block in text.split("[[accounts]]")[1:]}  # type: ignore[index] - has one
    more = [blocks[_STAFF[i % len(_STAFF)]].replace(_STAFF[i % len(_STAFF)], account(i)[0], 1) for i in range(_PEOPLE)]
    accounts.write_text(text.rstrip() + "\n\n" + "".join(f"[[accounts]]{block.rstrip()}\n\n" for block in more), encoding="utf-8")


def account(i: int) -> tuple[str, str]:
    """Name and password of the i-th session."""
    like = _STAFF[i % len(_STAFF)]
    return f"{like}-{i % _PEOPLE}", f"{like}-demo"


def name(i: int) -> str:
    """The id of household meter i; the first are those whose year is opened."""
    return f"h{i:06d}"


def _write(home: Home, size: Size, seed: int) -> dict[str, Any]:
    from service import migrations
    from service.alarms.refresh import refresh
    from service.environment import Environment
    from service.settings import load
    from service.store import open_store, readings
    from service.view.moment import now

    env = Environment(city=home.city, home=home.folder)
    engine = open_store(env.url, create=True)
    migrations.upgrade(engine)
    city = load(env)
    key_of = readings.register_points(engine, list(city.points.values()))
    written = {"points": len(key_of), "vectors": 0, "nights": size.nights, "audit_lines": size.lines}
    registers = np.zeros((size.points, SLOTS + 1), np.int64)
    for at in range(0, size.points, _CHUNK):
        ids = tuple(f"{name(i)}.energy" for i in range(at, min(at + _CHUNK, size.points)))
        usage = Shapes(seed + at, len(ids), (WEEK - 1) * 96 + SLOTS).of(slice(None))
        written["vectors"] += _days(engine, ids, usage[:, : WEEK * 96], key_of, WEEK, seed + at)
        np.cumsum(usage[:, (WEEK - 1) * 96 :], axis=1, out=registers[at : at + len(ids), 1:])
    ids = tuple(f"{name(i)}.energy" for i in range(size.opened))
    written["vectors"] += _days(engine, ids, _year(seed, len(ids)), key_of, YEAR, seed)
    written["hot_readings"] = _live(engine, registers, key_of)
    _history(engine, size, seed)
    written["alarm_moves"] = refresh(engine, city, now(engine, city)[0])
    with engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()
    return written | {"megabytes": round((home.folder / "penstock.db").stat().st_size / 1e6)}


def _year(seed: int, points: int) -> NDArray[np.int64]:
    """int64[points, steps] Wh per quarter of all days of the year but the last week: a real year of a load profile each."""
    import pandas as pd

    real = pd.read_parquet(_ROOT / "demo" / "simbench_2016.parquet").select_dtypes("number").to_numpy(dtype=float)
    real = real[: (YEAR - WEEK) * 96, real.std(axis=0) > 0] / np.abs(real).max()
    rng = np.random.default_rng(seed)
    size = rng.lognormal(7.0, 0.5, points)
    return np.maximum(0, real[:, rng.integers(0, real.shape[1], points)] * size).astype(np.int64).T


def _days(engine: Any, ids: tuple[str, ...], usage: NDArray[np.int64], key_of: dict[str, int], first: int, seed: int) -> int:
    """Vectors of whole days, the first of them the `first`-last until the live day; one point in 200 has doubted and missing quarters."""
    from service.store import meter_days, writing

    days = [civil_day(LIVE - timedelta(days=first - 1 - d), ZONE) for d in range(usage.shape[1] // 96)]
    start, steps = days[0][0], int((days[-1][1] - days[0][0]) / timedelta(minutes=15))
    usage = usage[:, np.minimum(np.arange(steps), usage.shape[1] - 1)]  # a year's days are not all of 96 quarters
    quality = np.full(usage.shape, VALID, np.uint16)
    rng = np.random.default_rng(seed)
    for row in rng.choice(len(ids), max(len(ids) // 200, 1), replace=False):
        quality[row, -40:-20] = questionable(Cause.SPIKE)
        quality[row, -20:-12] = missing(Cause.TIMEOUT)
    block = Block(ids, start, timedelta(minutes=15), Quantity.ENERGY_KWH, usage, quality)
    with writing(engine) as connection:
        return meter_days.store(connection, block, days, key_of, "import")


def _live(engine: Any, registers: NDArray[np.int64], key_of: dict[str, int]) -> int:
    """The hot readings of the live day, slot by slot; one meter in 100 falls silent in the evening."""
    import pandas as pd

    from service.store import readings

    ids = [f"{name(i)}.energy" for i in range(len(registers))]
    silent, made = np.arange(len(ids)) % 100 == 99, 0
    start: datetime = civil_day(LIVE, ZONE)[0]
    for slot in range(SLOTS + 1):
        at = pd.Timestamp(start + slot * timedelta(minutes=15)).as_unit("us")
        lost = silent & (slot > 80)
        frame = pd.DataFrame({"point_id": ids, "time_utc": at, "quantity": "energy_register_kwh"})
        frame = frame.assign(value=np.where(lost, np.nan, registers[:, slot] / 1000), received_at_utc=at)
        frame = frame.assign(quality=np.where(lost, missing(Cause.TIMEOUT), VALID))
        made += readings.store_batch(engine, f"houses-{slot}", frame, key_of)
    return made


def _history(engine: Any, size: Size, seed: int) -> None:
    """A year of nights with their steps, and of audit lines: what a page that lists them must not read whole."""
    from service.store import operations, runs, writing
    from service.store.runs import StepResult

    rng = np.random.default_rng(seed)
    for back in range(size.nights, 0, -1):
        night = LIVE - timedelta(days=back)
        at = civil_day(night, ZONE)[0] + timedelta(minutes=30)
        run = runs.start_run(engine, "demo", night, "night", at, "0" * 64)
        with writing(engine) as connection:
            for step in ("validate", "forecast", "plan", "leaks", "ledger", "targets"):
                runs.finish_step(connection, "demo", night, step, float(rng.gamma(2.0, 4.0)), StepResult(f"{step} of {night}"))
        runs.end_run(engine, run, "done", {})
    start = civil_day(LIVE - timedelta(days=size.nights), ZONE)[0]
    for at in range(0, size.lines, 1000):
        with writing(engine) as connection:
            for i in range(at, min(at + 1000, size.lines)):
                when = start + i * timedelta(days=size.nights) / size.lines
                operations.record(connection, when, "operator", "hold", "battery-01", f"line {i} of a year of decisions")
