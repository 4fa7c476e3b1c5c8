"""Other truths of the L-TOWN form: another draw of leaks, pipes and demand, run through EPANET for two years of 5-minute SCADA.

The nominal L-TOWN.inp stays what the utility believes; a truth departs from it. Sensors add rounding only, as the data do: what
looks like noise in their pressures is demand. Everything follows from the seed.

References: Vrachimis, S. et al. (2022). Battle of the Leakage Detection and Isolation Methods. J. Water Resour. Plann. Manage. 148(12).
"""

import os
import shutil
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from benchmarks import _ltown, data_folder
from networks import engine as en
from networks.network import Network

Floats = NDArray[np.float64]
STEP, SLOT = timedelta(minutes=5), 6  # demand of a junction holds for six steps
METERED, PUMP, TANK = ("p227", "p235", "PUMP_1"), "PUMP_1", "T1"
PUMP_ON_BELOW_M, PUMP_OFF_ABOVE_M = 2.4, 3.9
C_LEAKS_M3_PER_H = 22.0  # at once; the pump gives 44, customers take up to 30, and L-TOWN-R has up to 21
DISCHARGE = 0.75  # of an orifice, as BattLeDIM's generator has it
BEGAN = pd.Timestamp("2018-01-01")


@dataclass(frozen=True)
class Demand:
    """m3_per_h float32[junctions, half hours]; factor float64[steps], common to all junctions; `metered` have AMR."""

    junctions: list[str]
    metered: list[str]
    m3_per_h: NDArray[np.float32]
    factor: Floats


def made(seeds: range, days: int = 730) -> list[Path]:
    """The folders of these seeds, made where they are not yet in the cache (PENSTOCK_CACHE, or var/cache of the checkout)."""
    root = Path(os.environ.get("PENSTOCK_CACHE", Path(__file__).resolve().parents[1] / "var" / "cache")) / "truths"
    folders = [root / f"seed-{seed}" for seed in seeds]
    for seed, folder in zip(seeds, folders, strict=True):
        if not (folder / "2018_leaks.csv").exists():
            print(f"truths: making {folder}", file=sys.stderr)
            make(seed, folder, days)
    return folders


def make(seed: int, folder: Path, days: int = 730) -> None:
    """Write one truth; its leak tables last, so that a folder with them is complete."""
    nominal = data_folder("leak/battledim_official") / "L-TOWN.inp"
    network = Network.read(nominal)
    rng = np.random.default_rng([seed, 2018])
    leaks = drawn_leaks(rng, network, days)
    demand = drawn_demand(rng, network, list(_ltown.readings(data_folder("leak/ltown_r"), 2018, "amr_Lh_30min")), days)
    tables = run(true_model(rng, network, list(leaks["linkID"])), leaks, demand)
    tables["amr_Lh_30min"] = consumed(demand)[demand.metered].mul(1000).round(1).astype(np.float32)
    dma = dmas(network)
    tables["use_m3h_30min"] = consumed(demand).T.groupby(dma).sum().T
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(nominal, folder / "L-TOWN.inp")
    dma.rename_axis("node").rename("dma").to_csv(folder / "dmas.csv")
    for name, table in tables.items():
        for year, part in table.groupby(table.index.year):
            if name == "leak_m3h":
                part = part.loc[:, part.max() > 0]
            part.to_parquet(folder / f"{year}_{name}.parquet")
    for year in (2019, 2018):
        alive = (leaks["startTime"].dt.year <= year) & (leaks["endTime"].dt.year >= year)
        told = leaks[alive].assign(endTime=leaks["endTime"].clip(upper=pd.Timestamp(year, 12, 31, 23, 55)))
        told.to_csv(folder / f"{year}_leaks.csv", index=False, date_format="%Y-%m-%d %H:%M")


def drawn_leaks(rng: np.random.Generator, network: Network, days: int) -> pd.DataFrame:
    """linkID, startTime, endTime, leakDiameter_m, leakType, peakTime: like BattLeDIM's, some 14 a year in 2018 and 19 in 2019.

    A fifth to a quarter of the leaks of 2018 are small, slow and never repaired; in 2019 two thirds stay. Places: by length of pipe.
    """
    length = network.pipes["length_m"].to_numpy()
    rows = []
    for first_day, count, stay in ((0, rng.integers(12, 17), 0.29), (365, rng.integers(17, 22), 0.66)):
        first = rng.uniform(5, 9) if first_day == 0 else 3.0
        starts = first_day + first + (np.arange(count) + rng.uniform(0, 1, count)) / count * (345 - first)
        stays = rng.permutation(np.arange(count) < round(stay * count))
        for start, stayed in zip(starts, stays, strict=True):
            abrupt = rng.random() < (0.1 if stayed and first_day == 0 else 0.4)
            rise = 0.0 if abrupt else rng.uniform(3, 100)
            diameter = rng.uniform(0.0087, 0.012 if first_day == 0 else 0.0152) if stayed else rng.uniform(0.0155, 0.0229)
            end = 730.0 if stayed else start + rise * rng.uniform(0.8, 1.0) + rng.uniform(10, 50)
            rows.append((start, min(end, 730.0), diameter, "abrupt" if abrupt else "incipient", start + rise))
    table = pd.DataFrame(rows, columns=["startTime", "endTime", "leakDiameter_m", "leakType", "peakTime"])
    for name in ("startTime", "endTime", "peakTime"):
        when = (BEGAN + pd.to_timedelta(table[name], unit="D")).dt.floor("5min")
        table[name] = when.clip(upper=BEGAN + timedelta(days=730) - STEP)
    pipes = rng.choice(network.pipes["id"].to_numpy(), len(table), replace=False, p=length / length.sum())
    table.insert(0, "linkID", pipes)
    table = _within_the_pump(rng, network, table)
    return table[table["startTime"] < BEGAN + timedelta(days=days)].reset_index(drop=True)


