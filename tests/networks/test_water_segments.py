"""Valves and segments: equal to wntr's own partition, and round trips."""

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
    table = valves.strategic(network)
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


def test_valve_file_without_its_columns_is_told(tmp_path: Path) -> None:
    path = tmp_path / "valves.csv"
    path.write_text("id,pipe\n1,2\n")
    with pytest.raises(PenstockError, match="no column valve, link, node"):
        valves.read(path, Network.named("Net3"))
