"""A water network as tables: where its nodes lie, what connects them, and what a drawing or a search needs of it."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from city.problems import PenstockError, fault

if TYPE_CHECKING:
    import wntr

_M3_PER_H = 3600.0
_FLAT = "penstock-flat"


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
        """A network from an EPANET INP file of any flow unit. Raises `PenstockError` when the file is missing, not an INP, or empty."""
        import wntr

        path = Path(path)
        remedy = "Open the file in EPANET and save it again."
        if not path.is_file():
            raise fault(f"network file {path}", "no such file", "an EPANET INP file", "Correct the path.")
        try:
            model = wntr.network.WaterNetworkModel(str(path))
        except Exception as error:  # wntr's reader raises whatever its parsing meets: KeyError, ValueError, its own kinds
            message = str(error).strip().splitlines()
            raise fault(f"network file {path}", message[0] if message else type(error).__name__, "a valid EPANET INP", remedy) from None
        if model.num_links == 0 or not (model.num_reservoirs or model.num_tanks):
            seen = f"{model.num_links} links, {model.num_reservoirs} reservoirs and {model.num_tanks} tanks"
            raise fault(f"network file {path}", seen, "links and at least one source", remedy)
        return cls(model, path.stem)

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
        """id, x, y, elevation_m, base_demand_m3_per_h (mean over the demand pattern is not applied)."""
        base = {name: _M3_PER_H * sum(part.base_value for part in node.demand_timeseries_list) for name, node in self._model.junctions()}
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

    def require(self, kind: str, ids: Iterable[str], subject: str) -> None:
        """Raise `PenstockError` naming every id that is no `kind` (junctions, pipes, pumps, tanks, nodes, links) of the network."""
        known = set(getattr(self, kind)["id"])
        unknown = sorted({str(name) for name in ids} - known)
        if unknown:
            seen = f"{kind[:-1]} {', '.join(unknown[:8])}"
            raise fault(subject, f"{seen} is not in network {self.name}", f"one of its {len(known)} {kind}", "Correct the id.")

    def prepared(self, split: Iterable[str] = (), closed: Iterable[str] = ()) -> "wntr.network.WaterNetworkModel":
        """A copy for the engine: without controls, rules and demand patterns, quality off; one constant demand per junction.

        Each pipe in `split` gets a junction `mid:<pipe>` half way, so that water can leave there; links in `closed` are shut.
        """
        import wntr

        split = list(split)
        self.require("pipes", split, "pipe to split")
        model: Any = wntr.network.from_dict(wntr.network.to_dict(self._model))
        for control in list(model.control_name_list):
            model.remove_control(control)
        model.add_pattern(_FLAT, [1.0])
        for pipe in split:
            model = wntr.morph.split_pipe(model, pipe, f"half:{pipe}", f"mid:{pipe}", return_copy=False)
        for _, node in model.junctions():
            base = sum(part.base_value for part in node.demand_timeseries_list)
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
