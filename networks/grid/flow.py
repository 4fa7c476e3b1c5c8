"""AC power flow, symmetric, batched over time; power-grid-model solves it."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from city.problems import fault
from networks.grid.network import Network
from networks.grid.topology import Tree, energised, feeder_of, head_branches, tree

Values = NDArray[np.float64]
_STIFF_VA = 1e16  # short-circuit power of a source: the network does not move the voltage of the grid above it
_TAP_RANGE = 100  # the tap of the file is taken as it is


@dataclass(frozen=True)
class Flow:
    """The state of a network, one row per time.

    voltage_pu[t, buses] is not-a-number at a dead bus. Per branch, [t, branches] in the order of `network.branches`: power_kw and
    power_kvar into it at its from end, current_a (the larger end; of a transformer at its high side), loading (share of its rating,
    not-a-number without one), branch_loss_kw (of a transformer with its no-load loss). Dead branches carry 0.
    """

    network: Network
    open_switches: frozenset[str]
    voltage_pu: Values
    loading: Values
    power_kw: Values
    power_kvar: Values
    current_a: Values
    branch_loss_kw: Values
    dead: NDArray[np.bool_]

    @cached_property
    def tree(self) -> Tree:
        """What hangs behind what at these switches."""
        return tree(self.network, self.open_switches)

    @property
    def loss_kw(self) -> Values:
        """float64[t]: technical losses of the whole network [kW]."""
        return np.asarray(self.branch_loss_kw.sum(axis=1))

    def feeder_loss_kw(self) -> dict[str, Values]:
        """{feeder: losses [kW] at each time}; '' holds what lies before every feeder head, as the transformers of a substation."""
        feeder, ends = feeder_of(self.network, self.open_switches, self.tree), self.network.ends
        closed = self.network.end_closed(self.open_switches)
        # A branch that hangs on one end alone belongs to what feeds that end: a tie that is open charges there.
        of_branch = [feeder[to if at_to else from_] for (from_, to), (_, at_to) in zip(ends.tolist(), closed.tolist(), strict=True)]
        for bus, via in enumerate(self.tree.via.tolist()):
            if via >= 0:
                of_branch[via] = feeder[bus]
        names = np.array(of_branch)
        return {str(name): self.branch_loss_kw[:, names == name].sum(axis=1) for name in np.unique(names)}

    def head_kw(self) -> dict[str, Values]:
        """{feeder that is fed: power [kW] into it at its head at each time}, whichever way the head's branch was written."""
        made = {}
        for name, branch in head_branches(self.network, self.open_switches, self.tree).items():
            forward = self.tree.via[self.network.ends[branch, 1]] == branch
            made[name] = self.power_kw[:, branch] if forward else self.branch_loss_kw[:, branch] - self.power_kw[:, branch]
        return made


class Solver:
    """A network held ready: each call changes loads and switches only."""

    def __init__(self, network: Network) -> None:
        from power_grid_model import PowerGridModel

        self.network = network
        n, b, s = len(network.buses), len(network.branches), len(network.sources)
        self._bus, self._branch = np.arange(n), np.arange(n, n + b)
        self._source, self._load = np.arange(n + b, n + b + s), np.arange(n + b + s, n + b + s + len(network.loads))
        self._model = PowerGridModel(_inputs(self), system_frequency=50.0)
        self._open: frozenset[str] = frozenset()

    def flow(self, p_kw: ArrayLike, q_kvar: ArrayLike, open_switches: Collection[str] | None = None) -> Flow:
        """The flow at loads [kW, kvar], shaped [loads] or [t, loads] in the order of `network.loads`; generation is negative.

        `open_switches`: none means the normal state. Raises `PenstockError` for loads of a wrong shape or not a number, and where
        no voltage satisfies the loads (a collapse).
        """
        from power_grid_model import initialize_array
        from power_grid_model.errors import PowerGridError

        p, q = (self._checked(values, name) for values, name in ((p_kw, "p_kw"), (q_kvar, "q_kvar")))
        self._set(self.network.normally_open if open_switches is None else frozenset(open_switches))
        loads = initialize_array("update", "sym_load", p.shape)
        loads["id"], loads["p_specified"], loads["q_specified"] = self._load, p * 1e3, q * 1e3
        try:
            found = self._model.calculate_power_flow(
                update_data={"sym_load": loads},
                output_component_types=_OUTPUT,  # type: ignore[arg-type]
                error_tolerance=1e-9,
                max_iterations=30,
                threading=-1,
            )
        except PowerGridError as error:
            told = f"no voltage satisfies the loads ({str(error).splitlines()[0][:120]})"
            raise fault("power flow", told, "loads that the network can carry", "Check loads, impedances and open switches.") from None
        return self._flow(found)

    def _checked(self, values: ArrayLike, name: str) -> Values:
        given = np.atleast_2d(np.asarray(values, dtype=np.float64))
        want = len(self.network.loads)
        if given.ndim != 2 or given.shape[1] != want or not np.isfinite(given).all():
            said = f"shape {np.shape(values)}" + ("" if np.isfinite(given).all() else ", not all numbers")
            raise fault(f"power flow: {name}", said, f"[{want} loads] or [t, {want} loads] of numbers", "Give one value per load.")
        return given

    def _set(self, open_switches: frozenset[str]) -> None:
        from power_grid_model import initialize_array

        if open_switches == self._open:
            return
        closed, lines = self.network.end_closed(open_switches), len(self.network.lines)
        changes: dict[Any, Any] = {}
        for name, rows in (("line", slice(None, lines)), ("transformer", slice(lines, None))):
            changes[name] = initialize_array("update", name, len(closed[rows]))
            changes[name]["id"] = self._branch[rows]
            changes[name]["from_status"], changes[name]["to_status"] = closed[rows].T
        self._model.update(update_data=changes)
        self._open = open_switches

    def _flow(self, found: Any) -> Flow:
        network, node = self.network, found["node"]
        kinds = [found[kind] for kind in ("line", "transformer") if kind in found]  # a kind without any is left out
        both = {name: np.concatenate([kind[name] for kind in kinds], axis=1) for name in _BRANCH}
        dead = ~energised(network, self._open)
        lines, trafo = len(network.lines), network.transformers
        loading, current = np.zeros(both["p_from"].shape), np.maximum(both["i_from"], both["i_to"])
        current[:, lines:] = both["i_from"][:, lines:]
        loading[:, :lines] = current[:, :lines] / network.lines["rating_a"].to_numpy()
        carried_kva = np.maximum(both["s_from"], both["s_to"])[:, lines:] / 1e3
        loading[:, lines:] = carried_kva / trafo["rating_kva"].to_numpy()
        return Flow(
            network,
            self._open,
            voltage_pu=np.where(dead, np.nan, node["u_pu"]),
            loading=loading,
            power_kw=both["p_from"] / 1e3,
            power_kvar=both["q_from"] / 1e3,
            current_a=current,
            branch_loss_kw=(both["p_from"] + both["p_to"]) / 1e3,
            dead=dead,
        )


