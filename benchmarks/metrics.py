"""What a scrape costs: the first after a batch, one whose figures are read anew, one that is told again."""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from prometheus_client.parser import text_string_to_metric_families

from city.places import Meter, Point
from city.quality import VALID
from city.quantities import Quantity
from service import migrations
from service.environment import Environment
from service.levels import calls
from service.metrics import collector
from service.settings import LoadedCity, load
from service.store import open_store, readings, runs

SUMMARY = "a scrape of /metrics at 100,000 points: CPU milliseconds after a batch, with service levels, read anew, told again"
AT = datetime(2022, 6, 15, 12, tzinfo=UTC)
SLOT = timedelta(minutes=15)
CITY = """
city = { id = "big", name = "Big", time_zone = "Europe/Rome", country = "IT", region = "CN-ZJ" }
metrics.cache_s = 300
links = [%s]
sectors = [{ id = "services" }]
sites = [{ id = "here", sector = "services" }]
"""


def run(args: argparse.Namespace) -> dict[str, Any]:
    points, scrapes = (1_000, 3) if args.quick else (100_000, 20)
    with TemporaryDirectory() as folder:
        city, engine = _city(Path(folder), points)
        key_of = readings.register_points(engine, list(city.points.values()))
        clock = [AT]
        figures = collector.Figures(engine, city, lambda: clock[0])
        registry = collector.registry(figures)
        collector.text(registry)  # what is prepared once: statements, the links' meters
        batch_ms, levels_ms, anew_ms, again_ms, told = [], [], [], [], b""
        for number in range(3 if args.quick else 5):
            clock[0] = AT + number * SLOT
            readings.store_batch(engine, f"slot-{number}", _slot(city, clock[0]), key_of, clock[0])
            runs.beat(engine, "poll", clock[0])
            calls.count(engine, "/v1/readings/{point}", 200, clock[0], 1000)
            figures.age()
            batch_ms.append(_cpu_ms(lambda: collector.text(registry)))
            told = collector.text(registry)
        for _ in range(scrapes):
            figures.forget()
            levels_ms.append(_cpu_ms(lambda: collector.text(registry)))
            figures.age()
            anew_ms.append(_cpu_ms(lambda: collector.text(registry)))
            again_ms.append(_cpu_ms(lambda: collector.text(registry)))
    families = list(text_string_to_metric_families(told.decode()))
    return {
        "points": points,
        "series": sum(len(family.samples) for family in families),
        "after_batch_ms": round(max(batch_ms), 2),
        "with_levels_ms": round(median(levels_ms), 2),
        "read_anew_ms": round(median(anew_ms), 2),
        "told_again_ms": round(median(again_ms), 2),
    }


def _cpu_ms(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return 1000 * (time.process_time() - before)


def _city(folder: Path, points: int) -> tuple[LoadedCity, Any]:
    """Twenty links; the meters are given to the loaded city, for a file of so many is not what is measured."""
    links = ", ".join(f'{{ id = "l{i}", url = "tcp://127.0.0.1:{2000 + i}" }}' for i in range(20))
    (folder / "city.toml").write_text(CITY % links, encoding="utf-8")
    env = Environment(city=folder / "city.toml", home=folder)
    city = load(env)
    common = {"site": "here", "model": "electricity-meter", "commodity": "electricity", "role": "load", "step_s": 900}
    meters = tuple(Meter.model_construct(id=f"m{i}", link=f"l{i % 20}", unit=1, **common) for i in range(points))
    city.settings = city.settings.model_copy(update={"meters": meters})
    city.points = {f"{m.id}.power": Point(id=f"{m.id}.power", meter=m.id, quantity=Quantity.POWER_KW, step_s=900) for m in meters}
    engine = open_store(env.url, create=True)
    migrations.upgrade(engine)
    return city, engine


def _slot(city: LoadedCity, at: datetime) -> pd.DataFrame:
    names = list(city.points)
    time_utc = pd.Series([at] * len(names)).astype("datetime64[us, UTC]")
    frame = pd.DataFrame({"point_id": names, "quantity": "power_kw", "value": 1.0, "quality": VALID})
    return frame.assign(time_utc=time_utc, received_at_utc=time_utc)
