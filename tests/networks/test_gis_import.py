"""Layers of a city become its network again: same ids, same heads in EPANET, every valve on its end of its pipe."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.problems import PenstockError
from networks import engine as en
from networks import gis, valves
from networks.gis.ground import Ground, fitted
from networks.gis.layers import Layer
from networks.gis.lines import Lines, cut, length
from networks.network import Network
from tests.networks import gis_layers

HEAD = 10  # the toolkit's code, EN_HEAD
UNIT_M = 60.0  # one drawing unit of Net2: with it the pipes are about as long as drawn


@pytest.fixture(scope="module")
def net2() -> Network:
    return Network.named("Net2")


@pytest.fixture(scope="module")
def net2_valves(net2: Network) -> pd.DataFrame:
    table = valves.strategic(net2)
    return table[table["link"].isin(net2.pipes["id"])].reset_index(drop=True)


@pytest.fixture
def paths(net2: Network, net2_valves: pd.DataFrame, tmp_path: Path) -> dict[str, Path]:
    return gis_layers.write(gis_layers.layers(net2, UNIT_M, net2_valves), tmp_path)


def read(paths: dict[str, Path]) -> dict[str, Layer]:
    return {kind: gis.read(path, kind) for kind, path in paths.items()}


def heads(network: Network) -> pd.Series:
    ids = sorted(network.junctions["id"])
    with en.Engine(network.prepared()) as engine:
        engine.start()
        engine.solve()
        return pd.Series(engine.nodes(engine.node_index(ids), HEAD), ids)


def test_net2_comes_back_from_its_layers_with_the_same_heads(net2: Network, paths: dict[str, Path]) -> None:
    made = gis.bring_together(read(paths), "city")
    assert made.network is not None
    assert {finding.kind for finding in made.findings} == {"demand-negative"}  # Net2's inflow at node 1
    pd.testing.assert_series_equal(heads(made.network), heads(net2), atol=0.01)


def test_what_is_written_is_read_again_with_the_same_heads(paths: dict[str, Path], tmp_path: Path) -> None:
    made = gis.bring_together(read(paths), "city").network
    assert made is not None
    made.write(tmp_path / "city.inp")
    again = Network.read(tmp_path / "city.inp")
    pd.testing.assert_series_equal(heads(again), heads(made), atol=0.01)
    assert again.pipes["length_m"].sum() == pytest.approx(made.pipes["length_m"].sum())


def test_every_valve_is_back_on_its_end_of_its_pipe(net2: Network, net2_valves: pd.DataFrame, paths: dict[str, Path]) -> None:
    made = gis.bring_together(read(paths), "city")
    assert made.network is not None
    table = valves.checked(made.valves, made.network)
    pd.testing.assert_frame_equal(table[valves.PLACE], net2_valves[valves.PLACE])


def test_beside_a_model_the_valves_are_put_on_the_models_pipes(net2: Network, net2_valves: pd.DataFrame, paths: dict[str, Path]) -> None:
    """Net2.inp is in units of nobody's system: pipes of the same id lay it on the ground."""
    made = gis.bring_together(read(paths), "city", model=net2, known_valves=net2_valves)
    assert made.network is net2
    assert made.findings == []
    pd.testing.assert_frame_equal(made.valves[valves.PLACE], net2_valves[valves.PLACE])


def test_layers_in_a_projected_system_need_no_degrees(paths: dict[str, Path], net2: Network) -> None:
    for path in paths.values():
        document = json.loads(path.read_text())
        document["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4547"}}
        for item in document["features"]:
            at = np.atleast_2d(item["geometry"]["coordinates"])
            moved = gis_layers.GROUND.metres(at) + np.array([500_000.0, 2_560_000.0])
            item["geometry"]["coordinates"] = moved.tolist() if item["geometry"]["type"] == "LineString" else moved[0].tolist()
        path.write_text(json.dumps(document))
    made = gis.bring_together(read(paths), "city")
    assert made.network is not None
    assert {finding.kind for finding in made.findings} == {"demand-negative"}
    assert made.error == 0.0
    pd.testing.assert_series_equal(heads(made.network), heads(net2), atol=0.01)


