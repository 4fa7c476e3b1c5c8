"""The watch of metered districts on Net3: a burst, a slow leak and a drifting sensor are told apart, and it goes on where it stopped."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest

from city import quality as q
from city.frames import Block
from city.problems import PenstockError
from city.quantities import Quantity
from networks.leakage import slow
from networks.leakage.districts import DistrictWatch
from networks.leakage.scada import Scada, Sites
from networks.water import Burst, LevelControl, Network, simulate, zones
from networks.zones import spread_demand

SENSORS = {f"p-{node}": node for node in ("103", "115", "197", "121", "147", "139", "153", "161", "189", "207", "217", "243")}
CONTROLS = (LevelControl("10", "2", 8.4, 8.9), LevelControl("335", "1", 4.4, 5.4))
DAYS, LEARNT = 47, 30
START = pd.Timestamp("2022-04-04T00:00Z")
SLOW_DAY, SLOW_PIPE, BURST_STEP, BURST_PIPE = 31, "287", 46 * 96 + 40, "153"


@cache
def network() -> Network:
    return Network.named("Net3")


@cache
def dma_of() -> pd.Series:
    return zones(network(), 6, seed=1).map(lambda zone: f"dma-{zone}")


@cache
def world(leaking: bool = True) -> Scada:
    rng = np.random.default_rng(7)
    times = pd.date_range(START, periods=DAYS * 96, freq="15min", unit="us")
    hour = np.arange(DAYS * 24)
    shape = 1 + 0.4 * np.sin((hour % 24 - 9) / 24 * 2 * np.pi)
    hourly = 120 * shape[:, None] * (1 + rng.normal(0, 0.03, (len(hour), 6)))
    flow = pd.DataFrame(np.repeat(hourly, 4, axis=0), times, [f"dma-{i}" for i in range(6)])
    holes = [Burst.of_size(BURST_PIPE, BURST_STEP, 90.0, 42.0)]
    holes += [Burst.of_size(SLOW_PIPE, (SLOW_DAY + i) * 96, 2.0 * (i + 1), 42.0) for i in range(DAYS - SLOW_DAY)]
    found = simulate(network(), spread_demand(network(), flow, dma_of()), controls=CONTROLS, bursts=holes if leaking else [])
    for pipe in found.leak_m3_per_h:
        flow[district(pipe)] += found.leak_m3_per_h[pipe]
    pressure = found.pressure_m[list(SENSORS.values())].set_axis(list(SENSORS), axis=1)
    return Scada(
        block(pressure + rng.normal(0, 0.06, pressure.shape), Quantity.PRESSURE_M),
        block(flow, Quantity.FLOW_M3_PER_H),
        block(found.level_m, Quantity.LEVEL_M),
        running=block(found.pump_running.astype(float), Quantity.RUNNING),
    )


def district(pipe: str) -> str:
    return str(dma_of()[network().pipes.set_index("id").loc[pipe, "start"]])


def block(table: pd.DataFrame, quantity: Quantity) -> Block:
    values = table.to_numpy().T.astype(np.float32)
    quality = np.full(values.shape, q.VALID, np.uint16)
    return Block(tuple(table), table.index[0].to_pydatetime(), timedelta(minutes=15), quantity, values, quality)


def at(day: float) -> datetime:
    return (START + pd.Timedelta(days=day)).to_pydatetime()


@cache
def sites() -> Sites:
    districts = {name: name for name in sorted(set(dma_of()))}
    tanks, pumps = network().tanks["id"], network().pumps["id"]
    return Sites(SENSORS, districts, dict(zip(tanks, tanks, strict=True)), {}, dict(zip(pumps, pumps, strict=True)), dma_of().to_dict())


def calibrated(scada: Scada) -> DistrictWatch:
    return DistrictWatch.calibrate(network(), scada.window(at(0), at(LEARNT)), sites())


@cache
def read() -> tuple[DistrictWatch, list]:
    watch = calibrated(world())
    return watch, watch.read(world().window(at(LEARNT), at(DAYS)))


pytestmark = pytest.mark.slow


def test_a_slow_leak_is_dated_sized_and_placed_among_its_neighbours() -> None:
    """2 m3/h more every day from day 31 on: about 30 m3/h on day 46."""
    watch, reports = read()
    report = next(one for one in reports if one.kind == "slow")
    assert abs(report.start_utc - at(SLOW_DAY)) < timedelta(days=4)
    assert report.detected_utc < at(SLOW_DAY + 12)
    leak = next(one for one in watch.active if one.leak_id == report.leak_id)
    assert leak.size_m3_per_h == pytest.approx(30, abs=5)
    assert leak.posterior.sum() == pytest.approx(1.0)
    assert SLOW_PIPE in leak.posterior.nlargest(8).index


def test_a_burst_beside_a_slow_leak_is_found_within_three_hours_on_its_pipe() -> None:
    watch, reports = read()
    report = next(one for one in reports if one.kind == "burst")
    begun = START + BURST_STEP * pd.Timedelta(minutes=15)
    assert timedelta(0) < report.detected_utc - begun <= timedelta(hours=3)
    assert BURST_PIPE in report.posterior.nlargest(3).index
    assert [one.kind for one in watch.active] == ["slow", "burst"]
    assert watch.sensor_faults == []


def test_without_leaks_nothing_is_reported() -> None:
    clean = world(leaking=False)
    assert calibrated(clean).read(clean.window(at(LEARNT), at(DAYS))) == []


def test_a_drifting_sensor_is_named_and_is_no_leak() -> None:
    clean = world(leaking=False)
    values = clean.pressure.values.copy()
    values[1] -= 0.1 * np.clip(np.arange(values.shape[1]) / 96 - 34, 0, None).astype(np.float32)
    drifting = replace(clean, pressure=replace(clean.pressure, values=values))
    watch = calibrated(drifting)
    assert watch.read(drifting.window(at(LEARNT), at(DAYS))) == []
    (fault,) = watch.sensor_faults
    assert (fault.sensor, fault.kind) == ("p-115", "drift")
    assert fault.size == pytest.approx(-0.1, abs=0.02)


def test_a_watch_goes_on_where_it_stopped() -> None:
    """Stored as JSON and restored at midnight it says what it would have said."""
    watch = calibrated(world())
    watch.read(world().window(at(LEARNT), at(DAYS - 1)))
    again = DistrictWatch.restore(network(), json.loads(json.dumps(watch.state(), allow_nan=False)))
    rest = world().window(at(DAYS - 1), at(DAYS))
    assert [(one.leak_id, one.pipe, one.detected_utc) for one in again.read(rest)] == [
        (one.leak_id, one.pipe, one.detected_utc) for one in watch.read(rest)
    ]
    assert json.dumps(again.state()) == json.dumps(watch.state())


def test_a_burst_that_was_repaired_is_not_found_again() -> None:
    """Repaired three hours after it began; the inflow of its district and the pressures are usual again from then on."""
    clean, repair = world(leaking=False), at(46 + 40 / 96 + 3 / 24)
    watch = calibrated(world())
    watch.read(world().window(at(LEARNT), repair))
    burst = next(one for one in watch.active if one.kind == "burst")
    watch.repaired(burst.leak_id, repair)
    after = clean.window(repair, at(DAYS))
    slow_leak = next(one for one in watch.active if one.kind == "slow")
    values = after.flow.values.copy()
    values[after.flow.ids.index(district(SLOW_PIPE))] += slow_leak.size_m3_per_h
    assert watch.read(replace(after, flow=replace(after.flow, values=values))) == []
    assert [one.kind for one in watch.active] == ["slow"]


def test_a_finding_moves_the_place_and_a_repair_closes_the_leak() -> None:
    watch = DistrictWatch.restore(network(), json.loads(json.dumps(read()[0].state())))
    burst = next(one for one in watch.active if one.kind == "burst")
    first = burst.pipe
    before = float(burst.posterior[first])
    watch.dug(first, at(DAYS), found=False)
    assert float(burst.posterior[first]) == pytest.approx(0.1 * before / (1 - 0.9 * before))
    watch.repaired(burst.leak_id, at(DAYS))
    assert [one.kind for one in watch.active] == ["slow"]
    with pytest.raises(PenstockError, match="Go on from there"):
        watch.read(world().window(at(DAYS - 1), at(DAYS)))


def test_a_step_that_comes_and_goes_is_no_slow_leak_and_one_that_stays_is() -> None:
    """Nights of 30 +- 0.5 m3/h; 6 more for four nights, then for eight: only the second lasts five nights in a row."""
    rng = np.random.default_rng(1)
    night = pd.Series(30 + rng.normal(0, 0.5, 50), pd.date_range("2022-01-01", periods=50))
    short, long = night.copy(), night.copy()
    short.iloc[-4:] += 6
    long.iloc[-8:] += 6
    assert slow.growth(night, "Europe/Rome") is None
    assert slow.growth(short, "Europe/Rome") is None
    found = slow.growth(long, "Europe/Rome")
    assert found is not None
    assert found.size_m3_per_h == pytest.approx(6, abs=0.8)
    assert abs(found.start - pd.Timestamp("2022-02-12", tz="Europe/Rome")) <= pd.Timedelta(days=1)
