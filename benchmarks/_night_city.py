"""Synthetic cities of any size for the night: meters that are real profiles with a phase and a size of their own, prepared in parts."""

import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from city.clock import civil_day
from city.frames import Block
from city.quality import VALID
from city.quantities import Quantity

DAYS, NOW, ZONE = 60, "2022-06-16T00:30+02:00", "Europe/Rome"
QUARTER = timedelta(minutes=15)
TOGETHER = 2_000
"""Points made and written at a time: two months of them are 100 MB."""

DEVICE = """
description = "A meter with one 64-bit energy register in Wh."
[[registers]]
name = "energy"
address = 0
type = "u64"
quantity = "energy_register_kwh"
scale = 0.001
"""


QUICK = "forecast = { trees = 20, leaves = 8, train_rows = 4000, calibration_days = 3, calibration_rows = 1000 }"


def city_toml(points: int, workers: int, quick: bool = False) -> str:
    """A city of `points` electricity meters, 247 to a link, one account each, a grid and a battery to plan; `quick` learns little."""
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
{QUICK if quick else ""}
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


class Shapes:
    """Usage of n points by quarter-hours [Wh]: the demo's real load profiles, each moved by whole weeks and scaled."""

    def __init__(self, seed: int, points: int, steps: int) -> None:
        import pandas as pd

        frame = pd.read_parquet(Path(__file__).resolve().parents[1] / "demo" / "simbench_2016.parquet").select_dtypes("number")
        real = frame.to_numpy(dtype=float)
        self.real = real[:, real.std(axis=0) > 0] / np.abs(real).max()
        rng = np.random.default_rng(seed)
        self.column, week = rng.integers(0, self.real.shape[1], points), rng.integers(0, 40, points)
        self.start, self.size, self.steps = week * 672, rng.lognormal(7.0, 0.5, points), steps

    def of(self, some: slice) -> NDArray[np.int64]:
        """int64[m, steps] of some of the points [Wh]."""
        rows = self.start[some, None] + np.arange(self.steps)
        return np.maximum(0, self.real[rows, self.column[some, None]] * self.size[some, None]).astype(np.int64)


def write_city(home: Path, points: int, workers: int, quick: bool = False) -> None:
    """The city's file and its register map."""
    (home / "devices").mkdir(parents=True, exist_ok=True)
    (home / "devices" / "register.toml").write_text(DEVICE)
    (home / "city.toml").write_text(city_toml(points, workers, quick))


def prepare(home: Path, url: str, points: int, seed: int, past: int = DAYS) -> None:
    """Tables, history of `past` days as vectors and the live day as readings, for the city that lies in `home`."""
    from service import migrations
    from service.environment import Environment
    from service.settings import load
    from service.store import open_store, readings

    engine = open_store(url, create=True)
    migrations.upgrade(engine)
    city = load(Environment(city=home / "city.toml", home=home))
    key_of = readings.register_points(engine, list(city.points.values()))
    ids = tuple(city.points)
    live = date.fromisoformat(NOW[:10]) - timedelta(days=1)
    days = [civil_day(live - timedelta(days=d), ZONE) for d in range(past, 0, -1)]
    steps = int((civil_day(live, ZONE)[1] - days[0][0]) / QUARTER)
    register = np.zeros((97, points), np.int64)
    for some, former, today in _parts(Shapes(seed, points, steps + 2), points, steps):
        _store_days(
            engine,
            Block(ids[some], days[0][0], QUARTER, Quantity.ENERGY_KWH, former, np.full(former.shape, VALID, np.uint16)),
            days,
            key_of,
        )
        register[1:, some] = np.cumsum(today, axis=1).T
        print(f"  {some.stop:,} points of {points:,} have their past", file=sys.stderr)
    _live(engine, ids, key_of, register, civil_day(live, ZONE)[1] - timedelta(days=1))
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def _parts(shapes: Shapes, points: int, steps: int) -> Iterator[tuple[slice, NDArray[np.int64], NDArray[np.int64]]]:
    """Some points at a time: their past and their last day."""
    for at in range(0, points, TOGETHER):
        some = slice(at, min(at + TOGETHER, points))
        usage = shapes.of(some)
        yield some, usage[:, : steps - 96], usage[:, steps - 96 : steps]


def _store_days(engine: Any, block: Block, days: list[tuple[datetime, datetime]], key_of: dict[str, int]) -> None:
    from service.store import meter_days, writing

    with writing(engine) as connection:
        meter_days.store(connection, block, days, key_of, "import")


def _live(engine: Any, ids: tuple[str, ...], key_of: dict[str, int], register: NDArray[np.int64], start: datetime) -> None:
    import pandas as pd

    from service.store import readings

    names = pd.array(list(ids), dtype="str")
    for slot, values in enumerate(register):
        at = pd.Timestamp(start + slot * QUARTER).as_unit("us")
        frame = pd.DataFrame({"point_id": names, "time_utc": at, "quantity": "energy_register_kwh", "value": values / 1000})
        readings.store_batch(engine, f"slot-{slot}", frame.assign(quality=VALID, received_at_utc=at), key_of)
