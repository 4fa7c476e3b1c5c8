"""A network's own coordinates written as GeoJSON layers, as a city's GIS would export them: what the tests of the import read back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from networks.gis.ground import Ground
from networks.network import Network

GROUND = Ground(lon=113.26, lat=23.13)
Layers = dict[str, list[dict[str, Any]]]


def feature(name: str, points: NDArray[np.float64], line: bool, /, **says: Any) -> dict[str, Any]:
    """One feature in degrees from points in metres, rounded to a millimetre's 1e-8 degrees as exports do."""
    at = GROUND.degrees(np.atleast_2d(points)).round(8).tolist()
    geometry = {"type": "LineString" if line else "Point", "coordinates": at if line else at[0]}
    return {"type": "Feature", "id": name, "geometry": geometry, "properties": {k: v for k, v in says.items() if v is not None}}


def layers(network: Network, metres: float, valves: pd.DataFrame | None = None) -> Layers:
    """Pipes, nodes, sources and valves (2 m from their node) of a network without pumps; one drawing unit is `metres` long."""
    made: Layers = {"pipes": [], "nodes": [], "sources": [], "valves": []}
    middle = network.nodes[["x", "y"]].mean().to_numpy()
    lines = {}
    for name, pipe in network._model.pipes():
        points = metres * (np.array([pipe.start_node.coordinates, *pipe.vertices, pipe.end_node.coordinates], dtype=float) - middle)
        lines[name] = (pipe.start_node_name, points)
        size = {"diameter_mm": round(1000 * pipe.diameter, 3), "length_m": pipe.length, "roughness": pipe.roughness}
        made["pipes"].append(feature(name, points, True, **size, status="closed" if pipe.initial_status.name == "Closed" else "open"))
    for row in network.junctions.itertuples():
        demand = row.base_demand_m3_per_h or None
        made["nodes"].append(
            feature(row.id, metres * ((row.x, row.y) - middle), False, elevation_m=row.elevation_m, demand_m3_per_h=demand)
        )
    for name, tank in network._model.tanks():
        size = {"diameter_m": tank.diameter, "init_level": tank.init_level, "min_level": tank.min_level, "max_level": tank.max_level}
        at = metres * (tank.coordinates - middle)
        made["sources"].append(feature(name, at, False, kind="tank", elevation_m=tank.elevation, **size))
    for name, reservoir in network._model.reservoirs():
        at = metres * (reservoir.coordinates - middle)
        made["sources"].append(feature(name, at, False, kind="reservoir", head_m=reservoir.base_head, elevation_m=reservoir.base_head))
    for row in valves.itertuples() if valves is not None else ():
        start, points = lines[row.link]
        from_node = points if start == row.node else points[::-1]
        step = from_node[1] - from_node[0]
        made["valves"].append(feature(row.valve, from_node[0] + 2.0 * step / np.hypot(*step), False, state=row.state))
    return made


def write(made: Layers, folder: Path) -> dict[str, Path]:
    """One GeoJSON file per layer; the paths by layer."""
    paths = {}
    for kind, features in made.items():
        paths[kind] = folder / f"{kind}.geojson"
        paths[kind].write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return paths
