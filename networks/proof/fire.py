"""Hydrants under isolation: which are lost, and which of those nearby still give the fire flow.

References: GB 50974-2014, Technical code for fire protection water supply and hydrant systems, 7.2.8: the least favourable street
hydrant gives at least 15 L/s at 0.10 MPa above the ground.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from networks import engine as en
from networks.network import Network
from networks.proof.pressure import Trial
from networks.proof.search import DryProof

FIRE_M3_PER_H, FIRE_M = 54.0, 10.0


def fire_flow(
    trial: Trial,
    closed: Collection[str],
    dry: DryProof,
    hydrants: Collection[str],
    *,
    flow_m3_per_h: float = FIRE_M3_PER_H,
    pressure_m: float = FIRE_M,
    nearest: int = 10,
) -> pd.DataFrame:
    """What each of the `nearest` hydrants to the burst gives with the valves `closed`, one at a time, everyone else drawing as before.

    A hydrant opened as C p^0.5 with C = flow / pressure^0.5 gives the fire flow or more exactly when it has the pressure at that flow;
    so one solve each is enough. `hydrants` are junctions.

    Returns hydrant, distance_m (along pipes from the burst), state (`enough`, `short`, `lost` by the search), flow_m3_per_h (at the
    pressure that remains, not-a-number when lost), pressure_m, in order of distance.
    Raises `PenstockError` for hydrants at unknown junctions.
    """
    trial.network.require("junctions", hydrants, "hydrants")
    away = distances(trial.network, dry.pipe).reindex(list(hydrants)).dropna().sort_values().head(nearest)
    rows = []
    with trial.masked(dry) as lost:
        for hydrant, metres in away.items():
            flow = head = np.nan
            if hydrant not in lost:
                head = _opened(trial, closed, lost, str(hydrant), flow_m3_per_h / pressure_m**0.5)
                flow = flow_m3_per_h * (max(head, 0.0) / pressure_m) ** 0.5
            state = "lost" if hydrant in lost else "enough" if flow >= flow_m3_per_h else "short"
            rows.append((hydrant, float(metres), state, flow, head))
    return pd.DataFrame(rows, columns=["hydrant", "distance_m", "state", "flow_m3_per_h", "pressure_m"])


def _opened(trial: Trial, closed: Collection[str], lost: set[str], hydrant: str, coefficient: float) -> float:
    """Pressure at the hydrant while it is open [m]."""
    at = [trial.node_at[hydrant]]
    trial.engine.set_nodes(at, en.EMITTER, [coefficient])
    trial.solve({*closed, *trial.closed}, lost)
    trial.engine.set_nodes(at, en.EMITTER, [0.0])
    return float(trial.engine.nodes(at, en.PRESSURE)[0])


def distances(network: Network, pipe: str) -> pd.Series:
    """Way along the links from the middle of a pipe to every node that has one [m], whatever is open or closed; index node."""
    nodes, links = pd.Index(network.nodes["id"], name="node"), network.links
    ends = np.sort(np.column_stack([nodes.get_indexer(links["start"]), nodes.get_indexer(links["end"])]), axis=1)
    metres = np.maximum(links["length_m"].to_numpy(), 1e-3)  # a pump has none, and a zero is no link to the search
    least = pd.Series(metres).groupby([ends[:, 0], ends[:, 1]]).min()  # of parallel links
    a, b = (least.index.get_level_values(level).to_numpy() for level in (0, 1))
    graph = coo_array((least.to_numpy(), (a, b)), shape=(len(nodes), len(nodes))).tocsr()
    own = links["id"].eq(pipe).to_numpy()
    away = dijkstra(graph, directed=False, indices=ends[own][0], min_only=True) + metres[own][0] / 2
    return pd.Series(away, index=nodes)[np.isfinite(away)]