def _within_the_pump(rng: np.random.Generator, network: Network, table: pd.DataFrame) -> pd.DataFrame:
    """Leaks beyond what the pump can feed beside area C's customers are moved to the other area: else the tank runs dry."""
    dma, start = dmas(network), network.pipes.set_index("id")["start"]
    area = table["linkID"].map(start).map(dma)
    elsewhere = rng.permutation([pipe for pipe in start.index[start.map(dma) == "AB"] if pipe not in set(table["linkID"])])
    full = DISCHARGE * np.pi / 4 * table["leakDiameter_m"] ** 2 * np.sqrt(2 * 9.81 * 45) * 3600  # at 45 m
    for i in full[area == "C"].sort_values(ascending=False).index:
        beside = (area == "C") & (table["startTime"] <= table.loc[i, "endTime"]) & (table["endTime"] >= table.loc[i, "startTime"])
        if full[beside].sum() > C_LEAKS_M3_PER_H:
            table.loc[i, "linkID"], area[i] = elsewhere[i], "AB"
    return table


def drawn_demand(rng: np.random.Generator, network: Network, metered: list[str], days: int) -> Demand:
    """Base demand off by up to 15 % per junction, the INP's weekly patterns bent by up to some 10 %, a summer, and noise.

    Of L-TOWN-R: half-hourly noise of a meter is 0.39 of its mean, lag correlation 0.7, 0.17 between meters; 5-minute noise of the
    inflow is 0.05 of it and white; summer's mean is 1.1 of the year's.
    """
    slots, model = days * 48, network._model
    hour = np.arange(slots) / 2
    season = 1 + rng.uniform(0.08, 0.15) * np.cos(2 * np.pi * (hour / 24 - rng.uniform(180, 220)) / 365)
    level = rng.uniform(0.88, 1.02) * season * np.repeat(1 + 0.01 * rng.standard_normal(days), 48)
    shape = {}
    for name, pattern in model.patterns():
        week = np.resize(np.asarray(pattern.multipliers), 7 * 288).reshape(-1, SLOT).mean(axis=1)
        bend = sum(rng.normal(0, 0.05) * np.cos(2 * np.pi * (k * np.arange(336) / 48 + rng.random())) for k in (1, 2, 3))
        bent = week * np.exp(bend) * np.repeat(np.exp(rng.normal(0, 0.02, 7)), 48)
        shape[name] = np.resize(bent / bent.mean() * week.mean(), slots) * level
    junctions = list(network.junctions["id"])
    white = rng.standard_normal((len(junctions) + 1, slots), dtype=np.float32)
    share = np.where([name in metered for name in junctions], 0.17**0.5, 0.0)[:, None]
    white = white[:-1] * (1 - share**2) ** 0.5 + white[-1] * share
    noise = lfilter([0.39 * (1 - 0.7**2) ** 0.5], [1, -0.7], white, axis=1)
    values = np.empty((len(junctions), slots), np.float32)
    for row, name in enumerate(junctions):
        parts = model.get_node(name).demand_timeseries_list
        mean = sum(part.base_value * 3600 * shape[part.pattern_name] for part in parts) * rng.uniform(0.85, 1.15)
        values[row] = mean * np.maximum(1 + noise[row], 0.05)
    return Demand(junctions, metered, values, 1 + 0.05 * rng.standard_normal(slots * SLOT))


def consumed(demand: Demand) -> pd.DataFrame:
    """float[half hours, junctions]: what was really taken [m3/h]."""
    values = demand.m3_per_h.T * demand.factor.reshape(-1, SLOT).mean(axis=1)[:, None]
    return pd.DataFrame(values, pd.date_range(BEGAN, periods=len(values), freq=SLOT * STEP, name="Timestamp"), demand.junctions)


