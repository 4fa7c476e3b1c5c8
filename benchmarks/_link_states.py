"""Links in another state than the network says, on a town whose pipes and demand differ from the network's."""

from typing import Any

import numpy as np
import pandas as pd
import wntr

from networks.leakage.areas import Areas
from networks.leakage.hydraulics import Model, Moments
from networks.leakage.link_states import state_patterns, unknown_state
from networks.leakage.scada import Floats, Sites
from networks.network import Network

HOURS = (2, 8, 13, 19)
FELT_M = 0.15  # change at some sensor and hour below which a link's state is not asked for


def link_states(network: Network, sites: Sites, moments: Moments, sd: Floats, leaks: Floats, seed: int, count: int) -> dict[str, Any]:
    """`count` links shut though the network has them open, `count` leaks, and a third as many links open though the network has
    them shut. The town's resistances are off by 20 %, its demands by 10 % (1 sd), each reading by `sd` float[channels]."""
    rng = np.random.default_rng(seed)
    town = _town(network, rng)
    pipes = list(network.pipes["id"])
    believed = _patterns(network, sites, moments, pipes)
    felt = np.flatnonzero(np.nan_to_num(np.abs(believed).max(axis=(1, 2))) > FELT_M)
    chosen = [pipes[i] for i in rng.choice(felt, count, replace=False)]
    true = _patterns(town, sites, moments, chosen)
    shut, wrong, none = 0, 0, 0
    for link, pattern in zip(chosen, true, strict=True):
        said = unknown_state(network, pipes, pattern + rng.standard_normal(pattern.shape) * sd, believed, sd, leaks)
        none += said is None
        shut += said is not None and link in said.links
        wrong += said is not None and link not in said.links
    mistaken = 0
    for place in rng.choice(len(leaks), count):
        effect = rng.uniform(4, 30) * leaks[place] * rng.uniform(0.85, 1.15, leaks.shape[1])
        mistaken += unknown_state(network, pipes, effect + rng.standard_normal(believed[0].shape) * sd, believed, sd, leaks) is not None
    opened = _opened(network, town, sites, moments, chosen[: count // 3], sd, leaks, rng)
    return {
        "shut": count,
        "shut_named": shut,
        "shut_wrong_link": wrong,
        "shut_missed": none,
        **opened,
        "leaks": count,
        "leaks_named_valves": mistaken,
    }


def _town(network: Network, rng: np.random.Generator) -> Network:
    """The network with other resistances (Hazen-Williams: roughness to the power -1.852) and demands."""
    model = network.model()
    for (_, pipe), change in zip(model.pipes(), rng.normal(0, 0.2, len(network.pipes)), strict=True):
        pipe.roughness *= float(np.exp(-change / 1.852))
    for (_, node), change in zip(model.junctions(), rng.normal(0, 0.1, len(network.junctions)), strict=True):
        for part in node.demand_timeseries_list:
            part.base_value *= float(np.exp(change))
    return Network(model, network.name)


def _patterns(network: Network, sites: Sites, moments: Moments, links: list[str]) -> Floats:
    """float[links, t, channels] with zeros for the areas' excess inflow."""
    areas = Areas.of(network, sites)
    model = Model(network, areas, sites)
    found = state_patterns(model, network, moments, np.zeros(model.junctions), links)
    model.close()
    return np.concatenate([found, np.zeros((*found.shape[:2], len(areas.names)))], axis=2)


def _opened(
    network: Network, town: Network, sites: Sites, moments: Moments, links: list[str], sd: Floats, leaks: Floats, rng: np.random.Generator
) -> dict[str, int]:
    """One link after another is shut in the network and open in the town."""
    named = 0
    for link in links:
        believed, real = _shut(network, link), _shut(town, link)
        candidates = [link, *(pipe for pipe in links if pipe != link)]
        pattern = _patterns(believed, sites, moments, candidates)
        true = _patterns(real, sites, moments, [link])[0]
        said = unknown_state(believed, candidates, true + rng.standard_normal(true.shape) * sd, pattern, sd, leaks)
        named += said is not None and said.state == "open" and link in said.links
    return {"opened": len(links), "opened_named": named}


def _shut(network: Network, link: str) -> Network:
    model = network.model()
    model.get_link(link).initial_status = wntr.network.LinkStatus.Closed
    return Network(model, network.name)


def moments_at(moments: Moments, times: pd.DatetimeIndex) -> Moments:
    """The moments of the last day at HOURS."""
    last = times.normalize() == times[-1].normalize()
    rows = np.flatnonzero(last & times.hour.isin(HOURS) & (times.minute == 0))
    return moments[rows]
