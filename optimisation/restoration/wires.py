"""A network as arrays for the search: branches between buses, switches at their ends, loads at buses, what is faulted.

The search tries thousands of switch positions; it walks these arrays and never the tables. Which switches are open is a bool[switches].
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from city.problems import fault
from networks.grid.network import Network

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Voltage = tuple[float, float]
"""Lowest and highest voltage that is allowed [pu]."""


@dataclass(frozen=True)
class Wires:
    """One network in one hour, with its faults.

    `ends` int64[branches, 2] rows of buses; `r_pu`, `x_pu` [pu of 1 MVA], `ratio` (voltage behind over voltage before, of a transformer),
    `rating_kva` (inf without one), float64[branches]; `switch_branch`, `switch_side` int64[switches]; `source_pu` float64[buses], not-a-
    number where there is no source; `p_kw`, `q_kvar` float64[buses] what is taken; `dead_branch` bool[branches] and `dead_bus` bool[buses]
    are faulted; `low_pu`, `high_pu` float64[buses] are what a voltage may be.
    """

    buses: tuple[str, ...]
    branches: tuple[str, ...]
    switches: tuple[str, ...]
    ends: Ints
    r_pu: Floats
    x_pu: Floats
    ratio: Floats
    rating_kva: Floats
    switch_branch: Ints
    switch_side: Ints
    breaker: Bools
    disconnector: Bools
    source_pu: Floats
    p_kw: Floats
    q_kvar: Floats
    dead_branch: Bools
    dead_bus: Bools
    low_pu: Floats
    high_pu: Floats

    @cached_property
    def neighbours(self) -> list[list[tuple[int, int, int]]]:
        """Per bus: (branch, the bus at its other end, side of the branch on which this bus is)."""
        found: list[list[tuple[int, int, int]]] = [[] for _ in self.buses]
        for branch, (a, b) in enumerate(self.ends.tolist()):
            found[a].append((branch, b, 0))
            found[b].append((branch, a, 1))
        return found

    @cached_property
    def sources(self) -> Ints:
        """Rows of the buses with a source that no fault is at."""
        return np.flatnonzero(np.isfinite(self.source_pu) & ~self.dead_bus)

    @cached_property
    def at_end(self) -> dict[tuple[int, int], list[int]]:
        """(branch, side): the switches there."""
        found: dict[tuple[int, int], list[int]] = {}
        for switch, place in enumerate(zip(self.switch_branch.tolist(), self.switch_side.tolist(), strict=True)):
            found.setdefault(place, []).append(switch)
        return found

    def end_closed(self, opened: Bools) -> Bools:
        """bool[branches, 2]: is the branch joined to its bus at either end, with these switches open, bool[switches]?"""
        closed = np.ones((len(self.branches), 2), dtype=bool)
        closed[self.switch_branch[opened], self.switch_side[opened]] = False
        return closed

    def opened(self, names: Collection[str]) -> Bools:
        """bool[switches] of switch names. Raises `PenstockError` for one the network does not have."""
        known = {name: row for row, name in enumerate(self.switches)}
        if unknown := sorted(set(names) - set(known)):
            raise fault("switches", ", ".join(unknown[:6]), "switches of the network", "Correct the name.")
        found = np.zeros(len(self.switches), dtype=bool)
        found[[known[name] for name in names]] = True
        return found

    def named(self, opened: Bools) -> frozenset[str]:
        """The names of the open switches."""
        return frozenset(np.array(self.switches, dtype=object)[opened].tolist())

    def loaded(self, p_kw: Floats, q_kvar: Floats) -> "Wires":
        """The same wires with other loads, float64[buses] [kW, kvar]."""
        return replace(self, p_kw=p_kw, q_kvar=q_kvar)

    def mended(self) -> "Wires":
        """The same wires without a fault."""
        return replace(self, dead_branch=np.zeros_like(self.dead_branch), dead_bus=np.zeros_like(self.dead_bus))


def wires(
    network: Network,
    p_kw: Floats | None = None,
    q_kvar: Floats | None = None,
    *,
    faulted: Collection[str] = (),
    faulted_buses: Collection[str] = (),
    rating_kva: Mapping[str, float] | None = None,
    voltage_pu: Voltage = (0.93, 1.07),
) -> Wires:
    """The arrays of a network.

    Parameters
    ----------
    p_kw, q_kvar: float64[loads], what each load takes [kW, kvar]; the design peak when left out
    faulted, faulted_buses: branches and buses with a fault
    rating_kva: ratings that take the place of the network's own, per branch [kVA]
    voltage_pu: lowest and highest voltage [pu]; the default is GB/T 12325-2008, 4.2: three-phase supply up to 20 kV within 7 %

    Raises `PenstockError` for a branch or bus the network does not have and loads that are not finite.
    """
    branches, switches = network.branches, network.switches
    row = {name: at for at, name in enumerate(branches["branch"])}
    _known("faulted branch", faulted, row)
    _known("faulted bus", faulted_buses, network.bus_index)
    _known("rating", rating_kva or {}, row)
    rating = branches["rating_kva"].fillna(np.inf).to_numpy(dtype=float).copy()
    for name, most in (rating_kva or {}).items():
        rating[row[name]] = most
    side = [0 if branches["from_bus"].iat[row[b]] == bus else 1 for b, bus in zip(switches["branch"], switches["bus"], strict=True)]
    source = np.full(len(network.buses), np.nan)
    source[[network.bus_index[bus] for bus in network.sources["bus"]]] = network.sources["voltage_pu"]
    kinds = switches["kind"].to_numpy(dtype=object)
    p, q = per_bus(network, p_kw, "p_kw"), per_bus(network, q_kvar, "q_kvar")
    return Wires(
        buses=tuple(network.buses["bus"]),
        branches=tuple(branches["branch"]),
        switches=tuple(switches["switch"]),
        ends=network.ends,
        r_pu=branches["r_pu"].to_numpy(dtype=float),
        x_pu=branches["x_pu"].to_numpy(dtype=float),
        ratio=_ratios(network),
        rating_kva=rating,
        switch_branch=np.array([row[name] for name in switches["branch"]], dtype=np.int64),
        switch_side=np.array(side, dtype=np.int64),
        breaker=np.asarray(kinds == "breaker", dtype=bool),
        disconnector=np.asarray(kinds == "disconnector", dtype=bool),
        source_pu=source,
        p_kw=p,
        q_kvar=q,
        dead_branch=np.isin(branches["branch"].to_numpy(dtype=object), list(faulted)),
        dead_bus=np.isin(network.buses["bus"].to_numpy(dtype=object), list(faulted_buses)),
        low_pu=np.full(len(network.buses), voltage_pu[0]),
        high_pu=np.full(len(network.buses), voltage_pu[1]),
    )


def per_bus(network: Network, amounts: Floats | None, column: str) -> Floats:
    """float64[buses]: amounts float64[loads] added up at their buses; the network's own column when left out. Raises `PenstockError`."""
    given = network.loads[column].to_numpy(dtype=float) if amounts is None else np.asarray(amounts, dtype=float)
    if given.shape != (len(network.loads),) or not np.isfinite(given).all():
        raise fault(f"loads ({column})", f"shape {given.shape}", f"{len(network.loads)} finite numbers", "Give one number per load.")
    at = [network.bus_index[bus] for bus in network.loads["bus"]]
    total = np.zeros(len(network.buses))
    np.add.at(total, np.array(at, dtype=np.int64), given)
    return total


def _known(what: str, names: Collection[str], known: Collection[str]) -> None:
    if unknown := sorted(set(names) - set(known)):
        raise fault(what, ", ".join(unknown[:6]), "one of the network", "Correct the name.")


def _ratios(network: Network) -> Floats:
    """Voltage of the low side over that of the high side in per unit without load, float64[branches]; 1 of a line."""
    kv, trafo = network.buses.set_index("bus")["nominal_kv"], network.transformers
    turns = trafo["high_kv"] * (1 + trafo["tap"] * trafo["tap_pct"] / 100) / trafo["low_kv"]
    nominal = kv.reindex(trafo["high_bus"]).to_numpy(dtype=float) / kv.reindex(trafo["low_bus"]).to_numpy(dtype=float)
    return np.concatenate([np.ones(len(network.lines)), nominal / turns.to_numpy(dtype=float)])
