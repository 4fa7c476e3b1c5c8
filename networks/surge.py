"""Water hammer: how slowly a valve must shut so that the pressure rise stays within what the pipe may take.

References: Joukowsky, N. (1898), On the hydraulic hammer in water supply pipes (rise a v / g of a closure within 2 L / a);
Michaud, J. (1878), Coups de belier dans les conduites (2 L v / (g T) when it takes longer); Thorley, A. (2004), Fluid transients in
pipeline systems, 2nd ed. (a gate valve throttles in the last part of its stroke only).
"""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from networks.network import Network

GRAVITY_M_PER_S2 = 9.81
WAVE_M_PER_S = 1000.0  # in iron and steel; 300 to 500 in plastic: there the rise is less


def rise_m(velocity_m_per_s: float, length_m: float, closing_s: float, wave_m_per_s: float = WAVE_M_PER_S) -> float:
    """Pressure rise at a valve that shuts evenly in `closing_s` [s], the next free surface `length_m` away [m].

    The lesser of Joukowsky's a v / g and Michaud's 2 L v / (g T); they meet at T = 2 L / a, the time of the wave there and back.
    """
    sudden = wave_m_per_s * abs(velocity_m_per_s) / GRAVITY_M_PER_S2
    if closing_s <= 2 * length_m / wave_m_per_s:
        return sudden
    return 2 * length_m * abs(velocity_m_per_s) / (GRAVITY_M_PER_S2 * closing_s)


def closing_time_s(velocity_m_per_s: float, length_m: float, allowed_m: float, wave_m_per_s: float = WAVE_M_PER_S) -> float:
    """The least time of an even closure whose rise stays within `allowed_m` [s]; 0 where even a sudden one does."""
    if wave_m_per_s * abs(velocity_m_per_s) / GRAVITY_M_PER_S2 <= allowed_m:
        return 0.0
    return 2 * length_m * abs(velocity_m_per_s) / (GRAVITY_M_PER_S2 * allowed_m)


def source_distance_m(network: Network) -> pd.Series:
    """Length of pipe from each node to the nearest tank or reservoir, through pumps and links open in the INP [m]; infinite without one.

    The wave comes back from there at the latest: larger mains and branches on the way send some of it back sooner, so a closing time
    made from this length is on the safe side.
    """
    nodes, links = network.nodes["id"], network.links[network.links["open"] | network.links["kind"].eq("pump")]
    place = pd.Series(np.arange(len(nodes)), index=nodes)
    start, end = place.loc[links["start"]].to_numpy(), place.loc[links["end"]].to_numpy()
    length = np.maximum(links["length_m"].to_numpy(dtype=float), 1e-3)  # a pump or a valve has none, and a zero is no edge
    order = np.lexsort((length, np.maximum(start, end), np.minimum(start, end)))
    a, b, length = np.minimum(start, end)[order], np.maximum(start, end)[order], length[order]
    first = np.append(True, (np.diff(a) != 0) | (np.diff(b) != 0))  # of parallel links the shortest
    graph = coo_array((length[first], (a[first], b[first])), shape=(len(nodes), len(nodes)))
    found = dijkstra(graph, directed=False, indices=place.loc[list(network.sources)].to_numpy(), min_only=True)
    return pd.Series(found, index=nodes, name="source_distance_m")
