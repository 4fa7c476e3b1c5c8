"""Areas that flow meters close: which junctions and pipes lie in each, and what flows into it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from city.clock import HOUR
from city.frames import Block
from networks.network import Network


@dataclass(frozen=True)
class MeteredArea:
    """Junctions and pipes between flow meters. `meters`: flow point -> +1 into the area, -1 out of it; `tanks`: level point -> tank."""

    id: str
    junctions: tuple[str, ...]
    pipes: tuple[str, ...]
    meters: Mapping[str, int]
    tanks: Mapping[str, str]


def metered_areas(network: Network, flow: Mapping[str, str], level: Mapping[str, str]) -> list[MeteredArea]:
    """The areas left when every link with a flow meter is cut, largest base demand first.

    `flow` and `level` name the link and the tank of each point. An area is left out when a reservoir or an unmetered tank lies in
    it, because nobody measures what that gives. A valve without a meter bounds nothing: what lies behind it belongs to the same area.
    Its id is that of its meters, e.g. `p227+p235-PUMP_1`. Raises `PenstockError` for links and tanks that are not on the network.
    """
    network.require("links", flow.values(), "flow meter")
    network.require("tanks", level.values(), "level sensor")
    part = _parts(network, set(flow.values()))
    kind = network.nodes.set_index("id")["kind"]
    unmeasured = {part[node] for node in network.sources if kind[node] == "reservoir" or node not in set(level.values())}
    base = network.junctions.set_index("id")["base_demand_m3_per_h"]
    pipes = network.pipes[~network.pipes["id"].isin(set(flow.values()))]
    links = network.links.set_index("id")
    start, end = links["start"].map(part), links["end"].map(part)
    found = []
    for number in sorted(set(part) - unmeasured, key=lambda n: -float(base[[j for j in base.index if part[j] == n]].sum())):
        meters = {point: int(end[link] == number) - int(start[link] == number) for point, link in flow.items()}
        meters = {point: sign for point, sign in meters.items() if sign}
        if not meters:
            continue
        junctions = tuple(name for name in base.index if part[name] == number)
        tanks = {point: tank for point, tank in level.items() if part[tank] == number}
        inside = tuple(pipes.loc[pipes["start"].map(part) == number, "id"])
        name = "".join(f"{'+' if sign > 0 else '-'}{point}" for point, sign in sorted(meters.items(), key=lambda m: -m[1])).removeprefix(
            "+"
        )
        found.append(MeteredArea(name, junctions, inside, meters, tanks))
    return found


def _parts(network: Network, cut: set[str]) -> pd.Series:
    nodes = network.nodes["id"]
    number = pd.Series(range(len(nodes)), index=nodes)
    links = network.links[~network.links["id"].isin(cut)]
    rows, columns = links["start"].map(number).to_numpy(), links["end"].map(number).to_numpy()
    graph = coo_array((np.ones(len(links)), (rows, columns)), shape=(len(nodes), len(nodes)))
    return pd.Series(connected_components(graph, directed=False)[1], index=nodes)


def area_inflow(network: Network, area: MeteredArea, flow: Block, level: Block) -> pd.Series:
    """Hourly net inflow [m3/h] by start of hour, UTC: what the meters let in less what the area's tanks took up; NaN where unknown.

    `flow` [m3/h] and `level` [m] share one grid. A tank is taken for a cylinder.
    """
    values = flow.select(tuple(area.meters)).unit_values()
    total = np.asarray(list(area.meters.values()), dtype=float) @ values
    size = network.tanks.set_index("id")["area_m2"]
    for point, tank in area.tanks.items():
        metres = level.select((point,)).unit_values()[0]
        risen = np.append(np.diff(metres), np.nan if len(metres) < 2 else metres[-1] - metres[-2])
        total = total - float(size[tank]) * risen / (level.step / HOUR)
    return hourly(pd.Series(total, index=flow.times))


def hourly(series: pd.Series) -> pd.Series:
    """Means of whole UTC hours, NaN where any step of the hour is missing."""
    found = series.resample("h").mean()
    return found.where(series.isna().resample("h").sum() == 0)
