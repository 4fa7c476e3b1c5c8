"""A whole night at several sizes: synthetic cities whose meters are real profiles with a phase and a size of their own."""

import argparse
import json
import math
import os
import sys
import tempfile
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from city.clock import civil_day
from city.frames import Block
from city.quality import VALID
from city.quantities import Quantity

SUMMARY = "one night at 100, 1,000 and 10,000 points: seconds, memory and how they grow"
DAYS, NOW, ZONE = 60, "2022-06-16T00:30+02:00", "Europe/Rome"

DEVICE = """
description = "A meter with one 64-bit energy register in Wh."
[[registers]]
name = "energy"
address = 0
type = "u64"
quantity = "energy_register_kwh"
scale = 0.001
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--points", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--database", default="", help="SQLAlchemy URL of an empty database; SQLite in a temporary folder when not given")


def city_toml(points: int, workers: int) -> str:
    """A city of `points` electricity meters, 247 to a link, one account each, a grid and a battery to plan."""
    meters = ",\n".join(
        f'{{ id = "m{i:06d}", unit = {i % 247 + 1}, link = "field-{i // 247}", model = "register", commodity = "electricity",'
        f' role = "load", site = "all", forecast = "load" }}'
        for i in range(points)
    )
    links = ", ".join(f'{{ id = "field-{n}", url = "tcp://127.0.0.1:{n + 1}", simulated = true }}' for n in range((points - 1) // 247 + 1))
    accounts = ",\n".join(
        f'{{ id = "a{i:06d}", kind = "grid-electricity", point = "m{i:06d}.energy", site = "all", sector = "all", region = "CN-ZJ" }}'
        for i in range(points)
    )
    series = ", ".join(f'"m{i:06d}.energy"' for i in range(points))
    return f"""
city = {{ id = "bench", name = "Benchmark", time_zone = "{ZONE}", country = "IT", region = "CN-ZJ" }}
night = {{ history_days = {DAYS}, workers = {workers} }}
sectors = [{{ id = "all", gdp_10k_cny = {{ 2022 = 1000000 }} }}]
sites = [{{ id = "all", sector = "all" }}]
links = [{links}]
meters = [{meters}]
accounts = [{accounts}]
[tariff]
bands = [{{ name = "day", price_per_kwh = 0.8, hours = [[7, 23]] }}, {{ name = "night", price_per_kwh = 0.3, hours = [[0, 7], [23, 24]] }}]
[[assets]]
id = "grid"
kind = "grid"
contract_kw = {points * 10}
connection_kw = {points * 20}
[[assets]]
id = "city"
kind = "fixed_load"
series = [{series}]
[[assets]]
id = "battery"
kind = "battery"
power_kw = {points}
energy_kwh = {2 * points}
[[states]]
asset = "battery"
quantity = "charge_kwh"
weights = {{}}
offset = {points}
"""


def shapes(seed: int, points: int, steps: int) -> NDArray[np.int64]:
    """int64[points, steps] Wh per quarter: the demo's real load profiles, each moved by whole weeks and scaled."""
    import pandas as pd

    frame = pd.read_parquet(Path(__file__).resolve().parents[1] / "demo" / "simbench_2016.parquet").select_dtypes("number")
    real = frame.to_numpy(dtype=float)
    real = real[:, real.std(axis=0) > 0] / np.abs(real).max()
    rng = np.random.default_rng(seed)
    column, week, size = rng.integers(0, real.shape[1], points), rng.integers(0, 40, points), rng.lognormal(7.0, 0.5, points)
    start = week * 672
    rows = start[:, None] + np.arange(steps)
    return np.maximum(0, real[rows, column[:, None]] * size[:, None]).astype(np.int64)


def prepare(home: Path, url: str, points: int, workers: int, seed: int) -> None:
    """City file, tables, history as vectors and the live day as readings."""
    from service import migrations
    from service.environment import Environment
    from service.settings import load
    from service.store import meter_days, open_store, readings, writing

    (home / "devices").mkdir(parents=True)
    (home / "devices" / "register.toml").write_text(DEVICE)
    (home / "city.toml").write_text(city_toml(points, workers))
    engine = open_store(url, create=True)
    migrations.upgrade(engine)
    city = load(Environment(city=home / "city.toml", home=home))
    key_of = readings.register_points(engine, list(city.points.values()))
    live = date.fromisoformat(NOW[:10]) - timedelta(days=1)
    days = [civil_day(live - timedelta(days=d), ZONE) for d in range(DAYS, 0, -1)]
    start, end = days[0][0], civil_day(live, ZONE)[1]
    steps = int((end - start) / timedelta(minutes=15))
    usage = shapes(seed, points, steps + 2)
    ids = tuple(city.points)
    past = usage[:, : steps - 96]
    block = Block(ids, start, timedelta(minutes=15), Quantity.ENERGY_KWH, past, np.full(past.shape, VALID, np.uint16))
    with writing(engine) as connection:
        meter_days.store(connection, block, days, key_of, "import")
    _live(engine, ids, key_of, usage[:, steps - 96 :], end - timedelta(days=1))


def _live(engine: Any, ids: tuple[str, ...], key_of: dict[str, int], usage: NDArray[np.int64], start: datetime) -> None:
    import pandas as pd

    from service.store import readings

    register = np.concatenate([np.zeros((len(ids), 1), np.int64), np.cumsum(usage, axis=1)], axis=1)
    for slot in range(register.shape[1]):
        at = pd.Timestamp(start + slot * timedelta(minutes=15)).as_unit("us")
        frame = pd.DataFrame({"point_id": ids, "time_utc": at, "quantity": "energy_register_kwh", "value": register[:, slot] / 1000})
        readings.store_batch(engine, f"slot-{slot}", frame.assign(quality=VALID, received_at_utc=at), key_of)


def night(home: Path, url: str) -> dict[str, Any]:
    """Run `penstock night` in a process of its own. Returns what it cost and the seconds of its steps."""
    environ = {**os.environ, "PENSTOCK_CITY": str(home / "city.toml"), "PENSTOCK_HOME": str(home), "PENSTOCK_DATABASE_URL": url}
    started = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_DUP2, sys.stderr.fileno(), 1)]
    pid = os.posix_spawn(sys.executable, [sys.executable, "-m", "service.cli", "night", "--now", NOW], environ, file_actions=quiet)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - started
    from service.store import open_store
    from service.store.runs import steps_done

    done = steps_done(open_store(url), "bench", date.fromisoformat(NOW[:10]))
    return {
        "exit_code": os.waitstatus_to_exitcode(status),
        "wall_s": round(wall, 2),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_rss_mb": round(usage.ru_maxrss / 1024),
        "steps": {name: row.seconds for name, row in done.items()},
    }


def growth(scales: list[dict[str, Any]]) -> float | None:
    """Exponent of CPU-seconds over points, between the first and the last scale."""
    if len(scales) < 2:
        return None
    first, last = scales[0], scales[-1]
    return round(math.log(last["cpu_s"] / first["cpu_s"]) / math.log(last["points"] / first["points"]), 3)


def run(args: argparse.Namespace) -> dict[str, Any]:
    scales = []
    for points in [20] if args.quick else args.points:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            url = args.database or f"sqlite:///{home / 'penstock.db'}"
            print(f"preparing {points} points", file=sys.stderr)
            prepare(home, url, points, args.workers, args.seed)
            made = {
                "points": points,
                "workers": args.workers,
                "database": "postgresql" if "postgres" in url else "sqlite",
                **night(home, url),
            }
            print(json.dumps(made), file=sys.stderr)
            scales.append(made)
    return {"scales": scales, "growth_exponent": growth(scales)}
