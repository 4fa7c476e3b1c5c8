"""A small city whose flow meter stands on the main from its river, with no metered district: six weeks of half hours, then live ones."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from city import quality as q
from city.clock import civil_day, local_date
from city.frames import Block
from networks.hydraulics import Burst, simulate
from service.environment import Environment
from service.importing import whole_days
from service.migrations import upgrade
from service.settings import LoadedCity, load
from service.store import meter_days, open_store, readings, writing
from tests.networks.leakage_city import DAILY, SENSORS, START, STEP, network

ZONE = "Europe/Rome"
LIVE_DAY = 36  # from its local midnight on there are readings, before it stored days
BURST_UTC = START + timedelta(days=37, hours=6)
BURST_PIPE, BURST_M3_PER_H = "e21", 8.0
NODES = [f"n{x}{y}" for x in range(5) for y in range(4)]
CITY = """
city = { id = "grid", name = "Grid", time_zone = "Europe/Rome", country = "IT", region = "CN-ZJ" }
sectors = [{ id = "services", gdp_10k_cny = { 2025 = 100 } }]
sites = [{ id = "here", sector = "services" }]
[water]
network = "grid120.inp"
valves = "valves.csv"
"""


def build(folder: Path, *, customers: bool, extra: str = "") -> Environment:
    """city.toml, network, valves and an empty store; `customers`: every junction has a meter. `extra` are more lines of meters."""
    line = '{{ id = "{}", site = "here", model = "{}", commodity = "water", role = "{}", step_s = 1800, node = "{}" }},\n'
    listed = [line.format("main", "water-meter", "supply", "main")]
    listed += [line.format(f"p-{name}", "pressure-sensor", "sensor", name) for name in SENSORS]
    listed += [line.format(f"c-{name}", "water-meter", "load", name) for name in NODES] if customers else []
    folder.mkdir(exist_ok=True)
    (folder / "city.toml").write_text(f"meters = [\n{''.join(listed)}{extra}]\n{CITY}", encoding="utf-8")
    ends = network(folder).pipes[["id", "start", "end"]].melt("id", value_name="node")
    ends = ends[ends["node"] != "river"]
    rows = [f"v{i:03d},{pipe},{node}" for i, (pipe, node) in enumerate(zip(ends["id"], ends["node"], strict=True))]
    (folder / "valves.csv").write_text("\n".join(["valve,link,node", *rows, ""]), encoding="utf-8")
    environment = Environment(city=folder / "city.toml", home=folder)
    upgrade(open_store(environment.url, create=True))
    return environment


def measured(folder: Path, days: int, shut: str = "") -> dict[str, pd.DataFrame]:
    """What the meters say: flow [m3/h], pressure [m], volume [m3] used per step by junction. Pipes are rougher than in the file.

    At `BURST_UTC` the pipe bursts, or the pipe `shut` is closed instead.
    """
    true, rng = network(folder, roughness=112.0), np.random.default_rng(3)
    times = pd.date_range(START, periods=int(timedelta(days=days) / STEP), freq=STEP)
    demand = pd.DataFrame(3.6 * DAILY[times.hour][:, None] * (1 + 0.1 * rng.normal(size=(len(times), len(NODES)))), times, NODES)
    bursts = () if shut else (Burst.of_size(BURST_PIPE, times.get_loc(BURST_UTC), BURST_M3_PER_H, 45.0),)
    found = simulate(true, demand, bursts=bursts, step_s=1800)
    flow, pressure = found.flow_m3_per_h[["main"]].copy(), found.pressure_m[list(SENSORS)].copy()
    if shut:
        after = times >= BURST_UTC
        other = simulate(network(folder, roughness=112.0, shut=shut), demand, step_s=1800)
        flow[after], pressure[after] = other.flow_m3_per_h.loc[after, ["main"]], other.pressure_m.loc[after, list(SENSORS)]
    pressure += rng.normal(0, 0.02, pressure.shape)
    return {"flow": flow, "pressure": pressure.add_prefix("p-"), "volume": demand.add_prefix("c-") / 2}


def _points(city: LoadedCity, told: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    frames = {kind: table.add_suffix(f".{kind}") for kind, table in told.items()}
    return {kind: table for kind, table in frames.items() if table.columns[0] in city.points}


def store(engine: Engine, city: LoadedCity, told: dict[str, pd.DataFrame]) -> None:
    """Days before `LIVE_DAY` as vectors; later readings row by row with `arrive`."""
    key_of = readings.register_points(engine, list(city.points.values()))
    begin = civil_day(local_date(START + timedelta(days=LIVE_DAY), ZONE), ZONE)[0]
    for table in _points(city, told).values():
        past = table[table.index < begin]
        quantity = city.points[past.columns[0]].stored
        values = quantity.to_int(past.to_numpy().T)
        block = Block(tuple(past.columns), START, STEP, quantity, values, np.full(values.shape, q.VALID, np.uint16))
        with writing(engine) as connection:
            meter_days.store(connection, block, whole_days(START, begin, ZONE), key_of, "import")


def arrive(engine: Engine, city: LoadedCity, told: dict[str, pd.DataFrame], start: datetime, end: datetime) -> None:
    """Readings of [start, end) as the field sends them: registers count from the first step on."""
    rows = []
    for table in _points(city, told).values():
        quantity = city.points[table.columns[0]].quantity
        shown = table.cumsum() - table if quantity.is_register else table
        part = shown[(shown.index >= start) & (shown.index < end)].rename_axis("time_utc").reset_index()
        rows.append(part.melt("time_utc", var_name="point_id").assign(quantity=str(quantity)))
    frame = pd.concat(rows).assign(quality=q.VALID, received_at_utc=lambda t: t["time_utc"])
    for name in ("time_utc", "received_at_utc"):
        frame[name] = frame[name].astype("datetime64[us, UTC]")
    readings.store_batch(engine, f"until-{end:%d-%H%M}", frame, readings.keys(engine))


def loaded(environment: Environment) -> tuple[LoadedCity, Engine]:
    return load(environment), open_store(environment.url)
