"""The CSV files of a SimBench network as our tables, and its year of quarter-hours.

References: S. Meinecke et al., "SimBench", Energies 13(12), 3290, 2020; the CSV format of the data set 1.x (docs of the package simbench).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from networks.grid.network import Network

_KINDS = {"CB": "breaker", "LBS": "load-break", "LS": "load-break", "DS": "disconnector"}
_COUPLER_OHM = {"r_ohm": 1e-4, "x_ohm": 1e-3}  # a switch between two busbars: a metre of bar, so that its current is known
_HZ = 50.0


def _read(path: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(path / f"{name}.csv", sep=";")


def tables(path: Path) -> dict[str, pd.DataFrame]:
    """buses, lines, transformers, switches, sources, loads; units that feed in are loads below zero.

    Auxiliary nodes are merged into the busbar they belong to, their switch sits at that end of the branch. A switch between two busbars
    becomes a line of a metre. Equivalents of networks that are in the files themselves are left out, so nothing counts twice.
    """
    node, switch = _read(path, "Node"), _read(path, "Switch")
    line, trafo = _read(path, "Line"), _read(path, "Transformer")
    times = pd.concat([switch["nodeA"], switch["nodeB"]]).value_counts()
    single = node["id"].map(times) == 1  # a node between two busbar disconnectors is a bus of its own
    auxiliary = set(node.loc[(node["type"] == "auxiliary") & single, "id"])
    home = {bus: bus for bus in node["id"]}
    for row in switch.itertuples():
        if row.nodeB in auxiliary or row.nodeA in auxiliary:
            inner, outer = (row.nodeB, row.nodeA) if row.nodeB in auxiliary else (row.nodeA, row.nodeB)
            home[inner] = outer
    branch_at = {bus: name for frame, ends in ((line, ("nodeA", "nodeB")), (trafo, ("nodeHV", "nodeLV"))) for end in ends
                 for bus, name in zip(frame[end], frame["id"], strict=True)}  # fmt: skip
    kept = node[~node["id"].isin(auxiliary)]
    couplers = pd.concat([_couplers(switch, auxiliary), _sections(path, kept, trafo)], ignore_index=True)
    ends = switch[~switch["id"].isin(couplers["line"])]
    inner = ends["nodeB"].where(ends["nodeB"].isin(auxiliary), ends["nodeA"])
    at_branch = pd.DataFrame({"switch": ends["id"], "branch": inner.map(branch_at), "bus": inner.map(home)})
    at_coupler = couplers.assign(switch=couplers["line"], branch=couplers["line"], bus=couplers["from_bus"])[["switch", "branch", "bus"]]
    switches = pd.concat([at_branch, at_coupler], ignore_index=True).dropna(subset="branch")
    state = switch.set_index("id")
    switches["closed"] = switches["switch"].map(state["cond"]).fillna(1).astype(int).astype(bool)
    switches["kind"] = switches["switch"].map(state["type"]).map(_KINDS).fillna("disconnector")
    return {
        "buses": pd.DataFrame({"bus": kept["id"], "nominal_kv": kept["vmR"], "district": kept["subnet"]}),
        "lines": pd.concat([_lines(path, line, home), couplers], ignore_index=True),
        "transformers": _transformers(path, trafo, home),
        "switches": switches,
        "sources": _sources(path, node),
        "loads": _units(path, node).drop(columns=["p_profile", "q_profile"]),
    }


def _couplers(switch: pd.DataFrame, auxiliary: set[str]) -> pd.DataFrame:
    between = switch[~switch["nodeA"].isin(auxiliary) & ~switch["nodeB"].isin(auxiliary)]
    ends = {"line": between["id"], "from_bus": between["nodeA"], "to_bus": between["nodeB"]}
    return pd.DataFrame(ends).assign(length_km=0.001, **_COUPLER_OHM)


def _sections(path: Path, kept: pd.DataFrame, trafo: pd.DataFrame) -> pd.DataFrame:
    """The two sections of a high-voltage busbar stay joined where the network above, with its coupler, is not in the files."""
    place, rows = kept.set_index("id")["coordID"], []
    feeding = set(_sources(path, kept)["bus"])
    for bus in sorted(set(trafo["nodeHV"].str.replace(r"_\d+$", "", regex=True)) - feeding):
        for source in sorted(feeding):
            if bus in place.index and place[bus] == place[source]:
                rows.append((f"{source} - {bus}", source, bus))
    return pd.DataFrame(rows, columns=["line", "from_bus", "to_bus"]).assign(length_km=0.001, **_COUPLER_OHM)


def _lines(path: Path, line: pd.DataFrame, home: dict[str, str]) -> pd.DataFrame:
    kind = _read(path, "LineType").drop_duplicates("id").set_index("id").reindex(line["type"]).reset_index(drop=True)
    return pd.DataFrame(
        {
            "line": line["id"],
            "from_bus": line["nodeA"].map(home),
            "to_bus": line["nodeB"].map(home),
            "length_km": line["length"],
            "r_ohm": kind["r"] * line["length"],
            "x_ohm": kind["x"] * line["length"],
            "c_nf": kind["b"] * 1e-6 / (2 * np.pi * _HZ) * 1e9 * line["length"],  # b in uS/km
            "rating_a": kind["iMax"] * line["loadingMax"] / 100.0,
        }
    )


def _transformers(path: Path, trafo: pd.DataFrame, home: dict[str, str]) -> pd.DataFrame:
    kind = _read(path, "TransformerType").set_index("id").reindex(trafo["type"]).reset_index(drop=True)
    return pd.DataFrame(
        {
            "transformer": trafo["id"],
            "high_bus": trafo["nodeHV"].map(home),
            "low_bus": trafo["nodeLV"].map(home),
            "rating_kva": kind["sR"] * 1000.0 * trafo["loadingMax"] / 100.0,
            "high_kv": kind["vmHV"],
            "low_kv": kind["vmLV"],
            "short_circuit_pct": kind["vmImp"] * trafo["loadingMax"] / 100.0,  # so that the impedance stays that of sR
            "load_loss_kw": kind["pCu"] * (trafo["loadingMax"] / 100.0) ** 2,
            "no_load_loss_kw": kind["pFe"],
            "no_load_current_pct": kind["iNoLoad"] / (trafo["loadingMax"] / 100.0),
            "tap": trafo["tappos"].astype(int),
            "tap_pct": kind["dVm"],
        }
    )


def _present(frame: pd.DataFrame, node: pd.DataFrame) -> pd.DataFrame:
    """Rows but the equivalents of networks whose own rows are there (subnet 'MV1.101_LV1.101_eq' stands for LV1.101 seen from MV1.101)."""
    parts, there = frame["subnet"].str.removesuffix("_eq").str.split("_"), set(node["subnet"].str.split("_").str[0])
    doubled = frame["subnet"].str.endswith("_eq") & parts.str[1].isin(there)
    return frame[~doubled]


def _sources(path: Path, node: pd.DataFrame) -> pd.DataFrame:
    """Where the grid above feeds in: the external networks at the highest voltage."""
    kv = node.set_index("id")["vmR"]
    outside = _read(path, "ExternalNet")
    outside = outside[outside["node"].isin(kv.index)]
    top = outside[outside["node"].map(kv) == outside["node"].map(kv).max()]
    wanted = node.set_index("id")["vmSetp"].reindex(top["node"]).fillna(1.0).to_numpy()
    return pd.DataFrame({"source": top["id"], "bus": top["node"], "voltage_pu": wanted})


def _units(path: Path, node: pd.DataFrame) -> pd.DataFrame:
    """Loads, then units that feed in: load, bus, p_kw, q_kvar, customers, p_profile, q_profile."""
    load, feed_in = _present(_read(path, "Load"), node), _present(_read(path, "RES"), node)
    columns = ["load", "bus", "p_kw", "q_kvar", "p_profile", "q_profile"]
    taken = (load["id"], load["node"], load["pLoad"] * 1e3, load["qLoad"] * 1e3, load["profile"] + "_pload", load["profile"] + "_qload")
    given = (feed_in["id"], feed_in["node"], -feed_in["pRES"] * 1e3, -feed_in["qRES"] * 1e3, feed_in["profile"], feed_in["profile"])
    both = (pd.DataFrame(dict(zip(columns, part, strict=True))) for part in (taken, given))
    return pd.concat(both, ignore_index=True).assign(customers=1.0)


def year(path: Path, network: Network, rows: int = 2976) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """p_kw and q_kvar [t, loads] of the data set's year of quarter-hours, `rows` at a time."""
    units = _units(path, _read(path, "Node")).set_index("load").loc[network.loads["load"]]
    profile = pd.concat([pd.read_parquet(path / f"{name}Profile.parquet").drop(columns="time") for name in ("Load", "RES")], axis=1)
    p, q = (profile.columns.get_indexer(units[name]) for name in ("p_profile", "q_profile"))
    shape = profile.to_numpy(dtype=np.float64)
    for first in range(0, len(shape), rows):
        part = shape[first : first + rows]
        yield part[:, p] * units["p_kw"].to_numpy(), part[:, q] * units["q_kvar"].to_numpy()
