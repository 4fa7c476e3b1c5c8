"""The front door: layers, and a model where there is one, become a network, its valves, customers, hydrants and feeders."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from networks.checks import check
from networks.findings import Finding
from networks.gis import matching, placing
from networks.gis.building import build
from networks.gis.feeders import feeders
from networks.gis.ground import Ground
from networks.gis.joining import Joined, join
from networks.gis.layers import Feature, Layer
from networks.gis.placing import Drawn
from networks.network import Network


@dataclass
class Imported:
    """What came of the layers. Tables are empty where their layer is missing; `error` is the largest relative error of lengths [1]."""

    network: Network | None
    valves: pd.DataFrame = field(default_factory=pd.DataFrame)
    customers: pd.DataFrame = field(default_factory=pd.DataFrame)
    hydrants: pd.DataFrame = field(default_factory=pd.DataFrame)
    feeders: pd.DataFrame = field(default_factory=pd.DataFrame)
    findings: list[Finding] = field(default_factory=list)
    error: float = 0.0


def bring_together(
    layers: Mapping[str, Layer],
    name: str,
    *,
    model: Network | None = None,
    known_valves: pd.DataFrame | None = None,
    tolerance_m: float = 0.5,
    reach_m: float = 50.0,
) -> Imported:
    """Everything that the layers (by their kind) and the model say, on one ground.

    Parameters
    ----------
    tolerance_m: what lies nearer than this meets [m]
    reach_m: a meter further from every pipe than this belongs to none [m]
    model: an EPANET network of the same city; then it is the network, and pipes are only compared with it
    known_valves: a valve table in use, to be compared with the layer's
    """
    done = Imported(model, findings=[finding for layer in layers.values() for finding in layer.findings])
    ground, degrees, done.error = _on_one_ground(layers, done.findings)
    of = {kind: layers[kind].features if kind in layers else [] for kind in ("pipes", "valves", "meters", "hydrants", "sources", "nodes")}
    joined = join(of["pipes"], of["nodes"] + of["sources"], tolerance_m) if of["pipes"] else None
    if joined:
        done.findings += [finding for finding in joined.findings if model is None or finding.kind != "pipe-divided"]
    drawn = None
    if model is not None:
        drawn, told = matching.on_ground(matching.drawn(model), of["pipes"], ground, degrees, tolerance_m)
        done.findings += told + (matching.pipes(of["pipes"], drawn, model, tolerance_m)[1] if of["pipes"] else [])
    elif joined:
        ids, ends, lines = joined.pipes["id"], zip(joined.pipes["start"], joined.pipes["end"], strict=True), joined.pipes["line"]
        drawn = Drawn(list(ids), list(ends), list(lines), frozenset(source.id for source in of["sources"]))
    if drawn is not None:
        _place(done, of, drawn, tolerance_m, reach_m)
    if joined and model is None:
        _build(done, name, joined, of)
    elif model is None:
        done.findings.append(Finding("network-empty", (name,), "no pipe in the layers"))
    if known_valves is not None and "valves" in layers:
        done.findings += matching.valve_tables(done.valves, known_valves)
    if "feeders" in layers:
        substations = layers["substations"].features if "substations" in layers else []
        done.feeders, told = feeders(layers["feeders"].features, substations, tolerance_m)
        done.findings += told
    return done


def _on_one_ground(layers: Mapping[str, Layer], findings: list[Finding]) -> tuple[Ground, bool, float]:
    """Move all layers to metres of one plane; tell those that lie elsewhere."""
    chief = layers.get("pipes") or next(iter(layers.values()), Layer(""))
    points = chief.points
    ground, error = Ground(), 0.0
    if chief.degrees and len(points):
        ground = Ground.around(points)
        error = ground.error(points)
    for layer in layers.values():
        for feature in layer.features if layer.degrees else []:
            feature.points = ground.metres(feature.points)
    here = chief.points
    for kind, layer in layers.items():
        if layer is not chief and len(layer.points) and len(here):
            reach = 0.2 * np.ptp(here, axis=0) + 1000.0
            off = ((layer.points < here.min(axis=0) - reach) | (layer.points > here.max(axis=0) + reach)).any(axis=1)
            if off.mean() > 0.5:
                findings.append(Finding("layers-apart", (kind,), f"{100 * off.mean():.0f} % of it lies off the ground of {chief.name}"))
    return ground, chief.degrees, error


def _place(done: Imported, of: Mapping[str, list[Feature]], drawn: Drawn, tolerance_m: float, reach_m: float) -> None:
    done.valves, told = placing.valves(of["valves"], drawn, tolerance_m)
    done.customers, more = placing.meters(of["meters"], drawn, reach_m)
    done.hydrants, most = placing.hydrants(of["hydrants"], drawn, tolerance_m)
    missing = {finding.ids[0] for finding in done.findings if finding.kind == "pipe-not-in-model"}
    own = {pipe.id: pipe for pipe in of["pipes"] if pipe.id in missing}
    done.findings += _only_in_gis(told, of["valves"], own, tolerance_m) + more + most


def _only_in_gis(told: list[Finding], valves: list[Feature], pipes: Mapping[str, Feature], tolerance_m: float) -> list[Finding]:
    """Valves off every pipe of the model that lie on a pipe which only the GIS has."""
    if not pipes:
        return told
    ids = list(pipes)
    ask = Drawn(ids, [("", "")] * len(ids), [pipes[name].points for name in ids]).ask
    at = {valve.id: valve.points[0] for valve in valves}
    found = []
    for finding in told:
        near = ask.near(at[finding.ids[0]], tolerance_m) if finding.kind == "valve-off-pipe" else []
        found.append(Finding("valve-not-in-model", finding.ids, f"on pipe {ids[near[0].line]} of the GIS") if near else finding)
    return found


def _build(done: Imported, name: str, joined: Joined, of: Mapping[str, list[Feature]]) -> None:
    degree = joined.degree
    for source in of["sources"]:
        if degree.get(source.id, 0) == 0:
            done.findings.append(Finding("source-off-network", (source.id,), "no pipe ends there or passes there"))
    demand = done.customers.groupby("node")["demand_m3_per_h"].sum().to_dict() if len(done.customers) else dict[str, float]()
    for node in of["nodes"]:
        own = node.number("demand_m3_per_h", done.findings)
        if own:
            demand[node.id] = demand.get(node.id, 0.0) + own
    known = [*of["nodes"], *of["sources"], *of["valves"], *of["hydrants"], *of["meters"]]
    network, assumed = build(name, joined, of["pipes"], of["sources"], known, demand)
    done.findings += assumed
    if not len(network.links):
        done.findings.append(Finding("network-empty", (name,), "no pipe could be used"))
        return
    done.network = network
    done.findings += check(network, metres_drawn=True)
