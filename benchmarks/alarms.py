"""Alarms of a large city: CPU of a refresh when a twentieth of its points is bad, when nothing changed, and when all is well again."""

import argparse
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from benchmarks._night_city import DEVICE

SUMMARY = "alarms: CPU-seconds of one refresh over 100,000 points of which 5 % are bad, and of the list as it is read"
BEGUN = datetime(2026, 1, 15, 0, 0, tzinfo=UTC)
SLOT = timedelta(minutes=15)
HEAD = """city = { id = "large", name = "Large", time_zone = "UTC", country = "CN", region = "CN-ZJ" }
sectors = [{ id = "homes" }]
sites = [{ id = "houses", sector = "homes" }]
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--points", type=int, default=100_000, help="points of the city, one a meter")
    parser.add_argument("--bad", type=float, default=0.05, help="share of the points that fall silent")


def run(args: argparse.Namespace) -> dict[str, Any]:
    points = 2000 if args.quick else args.points
    with tempfile.TemporaryDirectory() as folder:
        city = _City(Path(folder), points, np.random.default_rng(args.seed))
        silent = city.some(args.bad)
        steps = {
            "all_well": city.slot(np.zeros(points, bool)),
            "came": city.slot(silent, slots=3),
            "unchanged": city.slot(silent),
            "gone": city.slot(np.zeros(points, bool), slots=3),
            "one_link_down": city.slot(city.link(), slots=3),
        }
        listed = city.read()
    return {"points": points, "bad": int(silent.sum()), "refreshes": [{"when": name, **step} for name, step in steps.items()], **listed}


@dataclass
class _City:
    """A store with `points` meters of one register, 247 to a link, and a clock of slots."""

    folder: Path
    points: int
    rng: np.random.Generator

    def __post_init__(self) -> None:
        from service import migrations
        from service.environment import Environment
        from service.settings import load
        from service.store import open_store, readings

        (self.folder / "devices").mkdir()
        (self.folder / "devices" / "register.toml").write_text(DEVICE)
        what = 'model = "register", commodity = "electricity", role = "load", site = "houses"'
        line = '{{ id = "m{0:06d}", unit = {1}, link = "l{2}", ' + what + " }},\n"
        meters = "".join(line.format(i, i % 247 + 1, i // 247) for i in range(self.points))
        links = "".join(f'{{ id = "l{n}", url = "tcp://127.0.0.1:{n + 1}", simulated = true }},\n' for n in range(-(-self.points // 247)))
        (self.folder / "city.toml").write_text(f"{HEAD}links = [\n{links}]\nmeters = [\n{meters}]\n")
        env = Environment(city=self.folder / "city.toml", home=self.folder)
        self.city, self.engine = load(env), open_store(env.url, create=True)
        migrations.upgrade(self.engine)
        self.key_of = readings.register_points(self.engine, list(self.city.points.values()))
        self.now_utc = BEGUN

    def some(self, share: float) -> np.ndarray:
        """Which points are bad: so many of them, spread over all links."""
        return self.rng.random(self.points) < share

    def link(self) -> np.ndarray:
        """Which points hang on the first link."""
        return np.arange(self.points) < 247

    def slot(self, silent: np.ndarray, slots: int = 1) -> dict[str, Any]:
        """So many slots with these points silent, a refresh after each; the cost of the dearest, and the annunciations of all."""
        from service.alarms import refresh, store
        from service.store import runs

        began, spent, changes = self.now_utc, [], 0
        for _ in range(slots):
            self.now_utc += SLOT
            self._read(silent)
            runs.beat(self.engine, "poll", self.now_utc)
            started = process_time()
            changes += refresh.refresh(self.engine, self.city, self.now_utc)
            spent.append(process_time() - started)
        came = store.annunciations(self.engine, began, self.now_utc + SLOT)
        return {"cpu_s": round(max(spent), 2), "changes": changes, "annunciated": len(came)}

    def _read(self, silent: np.ndarray) -> None:
        import pandas as pd

        from city.quality import VALID, Cause, missing
        from service.store import readings

        at = pd.Timestamp(self.now_utc).as_unit("us")
        frame = pd.DataFrame({"point_id": list(self.city.points), "time_utc": at, "quantity": "energy_register_kwh", "received_at_utc": at})
        quality = np.where(silent, missing(Cause.TIMEOUT), VALID).astype(np.uint16)
        frame = frame.assign(value=np.where(silent, np.nan, 1.0), quality=quality)
        readings.store_batch(self.engine, f"slot-{self.now_utc:%H%M}", frame, self.key_of)

    def read(self) -> dict[str, Any]:
        """What the console reads: CPU of one look, lines it shows, alarms that stand under them."""
        from service.alarms.listing import overview

        started = process_time()
        made = overview(self.engine, self.now_utc)
        spent = process_time() - started
        return {"list_cpu_s": round(spent, 3), "lines": len(made.rows), "alarms_in_lines": sum(row.count for row in made.rows)}
