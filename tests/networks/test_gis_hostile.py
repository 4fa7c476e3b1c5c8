"""Layers that nobody should have drawn: what they say ends as findings, never as an error, a broken file or a formula."""

import errno
import json
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from city.problems import PenstockError
from networks import gis, valves
from networks.gis.layers import as_id
from networks.network import Network
from service import water_import

SOURCE = {"kind": "reservoir", "head_m": 60.0, "elevation_m": 5.0}


def line(name: Any, start: list[float], end: list[float], **told: Any) -> dict[str, Any]:
    geometry = {"type": "LineString", "coordinates": [start, end]}
    return {"type": "Feature", "id": name, "properties": {"diameter_mm": 150, "material": "PVC", **told}, "geometry": geometry}


def point(name: Any, at: list[float], **told: Any) -> dict[str, Any]:
    return {"type": "Feature", "id": name, "properties": told, "geometry": {"type": "Point", "coordinates": at}}


def brought(folder: Path, **layers: list[Any]) -> gis.Imported:
    for kind, features in layers.items():
        (folder / f"{kind}.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    files = [str(folder / f"{kind}.geojson") for kind in layers]
    return water_import.bring(water_import.sort(files), "town", {}, "", 0.5, 50.0)


def test_ids_that_epanet_cannot_write_are_changed_told_and_stay_apart(tmp_path: Path) -> None:
    ids = ["P;1", "[TANKS]", '=cmd|"x"', "P" * 40 + "a", "P" * 40 + "b"]
    pipes = [line(name, [10 + 0.002 * i, 45], [10 + 0.002 * (i + 1), 45]) for i, name in enumerate(ids)]
    shut = [point("-1+1", [10.00001, 45.0], link="P;1"), point("+v", [10.00801, 45.0], link=ids[4])]
    done = brought(tmp_path, pipes=pipes, sources=[point("W", [10, 45], **SOURCE)], valves=shut)
    assert {one.ids[0] for one in done.findings if one.kind == "id-changed"} == {as_id(name) for name in [*ids, "-1+1", "+v"]}
    water_import.write(done, tmp_path / "out")
    again = Network.read(tmp_path / "out" / "network.inp")
    assert sorted(again.pipes["id"]) == sorted(map(as_id, ids))
    assert len(set(map(as_id, ids))) == 5
    table = valves.read(tmp_path / "out" / "valves.csv", again)
    assert dict(zip(table["valve"], table["link"], strict=True)) == {"_1+1": "P_1", "_v": as_id(ids[4])}


@pytest.mark.parametrize(
    "told", [{"length_m": -5, "diameter_mm": -3, "minor_loss": -1}, {"diameter_mm": 10**400}, {"length_m": float("nan"), "roughness": -1}]
)
def test_sizes_that_cannot_be_are_findings_and_typical_ones_are_taken(tmp_path: Path, told: dict[str, Any]) -> None:
    done = brought(tmp_path, pipes=[line("P1", [10, 45], [10.002, 45], **told)], sources=[point("W", [10, 45], **SOURCE)])
    assert {"value-missing", "value-unreadable"} & {one.kind for one in done.findings if one.ids == ("P1",)}
    assert done.network is not None
    (pipe,) = done.network.pipes.itertuples()
    assert (round(pipe.length_m), pipe.diameter_m) == (158, 0.15)


def test_a_tank_whose_levels_contradict_each_other_is_a_finding(tmp_path: Path) -> None:
    wrong = {"kind": "tank", "init_level": 9, "min_level": 5, "max_level": 1, "diameter_m": -1}
    done = brought(tmp_path, pipes=[line("P1", [10, 45], [10.002, 45])], sources=[point("T", [10, 45], **wrong)])
    assert any(one.kind == "value-unreadable" and "max_level 1" in one.observed for one in done.findings)
    assert done.network is not None
    assert list(done.network.tanks["max_level_m"]) == [6.0]


@pytest.mark.parametrize("place", [1e308, 10**400, float("inf"), None, "x", [1]])
def test_a_place_that_is_none_costs_that_feature(tmp_path: Path, place: Any) -> None:
    pipes = [line("P1", [10, 45], [10.002, 45]), line("P2", [10.002, 45], [place, 45])]
    done = brought(tmp_path, pipes=pipes, sources=[point("W", [10, 45], **SOURCE)])
    assert [one.ids for one in done.findings if one.kind == "geometry-unusable"] == [("P2",)]
    assert done.network is not None
    assert list(done.network.pipes["id"]) == ["P1"]


def test_a_city_on_both_sides_of_the_180th_meridian_lies_together(tmp_path: Path) -> None:
    """0.002 degrees at 17 degrees south are 213 m; the way round the globe would be 38,000 km."""
    pipes = [line("P1", [179.999, -17], [-179.999, -17]), line("P2", [-179.999, -17], [-179.997, -17])]
    done = brought(tmp_path, pipes=pipes, sources=[point("W", [179.999, -17], **SOURCE)])
    assert done.network is not None
    assert done.network.pipes["length_m"].tolist() == pytest.approx([213, 213], abs=0.5)


@pytest.mark.parametrize("text", ['{"type":"FeatureCollection","features":' + "[" * 100_000 + "]" * 100_000 + "}", "[1]", ""])
def test_a_file_that_is_no_layer_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "pipes.geojson").write_text(text)
    with pytest.raises(PenstockError, match="no GeoJSON FeatureCollection"):
        water_import.bring(water_import.sort([str(tmp_path / "pipes.geojson")]), "town", {}, "", 0.5, 50.0)


def test_words_from_layers_neither_become_formulas_nor_end_a_line_of_settings(tmp_path: Path) -> None:
    hospital = 'St. "Mary"\n[evil]\\'
    meters = [point("M1", [10.001, 45], demand_m3_per_h=1, critical="=HYPERLINK(1)"), point("M2", [10.002, 45], critical=hospital)]
    done = brought(tmp_path, pipes=[line("P1", [10, 45], [10.002, 45])], sources=[point("W", [10, 45], **SOURCE)], meters=meters)
    water_import.write(done, tmp_path / 'a "town"')
    assert pd.read_csv(tmp_path / 'a "town"' / "customers.csv")["critical"][0] == "'=HYPERLINK(1)"
    told = tomllib.loads((tmp_path / 'a "town"' / "water.toml").read_text())["water"]
    assert told["network"] == 'a "town"/network.inp'
    assert set(told["critical"].values()) <= {"=HYPERLINK(1)", hospital}


def test_a_full_disk_leaves_nothing_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = brought(tmp_path, pipes=[line("P1", [10, 45], [10.002, 45])], sources=[point("W", [10, 45], **SOURCE)], valves=[])

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(valves, "write", full)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(PenstockError, match="No space left"):
        water_import.write(done, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
