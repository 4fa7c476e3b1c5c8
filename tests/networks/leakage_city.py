"""A small city for tests of the leak watch: a reservoir, a metered main, a grid of 5 x 4 junctions, six pressure sensors."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from city.frames import Block
from city.quality import VALID
from city.quantities import Quantity
from networks.leakage.scada import Scada, Sites
from networks.network import Network
from networks.water import Burst, simulate

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
SENSORS = ("n00", "n03", "n13", "n20", "n32", "n41")
STEP = timedelta(minutes=30)
DAILY = np.array([4, 3, 3, 3, 4, 6, 10, 13, 12, 10, 9, 9, 10, 10, 9, 8, 9, 11, 13, 13, 11, 9, 7, 5], dtype=float) / 8.33


def network(folder: Path, roughness: float = 120.0, shut: str = "") -> Network:
    """The city's INP, written and read; its true pipes may be rougher than the utility believes."""
    nodes = [f"n{x}{y}" for x in range(5) for y in range(4)]
    pipes = [("main", "river", "n00", 300.0, 300.0)]
    pipes += [(f"e{x}{y}", f"n{x}{y}", f"n{x + 1}{y}", 200.0, 120.0) for x in range(4) for y in range(4)]
    pipes += [(f"s{x}{y}", f"n{x}{y}", f"n{x}{y + 1}", 200.0, 100.0) for x in range(5) for y in range(3)]
    lines = ["[JUNCTIONS]", *(f"{name} 10 3.6 day" for name in nodes), "[RESERVOIRS]", "river 60", "[PIPES]"]
    lines += [f"{name} {a} {b} {length} {size} {roughness} 0 {'Closed' if name == shut else 'Open'}" for name, a, b, length, size in pipes]
    lines += ["[PATTERNS]", *(f"day {value:.4f}" for value in DAILY), "[TIMES]", "Pattern Timestep 1:00", "[COORDINATES]", "river -100 0"]
    lines += [f"n{x}{y} {200 * x} {200 * y}" for x in range(5) for y in range(4)]
    lines += ["[OPTIONS]", "Units CMH", "Headloss H-W", "[END]"]
    path = folder / f"grid{roughness:.0f}{shut}.inp"
    path.write_text("\n".join(lines))
    return Network.read(path)


SITES = Sites(pressure={name: name for name in SENSORS}, flow={"main": "main"})


def readings(folder: Path, days: int, bursts: tuple[Burst, ...] = (), seed: int = 1) -> Scada:
    """What the sensors say of a city whose pipes are rougher than its file and whose customers vary by 10 %."""
    true = network(folder, roughness=112.0)
    rng = np.random.default_rng(seed)
    steps = int(timedelta(days=days) / STEP)
    times = pd.date_range(START, periods=steps, freq=STEP)
    nodes = list(true.junctions["id"])
    demand = 3.6 * DAILY[times.hour][:, None] * (1 + 0.1 * rng.normal(size=(steps, len(nodes))))
    found = simulate(true, pd.DataFrame(demand, times, nodes), bursts=bursts, step_s=1800)
    pressure = found.pressure_m[list(SENSORS)] + rng.normal(0, 0.02, (steps, len(SENSORS)))
    return Scada(
        pressure=_block(pressure, Quantity.PRESSURE_M),
        flow=_block(found.flow_m3_per_h[["main"]], Quantity.FLOW_M3_PER_H),
        level=_block(pd.DataFrame(index=times), Quantity.LEVEL_M),
    )


def _block(table: pd.DataFrame, quantity: Quantity) -> Block:
    values = table.to_numpy(np.float32).T.reshape(table.shape[1], len(table))
    return Block(tuple(table.columns), START, STEP, quantity, values, np.full(values.shape, VALID, np.uint16))
