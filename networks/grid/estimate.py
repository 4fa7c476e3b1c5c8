"""The state of a network from what is measured: loads with a meter as read, the others by their share of their feeder's head.

This is load allocation, not state estimation by least squares: a distribution network rarely has more readings than unknowns. Where it
has (a feeder whose head and loads are all measured), the difference is the residual, and it is shown.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from networks.grid.flow import Flow, Solver
from networks.grid.network import Network
from networks.grid.topology import energised, feeder_of, head_branches, tree

Values = NDArray[np.float64]
ORIGINS = ("measured", "allocated", "assumed", "dead")
"""Where a load comes from: its own meter; its share of what its feeder's head measures; its share of the design peak, as much of it as
the measured feeders carry of theirs; none, because nothing feeds it."""
_ROUNDS, _ENOUGH = 8, 1e-4  # losses are known after a flow: again, until they change a head by less than this share


@dataclass(frozen=True)
class Estimate:
    """`flow` with the loads it stands on [t, loads] (kW, kvar), `origin` uint8[t, loads] (index in `ORIGINS`), and per feeder with a
    measured head `head_kw` [t] (not-a-number where it was not read), `computed_kw` [t] and `redundant`, bool[t]: were all its loads
    measured as well, so that the difference says something?"""

    flow: Flow
    p_kw: Values
    q_kvar: Values
    origin: NDArray[np.uint8]
    head_kw: dict[str, Values]
    computed_kw: dict[str, Values]
    redundant: dict[str, NDArray[np.bool_]]


def estimate(
    solver: Solver,
    measured_kw: Values,
    head_kw: Mapping[str, Values],
    power_factor: float,
    open_switches: Collection[str] | None = None,
    measured_kvar: Values | None = None,
) -> Estimate:
    """The state at t times.

    `measured_kw` [t, loads]: what the meter of a load read, not-a-number without one; `head_kw`: {feeder: [t]} power into the feeder at
    its head. Reactive power where it is not measured follows from `power_factor` (lagging); of generation it is 0. Raises
    `PenstockError` where no voltage satisfies the loads.
    """
    network = solver.network
    opened = network.normally_open if open_switches is None else frozenset(open_switches)
    at_bus = [network.bus_index[bus] for bus in network.loads["bus"]]
    live, feeder = energised(network, opened)[at_bus], np.array(feeder_of(network, opened))[at_bus]
    loss, own_kw = {name: np.zeros(len(measured_kw)) for name in head_kw}, _own(network, opened, head_kw)
    for _ in range(_ROUNDS):
        p, origin = _allocated(network.loads["p_kw"].to_numpy(), measured_kw, own_kw, loss, feeder, live)
        q = np.where(p > 0, p, 0.0) * np.tan(np.arccos(power_factor))
        if measured_kvar is not None:
            q = np.where(np.isfinite(measured_kvar) & live, measured_kvar, q)
        flow, before = solver.flow(p, q, opened), loss
        loss = loss | {name: values for name, values in flow.feeder_loss_kw().items() if name in head_kw}
        if all((np.abs(loss[name] - before[name]) <= _ENOUGH * np.nan_to_num(np.abs(head_kw[name]), nan=np.inf)).all() for name in loss):
            break
    computed = {name: kw for name, kw in flow.head_kw().items() if name in head_kw}
    known = {name: np.asarray(head_kw[name], dtype=np.float64) for name in computed}
    whole = {name: (origin[:, (feeder == name) & live] == 0).all(axis=1) & np.isfinite(own_kw[name]) for name in known}
    return Estimate(flow, p, q, origin, known, computed, whole)


def _own(network: Network, opened: frozenset[str], head_kw: Mapping[str, Values]) -> dict[str, Values]:
    """{feeder: [t]} what its head reads less what feeders that hang on it take; not-a-number where one of those was not read."""
    spanned = tree(network, opened)
    feeder, own = feeder_of(network, opened, spanned), {name: np.asarray(kw, dtype=np.float64) for name, kw in head_kw.items()}
    for name, branch in head_branches(network, opened, spanned).items():
        far = next(bus for bus in network.ends[branch] if spanned.via[bus] == branch)
        if (above := feeder[spanned.parent[far]]) in own and above != name:
            own[above] = own[above] - head_kw.get(name, np.nan)
    return own


def _allocated(
    design_kw: Values, measured_kw: Values, head_kw: Mapping[str, Values], loss_kw: Mapping[str, Values], feeder: NDArray, live: NDArray
) -> tuple[Values, NDArray[np.uint8]]:
    """p_kw [t, loads] and where each comes from."""
    p, has = np.where(live, measured_kw, 0.0), np.isfinite(measured_kw) | ~live
    origin = np.where(has, 0, 2).astype(np.uint8)
    known_kw, known_design = np.zeros(len(p)), np.zeros(len(p))
    for name, head in head_kw.items():
        own = (feeder == name) & live
        share = np.where(own & ~has, design_kw, 0.0)
        whole = share.sum(axis=1, keepdims=True)
        rest = (head - loss_kw[name])[:, None] - np.nansum(np.where(own & has, p, 0.0), axis=1, keepdims=True)
        told = np.isfinite(head)[:, None] & (whole > 0)
        given = own & ~has & told
        p = np.where(given, rest * share / np.where(whole > 0, whole, 1.0), p)
        origin[given] = 1
        known_kw += np.where(told[:, 0], rest[:, 0], 0.0)
        known_design += np.where(told[:, 0], whole[:, 0], 0.0)
    level = np.clip(np.where(known_design > 0, known_kw / np.where(known_design > 0, known_design, 1.0), 0.5), 0.0, 1.0)
    p = np.where(origin == 2, design_kw * level[:, None], p)
    origin[:, ~live] = 3
    return p, origin
