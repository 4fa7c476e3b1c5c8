"""What is wrong with an electric network, as sentences: names that dangle, sizes that cannot be, parts without a source, loops."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from city.problems import Problem
from networks.grid.network import SWITCH_KINDS, Network
from networks.grid.topology import energised, tree

_SHOWN = 8
_TOLERANCE_KV = 0.1  # share by which a transformer's voltage may differ from its bus, e.g. 10.5 kV at a bus of 10 kV


def _problem(noun: str, ids: Collection[str], observed: str, allowed: str, remedy: str) -> list[Problem]:
    names = sorted(map(str, ids))
    if not names:
        return []
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [Problem(f"{noun} {', '.join(names[:_SHOWN])}{more}", observed, allowed, remedy)]


def dangling(tables: Mapping[str, pd.DataFrame], subject: str) -> list[Problem]:
    """What keeps tables from being a network at all: ids that are there twice, and names of buses and branches that are not there."""
    keys = {"buses": "bus", "lines": "line", "transformers": "transformer", "switches": "switch", "sources": "source", "loads": "load"}
    found: list[Problem] = []
    for name, key in keys.items():
        twice = tables[name].loc[tables[name][key].duplicated(), key]
        found += _problem(f"{subject}: {key}", set(twice), "there twice", "every id once", "Rename or remove one.")
    both = set(tables["lines"]["line"]) & set(tables["transformers"]["transformer"])
    found += _problem(f"{subject}: branch", both, "a line and a transformer", "one set of names for both", "Rename one.")
    buses, branches = set(tables["buses"]["bus"]), set(tables["lines"]["line"]) | set(tables["transformers"]["transformer"])
    ends = [("lines", "line", "from_bus"), ("lines", "line", "to_bus"), ("transformers", "transformer", "high_bus")]
    ends += [("transformers", "transformer", "low_bus"), ("sources", "source", "bus"), ("loads", "load", "bus")]
    for name, key, column in ends:
        lost = tables[name][~tables[name][column].isin(buses)]
        found += _problem(f"{subject}: {key}", set(lost[key]), f"its {column} is no bus of buses.csv", "a bus there", "Correct the name.")
    switches = tables["switches"]
    lost = switches[~switches["branch"].isin(branches)]
    told = "its branch is neither line nor transformer", "a branch of the network", "Correct the name."
    found += _problem(f"{subject}: switch", set(lost["switch"]), *told)
    if found:
        return found
    lines = tables["lines"].set_axis(["branch", "one", "other", *tables["lines"].columns[3:]], axis=1)
    trafo = tables["transformers"].rename(columns={"transformer": "branch", "high_bus": "one", "low_bus": "other"})
    every = pd.concat([lines, trafo])[["branch", "one", "other"]].set_index("branch")
    if every.empty:
        found += _problem(f"{subject}", ["as a whole"], "neither line nor transformer", "at least one", "Fill lines.csv.")
    selves = every.index[every["one"] == every["other"]]
    found += _problem(f"{subject}: branch", selves, "both ends at one bus", "two different buses", "Correct an end.")
    at = every.reindex(switches["branch"])
    off = (switches["bus"].to_numpy() != at["one"].to_numpy()) & (switches["bus"].to_numpy() != at["other"].to_numpy())
    told = "its bus is at neither end of its branch", "the bus of one end", "Correct the bus."
    found += _problem(f"{subject}: switch", set(switches.loc[off, "switch"]), *told)
    odd = switches.loc[~switches["kind"].isin(SWITCH_KINDS), "switch"]
    return found + _problem(f"{subject}: switch", odd, "of no known kind", ", ".join(SWITCH_KINDS), "Correct the kind.")


def check(network: Network, open_switches: Collection[str] | None = None, *, radial: bool = True) -> list[Problem]:
    """Everything that is wrong with a network that could be read; a flow may run with some of it, and would mislead.

    `radial`: is the network operated without loops, as distribution is? Then each loop in the given state is a problem.
    """
    opened = network.normally_open if open_switches is None else frozenset(open_switches)
    return [*_sizes(network), *_voltages(network), *_doubled(network), *_shape(network, opened, radial=radial)]


def _sizes(network: Network) -> list[Problem]:
    line, trafo = network.lines.set_index("line"), network.transformers.set_index("transformer")
    dead = line.index[(line["r_ohm"] == 0) & (line["x_ohm"] == 0)]
    below = line.index[(line[["r_ohm", "c_nf"]] < 0).any(axis=1) | ~(line["rating_a"].isna() | (line["rating_a"] > 0))]
    found = _problem("line", dead, "no impedance", "r_ohm or x_ohm above 0", "Give its length or impedance, or merge its two buses.")
    found += _problem("line", below, "r_ohm, c_nf or rating_a below what can be", "0 or more; a rating above 0", "Correct it.")
    unrated = trafo.index[~(trafo["rating_kva"] > 0)]
    found += _problem("transformer", unrated, "no rating", "rating_kva above 0", "Give the rating of its plate.")
    weak = trafo.index[~(trafo["short_circuit_pct"] > 0) | (trafo["load_loss_kw"] < 0)]
    found += _problem("transformer", weak, "no impedance", "short_circuit_pct above 0", "Give the figures of its plate.")
    lossy = trafo.index[trafo["load_loss_kw"] / trafo["rating_kva"] > trafo["short_circuit_pct"] / 100]
    found += _problem("transformer", lossy, "load loss above what its impedance allows", "short_circuit_pct >= load_loss_kw / rating_kva",
                      "Check W for kW.")  # fmt: skip
    customers = network.loads.loc[network.loads["customers"] < 0, "load"]
    return found + _problem("load", customers, "customers below 0", "0 or more", "Correct it.")


def _voltages(network: Network) -> list[Problem]:
    kv, line, trafo = network.buses.set_index("bus")["nominal_kv"], network.lines, network.transformers
    none = kv.index[~(kv > 0)]
    found = _problem("bus", none, "no nominal voltage", "nominal_kv above 0", "Give it.")
    across = line.loc[line["from_bus"].map(kv) != line["to_bus"].map(kv), "line"]
    found += _problem(
        "line", across, "its two buses have different nominal voltages", "one voltage", "Put a transformer between, or correct."
    )
    for bus, own, side in (("high_bus", "high_kv", "high"), ("low_bus", "low_kv", "low")):
        off = trafo.loc[(trafo[own] / trafo[bus].map(kv).astype(float) - 1).abs() > _TOLERANCE_KV, "transformer"]
        told = (
            f"its {side} side is rated for another voltage than its bus",
            f"within {_TOLERANCE_KV:.0%}",
            "Correct the voltage or the bus.",
        )
        found += _problem("transformer", off, *told)
    turned = trafo.loc[trafo["high_kv"] < trafo["low_kv"], "transformer"]
    found += _problem("transformer", turned, "its high side is the lower one", "high_kv >= low_kv", "Exchange the two sides.")
    absurd = network.sources.loc[~network.sources["voltage_pu"].between(0.8, 1.2), "source"]
    return found + _problem("source", absurd, "a voltage far from 1 per unit", "0.8 to 1.2", "Give it per unit, not in kV.")


def _doubled(network: Network) -> list[Problem]:
    switch = network.switches
    twice = switch.loc[switch.duplicated(["branch", "bus"]), "switch"]
    return _problem("switch", twice, "a second switch at the same end of its branch", "one per end", "Remove one, or move it.")


def _shape(network: Network, opened: frozenset[str], *, radial: bool) -> list[Problem]:
    if network.sources.empty:
        return _problem("network", ["as a whole"], "no source", "a row in sources.csv", "Say where it is fed.")
    dead, found = ~energised(network, opened), list[Problem]()
    if dead.any():
        names = network.buses.loc[dead, "bus"]
        found += _problem("island with bus", names, "no source", "a closed way to a source", "Close a switch, or join it.")
    loops = tree(network, opened).loops if radial else np.array([], dtype=np.int64)
    names = network.branches["branch"].iloc[loops]
    return found + _problem("loop closed by branch", names, "energised in two ways", "one way (radial)", "Open a switch in the loop.")
