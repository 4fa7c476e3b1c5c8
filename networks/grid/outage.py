"""Where a network is dead, from meters that fall silent or read nothing together.

Each branch is a hypothesis: everything behind it is dead. A dead meter answers all the same with probability `false_answer`; a live one
is silent, or reads nothing, with a probability of its own. The hypotheses are compared with the one that nothing is wrong (Bayes), all
sums in one pass up the tree. Of places that no meter tells apart the smallest is named: what is certainly dead.

References: the scheme is that of Y. Jiang et al., "Outage management of distribution systems incorporating information from smart
meters", IEEE Trans. Power Systems 31(5), 2016, with one fault at a time, the next looked for in what the first leaves unexplained.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from networks.grid.network import Network
from networks.grid.topology import Tree, tree

Mask = NDArray[np.bool_]
_KNOWN = 100  # answers that the assumed rate is worth


@dataclass(frozen=True)
class Dead:
    """A part that is dead with `probability`: what hangs behind `branch`. `buses`: bool[buses]. `silent`, `answering`: rows of its
    meters. `places`: {branch: probability that the fault is there}, likeliest first, where meters do not tell one place alone."""

    branch: str
    probability: float
    buses: Mask
    silent: tuple[int, ...]
    answering: tuple[int, ...]
    places: dict[str, float]


def find(
    network: Network,
    open_switches: Collection[str],
    at_bus: NDArray[np.int64],
    silent: Mask,
    false_silent: NDArray[np.float64] | float = 0.02,
    *,
    false_answer: float = 0.02,
    prior_odds: float = 1e-3,
    least: float = 0.5,
) -> list[Dead]:
    """The dead parts of a network, largest first.

    `at_bus` int64[meters]: row of each meter's bus; `silent` bool[meters]: it fell silent or reads nothing; `false_silent` [1], one for
    all or per meter: how likely a live meter does so. `prior_odds`: of an outage at one given place, before any meter is looked at;
    `least`: probability from which a part is told. Meters at dead buses say nothing.
    """
    spanned = tree(network, open_switches)
    wrong = np.clip(np.broadcast_to(np.asarray(false_silent, dtype=float), silent.shape), 1e-6, 1 - 1e-6)
    weight = np.where(silent, np.log((1 - false_answer) / wrong), np.log(false_answer / (1 - wrong)))
    reached = np.zeros(len(network.buses), dtype=bool)
    reached[spanned.order] = True
    weight = np.where(reached[at_bus], weight, 0.0)
    size = spanned.below(np.ones(len(network.buses)))
    found: list[Dead] = []
    while (best := _best(network, spanned, at_bus, silent, weight, size, np.log(prior_odds))) and best.probability >= least:
        found.append(best)
        weight = np.where(best.buses[at_bus], 0.0, weight)  # explained: it says nothing of other places
    return found


def _best(
    network: Network, spanned: Tree, at_bus: NDArray[np.int64], silent: Mask, weight: NDArray[np.float64], size: NDArray, prior: float
) -> Dead | None:
    score = spanned.below(np.bincount(at_bus, weight, len(network.buses)).astype(np.float64))
    fed = np.flatnonzero(spanned.via >= 0)
    if not len(fed) or score[fed].max() <= 0:
        return None
    top = score[fed].max()
    bus = int(min(fed[score[fed] > top - 1e-9], key=lambda row: size[row]))
    # Places that no meter tells apart share one prior: a long feeder without meters is not likelier to be dead for having many branches.
    groups, group, members = np.unique(np.round(score[fed], 9), return_inverse=True, return_counts=True)
    share = np.exp(groups - top)
    share /= share.sum() + np.exp(-prior - top)
    buses = behind(spanned, bus)
    inside = np.flatnonzero(buses[at_bus])
    branch = network.branches["branch"]
    likely = sorted(zip(fed, (share / members)[group], strict=True), key=lambda pair: -pair[1])
    places = {str(branch.iloc[spanned.via[row]]): round(float(chance), 4) for row, chance in likely[:8] if chance > 0.01}
    rows = [tuple(int(meter) for meter in inside if silent[meter] == word) for word in (True, False)]
    return Dead(str(branch.iloc[spanned.via[bus]]), float(share[-1]), buses, rows[0], rows[1], places)


def silent_rate(silent: int, asked: int, least: float) -> float:
    """How likely a meter with power is silent [1], from how many of those `asked` lately were; at least `least`, which also stands for
    what is not known as long as few were asked. A noisy network would otherwise have outages all the time."""
    return max(least, (silent + _KNOWN * least) / (asked + _KNOWN))


def behind(spanned: Tree, bus: int) -> Mask:
    """bool[buses]: the bus and all that hangs behind it."""
    mask = np.zeros(len(spanned.parent), dtype=bool)
    mask[bus] = True
    for row in spanned.order:
        if spanned.parent[row] >= 0 and mask[spanned.parent[row]]:
            mask[row] = True
    return mask
