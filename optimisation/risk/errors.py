"""How far what comes true may be from the medians a plan is made of: on sample paths, or from P10, P50 and P90.

References: Dhaene et al., The concept of comonotonicity in actuarial science and finance, Insurance: Mathematics and Economics 31
(2002), 3-33 (quantiles of errors that move together add up).
"""

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from optimisation.inputs import PlanInput, Series

Draws = Mapping[str, int]  # series -> what more of it than forecast takes: 1 a load, -1 generation
P90_Z = NormalDist().inv_cdf(0.9)


def on_paths(inputs: PlanInput, draws: Draws) -> NDArray[np.float64]:
    """float64[paths, steps]: how much more than planned is taken on each path [unit per step]; no rows without paths."""
    found = [sign * (np.asarray(inputs.paths[s], float) - inputs.expected(s)) for s, sign in draws.items() if s in inputs.paths]
    return np.sum(found, axis=0) if found else np.zeros((0, inputs.steps))


def quantile(inputs: PlanInput, draws: Draws, probability: float, steps: int = 1) -> Series:
    """float[steps]: the error of the last `steps` steps together that is kept with this probability (> 0.5) [unit per step].

    Paths know which errors come together. Series without paths are taken to err all together, at all steps, with the tail of a normal
    through P50 and P90 (generation: P10): an upper estimate, added to that of the paths.
    """
    sampled, rest = on_paths(inputs, draws), np.zeros(inputs.steps)
    for name, sign in draws.items():
        if name not in inputs.paths:
            band = inputs.series[name]
            half = np.asarray(band["p90"]) - band["p50"] if sign > 0 else np.asarray(band["p50"]) - band["p10"]
            rest += abs(sign) * np.maximum(half, 0.0) * NormalDist().inv_cdf(probability) / P90_Z
    told = _over(rest, steps)
    if len(sampled):
        told = told + np.quantile(_over(sampled, steps), probability, axis=0, method="inverted_cdf")
    return told


def _over(x: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Sums of the last `steps` values along the last axis; of fewer at its start."""
    total = np.cumsum(x, axis=-1)
    return np.concatenate([total[..., :steps], total[..., steps:] - total[..., :-steps]], axis=-1)
