"""Two independent proofs of an isolation plan: by search that no water reaches the burst, by EPANET who is short of pressure.

The search walks the network's own links with a plain queue and shares no code with the segments the plan was made from.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from city.problems import fault
from networks import engine as en
from networks.network import Network

SERVICE_M = 20.0
Element = tuple[str, str]


@dataclass(frozen=True)
class DryProof:
    """What the search found. `path` leads from a source to the pipe when it is not dry: element names in order of flow."""

    pipe: str
    dry: bool
    path: tuple[str, ...]
    cut_off: tuple[str, ...]

    @property
    def sentence(self) -> str:
        if self.dry:
            return f"Pipe {self.pipe} has no path to any source; {len(self.cut_off)} nodes are cut off."
        return f"Pipe {self.pipe} still gets water: {' -> '.join(self.path)}."


def _search(network: Network, shut: Collection[tuple[str, str]], *, every_link: bool) -> dict[Element, Element | None]:
    """From which element water came to each element it reaches, breadth first from all sources.

    With `every_link` closed pipes leak and pumps run backwards: the cautious view of dryness.
    """
    forward: dict[Element, list[Element]] = defaultdict(list)
    columns = (network.links[name].tolist() for name in ("id", "kind", "start", "end", "open"))
    for name, kind, start, end, is_open in zip(*columns, strict=True):
        pump = kind == "pump"
        if not every_link and not is_open and not pump:
            continue
        link: Element = ("link", name)
        for node, inwards, outwards in ((start, True, not pump), (end, not pump, True)):
            if (name, node) in shut:
                continue
            if inwards or every_link:
                forward["node", node].append(link)
            if outwards or every_link:
                forward[link].append(("node", node))
    came: dict[Element, Element | None] = {("node", source): None for source in network.sources}
    queue = deque(came)
    while queue:
        here = queue.popleft()
        for there in forward[here]:
            if there not in came:
                came[there] = here
                queue.append(there)
    return came


def prove_dry(network: Network, valves: pd.DataFrame, closed: Collection[str], pipe: str) -> DryProof:
    """Search for water on its way to `pipe` with the valves `closed` (and those whose state is closed) shut.

    For the burst every link conducts, even one closed in the INP; for the supply of the others closed links do not and pumps
    conduct one way. `cut_off` are the junctions that had supply before and have none now.
    Raises `PenstockError` for an unknown pipe or valve.
    """
    network.require("pipes", [pipe], "burst")
    unknown = sorted(set(closed) - set(valves["valve"]))
    if unknown:
        raise fault("valves to close", f"no valve {', '.join(unknown[:5])}", f"one of {len(valves)} valves", "Correct the plan.")
    before = _places(valves, ())
    after = _places(valves, closed)
    came = _search(network, after, every_link=True)
    path: list[str] = []
    step: Element | None = ("link", pipe) if ("link", pipe) in came else None
    while step is not None:
        path.append(step[1])
        step = came[step]
    supplied_before = _search(network, before, every_link=False)
    supplied = _search(network, after, every_link=False)
    lost = [name for name in network.junctions["id"] if ("node", name) in supplied_before and ("node", name) not in supplied]
    return DryProof(pipe, not path, tuple(reversed(path)), tuple(lost))


def _places(valves: pd.DataFrame, closed: Collection[str]) -> set[tuple[str, str]]:
    """(link, node) of every valve that is shut."""
    shut = valves[valves["valve"].isin(list(closed)) | (valves["state"] == "closed")]
    return set(zip(shut["link"], shut["node"], strict=True))


def service_pressure(
    network: Network,
    valves: pd.DataFrame,
    closed: Collection[str],
    proof: DryProof,
    demand_m3_per_h: Mapping[str, float],
    *,
    level_m: Mapping[str, float] | None = None,
    pump_running: Mapping[str, int] | None = None,
    service_m: float = SERVICE_M,
) -> pd.DataFrame:
    """Pressure-driven steady state before and after the valves close, at one moment (take the busiest hour).

    Demand falls with the square root of pressure below `service_m` [m] (EPANET 2.2 PDA, minimum 0). A node the search found cut
    off is told so and its computed pressure, which means nothing, is left out.

    Returns node, demand_m3_per_h, pressure_before_m, pressure_m (NaN when cut off), served_m3_per_h, state (`served`,
    `below_service`, `cut_off`, `no_demand`); a node below the service pressure before is `below_service` too, as its two pressures say.
    """
    junctions = list(network.junctions["id"])
    network.require("junctions", demand_m3_per_h, "demand")
    wish = np.array([float(demand_m3_per_h.get(name, 0.0)) for name in junctions])
    cut = np.isin(junctions, list(proof.cut_off))
    shut = sorted({link for link, _ in _places(valves, closed)})
    was_shut = sorted({link for link, _ in _places(valves, ())})
    moment = (dict(level_m or {}), dict(pump_running or {}), service_m)
    before, _ = _steady(network, wish, was_shut, *moment)
    after, served = _steady(network, np.where(cut, 0.0, wish), shut, *moment)
    state = np.where(cut, "cut_off", np.where(wish <= 0, "no_demand", np.where(after < service_m, "below_service", "served")))
    return pd.DataFrame(
        {
            "node": junctions,
            "demand_m3_per_h": wish,
            "pressure_before_m": before,
            "pressure_m": np.where(cut, np.nan, after),
            "served_m3_per_h": np.where(cut, 0.0, served),
            "state": state,
        }
    )


def burst_flow(
    network: Network,
    valves: pd.DataFrame,
    closed: Collection[str],
    pipe: str,
    size_m3_per_h: float,
    demand_m3_per_h: Mapping[str, float],
    *,
    level_m: Mapping[str, float] | None = None,
    pump_running: Mapping[str, int] | None = None,
    service_m: float = SERVICE_M,
) -> float:
    """What EPANET still lets out at the burst [m3/h], pressure-driven, with the valves shut and nothing else presumed.

    The pipe is split; its valves shut the half they stand on. Every demand is kept, those in the cut-off part too, so a way for
    water that the search overlooked would show as flow here.
    """
    network.require("pipes", [pipe], "burst")
    start = network.pipes.set_index("id").loc[pipe, "start"]
    shut = {f"half:{link}" if link == pipe and node != start else link for link, node in _places(valves, closed)}
    running = dict(pump_running or {})
    pumps = [pump for pump in running if pump not in shut]
    with en.Engine(network.prepared(split=[pipe], closed=sorted(shut)), network.name) as engine:
        engine.pressure_driven(0.0, service_m)
        engine.set_nodes(engine.node_index(demand_m3_per_h), en.BASE_DEMAND, demand_m3_per_h.values())
        hole = engine.node_index([f"mid:{pipe}"])
        engine.set_nodes(hole, en.BASE_DEMAND, [size_m3_per_h])
        engine.set_nodes(engine.node_index(dict(level_m or {})), en.TANK_LEVEL, dict(level_m or {}).values())
        engine.set_links(engine.link_index(pumps), en.STATUS, [running[pump] for pump in pumps])
        engine.start()
        engine.solve()
        return float(engine.nodes(hole, en.DEMAND)[0])


def _steady(
    network: Network, demand: np.ndarray, closed: list[str], level: dict[str, float], running: dict[str, int], service_m: float
) -> tuple[np.ndarray, np.ndarray]:
    network.require("tanks", level, "tank level")
    network.require("pumps", running, "pump state")
    pumps = [pump for pump in running if pump not in closed]
    with en.Engine(network.prepared(closed=closed), network.name) as engine:
        engine.pressure_driven(0.0, service_m)
        nodes = engine.node_index(network.junctions["id"])
        engine.set_nodes(nodes, en.BASE_DEMAND, demand)
        engine.set_nodes(engine.node_index(level), en.TANK_LEVEL, level.values())
        engine.set_links(engine.link_index(pumps), en.STATUS, [running[pump] for pump in pumps])
        engine.start()
        engine.solve()
        return engine.nodes(nodes, en.PRESSURE), engine.nodes(nodes, en.DEMAND)
