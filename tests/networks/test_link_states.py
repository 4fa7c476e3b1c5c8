"""A link in another state than the network says is told apart from a leak."""

from datetime import UTC, datetime

import numpy as np
import pytest
import wntr

from networks.leakage.areas import Areas
from networks.leakage.hydraulics import Model, Moments
from networks.leakage.link_states import state_patterns, unknown_state
from networks.leakage.scada import Sites
from networks.network import Network

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SENSORS = {name: name for name in ("a", "b", "c", "d")}


def ring(shut: str | None = None) -> Network:
    """A reservoir and a ring a-b-c-d of 1 km pipes; the dead end e hangs on c."""
    model = wntr.network.WaterNetworkModel()
    model.options.hydraulic.inpfile_units = "CMH"
    model.add_pattern("1", [1.0])
    model.add_reservoir("R", base_head=60.0)
    for name in "abcde":
        model.add_junction(name, base_demand=10 / 3600, elevation=0.0)
    for name in ("Ra", "ab", "bc", "cd", "da", "ce"):
        model.add_pipe(name, name[0], name[1], length=1000, diameter=0.15, roughness=100)
    if shut:
        model.get_link(shut).initial_status = wntr.network.LinkStatus.Closed
    return Network(model, "ring")


def solved(network: Network) -> tuple[Model, Moments]:
    sites = Sites(pressure=SENSORS, flow={"feed": "Ra"})
    model = Model(network, Areas.of(network, sites), sites)
    demand = np.array([[30.0], [60.0], [80.0]])
    return model, Moments(demand, demand, np.zeros((3, 0)), np.zeros((3, 0)), np.array([4, 16, 38]))


@pytest.fixture(scope="module")
def believed() -> tuple[Network, list[str], np.ndarray, np.ndarray]:
    """The network, its links, patterns float[links, 3, 5 channels], leaks float[places, 5]."""
    network = ring()
    links = list(network.pipes["id"])
    model, moments = solved(network)
    patterns = state_patterns(model, network, moments, np.zeros(5), links)
    leaks = model.sensitivity(moments[[1]], np.zeros(5), 5.0)
    model.close()
    return network, links, patterns, leaks


def test_a_pattern_is_the_difference_to_a_network_with_the_link_shut(believed: tuple) -> None:
    _, links, patterns, _ = believed
    (usual, moments), (shut, _) = solved(ring()), solved(ring(shut="ab"))
    change = shut.solve(moments, np.zeros(5)) - usual.solve(moments, np.zeros(5))
    usual.close()
    shut.close()
    np.testing.assert_allclose(patterns[links.index("ab")], change, atol=1e-3)
    assert change[2, 1] < -1.0  # b is now fed the long way round


def test_a_link_that_cuts_everybody_off_is_no_candidate(believed: tuple) -> None:
    _, links, patterns, _ = believed
    assert np.isnan(patterns[links.index("Ra")]).all()


def test_a_shut_pipe_is_named_and_a_leak_is_not_taken_for_one(believed: tuple) -> None:
    network, links, patterns, leaks = believed
    sd = np.full(5, 0.05)
    noise = np.random.default_rng(1).normal(0, 0.05, patterns[0].shape)
    said = unknown_state(network, links, patterns[links.index("ab")] + noise, patterns, sd, leaks)
    assert said is not None
    assert (said.links, said.state) == (("ab",), "closed")
    assert "the network has it open" in said.sentence
    assert unknown_state(network, links, 8 * leaks[2] + noise, patterns, sd, leaks) is None
    assert unknown_state(network, links, noise, patterns, sd, leaks) is None


def test_a_pipe_shut_in_the_network_and_open_in_town_is_named() -> None:
    network = ring(shut="bc")
    (wrong, moments), (right, _) = solved(network), solved(ring())
    links = ["ab", "bc", "cd", "da"]
    patterns = state_patterns(wrong, network, moments, np.zeros(5), links)
    residual = right.solve(moments, np.zeros(5)) - wrong.solve(moments, np.zeros(5))
    leaks = wrong.sensitivity(moments[[1]], np.zeros(5), 5.0)
    wrong.close()
    right.close()
    said = unknown_state(network, links, residual, patterns, np.full(5, 0.05), leaks)
    assert said is not None
    assert (said.links, said.state) == (("bc",), "open")
