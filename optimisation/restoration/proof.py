"""The proof of an order: every step in AC power flow, by another solver than the one that searched."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from city.problems import PenstockError
from networks.grid.flow import Solver
from networks.grid.network import Network
from networks.grid.topology import tree
from optimisation.restoration.wires import Bools, Floats, Wires

_HAIR = 1e-3  # limits are kept to this share: charging currents and no-load losses are in the proof, not in the search


@dataclass(frozen=True)
class Proved:
    """One position of the switches in AC power flow: does it hold, and its highest loading and lowest voltage with where they are."""

    holds: bool
    loading: float
    loaded_branch: str
    voltage_pu: float
    lowest_bus: str


class Prover:
    """One network at loads float64[loads] [kW, kvar], held ready; `wires` bring the limits and the faults."""

    def __init__(self, network: Network, wires: Wires, p_kw: Floats, q_kvar: Floats) -> None:
        at_fault = [wires.buses[row] for row in np.flatnonzero(wires.dead_bus)]
        # a line without a rating of its own may have one in the setting: any number here gives it a loading to be scaled to that one
        lines = network.lines.fillna({"rating_a": 1.0})
        network = replace(network, lines=lines, sources=network.sources[~network.sources["bus"].isin(at_fault)])
        self.network, self.wires, self.p_kw, self.q_kvar = network, wires, p_kw, q_kvar
        self.solver = Solver(network)

    def proved(self, opened: Bools) -> Proved:
        """The position with these switches open, bool[switches]."""
        names = self.wires.named(opened)
        spanned = tree(self.network, names)
        try:
            flow = self.solver.flow(self.p_kw, self.q_kvar, names)
        except PenstockError:
            return Proved(False, np.inf, "", np.nan, "")
        v = flow.voltage_pu[0]
        # the share of the rating these wires have, which may be eased or a setting of the city
        own = self.network.branches["rating_kva"].to_numpy(dtype=float)
        load = np.nan_to_num(flow.loading[0] * own / self.wires.rating_kva)
        within = (
            (load <= 1 + _HAIR).all()
            and not (v < self.wires.low_pu * (1 - _HAIR)).any()
            and not (v > self.wires.high_pu * (1 + _HAIR)).any()
        )
        behind = np.where(np.isfinite(self.wires.source_pu), np.nan, v)  # what a source holds by itself tells nothing
        top, low = int(np.argmax(load)), int(np.nanargmin(behind)) if np.isfinite(behind).any() else -1
        return Proved(
            bool(within and spanned.radial and not self._touches(opened, v)),
            float(load[top]),
            self.wires.branches[top] if load[top] > 0 else "",
            float(v[low]) if low >= 0 else np.nan,
            self.wires.buses[low] if low >= 0 else "",
        )

    def _touches(self, opened: Bools, voltage_pu: Floats) -> bool:
        """Is a faulted bus, or a faulted branch from either of its ends, under voltage?"""
        near, alive = self.wires.end_closed(opened), np.isfinite(voltage_pu)
        reached = (near & alive[self.wires.ends]).any(axis=1)
        return bool((reached & self.wires.dead_branch).any() or alive[self.wires.dead_bus].any())

    def all_hold(self, opened: Bools, steps: Sequence[int]) -> bool:
        """Does the position hold after each of these steps in turn?"""
        at = opened.copy()
        for switch in steps:
            at[switch] = not at[switch]
            if not self.proved(at).holds:
                return False
        return True
