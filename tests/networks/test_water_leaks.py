"""Bursts: found on the day, with the right size and place; a clean day, a lying meter and broken sensors raise nothing.

The world is Net3 with ten zones and made-up demand: daily and weekly shape, a slow wander and noise per zone, all seeded.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from city import quality as q
from city.frames import Block
from city.problems import PenstockError
from city.quantities import Quantity
from networks.baseline import Baseline
from networks.leaks import LeakEvent, detect
from networks.locate import locate, sensitivities, spread_demand
from networks.water import Burst, LevelControl, Network, simulate, zones

pytestmark = pytest.mark.slow
MEAN_M3_PER_H = np.array([28, 32, 15, 120, 276, 34, 91, 76, 70, 94])
SENSORS = {f"p-{node}": node for node in ("15", "35", "103", "111", "127", "151", "167", "187", "199", "211", "225", "253")}
CONTROLS = [LevelControl("335", "3", 5.5, 6.5), LevelControl("10", "2", 8.0, 9.5)]
DAYS = 43  # six weeks of history and the live day
LIVE = (DAYS - 1) * 96
BURST_STEP = LIVE + 61  # 15:15
NOISE_M = 0.1


@dataclass(frozen=True)
class World:
    pressure: Block
    flow: Block
    level: Block
    running: Block
    leak_m3_per_h: float

    def part(self, first: int, last: int) -> "World":
        start = self.flow.start_utc
        cut = {
            name: getattr(self, name).window(start + first * timedelta(minutes=15), start + last * timedelta(minutes=15))
            for name in ("pressure", "flow", "level", "running")
        }
        return replace(self, **cut)


@cache
def network() -> Network:
    return Network.named("Net3")


@cache
def dma_of() -> pd.Series:
    return zones(network(), 10, weights=list(MEAN_M3_PER_H), every_junction=True).map(lambda zone: f"dma-{zone}")


def block(table: pd.DataFrame, prefix: str, quantity: Quantity) -> Block:
    values = table.to_numpy().T.astype(np.float32)
    ids = tuple(f"{prefix}{name}" for name in table)
    quality = np.full(values.shape, q.VALID, np.uint16)
    return Block(ids, table.index[0].to_pydatetime(), timedelta(minutes=15), quantity, values, quality)


@cache
def inflow() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    times = pd.date_range("2022-05-03T22:00Z", periods=DAYS * 96, freq="15min", unit="us")
    hour = np.arange(DAYS * 24)
    shape = 1 + 0.45 * np.sin((hour % 24 - 9) / 24 * 2 * np.pi) + 0.2 * np.sin((hour % 24 - 5) / 12 * 2 * np.pi)
    shape = shape * np.where(hour // 24 % 7 >= 4, 0.93, 1.0)
    wander = 1 + 0.03 * np.cumsum(rng.normal(0, 0.05, (len(hour), 10)), axis=0) / 3
    hourly = MEAN_M3_PER_H * shape[:, None] * wander * (1 + rng.normal(0, 0.04, (len(hour), 10)))
    return pd.DataFrame(np.repeat(hourly, 4, axis=0), times, [f"dma-{zone}" for zone in range(10)])


@cache
def world(pipe: str | None = None, size: float = 90.0) -> World:
    rng = np.random.default_rng(3)
    flow = inflow().copy()
    bursts = [Burst.of_size(pipe, BURST_STEP, size, 42.0)] if pipe else []
    found = simulate(network(), spread_demand(network(), flow, dma_of()), controls=CONTROLS, bursts=bursts)
    leak = 0.0
    if pipe:
        start = network().pipes.set_index("id").loc[pipe, "start"]
        flow[dma_of()[start]] += found.leak_m3_per_h[pipe]
        leak = float(found.leak_m3_per_h[pipe].iloc[BURST_STEP:].mean())
    pressure = found.pressure_m[list(SENSORS.values())]
    return World(
        block(pressure + rng.normal(0, NOISE_M, pressure.shape), "p-", Quantity.PRESSURE_M),
        block(flow, "", Quantity.FLOW_M3_PER_H),
        block(found.level_m + rng.normal(0, 0.003, found.level_m.shape), "", Quantity.LEVEL_M),
        block(found.pump_running, "", Quantity.RUNNING),
        leak,
    )


@cache
def baseline() -> Baseline:
    past = world().part(0, LIVE)
    return Baseline.fit(past.pressure, past.flow, level=past.level, running=past.running)


def events(live: World) -> list[LeakEvent]:
    return detect(live.pressure, live.flow, baseline(), level=live.level, running=live.running)


def live(pipe: str | None = None) -> World:
    return world(pipe).part(LIVE, DAYS * 96)


def frame(block: Block, rows: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(block.unit_values().T[rows], block.times[rows], block.ids)


def test_pressure_baseline_leaves_little_but_the_sensors_noise() -> None:
    assert baseline().sigma_m.max() < 1.25 * NOISE_M


def test_clean_day_gives_no_event() -> None:
    assert events(live()) == []


@pytest.mark.parametrize("pipe", ["151", "257", "171", "289"])
def test_burst_is_found_within_hours_with_size_and_district(pipe: str) -> None:
    day = live(pipe)
    (event,) = events(day)
    start = network().pipes.set_index("id").loc[pipe, "start"]
    assert event.dma == dma_of()[start]
    assert event.size_m3_per_h == pytest.approx(day.leak_m3_per_h, rel=0.15)
    opened = inflow().index[BURST_STEP].to_pydatetime()
    assert abs(event.start_utc - opened) <= timedelta(minutes=30)
    assert timedelta(0) < event.detected_utc - opened <= timedelta(hours=3)
    assert "m3/h more than usual" in event.sentence


def test_detection_is_causal() -> None:
    whole = events(live("151"))[0]
    steps = round((whole.detected_utc - inflow().index[LIVE].to_pydatetime()) / timedelta(minutes=15)) + 1
    assert events(world("151").part(LIVE, LIVE + steps - 1)) == []
    assert events(world("151").part(LIVE, LIVE + steps))[0].detected_utc == whole.detected_utc


def test_meter_that_lies_alone_raises_nothing() -> None:
    day = live()
    values = day.flow.values.copy()
    values[6, 61:] += 90.0  # the meter says a burst, the pressures do not
    assert events(replace(day, flow=replace(day.flow, values=values))) == []


def test_dead_and_stuck_sensors_are_left_out() -> None:
    day = live("151")
    values, quality = day.pressure.values.copy(), day.pressure.quality.copy()
    quality[3] = q.missing(q.Cause.TIMEOUT)
    values[5] = values[5, 0]
    (event,) = events(replace(day, pressure=replace(day.pressure, values=values, quality=quality)))
    assert {"p-111", "p-151"}.isdisjoint(event.drop_m)
    assert len(event.drop_m) == 10


def test_silent_district_meter_is_replaced_by_pressure() -> None:
    day = live("257")
    quality = day.flow.quality.copy()
    quality[day.flow.ids.index(events(day)[0].dma)] = q.missing(q.Cause.TIMEOUT)
    found = events(replace(day, flow=replace(day.flow, quality=quality)))
    assert found[0].dma == events(day)[0].dma
    assert found[0].size_m3_per_h == pytest.approx(day.leak_m3_per_h, rel=0.6)


@pytest.mark.parametrize("pipe", ["151", "257", "171", "289"])
def test_true_pipe_is_among_the_best_three_of_117(pipe: str) -> None:
    day = live(pipe)
    (event,) = events(day)
    rows = np.flatnonzero(day.flow.times >= event.start_utc)
    flow = frame(day.flow, rows)
    flow[event.dma] -= event.size_m3_per_h
    table = sensitivities(
        network(),
        SENSORS,
        event.size_m3_per_h,
        spread_demand(network(), flow, dma_of()),
        level_m=frame(day.level, rows),
        running=frame(day.running, rows),
    )
    found = locate(event, network(), table, dma_of=dma_of())
    assert found["posterior"].sum() == pytest.approx(1)
    best = list(found["pipe"][:3])
    assert pipe in best
    graph = nx.Graph()
    for row in network().pipes.itertuples():
        graph.add_edge(row.start, f"mid:{row.id}", weight=row.length_m / 2)
        graph.add_edge(f"mid:{row.id}", row.end, weight=row.length_m / 2)
    metres = nx.shortest_path_length(graph, f"mid:{pipe}", f"mid:{best[0]}", weight="weight")
    assert metres <= 1600, f"{metres:.0f} m between the midpoints of {pipe} and {best[0]}"


def test_short_history_and_unequal_grids_are_told() -> None:
    past = world().part(0, 10 * 96)
    with pytest.raises(PenstockError, match="two weeks or more"):
        Baseline.fit(past.pressure, past.flow)
    day = live()
    with pytest.raises(PenstockError, match="times of the pressures"):
        detect(day.pressure, world().part(0, 96).flow, baseline())
