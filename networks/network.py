"""A water network as tables: where its nodes lie, what connects them, and what a drawing or a search needs of it."""

import tempfile
import traceback
import warnings
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from city.problems import PenstockError, Problem, fault
from networks import inp
from networks.findings import Finding

if TYPE_CHECKING:
    import wntr

_M3_PER_H = 3600.0
_FLAT = "penstock-flat"
_LONGEST = 31  # an id of EPANET
_MOST_LEFT_OUT = 50  # more lines than that, and it is no INP file
_NOT_HYDRAULIC = ("CONTROLS", "RULES", "ENERGY", "REACTIONS", "QUALITY", "SOURCES", "MIXING", "REPORT", "LABELS", "BACKDROP", "TAGS")


class Network:
    """One EPANET network, read once and never changed; what runs on it works on copies."""

    def __init__(self, model: "wntr.network.WaterNetworkModel", name: str) -> None:
        self._model = model
        self.name = name

    @classmethod
    def named(cls, name: str) -> "Network":
        """A network of wntr's own library, e.g. `Net3`. Raises `PenstockError` for an unknown name."""
        import wntr
        from wntr.library.model_library import ModelLibrary

        known = list(ModelLibrary().model_name_list)
        if name not in known:
            raise fault(f"network '{name}'", "not in wntr's library", f"one of {', '.join(known)}", "Correct the name or give a path.")
        return cls(wntr.network.WaterNetworkModel(name), name)

    @classmethod
    def read(cls, path: str | Path) -> "Network":
        """A network from an EPANET INP file of any flow unit and head-loss formula.

        Raises `PenstockError` when the file is missing, empty or no INP, and with every fault for which a line had to be left out:
        `salvaged` goes on without those.
        """
        network, findings = cls.salvaged(path)
        told = [finding.problem for finding in findings if finding.meaning.severity == "error"]
        if told or network is None:
            raise PenstockError(replace(problem, subject=f"network file {path}, {problem.subject}") for problem in told)
        return network

    @classmethod
    def salvaged(cls, path: str | Path) -> tuple["Network | None", list[Finding]]:
        """The network of what can be read of an INP file, and what could not. None when nothing is left, or no source.

        Raises `PenstockError` when there is no such file, or wntr cannot read what is left.
        """
        path = Path(path)
        if not path.is_file():
            raise fault(f"network file {path}", "no such file", "an EPANET INP file", "Correct the path.")
        text = inp.read(path)
        model = _model(text, path)
        sources = model.num_reservoirs + model.num_tanks
        if model.num_links == 0:
            text.findings.append(Finding("network-empty", (path.name,), f"{model.num_nodes} nodes, 0 links"))
        elif sources == 0:
            text.findings.append(Finding("no-source", (path.name,), f"{model.num_links} links, no reservoir and no tank"))
        return (cls(model, path.stem) if model.num_links and sources else None), text.findings

    @cached_property
    def nodes(self) -> pd.DataFrame:
        """All nodes: id, kind (junction, tank, reservoir), x, y [drawing units], elevation_m (for a reservoir its head)."""
        rows = []
        for name, node in self._model.nodes():
            elevation = node.base_head if node.node_type == "Reservoir" else node.elevation
            rows.append((name, node.node_type.lower(), *node.coordinates, elevation))
        return pd.DataFrame(rows, columns=["id", "kind", "x", "y", "elevation_m"])

    @cached_property
    def links(self) -> pd.DataFrame:
        """All links: id, kind (pipe, pump, valve), start, end, length_m and diameter_m (0 for a pump), open (initially), one_way
        (pump, check valve, pressure reducing or sustaining valve: water goes from start to end only)."""
        rows = []
        for name, link in self._model.links():
            kind = link.link_type.lower()
            size = (float(getattr(link, part, 0.0) or 0.0) for part in ("length", "diameter"))
            one_way = kind == "pump" or getattr(link, "check_valve", False) or getattr(link, "valve_type", "") in ("PRV", "PSV")
            is_open = link.initial_status.name != "Closed"
            rows.append((name, kind, link.start_node_name, link.end_node_name, *size, is_open, one_way))
        return pd.DataFrame(rows, columns=["id", "kind", "start", "end", "length_m", "diameter_m", "open", "one_way"])

    @cached_property
    def junctions(self) -> pd.DataFrame:
        """id, x, y, elevation_m, base_demand_m3_per_h (with the file's demand multiplier; demand patterns are not applied)."""
        base = {name: _M3_PER_H * _base_demand(self._model, node) for name, node in self._model.junctions()}
        table = self.nodes[self.nodes["kind"] == "junction"].drop(columns="kind").reset_index(drop=True)
        return table.assign(base_demand_m3_per_h=table["id"].map(base).astype(float))

    @cached_property
    def pipes(self) -> pd.DataFrame:
        """id, start, end, length_m, diameter_m, open."""
        return self.links[self.links["kind"] == "pipe"].drop(columns="kind").reset_index(drop=True)

    @cached_property
    def pumps(self) -> pd.DataFrame:
        """id, start, end."""
        return self.links.loc[self.links["kind"] == "pump", ["id", "start", "end"]].reset_index(drop=True)

    @cached_property
    def tanks(self) -> pd.DataFrame:
        """id, x, y, elevation_m, initial_level_m, min_level_m, max_level_m, area_m2 (of a cylinder; volume curves are left to EPANET)."""
        place = self.nodes[self.nodes["kind"] == "tank"].drop(columns="kind").reset_index(drop=True)
        rows = [(t.init_level, t.min_level, t.max_level, np.pi / 4 * t.diameter**2) for _, t in self._model.tanks()]
        levels = pd.DataFrame(rows, columns=["initial_level_m", "min_level_m", "max_level_m", "area_m2"], dtype=float)
        return pd.concat([place, levels], axis=1)

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Ids of all reservoirs and tanks: where water can come from."""
        return tuple(self.nodes.loc[self.nodes["kind"] != "junction", "id"])

    @cached_property
    def inlets(self) -> tuple[str, ...]:
        """Ids of the sources, and of junctions with a demand below zero: there water comes in from a network that the file leaves out."""
        return (*self.sources, *self.junctions.loc[self.junctions["base_demand_m3_per_h"] < 0, "id"])

    @property
    def head_loss(self) -> str:
        """The file's head-loss formula: H-W, D-W or C-M."""
        return str(self._model.options.hydraulic.headloss)

    def require(self, kind: str, ids: Iterable[str], subject: str) -> None:
        """Raise `PenstockError` naming every id that is no `kind` (junctions, pipes, pumps, tanks, nodes, links) of the network."""
        known = set(getattr(self, kind)["id"])
        unknown = sorted({str(name) for name in ids} - known)
        if unknown:
            seen = f"{kind[:-1]} {', '.join(unknown[:8])}"
            raise fault(subject, f"{seen} is not in network {self.name}", f"one of its {len(known)} {kind}", "Correct the id.")

    def model(self) -> "wntr.network.WaterNetworkModel":
        """A copy of what the file says, patterns, prices and controls included."""
        import wntr

        return wntr.network.from_dict(wntr.network.to_dict(self._model))

    def write(self, path: str | Path) -> None:
        """Write the network as an EPANET INP file in m3/h, metres and millimetres."""
        import wntr

        wntr.network.write_inpfile(self.model(), str(path), units="CMH", version=2.2)

    def prepared(self, split: Iterable[str] = (), closed: Iterable[str] = ()) -> "wntr.network.WaterNetworkModel":
        """A copy for the engine: without controls, rules and demand patterns, quality off; one constant demand per junction.

        Each pipe in `split` gets a junction half way (`middle`), so that water can leave there; links in `closed` are shut.
        """
        import wntr

        split = list(split)
        self.require("pipes", split, "pipe to split")
        model: Any = self.model()
        for control in list(model.control_name_list):
            model.remove_control(control)
        model.add_pattern(_FLAT, [1.0])
        for pipe in split:
            _halve(model, pipe)
        for _, node in model.junctions():
            base = _base_demand(self._model, node)
            node.demand_timeseries_list.clear()
            node.add_demand(base, _FLAT)
            node.emitter_coefficient = None
        for link in closed:
            model.get_link(link).initial_status = wntr.network.LinkStatus.Closed
        model.options.hydraulic.pattern = _FLAT
        model.options.hydraulic.demand_multiplier = 1.0
        model.options.hydraulic.demand_model = "DDA"
        model.options.quality.parameter = "NONE"
        model.options.report.status = "NO"
        return model


