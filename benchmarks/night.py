"""A whole night at several sizes, on both databases, by one process and by several: seconds, memory, and how they grow."""

import argparse
import json
import math
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import _night_stores
from benchmarks._night_city import NOW
from benchmarks._night_stores import Stores
from benchmarks._process_tree import Watched

SUMMARY = "one night at 100, 1,000 and 10,000 points: seconds, memory and how they grow"
DONE = (0, 2)  # `penstock night`: done, done with problems; a test holds them to those of the command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--points", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[1], help="processes that share the forecasts; several are measured in turn"
    )
    told = "sqlite, postgres (a server of its own in the folder) or the SQLAlchemy URL of a PostgreSQL server; several in turn"
    parser.add_argument("--database", nargs="+", default=["sqlite"], help=told)
    parser.add_argument(
        "--folder", type=Path, help="where stores are prepared; 100,000 points take 10 GB; a temporary folder when not given"
    )
    parser.add_argument("--keep", action="store_true", help="keep what was prepared in --folder and use it again: preparing is not timed")


def night(home: Path, url: str) -> dict[str, Any]:
    """Run `penstock night` in a process of its own. Returns what it cost and the seconds of its steps; of a failed one no figure."""
    environ = {**os.environ, "PENSTOCK_CITY": str(home / "city.toml"), "PENSTOCK_HOME": str(home), "PENSTOCK_DATABASE_URL": url}
    log = home / "night.log"
    started = time.perf_counter()
    watched = Watched([sys.executable, "-m", "service.cli", "night", "--now", NOW], environ, log)
    code, cpu_s = watched.wait()
    wall = time.perf_counter() - started
    from service.store import open_store
    from service.store.runs import steps_done

    engine = open_store(url)
    steps = steps_done(engine, "bench", date.fromisoformat(NOW[:10]))
    disk = _night_stores.disk(engine, home)
    engine.dispose()
    if code not in DONE:
        sys.stderr.write(log.read_text(errors="replace"))
        return {"exit_code": code, "failed": [f"{name}: {row.sentence}" for name, row in steps.items() if row.status == "failed"]}
    return {
        "exit_code": code,
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu_s, 2),
        "peak_rss_mb": round(watched.largest_mb),
        "peak_tree_mb": round(watched.tree_mb),
        "steps": {name: row.seconds for name, row in steps.items()},
        "disk": disk,
    }


def exponent(scales: list[dict[str, Any]]) -> float | None:
    """Exponent of CPU-seconds over points, between the first and the last scale; None where there are not two."""
    if len(scales) < 2:
        return None
    first, last = scales[0], scales[-1]
    return round(math.log(last["cpu_s"] / first["cpu_s"]) / math.log(last["points"] / first["points"]), 3)


def growth(scales: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How the CPU-seconds of each database and number of workers grow: over all scales, and over the two largest of them."""
    ways = dict.fromkeys((one["workers"], one["database"]) for one in scales)
    found = []
    for workers, database in ways:
        own = [one for one in scales if (one["workers"], one["database"]) == (workers, database) and "cpu_s" in one]
        own.sort(key=lambda one: one["points"])
        if len(own) > 1:
            found.append({"workers": workers, "database": database, "all": exponent(own), "largest": exponent(own[-2:])})
    return found


def measured(stores: Stores, points: int, workers: int, keep: bool) -> dict[str, Any]:
    """One night on a copy of a prepared store."""
    print(f"night of {points:,} points, {workers} worker(s), {stores.name}", file=sys.stderr)
    with stores.copy(points, workers, keep) as (home, url):
        made = {"points": points, "workers": workers, "database": stores.name, **night(home, url)}
    print(json.dumps(made), file=sys.stderr)
    return made


def run(args: argparse.Namespace) -> dict[str, Any]:
    scales = []
    sizes = [20] if args.quick else args.points
    with ExitStack() as stack:
        folder = args.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        for database in args.database:
            with _night_stores.opened(database, folder.resolve(), args.seed, args.keep, args.quick) as stores:
                for points in sizes:
                    for workers in args.workers:
                        again = workers != args.workers[-1]
                        scales.append(measured(stores, points, workers, args.keep or again))
    grows = growth(scales)
    return {
        "scales": scales,
        "growth": grows,
        "growth_exponent": max((one["all"] for one in grows), default=None),
        "failed": sum("failed" in one for one in scales),
    }
