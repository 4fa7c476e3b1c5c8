"""What validation asks, out of the days of very many points."""

import argparse
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from city import quality as q
from city.frames import Block
from city.places import Point
from city.quality import Cause, Flag
from city.quantities import Quantity
from service import migrations
from service.settings import LoadedCity
from service.store import meter_days, open_store, readings, writing
from service.view import validation

SUMMARY = "the queue of what validation asks, of many points of which few ask: how long a page waits for it"
DAY = datetime(2022, 6, 14, 22, tzinfo=UTC)
STEP, STEPS = timedelta(minutes=15), 96


@dataclass(frozen=True, eq=False)
class _City:
    """What the queue asks of a city file."""

    points: dict[str, Point]
    meter: dict[str, Any]
    settings: Any


def run(args: argparse.Namespace) -> dict[str, Any]:
    number = 2_000 if args.quick else 100_000
    points = [Point(id=f"m{i}.energy", meter=f"m{i}", quantity=Quantity.ENERGY_KWH, step_s=900) for i in range(number)]
    meters = {point.meter: SimpleNamespace(forecast=None, zone=None) for point in points}
    settings = SimpleNamespace(totals=(), accounts=())
    city = cast("LoadedCity", _City({p.id: p for p in points}, meters, settings))
    values, quality = _spoiled(np.random.default_rng(args.seed), number)
    with TemporaryDirectory() as folder:
        engine = open_store(f"sqlite:///{Path(folder) / 'p.db'}", create=True)
        migrations.upgrade(engine)
        keys = readings.register_points(engine, points)
        block = Block(tuple(p.id for p in points), DAY, STEP, Quantity.ENERGY_KWH, values, quality)
        before = time.process_time()
        with writing(engine) as connection:
            meter_days.store(connection, block, [(DAY, DAY + timedelta(days=1))], keys, "night", DAY)
        stored = time.process_time() - before
        took = []
        for _ in range(5):
            before = time.process_time()
            found = validation.queue(engine, city)
            took.append(time.process_time() - before)
        waiting = validation.waiting(engine)
    return {
        "points": number,
        "days_that_ask": waiting,
        "stretches_shown": len(found),
        "stored_cpu_s": round(stored, 2),
        "queue_cpu_s": round(float(np.median(took)), 3),
    }


def _spoiled(rng: np.random.Generator, number: int) -> tuple[Any, Any]:
    """A day of each point; two in a hundred have a gap that was estimated."""
    values = rng.integers(100, 900, (number, STEPS))
    quality = np.full((number, STEPS), q.VALID, np.uint16)
    for point in rng.choice(number, number // 50, replace=False):
        first = int(rng.integers(0, STEPS - 8))
        quality[point, first : first + int(rng.integers(1, 8))] = q.code(Flag.ESTIMATED_LINEAR, Cause.TIMEOUT)
    return values, quality