def test_a_degree_at_the_equator_and_at_sixty_degrees() -> None:
    """WGS 84: 111,320 m of longitude and 110,574 m of latitude at the equator; 55,800 m and 111,412 m at 60 degrees north."""
    for lat, east, north in ((0.0, 111_320.0, 110_574.0), (60.0, 55_800.0, 111_412.0)):
        ground = Ground(lon=10.0, lat=lat)
        x, y = ground.metres(np.array([[10.001, lat + 0.001]]))[0]
        assert (x, y) == pytest.approx((east / 1000, north / 1000), abs=0.01)


@settings(max_examples=50, deadline=None)
@given(lon=st.floats(-0.1, 0.1), lat=st.floats(-0.1, 0.1), middle=st.floats(-60, 60))
def test_metres_and_degrees_are_each_others_way_back(lon: float, lat: float, middle: float) -> None:
    ground = Ground(100.0, middle)
    there = np.array([[100.0 + lon, middle + lat]])
    np.testing.assert_allclose(ground.degrees(ground.metres(there)), there, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 500)), min_size=1, max_size=8), st.integers(0, 2**16))
def test_the_nearest_line_is_the_one_a_search_of_all_finds(points: list[tuple[float, float]], seed: int) -> None:
    chance = np.random.default_rng(seed)
    lines = [chance.uniform(0, 500, (chance.integers(2, 5), 2)) for _ in range(12)]
    ask = Lines(lines, spacing_m=30.0)
    for point in np.array(points):
        found = ask.nearest(point)
        assert found is not None
        assert found.off == pytest.approx(min(ask.on(number, point).off for number in range(12)))


def test_a_line_cut_in_three_keeps_its_length_and_its_bends() -> None:
    line = np.array([[0.0, 0.0], [30.0, 0.0], [30.0, 40.0]])
    pieces = cut(line, [10.0, 50.0])
    assert [length(piece) for piece in pieces] == pytest.approx([10.0, 40.0, 20.0])
    assert pieces[1].tolist() == [[10.0, 0.0], [30.0, 0.0], [30.0, 20.0]]


def test_a_map_is_fitted_though_one_pair_in_ten_is_wrong() -> None:
    chance = np.random.default_rng(1)
    there = chance.uniform(0, 1000, (40, 2))
    here = there[:, ::-1] * 0.3048 + (500.0, -200.0)  # axes swapped, feet
    wrong = here.copy()
    wrong[:4] += 300.0
    shift = fitted(there, wrong)
    np.testing.assert_allclose(shift[0] + there @ shift[1:], here, atol=0.01)


def test_layers_with_wntrs_names_are_read_in_its_units(net2: Network, tmp_path: Path) -> None:
    """wntr writes the attributes of its elements, in m and m3/s, one file per kind of element, ids in `name`."""
    made: gis_layers.Layers = {"pipes": [], "junctions": [], "tanks": []}
    for name, pipe in net2._model.pipes():
        ends = UNIT_M * np.array([pipe.start_node.coordinates, pipe.end_node.coordinates])
        says = {key: getattr(pipe, key) for key in ("length", "diameter", "roughness", "minor_loss")}
        made["pipes"].append(gis_layers.feature("", ends, True, name=name, initial_status=str(pipe.initial_status), **says))
    for name, node in net2._model.junctions():
        says = {"elevation": node.elevation, "base_demand": node.base_demand or None}
        made["junctions"].append(gis_layers.feature("", UNIT_M * np.array(node.coordinates), False, name=name, **says))
    for name, tank in net2._model.tanks():
        says = {key: getattr(tank, key) for key in ("elevation", "init_level", "min_level", "max_level", "diameter")}
        made["tanks"].append(gis_layers.feature("", UNIT_M * np.array(tank.coordinates), False, name=name, **says))
    paths = gis_layers.write(made, tmp_path)
    kinds = {"pipes": "pipes", "junctions": "nodes", "tanks": "sources"}
    back = gis.bring_together({kind: gis.read(paths[file], kind) for file, kind in kinds.items()}, "city").network
    assert back is not None
    pd.testing.assert_series_equal(heads(back), heads(net2), atol=0.01)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"type": "Feature"}', '{"type": "FeatureCollection", "features": 3}'])
def test_what_is_no_geojson_is_told_in_a_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "pipes.geojson"
    path.write_text(text)
    with pytest.raises(PenstockError, match=r"pipes\.geojson"):
        gis.read(path, "pipes")
