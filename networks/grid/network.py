"""An electric network as tables: buses, lines, transformers, switches, sources and loads.

A switch sits at one end of a branch (a line or a transformer) and parts it from the bus there, as an isolation valve parts a pipe
from its node. Which switches are open is never kept in the network: it is an argument, so that one network serves the present state,
a proposal and every candidate of a search.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.problems import fault

BASE_KVA = 1000.0
"""Base of the per-unit impedances [kVA]."""

COLUMNS: dict[str, dict[str, str]] = {
    "buses": {"bus": "str", "nominal_kv": "float64", "district": "str", "x": "float64", "y": "float64"},
    "lines": {
        "line": "str",
        "from_bus": "str",
        "to_bus": "str",
        "length_km": "float64",
        "r_ohm": "float64",
        "x_ohm": "float64",
        "c_nf": "float64",
        "rating_a": "float64",
    },
    "transformers": {
        "transformer": "str",
        "high_bus": "str",
        "low_bus": "str",
        "rating_kva": "float64",
        "high_kv": "float64",
        "low_kv": "float64",
        "short_circuit_pct": "float64",
        "load_loss_kw": "float64",
        "no_load_loss_kw": "float64",
        "no_load_current_pct": "float64",
        "tap": "int64",
        "tap_pct": "float64",
    },
    "switches": {"switch": "str", "branch": "str", "bus": "str", "closed": "bool", "kind": "str", "feeder": "str"},
    "sources": {"source": "str", "bus": "str", "voltage_pu": "float64"},
    "loads": {"load": "str", "bus": "str", "p_kw": "float64", "q_kvar": "float64", "customers": "float64"},
}
"""Columns of each table. What may be missing in a file stands in `reading.DEFAULTS`."""

SWITCH_KINDS = ("breaker", "load-break", "disconnector")
"""A disconnector must not open or close under load; a breaker and a load-break switch may."""


@dataclass(frozen=True)
class Network:
    """One network. Every id is unique within its table; lines and transformers share one set of names, the branches.

    `switches.feeder` names the feeder whose head a breaker is, and is empty for every other switch. `switches.closed` is the normal
    state. `loads.p_kw`, `q_kvar` are the design peak: the share of a load without a meter in what its feeder's head measures.
    """

    buses: pd.DataFrame
    lines: pd.DataFrame
    transformers: pd.DataFrame
    switches: pd.DataFrame
    sources: pd.DataFrame
    loads: pd.DataFrame

    @cached_property
    def bus_index(self) -> dict[str, int]:
        """{bus: its row in `buses`}."""
        return {bus: row for row, bus in enumerate(self.buses["bus"])}

    @cached_property
    def branches(self) -> pd.DataFrame:
        """Lines, then transformers: branch, kind (line, transformer), from_bus, to_bus, r_pu, x_pu [per unit of 1 MVA], rating_kva.

        from_bus of a transformer is its high side. A line without a rating (not-a-number) has no limit.
        """
        kv = self.buses.set_index("bus")["nominal_kv"]
        line, trafo = self.lines, self.transformers
        base_kv = kv.reindex(line["from_bus"]).to_numpy(dtype=float)
        base_ohm = base_kv**2 * 1000.0 / BASE_KVA
        share = BASE_KVA / trafo["rating_kva"]
        z_pu = trafo["short_circuit_pct"] / 100.0 * share
        r_pu = trafo["load_loss_kw"] / trafo["rating_kva"] * share
        lines = {
            "branch": line["line"],
            "kind": "line",
            "from_bus": line["from_bus"],
            "to_bus": line["to_bus"],
            "r_pu": line["r_ohm"] / base_ohm,
            "x_pu": line["x_ohm"] / base_ohm,
            "rating_kva": np.sqrt(3.0) * base_kv * line["rating_a"],
        }
        transformers = {
            "branch": trafo["transformer"],
            "kind": "transformer",
            "from_bus": trafo["high_bus"],
            "to_bus": trafo["low_bus"],
            "r_pu": r_pu,
            "x_pu": np.sqrt((z_pu**2 - r_pu**2).clip(lower=0.0)),
            "rating_kva": trafo["rating_kva"],
        }
        return pd.concat([pd.DataFrame(lines), pd.DataFrame(transformers)], ignore_index=True)

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """int64[branches, 2]: rows in `buses` of from_bus and to_bus."""
        rows = self.branches[["from_bus", "to_bus"]].map(self.bus_index.__getitem__)
        return np.ascontiguousarray(rows.to_numpy(dtype=np.int64).reshape(-1, 2))

    @cached_property
    def normally_open(self) -> frozenset[str]:
        """Switches that are open in the normal state."""
        return frozenset(self.switches.loc[~self.switches["closed"], "switch"])

    @cached_property
    def _switch_end(self) -> dict[str, tuple[int, int]]:
        """{switch: row of its branch, 0 at its from end or 1 at its to end}."""
        row = {branch: number for number, branch in enumerate(self.branches["branch"])}
        start = self.branches["from_bus"].tolist()
        told = self.switches[["switch", "branch", "bus"]].itertuples(index=False)
        return {switch: (row[branch], 0 if start[row[branch]] == bus else 1) for switch, branch, bus in told}

    def end_closed(self, open_switches: Collection[str]) -> NDArray[np.bool_]:
        """bool[branches, 2]: is the branch connected at its from and its to end, with these switches open and all others closed?

        Raises `PenstockError` for a switch that the network does not have.
        """
        if unknown := sorted(set(open_switches) - self._switch_end.keys()):
            raise fault("open switches", f"no switch {', '.join(unknown[:5])}", "switches of the network", "Correct the names.")
        closed = np.ones((len(self.branches), 2), dtype=bool)
        for switch in open_switches:
            closed[self._switch_end[switch]] = False
        return closed

    def closed_branches(self, open_switches: Collection[str]) -> NDArray[np.bool_]:
        """bool[branches]: does the branch connect its two buses?"""
        return np.asarray(self.end_closed(open_switches).all(axis=1))
