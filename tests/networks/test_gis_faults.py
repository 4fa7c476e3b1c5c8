"""What does not connect in a city's layers is told with its id and its distance; the rest becomes the network."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from networks import gis
from networks.checks import check
from networks.findings import what_works
from networks.gis import Imported
from networks.network import Network
from tests.networks.gis_layers import Layers, feature, write


def town() -> Layers:
    """One ring of mains behind a reservoir, 200 m by 150 m; valves on P2 and P4, two customers, a feeder with its substation."""
    points = {"r": (0, 0), "a": (200, 0), "b": (400, 0), "c": (200, 150), "d": (400, 150)}
    ends = {"P1": "ra", "P2": "ab", "P3": "ac", "P4": "bd", "P5": "cd"}
    size = {"diameter_mm": 200, "material": "PVC", "elevation_m": 5.0}

    def at(x: float, y: float) -> Any:
        return np.array([x, y], dtype=float)

    return {
        "pipes": [feature(name, np.array([points[a], points[b]], dtype=float), True, **size) for name, (a, b) in ends.items()],
        "sources": [feature("R", at(0, 0), False, kind="reservoir", head_m=50.0, elevation_m=5.0)],
        "valves": [
            feature("V1", at(203, 0.1), False, state="open", turns=24, exercised="2026-05-31"),
            feature("V2", at(400, 147), False, state="stuck"),
        ],
        "meters": [
            feature("M1", at(230, 12), False, demand_m3_per_h=3.6, customers=40),
            feature("M2", at(380, 140), False, demand_m3_per_h=1.8, customers=20, critical="Hospital"),
        ],
        "hydrants": [feature("H1", at(300, 150.2), False, elevation_m=5.0)],
        "feeders": [feature("F1", np.array([(0, -30), (300, -30)]), True), feature("F2", np.array([(300, -30), (300, 90)]), True)],
        "substations": [feature("S", at(0, -30), False)],
    }


def imported(folder: Path, layers: Layers, **more: Any) -> Imported:
    return gis.bring_together({kind: gis.read(path, kind) for kind, path in write(layers, folder).items()}, "town", **more)


def test_a_sound_town_has_no_findings_but_an_assumed_elevation(tmp_path: Path) -> None:
    made = imported(tmp_path, town())
    assert {finding.kind for finding in made.findings} == {"elevation-missing"}  # none of its junctions is surveyed
    assert made.network is not None
    assert made.network.pipes["length_m"].tolist() == pytest.approx([200, 200, 150, 150, 200], abs=0.01)
    nodes = made.network.links.set_index("id")[["start", "end"]]
    assert made.valves.iloc[:, :5].values.tolist()[0] == ["V1", "P2", nodes.loc["P2", "start"], "open", 24.0]
    assert made.valves.iloc[1, :4].tolist() == ["V2", "P4", nodes.loc["P4", "end"], "stuck"]
    assert made.valves["exercised"].iloc[0] == pd.Timestamp("2026-05-31")
    assert made.customers.set_index("meter")["node"].to_dict() == {"M1": nodes.loc["P1", "end"], "M2": nodes.loc["P4", "end"]}
    assert made.network.junctions["base_demand_m3_per_h"].sum() == pytest.approx(5.4)
    assert made.hydrants.iloc[0].tolist() == ["H1", "P5", nodes.loc["P5", "start"], 0.2]
    assert made.feeders.values.tolist() == [["F1", "F1", "S", 300.0], ["F2", "F2", "S", 120.0]]


def move(kind: str, number: int, by: tuple[float, float], point: int | None = None) -> Callable[[Layers], None]:
    """Move a feature, or one point of it, by metres."""

    def change(layers: Layers) -> None:
        at = layers[kind][number]["geometry"]["coordinates"]
        degrees = (by[0] / 102_500, by[1] / 110_770)  # near 23 degrees north
        rows = [at] if not isinstance(at[0], list) else at if point is None else [at[point]]
        for row in rows:
            row[0], row[1] = row[0] + degrees[0], row[1] + degrees[1]

    return change


def say(kind: str, number: int, **words: Any) -> Callable[[Layers], None]:
    return lambda layers: layers[kind][number]["properties"].update(words)


def rename(kind: str, number: int, name: str | None) -> Callable[[Layers], None]:
    return lambda layers: layers[kind][number].update(id=name) if name else layers[kind][number].pop("id")


def geometry(kind: str, number: int, shape: Any) -> Callable[[Layers], None]:
    return lambda layers: layers[kind][number].update(geometry=shape)


FAULTS = [
    (move("pipes", 4, (0, 3), 0), "ends-apart", ("P3", "P5"), "meets nothing and lies 3.00 m from the second"),
    (move("valves", 0, (0, 30)), "valve-off-pipe", ("V1",), "m from pipe P3, tolerance 0.5 m"),
    (move("valves", 0, (-3, -0.1)), "valve-unclear", ("V1",), "are equally near"),
    (move("meters", 0, (0, -80)), "meter-off-network", ("M1",), "68.0 m from pipe P2, reach 50 m"),
    (move("hydrants", 0, (0, 9.8)), "hydrant-off-pipe", ("H1",), "10.0 m from pipe P5"),
    (move("sources", 0, (0, 9)), "source-off-network", ("R",), "no pipe ends there"),
    (move("feeders", 1, (40, 20)), "feeder-without-substation", ("F2",), "the nearest substation is 34"),
    (move("feeders", 1, (3, 0)), "feeder-loose", ("F1", "F2"), "lies 3.00 m from the second"),
    (move("hydrants", 0, (60_000, 0)), "layers-apart", ("hydrants",), "off the ground of pipes"),
    (rename("pipes", 1, "P1"), "feature-twice", ("P1",), "feature 2 of pipes"),
    (rename("pipes", 1, None), "feature-without-id", ("pipes-2",), "feature 2 of pipes"),
    (geometry("pipes", 1, None), "geometry-unusable", ("P2",), "no geometry"),
    (geometry("pipes", 1, {"type": "Point", "coordinates": [113, 23]}), "geometry-unusable", ("P2",), "Point in layer pipes"),
    (say("pipes", 1, diameter_mm=None), "value-missing", ("P2",), "200 mm is taken"),
    (say("pipes", 1, diameter_mm="wide"), "value-unreadable", ("P2",), "diameter_mm 'wide'"),
    (say("pipes", 1, material="wood"), "value-missing", ("P2",), "material 'wood'"),
    (say("pipes", 1, diameter_mm=8), "diameter-absurd", ("P2",), "diameter 0.008 m"),
    (say("pipes", 1, length_m=656), "length-not-drawn", ("P2",), "656 m, 3.28 times as long as drawn"),
    (say("valves", 0, state="ajar"), "value-unreadable", ("V1",), "state 'ajar'"),
    (say("valves", 1, link="P2", node="x"), "valves-on-same-end", None, "where V"),
]


# Of a pipe or a source that is left out: valves and hydrants lose their pipe, parts their feed; and what is not known is assumed.
FOLLOWS = {"valve-off-pipe", "hydrant-off-pipe", "part-without-source", "no-source", "not-solved", "value-missing", "elevation-missing"}
FOLLOWS |= {"feeder-without-substation", "pressure-negative"}


@pytest.mark.parametrize(("change", "kind", "ids", "seen"), FAULTS)
def test_a_fault_in_a_layer_is_found_with_its_id(
    change: Callable[[Layers], None], kind: str, ids: tuple[str, ...] | None, seen: str, tmp_path: Path
) -> None:
    layers = copy.deepcopy(town())
    if kind == "valves-on-same-end":
        layers["valves"][1] = copy.deepcopy(layers["valves"][0]) | {"id": "V2"}
    change(layers)
    made = imported(tmp_path, layers)
    found = [finding for finding in made.findings if finding.kind == kind]
    assert [finding.ids for finding in found] == [ids or ("V2",)]
    assert seen in found[0].observed
    assert {finding.kind for finding in made.findings} - FOLLOWS - {kind} == set()


def test_all_lengths_in_feet_are_told_once(tmp_path: Path) -> None:
    layers = town()
    for pipe, metres in zip(layers["pipes"], (200, 200, 150, 150, 200), strict=True):
        pipe["properties"]["length_m"] = round(metres / 0.3048, 1)
    found = [finding for finding in imported(tmp_path, layers).findings if finding.kind.startswith("length")]
    assert [finding.kind for finding in found] == ["length-unit"]
    assert "3.28 times as long as drawn: feet for metres" in found[0].observed


def test_a_branch_on_a_main_divides_it_and_a_crossing_does_not(tmp_path: Path) -> None:
    layers = town()
    layers["pipes"] += [
        feature("B1", np.array([(300, 0), (300, 40)]), True, diameter_mm=100, material="PE"),
        feature("X1", np.array([(150, 75), (200, 100), (250, 75)]) + np.array((0, 0)), True, diameter_mm=100, material="PE"),
    ]
    layers["pipes"][-1]["geometry"]["coordinates"].pop(1)  # X1 crosses P3 between its ends
    made = imported(tmp_path, layers)
    assert made.network is not None
    assert [(f.ids, f.observed[:8]) for f in made.findings if f.kind == "pipe-divided"] == [(("P2",), "2 pieces")]
    pieces = made.network.pipes.set_index("id").loc[["P2", "P2_2"]]
    assert pieces["length_m"].tolist() == pytest.approx([100, 100], abs=0.02)
    assert [f.observed for f in made.findings if f.kind == "part-without-source"] == ["2 nodes hang together and with no source"]


@pytest.fixture
def model(tmp_path: Path) -> Network:
    made = imported(tmp_path, town()).network
    assert made is not None
    assert check(made) == []
    return made


def test_what_only_the_gis_or_only_the_model_has(model: Network, tmp_path: Path) -> None:
    layers = town()
    layers["pipes"] = [pipe for pipe in layers["pipes"] if pipe["id"] != "P5"]
    layers["pipes"].append(feature("P9", np.array([(400, 0), (600, 0)]), True, diameter_mm=200))
    layers["pipes"][1]["id"] = "main-2"  # the model's P2 under another name: its ends tell
    layers["pipes"][0]["properties"]["diameter_mm"] = 300
    layers["valves"].append(feature("V9", np.array([(500.0, 0.0)]), False))
    node = model.pipes.set_index("id").loc["P3", "start"]
    known = pd.DataFrame({"valve": ["V1", "V2", "V7"], "link": ["P2", "P3", "P3"], "node": [model.pipes["start"][1], node, node]})
    made = imported(tmp_path, layers, model=model, known_valves=known)
    assert made.network is model
    told = {finding.kind: (finding.ids, finding.observed) for finding in made.findings if finding.kind != "hydrant-off-pipe"}
    assert told == {
        "pipe-not-in-model": (("P9",), "no link of this id, none between these places"),
        "pipe-not-in-gis": (("P5",), "no feature of this id, none between these places"),
        "size-differs": (("P1",), "diameter 300 mm in the GIS, 200 mm in the model"),
        "valve-not-in-model": (("V9",), "on pipe P9 of the GIS"),
        "valve-elsewhere": (("V2",), f"pipe P3 at {node} in the table, pipe P4 at {model.pipes['end'][3]} in the GIS"),
        "valve-not-in-gis": (("V7",), f"pipe P3 at {node} in the table"),
    }
    assert made.valves["valve"].tolist() == ["V1", "V2"]


def test_without_a_source_the_map_works_and_isolation_does_not(tmp_path: Path) -> None:
    layers = town()
    del layers["sources"]
    works = what_works(imported(tmp_path, layers).findings)
    assert works["map"] == "works"
    assert works["isolation"].startswith("stopped by no-source")


def test_no_features_at_all_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "pipes.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    made = gis.bring_together({"pipes": gis.read(path, "pipes")}, "empty")
    assert made.network is None
    assert [finding.kind for finding in made.findings] == ["network-empty"]