def middle(pipe: str) -> str:
    """Id of the junction half way along a pipe that `Network.prepared` has split."""
    return _fitting(f"mid:{pipe}")


def second_half(pipe: str) -> str:
    """Id of the part of a split pipe that ends where the pipe ended."""
    return _fitting(f"half:{pipe}")


def _fitting(name: str) -> str:
    """EPANET's ids have at most 31 characters."""
    return name if len(name) <= _LONGEST else name[:5] + sha256(name.encode()).hexdigest()[: _LONGEST - 5]


def _halve(model: Any, name: str) -> None:
    """Put a junction half way; in place, and in 0.1 ms where `wntr.morph.split_pipe` lists all nodes and links of the network."""
    pipe, half_way = model.get_link(name), middle(name)
    start, end = pipe.start_node, pipe.end_node
    heights = [node.elevation for node in (start, end) if node.node_type != "Reservoir"]
    model.add_junction(half_way, elevation=sum(heights) / max(len(heights), 1), coordinates=start.coordinates)
    pipe.length, pipe.minor_loss = pipe.length / 2, pipe.minor_loss / 2
    pipe.end_node = model.get_node(half_way)
    sizes = (pipe.length, pipe.diameter, pipe.roughness, pipe.minor_loss)
    model.add_pipe(second_half(name), half_way, end.name, *sizes, initial_status=pipe.initial_status)


