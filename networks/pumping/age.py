"""Water age under a pump schedule that repeats itself day after day, by EPANET's own quality solver.

EPANET solves the hydraulics of the day once; its quality run is then repeated, each day beginning with the ages the last one ended
with, until no watched node changes by more than half an hour or the water is older than anybody asked about.

References: Rossman and Boulos (1996), Numerical methods for modeling water quality in distribution systems, J. Water Resour. Plann.
Manage. 122(2), as EPANET has it (Lagrangian segments, tanks mixed as the file says).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from networks.pumping.day import PumpDay, Running

_SETTLED_H = 0.5
MOST_DAYS = 60


def ages(open_day: PumpDay, running: Running, beyond_h: float, nodes: Sequence[str]) -> pd.Series:
    """The highest water age of the nodes over the settled day [h]; counting stops once one of them is twice `beyond_h`."""
    open_day.run(running)
    at, start = open_day.node_at(nodes), np.zeros(len(open_day.task.network.nodes))
    last = np.zeros(len(nodes))
    for _ in range(MOST_DAYS):
        before = last
        start, worst = open_day.age(start)
        last = worst[at]
        if np.abs(last - before).max() < _SETTLED_H or last.max() > 2 * beyond_h:
            break
    return pd.Series(last, list(nodes))
