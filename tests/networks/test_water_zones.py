"""Zones hang together and follow the shares asked for."""

import networkx as nx
import numpy as np
import pytest

from city.problems import PenstockError
from networks.water import Network, zones

SHARES = [8.4, 9.6, 4.3, 32.6, 78.3, 8.1, 25.3, 20.8, 20.8, 26.4]


@pytest.fixture(scope="module")
def net3() -> Network:
    return Network.named("Net3")


def test_ten_zones_of_net3_are_connected_and_hold_every_demand_junction_once(net3: Network) -> None:
    every = zones(net3, 10, weights=SHARES, every_junction=True)
    demand = net3.junctions.loc[net3.junctions["base_demand_m3_per_h"] > 0, "id"]
    assert list(zones(net3, 10, weights=SHARES).index) == list(demand)
    graph = nx.Graph(list(zip(net3.pipes["start"], net3.pipes["end"], strict=True)))
    for zone in range(10):
        members = set(every.index[every == zone])
        inside = graph.subgraph(members | {"-"})
        parts = [part for part in nx.connected_components(inside) if part & set(demand)]
        assert len(parts) == 1, zone


def test_zone_demand_follows_the_shares(net3: Network) -> None:
    base = net3.junctions.set_index("id")["base_demand_m3_per_h"]
    found = zones(net3, 10, weights=SHARES)
    share = base[found.index].groupby(found).sum() / base.sum()
    wanted = np.array(SHARES) / sum(SHARES)
    assert share.to_numpy() == pytest.approx(wanted, rel=0.6)
    assert int(share.to_numpy().argmax()) == 4


def test_zones_are_the_same_every_time(net3: Network) -> None:
    assert zones(net3, 6).equals(zones(net3, 6))


def test_impossible_zones_are_told(net3: Network) -> None:
    with pytest.raises(PenstockError, match="one weight per zone"):
        zones(net3, 3, weights=[1, 2])
    with pytest.raises(PenstockError, match="59 junctions"):
        zones(net3, 60)
