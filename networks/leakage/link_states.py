"""Links whose state is not what the network says: a valve shut and forgotten, or a shut one that somebody opened.

Such a link moves pressures by loss of head, so its pattern follows the flow through the day and its size is given by the network; a
leak has a free size, shows in the inflow, and presses more at night. Whichever leaves the smaller misfit is believed.

References: Delgado, D. & Lansey, K. (2009). Detection of closed valves in water distribution systems. World Environmental and Water
Resources Congress, ASCE.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from networks import engine as en
from networks.leakage.hydraulics import Model, Moments
from networks.leakage.scada import Floats
from networks.leakage.sensor_faults import Limits, misfit
from networks.network import Network

PATTERN_ERROR = 0.3  # of what a link's state changes at a sensor: resistances are known worse than where water is lost [1]
ALIKE = 9.0  # misfit within which links are not told apart: 3 standard deviations squared
_CUT_OFF_M = 200.0  # a change beyond this is EPANET's answer for nodes without a source: people there would have called


@dataclass(frozen=True)
class LinkState:
    """`links` cannot be told apart (they lie in one row); `better` is the misfit this explanation saves over the best leak [1]."""

    links: tuple[str, ...]
    state: Literal["closed", "open"]
    better: float
    sentence: str


def state_patterns(model: Model, network: Network, moments: Moments, leaks: Floats, links: Sequence[str]) -> Floats:
    """float[links, t, channels of the model]: what the other state of each link changes [m, m3/h]; NaN where it cuts sensors off.

    `leaks` float[junctions] are drawn meanwhile [m3/h].
    """
    shut = dict(zip(network.links["id"], ~network.links["open"], strict=True))
    usual = model.solve(moments, leaks)
    found = np.empty((len(links), *usual.shape))
    for row, (link, index) in enumerate(zip(links, model.engine.link_index(links), strict=True)):
        model.engine.set_links([index], en.STATUS, [float(shut[link])])
        found[row] = model.solve(moments, leaks) - usual
        model.engine.set_links([index], en.STATUS, [float(not shut[link])])
    found[np.abs(found).max(axis=(1, 2)) > _CUT_OFF_M] = np.nan
    return found


def unknown_state(
    network: Network,
    links: Sequence[str],
    residual: Floats,
    patterns: Floats,
    sd: Floats,
    leaks: Floats,
    limits: Limits | None = None,
) -> LinkState | None:
    """The link whose other state explains the residuals better than any leak and than nothing; None when there is none.

    Parameters
    ----------
    residual: float[t, channels], measured less expected at a few moments of the day, known leaks taken off, NaN where unknown [m, m3/h]
    patterns: float[links, t, channels]; zero for channels of excess inflow [m, m3/h]
    sd: float[channels], of the residuals in clean weeks
    leaks: float[places, channels], change per m3/h of leak
    """
    limits = limits or Limits()
    left = np.isfinite(residual)
    spread = np.sqrt(sd**2 + (PATTERN_ERROR * patterns) ** 2)
    standard = np.where(left, (residual - patterns) / spread, 0.0)
    by_state = np.where(np.isfinite(patterns).all(axis=(1, 2)), (standard**2).sum(axis=(1, 2)), np.inf)
    flat = left.ravel()
    repeated = np.tile(leaks, (1, len(residual)))
    by_leak = misfit(residual.ravel(), np.tile(sd, len(residual)), repeated, flat, limits)  # no leak at all is among the leaks
    best = int(by_state.argmin())
    if by_leak - by_state[best] < limits.gain:
        return None
    alike = tuple(links[i] for i in np.flatnonzero(by_state <= by_state[best] + ALIKE).tolist())
    state: Literal["closed", "open"] = "closed" if bool(network.links.set_index("id").loc[links[best], "open"]) else "open"
    other = "open" if state == "closed" else "closed"
    named = links[best] if len(alike) == 1 else f"one of {', '.join(alike[:6])}"
    sentence = f"Pressures fit a network in which {named} is {state}, and no leak: the network has it {other}. Check the valves there."
    return LinkState(alike, state, round(by_leak - float(by_state[best]), 1), sentence)
