"""A network that EPANET can run, made from joined pipes, sources and what the layers say of sizes, elevations and demands.

What a layer does not say is taken from its neighbours or from practice, and every such value is a finding: a simulation on it is
doubtful, an isolation plan is not.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from networks.findings import Finding
from networks.gis.joining import Joined
from networks.gis.layers import Feature
from networks.gis.lines import length
from networks.network import Network

if TYPE_CHECKING:
    import wntr

# Hazen-Williams C of pipes some decades old [1], by what the material's name begins with.
# References: Walski, T. et al. (2003). Advanced Water Distribution Modeling and Management, table 2.4, rounded down.
_C = {"pe": 140.0, "hdpe": 140.0, "pvc": 140.0, "grp": 140.0, "ac": 130.0, "asbestos": 130.0, "steel": 120.0, "st": 120.0}
_C |= {"ductile": 130.0, "di": 130.0, "dci": 130.0, "cast": 100.0, "ci": 100.0, "gci": 100.0, "concrete": 110.0, "copper": 130.0}
_TYPICAL_C, _TYPICAL_DIAMETER_M = 120.0, 0.15
_CLOSED = ("closed", "shut", "0", "false")
_TANK = {"init_level": 3.0, "min_level": 0.0, "max_level": 6.0, "diameter_m": 15.0}


def build(
    name: str, joined: Joined, pipes: Sequence[Feature], sources: Sequence[Feature], known: Sequence[Feature], demand: Mapping[str, float]
) -> tuple[Network, list[Finding]]:
    """The network and what had to be assumed.

    `known`: features with an elevation (junctions, sources, valves, hydrants, meters); `demand`: m3/h by node id. A source's `kind`
    is `tank`, else it is a reservoir with `head_m` (or its elevation). Only what is joined to a pipe becomes part of it.
    """
    import wntr

    model, findings = wntr.network.WaterNetworkModel(), list[Finding]()
    model.name = name
    model.options.hydraulic.inpfile_units, model.options.hydraulic.headloss = "CMH", "H-W"
    nodes = joined.nodes[(joined.degree > 0).to_numpy()]
    elevation = _elevations(nodes, known, findings)
    of_source = {source.id: source for source in sources}
    for node, x, y in nodes[["id", "x", "y"]].itertuples(index=False):
        if node in of_source:
            _add_source(model, of_source[node], (x, y), elevation[node], findings)
        else:
            flow = demand.get(node, 0.0) / 3600
            model.add_junction(node, base_demand=flow, elevation=elevation[node], coordinates=(x, y))
    _add_pipes(model, joined, pipes, findings)
    return Network(model, name), findings


def _elevations(nodes: pd.DataFrame, known: Sequence[Feature], findings: list[Finding]) -> dict[str, float]:
    """Elevation by node [m]: the node's own, else that of the nearest feature that has one."""
    told = [(feature, value) for feature in known if (value := feature.number("elevation_m", findings)) is not None]
    if not told:
        findings.append(Finding("elevation-missing", tuple(nodes["id"]), "no layer has elevations; 0 m is taken, pressures are heads"))
        return dict.fromkeys(nodes["id"], 0.0)
    values = np.array([value for _, value in told])
    off, at = cKDTree([feature.points[0] for feature, _ in told]).query(nodes[["x", "y"]].to_numpy())
    far = nodes["id"].to_numpy()[off > 1.0]
    if len(far):
        findings.append(Finding("elevation-missing", tuple(far), f"the nearest known one is up to {off.max():.0f} m away"))
    return dict(zip(nodes["id"], values[at].tolist(), strict=True))


def _add_source(
    model: "wntr.network.WaterNetworkModel", source: Feature, place: tuple[float, float], ground_m: float, findings: list[Finding]
) -> None:
    if source.word("kind", "type").lower() == "tank" or "init_level" in source.says:
        levels = {name: source.number(name, findings) for name in _TANK}
        missing = [name for name, value in levels.items() if value is None]
        if missing:
            findings.append(Finding("value-missing", (source.id,), f"tank without {', '.join(missing)}"))
        size = {name: _TANK[name] if value is None else value for name, value in levels.items()}
        if not 0 <= size["min_level"] <= size["init_level"] <= size["max_level"] or size["diameter_m"] <= 0:
            seen = ", ".join(f"{name} {value:g}" for name, value in size.items())
            findings.append(Finding("value-unreadable", (source.id,), f"tank of {seen}"))
            size = dict(_TANK)
        size["diameter"] = size.pop("diameter_m")
        model.add_tank(source.id, elevation=ground_m, coordinates=place, **size)
        return
    head = source.number("head_m", findings)
    if head is None:
        findings.append(Finding("value-missing", (source.id,), f"reservoir without head_m; its elevation {ground_m:g} m is taken"))
    model.add_reservoir(source.id, base_head=ground_m if head is None else head, coordinates=place)


def _add_pipes(model: "wntr.network.WaterNetworkModel", joined: Joined, pipes: Sequence[Feature], findings: list[Finding]) -> None:
    wide = [pipe.number("diameter_m", []) for pipe in pipes]
    known = [value for value in wide if value is not None and value > 0]
    typical = float(np.median(known)) if known else _TYPICAL_DIAMETER_M
    drawn = joined.pipes.groupby("of")["line"].agg(lambda lines: sum(map(length, lines)))
    told: set[int] = set()
    for row in joined.pipes.itertuples():
        pipe, quiet = pipes[row.of], [] if row.of in told else findings
        told.add(row.of)
        diameter, rough = pipe.number("diameter_m", quiet), _roughness(pipe, quiet)
        if not diameter or diameter < 0:
            quiet.append(Finding("value-missing", (pipe.id,), f"diameter {diameter}; {1000 * typical:g} mm is taken"))
            diameter = typical
        stated = pipe.number("length_m", quiet)
        if stated is not None and stated < 0:
            quiet.append(Finding("value-unreadable", (pipe.id,), f"length {stated:g} m; as drawn is taken"))
            stated = None
        share = length(row.line) / drawn[row.of]
        model.add_pipe(
            row.id,
            row.start,
            row.end,
            length=length(row.line) if stated is None else stated * share,
            diameter=diameter,
            roughness=rough,
            minor_loss=max(pipe.number("minor_loss", quiet) or 0.0, 0.0) * share,
            initial_status="CLOSED" if pipe.word("status", "initial_status", "state").lower() in _CLOSED else "OPEN",
        )
        model.get_link(row.id).vertices = [tuple(point) for point in row.line[1:-1]]


def _roughness(pipe: Feature, findings: list[Finding]) -> float:
    """Hazen-Williams C [1]: stated, by the material, or a typical one."""
    stated = pipe.number("roughness", findings)
    if stated and stated > 0:
        return stated
    material = pipe.word("material", "mat").lower()
    by_name: list[Any] = sorted((name for name in _C if material.startswith(name)), key=len)
    if not by_name:
        findings.append(Finding("value-missing", (pipe.id,), f"no roughness, material '{material}'; C {_TYPICAL_C:g} is taken"))
    return _C[by_name[-1]] if by_name else _TYPICAL_C