_BRANCH = ("p_from", "p_to", "q_from", "i_from", "i_to", "s_from", "s_to")
_OUTPUT = {"node": ["u_pu"], "line": list(_BRANCH), "transformer": list(_BRANCH)}


def flow(network: Network, p_kw: ArrayLike, q_kvar: ArrayLike, open_switches: Collection[str] | None = None) -> Flow:
    """`Solver(network).flow(...)`, for a single call."""
    return Solver(network).flow(p_kw, q_kvar, open_switches)


def _inputs(solver: Solver) -> dict[Any, Any]:
    """The network as power-grid-model wants it, all switches closed: SI units, one number space for all components."""
    from power_grid_model import LoadGenType, initialize_array

    network, lines = solver.network, len(solver.network.lines)
    made: dict[str, Any] = {}

    def component(name: str, ids: NDArray[np.int64], **columns: Any) -> None:
        made[name] = initialize_array("input", name, len(ids))
        for column, values in {"id": ids, **columns}.items():
            made[name][column] = values

    def rows(buses: Any) -> NDArray[np.int64]:
        return np.array([network.bus_index[bus] for bus in buses], dtype=np.int64)

    ends, line, trafo = network.ends, network.lines, network.transformers
    component("node", solver._bus, u_rated=network.buses["nominal_kv"] * 1e3)
    between = {"from_node": ends[:lines, 0], "to_node": ends[:lines, 1], "from_status": 1, "to_status": 1}
    component("line", solver._branch[:lines], **between, r1=line["r_ohm"], x1=line["x_ohm"], c1=line["c_nf"] * 1e-9, tan1=0.0, i_n=1.0)
    component(
        "transformer",
        solver._branch[lines:],
        from_node=ends[lines:, 0],
        to_node=ends[lines:, 1],
        from_status=1,
        to_status=1,
        u1=trafo["high_kv"] * 1e3,
        u2=trafo["low_kv"] * 1e3,
        sn=trafo["rating_kva"] * 1e3,
        uk=trafo["short_circuit_pct"] / 100,
        pk=trafo["load_loss_kw"] * 1e3,
        p0=trafo["no_load_loss_kw"] * 1e3,
        i0=np.maximum(trafo["no_load_current_pct"] / 100, trafo["no_load_loss_kw"] / trafo["rating_kva"]),
        winding_from=0,
        winding_to=0,
        clock=0,
        tap_side=0,
        tap_pos=trafo["tap"],
        tap_nom=0,
        tap_min=-_TAP_RANGE,
        tap_max=_TAP_RANGE,
        tap_size=trafo["tap_pct"] / 100 * trafo["high_kv"] * 1e3,
    )
    component("source", solver._source, node=rows(network.sources["bus"]), status=1, u_ref=network.sources["voltage_pu"], sk=_STIFF_VA)
    power = {"type": LoadGenType.const_power, "p_specified": 0.0, "q_specified": 0.0}
    component("sym_load", solver._load, node=rows(network.loads["bus"]), status=1, **power)
    return made
