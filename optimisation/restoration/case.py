"""One fault as the search sees it: loads, limits, what is live, who is critical, which switches are remote, what each is worth."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from networks.grid.network import Network
from optimisation.restoration.proof import Prover
from optimisation.restoration.proposal import Crews, Step, Worth
from optimisation.restoration.state import eased, state, tripped
from optimisation.restoration.wires import Bools, Floats, Voltage, Wires, per_bus, wires


@dataclass(frozen=True)
class Setting:
    """What a city says about its restorations: `critical` {load: name}; `remote` switches (all when none is given); `rating_kva` {branch:
    emergency rating} in the place of the network's own; `cold_load`: what a load takes after an outage over what it took before."""

    critical: Mapping[str, str] = field(default_factory=dict)
    remote: Collection[str] | None = None
    cold_load: float = 1.0
    worth: Worth = field(default_factory=Worth)
    crews: Crews = field(default_factory=Crews)
    rating_kva: Mapping[str, float] = field(default_factory=dict)
    voltage_pu: Voltage = (0.93, 1.07)


@dataclass(frozen=True)
class Case:
    """`now` bool[switches]: open when the work begins, `tripped` those of them that protection opened; `live`, `lost` bool[buses]: with
    supply now, and without though the normal position has it; `customers`, `worth` float64[buses]; `critical` [buses] names."""

    network: Network
    setting: Setting
    wires: Wires
    p_kw: Floats
    q_kvar: Floats
    normal: Bools
    now: Bools
    tripped: Bools
    live: Bools
    lost: Bools
    remote: Bools
    customers: Floats
    worth: Floats
    critical: tuple[tuple[str, ...], ...]

    @property
    def minutes(self) -> Floats:
        """float64[switches]: what turning each takes by itself [min]."""
        crews = self.setting.crews
        return np.where(self.remote, crews.remote_min, self.drive + crews.turn_min)

    @property
    def drive(self) -> Floats:
        """float64[switches]: the drive to each [min]."""
        crews = self.setting.crews
        return np.array([crews.drive_min_of.get(name, crews.drive_min) for name in self.wires.switches], dtype=float)

    def steps(self, wires: Wires, prover: Prover, now: Bools, order: Sequence[int]) -> tuple[Step, ...]:
        """The switches of `order` turned one after the other from `now`, each with its time, what it gives back and its proof."""
        made, at, done, free = [], now.copy(), 0.0, [0.0] * max(self.setting.crews.crews, 1)
        alive, crews = state(wires, at).tree.energised, self.setting.crews
        for switch in order:
            at[switch] = not at[switch]
            if self.remote[switch]:
                done += crews.remote_min
            else:  # a crew sets out as soon as it is free, and turns the switch when its turn has come
                first = int(np.argmin(free))
                done = free[first] = max(free[first] + self.drive[switch], done) + crews.turn_min
            after, proof = state(wires, at).tree.energised, prover.proved(at)
            change = after.astype(float) - alive
            alive = after
            made.append(
                Step(
                    switch=wires.switches[switch],
                    action="open" if at[switch] else "close",
                    by="remote" if self.remote[switch] else "hand",
                    branch=wires.branches[wires.switch_branch[switch]],
                    at_min=round(done, 1),
                    kw=round(float(change @ wires.p_kw), 3),
                    customers=float(change @ self.customers),
                    loading=proof.loading,
                    loaded_branch=proof.loaded_branch,
                    voltage_pu=proof.voltage_pu,
                    lowest_bus=proof.lowest_bus,
                    proved=proof.holds,
                )
            )
        return tuple(made)


def case(
    network: Network,
    p_kw: Floats | None,
    q_kvar: Floats | None,
    faulted: Collection[str],
    faulted_buses: Collection[str] = (),
    open_switches: Collection[str] | None = None,
    setting: Setting | None = None,
) -> Case:
    """A fault made ready. Generation (a load below 0) is left out: it drops off and comes back only once the grid is there.

    Parameters and errors as of `restore`.
    """
    setting = setting or Setting()
    p, q = (network.loads[c].to_numpy(dtype=float) if given is None else given for c, given in (("p_kw", p_kw), ("q_kvar", q_kvar)))
    p, q = np.maximum(p, 0.0), np.where(np.asarray(p) >= 0, q, 0.0)
    limits = setting.rating_kva, setting.voltage_pu
    plain = wires(network, p, q, faulted=faulted, faulted_buses=faulted_buses, rating_kva=limits[0], voltage_pu=limits[1])
    normal = plain.opened(network.normally_open)
    before = normal if open_switches is None else plain.opened(open_switches)
    plain = _spread(plain)
    now = tripped(plain, before)
    live = state(plain, now).tree.energised
    lost = state(plain.mended(), normal).tree.energised & ~live
    at = np.array([network.bus_index[bus] for bus in network.loads["bus"]], dtype=np.int64)
    p, q = (np.where(lost[at], setting.cold_load, 1.0) * amounts for amounts in (p, q))
    ready = eased(plain.loaded(per_bus(network, p, "p_kw"), per_bus(network, q, "q_kvar")), now)
    critical = _critical(network, setting)
    remote = np.ones(len(plain.switches), dtype=bool) if setting.remote is None else plain.opened(setting.remote)
    return Case(
        network=network,
        setting=setting,
        wires=ready,
        p_kw=p,
        q_kvar=q,
        normal=normal,
        now=now,
        tripped=now & ~before,
        live=live,
        lost=lost,
        remote=remote,
        customers=per_bus(network, None, "customers"),
        worth=_worth(network, setting, ready, critical),
        critical=critical,
    )


def _critical(network: Network, setting: Setting) -> tuple[tuple[str, ...], ...]:
    """[buses] names of the critical customers at each."""
    found: list[list[str]] = [[] for _ in network.bus_index]
    for load, bus in zip(network.loads["load"], network.loads["bus"], strict=True):
        if load in setting.critical:
            found[network.bus_index[bus]].append(setting.critical[load])
    return tuple(map(tuple, found))


def _worth(network: Network, setting: Setting, ready: Wires, critical: tuple[tuple[str, ...], ...]) -> Floats:
    """float64[buses]: what supply is worth at each, in customers."""
    counted, worth = np.array([len(names) for names in critical], dtype=float), setting.worth
    return worth.critical * counted + worth.customer * per_bus(network, None, "customers") + worth.kw * ready.p_kw


def _spread(plain: Wires) -> Wires:
    """The faults grown over everything that no switch parts from them; a source in there feeds nothing."""
    dead, grown = plain.dead_bus.copy(), True
    open_to = np.array([[not plain.at_end.get((e, side)) for side in (0, 1)] for e in range(len(plain.branches))]).reshape(-1, 2)
    branch = plain.dead_branch.copy()
    while grown:
        size = dead.sum() + branch.sum()
        for side in (0, 1):
            dead[plain.ends[branch & open_to[:, side], side]] = True
            branch |= dead[plain.ends[:, side]] & open_to[:, side]
        grown = dead.sum() + branch.sum() > size
    return replace(plain, dead_bus=dead, dead_branch=branch)
