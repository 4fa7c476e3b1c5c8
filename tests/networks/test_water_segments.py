"""Valves and segments: equal to wntr's own partition, and round trips."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import wntr

from city.problems import PenstockError
from networks import valves
from networks.segments import segments
from networks.water import Network


def same_partition(ours: pd.Series, theirs: pd.Series) -> bool:
    pairs = set(zip(ours.reindex(theirs.index), theirs, strict=True))
    return len(pairs) == ours.nunique() == theirs.nunique()


@pytest.mark.parametrize(("name", "free"), [("Net1", 2), ("Net2", 1), ("Net3", 2), ("Net3", 1), ("ky10", 2)])
def test_segments_equal_wntr_element_by_element(name: str, free: int) -> None:
    network = Network.named(name)
    table = valves.strategic(network, free)
    found = segments(network, table)
    graph = wntr.network.WaterNetworkModel(name).to_graph()
    node, link, size = wntr.metrics.valve_segments(graph, table[["link", "node"]].copy())
    both = pd.concat([found.node.rename(lambda n: f"N{n}"), found.link.rename(lambda n: f"L{n}")])
    oracle = pd.concat([node.rename(lambda n: f"N{n}"), link.rename(lambda n: f"L{n}")])
    assert same_partition(both, oracle)
    assert found.count == len(size)
    assert found.size.to_numpy().sum() == len(oracle)


def test_valve_layer_of_net3_is_the_named_one_and_leaves_the_generators_alone() -> None:
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    table = valves.strategic(Network.named("Net3"))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    layer = wntr.network.generate_valve_layer(wntr.network.WaterNetworkModel("Net3"), "strategic", 2, seed=1)
    assert list(table["valve"][:2]) == ["v000", "v001"]
    assert table[["link", "node"]].to_numpy().tolist() == layer.to_numpy().tolist()


def test_valve_file_comes_back_as_written(tmp_path: Path) -> None:
    network = Network.named("Net3")
    table = valves.strategic(network).head(3).assign(turns=[18.0, np.nan, 42.5], state=["open", "unknown", "stuck"])
    table["exercised"] = pd.Series(pd.to_datetime(["2019-05-31", None, "2026-01-02"])).astype("datetime64[s]")
    valves.write(table, tmp_path / "valves.csv")
    pd.testing.assert_frame_equal(valves.read(tmp_path / "valves.csv", network), table)


def test_every_fault_of_a_valve_file_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "valves.csv"
    path.write_text("valve,link,node,state\na,nolink,15,open\nb,151,nonode,open\nc,151,10,open\nd,151,119,ajar\nd,153,121,open\n")
    with pytest.raises(PenstockError) as caught:
        valves.read(path, Network.named("Net3"))
    told = str(caught.value)
    for part in ("link nolink is not", "node nonode is not", "node 10 is no end of link 151", "state 'ajar'", "twice"):
        assert part in told


def test_turns_and_dates_that_are_none_are_told(tmp_path: Path) -> None:
    path = tmp_path / "valves.csv"
    network = Network.named("Net3")
    table = valves.strategic(network).head(3)[["link", "node"]]
    wrong = table.assign(valve=["a", "b", "c"], turns=["-3", "many", "12"], exercised=["2026-05-31", "", "31.5.2026"])
    wrong.to_csv(path, index=False)
    with pytest.raises(PenstockError) as caught:
        valves.read(path, network)
    told = str(caught.value)
    for part in ("valve a: turns '-3'", "valve b: turns 'many'", "valve c: exercised '31.5.2026'"):
        assert part in told
    assert len(caught.value.problems) == 3


def test_geojson_points_are_the_same_table(tmp_path: Path) -> None:
    network = Network.named("Net3")
    table = valves.strategic(network).head(4).assign(turns=[18.0, 20.0, 22.0, 24.0], state=["open", "closed", "stuck", "unknown"])
    rows = table.assign(exercised=None).to_dict("records")
    features = [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1.0, 2.0]}, "properties": row} for row in rows]
    for feature in features:
        feature["id"] = feature["properties"].pop("valve")  # the feature's own id serves as the valve's
    path = tmp_path / "valves.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    pd.testing.assert_frame_equal(valves.read(path, network), table)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "no GeoJSON"),
        ("[1, 2", "no GeoJSON"),
        ('{"features": [{"geometry": {"type": "LineString"}, "properties": {}}]}', "feature 0: LineString; allowed: Point"),
        ('{"features": [{"geometry": {"type": "Point"}, "properties": {"link": "151"}}]}', "no column valve, node"),
    ],
)
def test_geojson_that_is_none_or_holds_no_valves_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "valves.geojson"
    path.write_text(text)
    with pytest.raises(PenstockError, match=told):
        valves.read(path, Network.named("Net3"))


def test_valve_file_without_its_columns_is_told(tmp_path: Path) -> None:
    path = tmp_path / "valves.csv"
    path.write_text("id,pipe\n1,2\n")
    with pytest.raises(PenstockError, match="no column valve, link, node"):
        valves.read(path, Network.named("Net3"))
