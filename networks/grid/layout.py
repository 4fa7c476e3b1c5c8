"""Where the buses of a feeder diagram are drawn: at their own coordinates, or as a tidy tree that grows from the sources."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from networks.grid.network import Network
from networks.grid.topology import tree


def layout(network: Network) -> pd.DataFrame:
    """bus, x, y, distance_km: the place of each bus in drawing units, and its way along the lines from the source in the normal state.

    Coordinates of the network are used where every bus has them. Otherwise x is the number of branches from the source and y spreads
    the ends of the tree evenly, a bus in the middle of what it feeds, so that no two branches of the tree cross.

    References: E. M. Reingold and J. S. Tilford, "Tidier drawings of trees", IEEE Trans. Software Eng. 7(2), 1981, of which this keeps
    the order and the centring, and gives each end of the tree a row of its own.
    """
    spanned = tree(network, network.normally_open)
    length = np.zeros(len(network.branches))
    length[: len(network.lines)] = network.lines["length_km"].fillna(0.0)
    distance = np.full(len(network.buses), np.nan)
    for bus in spanned.order:
        above = spanned.parent[bus]
        distance[bus] = 0.0 if above < 0 else distance[above] + length[spanned.via[bus]]
    own = network.buses[["x", "y"]].to_numpy(dtype=float)
    x, y = own.T if np.isfinite(own).all() else _tidy(spanned.order, spanned.parent, len(network.buses))
    return pd.DataFrame({"bus": network.buses["bus"], "x": x, "y": y, "distance_km": distance})


def _tidy(order: NDArray[np.int64], parent: NDArray[np.int64], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    depth, y = np.zeros(count), np.full(count, np.nan)
    below: list[list[int]] = [[] for _ in range(count)]
    roots = []
    for bus in order.tolist():
        above = int(parent[bus])
        if above < 0:
            roots.append(bus)
            continue
        depth[bus] = depth[above] + 1
        below[above].append(bus)
    row = 0.0
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        bus, done = stack.pop()
        if done:
            y[bus] = np.mean([y[child] for child in below[bus]])
        elif below[bus]:
            stack.append((bus, True))
            stack += [(child, False) for child in reversed(below[bus])]
        else:
            y[bus] = row
            row += 1.0
    dead = np.isnan(y)
    y[dead] = row + np.arange(dead.sum())
    return depth, y