def true_model(rng: np.random.Generator, network: Network, leaking: list[str]) -> Any:
    """The network as it is: older by a factor of 0.88-1.0 on roughness, per pipe off by up to 10 %, diameters by 2 %; a leaking
    pipe is split in the middle."""
    model, age = network.prepared(split=leaking), rng.uniform(0.88, 1.0)
    for name in network.pipes["id"]:
        rough, wide = rng.uniform(0.9, 1.1), rng.uniform(0.98, 1.02)
        for half in (name, f"half:{name}") if name in leaking else (name,):
            pipe = model.get_link(half)
            pipe.roughness, pipe.diameter = pipe.roughness * age * rough, pipe.diameter * wide
    model.options.hydraulic.accuracy = 0.001
    return model


def dmas(network: Network) -> pd.Series:
    """The metered area of each node, `AB` (behind the reservoirs) or `C` (behind the pump): what is left connected without the meters."""
    nodes = pd.Series(range(len(network.nodes)), network.nodes["id"])
    links = network.links[~network.links["id"].isin(METERED)]
    graph = coo_matrix((np.ones(len(links)), (nodes[links["start"]], nodes[links["end"]])), (len(nodes), len(nodes)))
    part = pd.Series(connected_components(graph, directed=False)[1], nodes.index)
    pump = network.links.set_index("id").loc[PUMP]
    return part.map({part[pump["start"]]: "AB", part[pump["end"]]: "C"}).dropna()


def run(model: Any, leaks: pd.DataFrame, demand: Demand) -> dict[str, pd.DataFrame]:
    """SCADA and leak flow of all steps, rounded as the data are: pressures_m, flows_m3h, levels_m, leak_m3h."""
    sensors = list(_ltown.readings(data_folder("leak/ltown_r"), 2018, "pressures_m"))
    steps = len(demand.factor)
    opening = _openings(leaks, steps)
    pressure, flow, level, leak = (np.empty((steps, n), np.float32) for n in (len(sensors), len(METERED), 1, len(leaks)))
    with en.Engine(model, "L-TOWN truth") as engine:
        group = np.where([name in demand.metered for name in demand.junctions], 0, np.arange(len(demand.junctions)) % SLOT)
        junctions, at, tank = (engine.node_index(names) for names in (demand.junctions, sensors, [TANK]))
        holes, meters, pump = engine.node_index(f"mid:{p}" for p in leaks["linkID"]), engine.link_index(METERED), engine.link_index([PUMP])
        engine.times((steps + 1) * STEP.seconds, STEP.seconds)
        engine.set_nodes(junctions, en.BASE_DEMAND, demand.m3_per_h[:, 0])
        engine.set_nodes(tank, en.TANK_LEVEL, [3.5])
        engine.start()
        running = 0.0
        for step in range(steps):
            # those with meters change on the half hour, the others a sixth at each step: the town's demand has no half-hourly stairs
            rows = np.flatnonzero(group == step % SLOT)
            engine.set_nodes([junctions[row] for row in rows], en.BASE_DEMAND, demand.m3_per_h[rows, step // SLOT])
            engine.demand_multiplier(demand.factor[step])
            for i in np.flatnonzero(opening[step] != opening[step - 1]) if step else ():
                engine.set_nodes([holes[i]], en.EMITTER, [opening[step, i]])
            height = engine.nodes(tank, en.PRESSURE)[0]
            running = 1.0 if height < PUMP_ON_BELOW_M else 0.0 if height > PUMP_OFF_ABOVE_M else running
            engine.set_links(pump, en.STATUS, [running])
            engine.solve()
            pressure[step], flow[step], level[step] = engine.nodes(at, en.PRESSURE), engine.links(meters, en.FLOW), height
            leak[step] = engine.nodes(holes, en.DEMAND)
            passed = engine.advance()
            while 0 < passed < STEP.seconds:
                engine.solve()
                passed += engine.advance()
    leak[opening == 0] = 0.0  # EPANET goes on showing the last flow of an emitter that was closed
    times = pd.date_range(BEGAN, periods=steps, freq=STEP, name="Timestamp")
    found = {
        "pressures_m": (pressure, sensors),
        "flows_m3h": (flow, METERED),
        "levels_m": (level, [TANK]),
        "leak_m3h": (leak, leaks["linkID"]),
    }
    return {name: pd.DataFrame(np.round(values, 2), times, list(columns)) for name, (values, columns) in found.items()}


def _openings(leaks: pd.DataFrame, steps: int) -> NDArray[np.float32]:
    """Emitter coefficient [m3/h at 1 m] per step and leak; the diameter of a slow leak grows linearly to its peak."""
    times = pd.date_range(BEGAN, periods=steps, freq=STEP)
    table = np.zeros((steps, len(leaks)), np.float32)
    for i, leak in enumerate(leaks.itertuples()):
        share = np.clip((times - leak.startTime + STEP) / max(leak.peakTime - leak.startTime, STEP), 0, 1)
        alive = (times >= leak.startTime) & (times <= leak.endTime)
        area_m2 = np.pi / 4 * (leak.leakDiameter_m * np.asarray(share)) ** 2
        table[:, i] = alive * DISCHARGE * area_m2 * np.sqrt(2 * 9.81) * 3600
    table[table < 1e-6] = 0.0  # below this EPANET's emitter overflows to not-a-number
    return table