def _base_demand(model: "wntr.network.WaterNetworkModel", junction: Any) -> float:
    return float(model.options.hydraulic.demand_multiplier * sum(part.base_value for part in junction.demand_timeseries_list))


def _no_network(path: str | Path, seen: str, allowed: str) -> Problem:
    return Problem(f"network file {path}", seen, allowed, "Open the file in EPANET and save it again.")


def _model(text: inp.Text, path: Path) -> "wntr.network.WaterNetworkModel":
    """What wntr makes of the text. A line it stumbles over is left out and told, and so is a section that no hydraulics need."""
    import wntr

    with tempfile.TemporaryDirectory(prefix="penstock-inp-") as folder:
        file = Path(folder) / "network.inp"
        for _ in range(_MOST_LEFT_OUT):
            file.write_text(str(text), encoding="utf-8")
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)  # it warns that D-W roughness is in mm, after reading it so
                    return wntr.network.WaterNetworkModel(str(file))
            except Exception as error:  # wntr's reader raises whatever its parsing meets: KeyError, ValueError, its own kinds
                if not _left_out(text, error):
                    raise PenstockError(_no_network(path, _told(error), "a valid EPANET INP")) from None
    raise PenstockError(_no_network(path, f"more than {_MOST_LEFT_OUT} lines that cannot be read", "a valid EPANET INP"))


def _left_out(text: inp.Text, error: Exception) -> bool:
    """Whether the section or the line that the reader stumbled over could be left out; its readers keep the line number in `lnum`."""
    frames = list(traceback.walk_tb((error.__cause__ or error).__traceback__))
    readers = {f"_read_{name.lower()}": name for name in inp.SECTIONS}
    reading = next((frame for frame, _ in frames if frame.f_code.co_name in readers), None)
    section = readers[reading.f_code.co_name] if reading else ""
    if section in _NOT_HYDRAULIC and any(text.of(section)):
        text.drop_section(section, _told(error))
        return True
    n = int(reading.f_locals.get("lnum", 0)) - 1 if reading else -1
    if n < 0 or not text.words[n]:
        return False
    text.drop(n, "line-unreadable", str(n + 1), f"[{text.section[n]}] '{' '.join(text.words[n])[:60]}': {_told(error)}")
    return True


def _told(error: Exception) -> str:
    lines = str(error.__cause__ or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def layout(network: Network) -> pd.DataFrame:
    """Every link as a line for a map: id, kind, x1, y1, x2, y2 [drawing units of the INP], diameter_m; bends are not kept."""
    place = network.nodes.set_index("id")[["x", "y"]]
    links = network.links
    start, end = place.loc[links["start"]].to_numpy(), place.loc[links["end"]].to_numpy()
    if not np.isfinite(place.to_numpy()).all():
        raise PenstockError(
            fault(f"network {network.name}", "nodes without coordinates", "x and y per node", "Add [COORDINATES].").problems
        )
    return pd.DataFrame(
        {
            "id": links["id"],
            "kind": links["kind"],
            "x1": start[:, 0],
            "y1": start[:, 1],
            "x2": end[:, 0],
            "y2": end[:, 1],
            "diameter_m": links["diameter_m"],
        }
    )
