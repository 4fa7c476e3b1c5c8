"""The odds that a promise is met, from the years so far: yearly changes of the log around a drift that countries share.

The change of the log in one year is m + a slow swing (variance tau2, persistence rho) + its own noise, and a level that is only
roughly right takes part of a change back in the next year (r). All variances are in units of an unknown s2 with an inverse chi-square
prior (s0, df0), so what is told of a later year is a Student t: with few years it leans on the pooled figures, with more on the own ones.

Source: West, M., Harrison, J. (1997), Bayesian Forecasting and Dynamic Models, 2nd ed., ch. 4 (unknown variance, conjugate). It departs
from the book in `weight`: evidence about s2 counts in part only, because real changes come in calm and wild years.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carbon.targets.metric import Measure
from city.problems import fault

CHANGES = 5  # how many yearly changes the odds look back on: more told less about the next years (docs/targets.md)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pooled:
    """What yearly changes look like over many countries: `drift` [1/year] of the log, `scale` [1/year]; the others are ratios.

    `swing` is tau2 and `rough` r, in units of s2; `persistence` is rho; `df` the weight of `scale` in years of evidence.
    """

    drift: float
    swing: float
    persistence: float
    rough: float
    df: float
    scale: float
    weight: float

    def covariance(self, n: int) -> Floats:
        """Of n successive yearly changes, in units of s2, float64[n, n]."""
        apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
        slow: Floats = self.swing * self.persistence**apart
        return slow + (1 + 2 * self.rough) * (apart == 0) - self.rough * (apart == 1)


# Learned from every other country up to 2022 and judged on the others: `python -m benchmarks targets --learn` (docs/targets.md).
POOLED: dict[Measure, Pooled] = {
    "energy_per_gdp": Pooled(drift=-0.01067, swing=5.389, persistence=0.7087, rough=5.63, df=1.981, scale=0.01305, weight=0.4803),
    "carbon_intensity": Pooled(drift=-0.01335, swing=0.7636, persistence=0.7607, rough=1.227, df=2.696, scale=0.0348, weight=0.6291),
}


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the odds of a measure did over countries that taught nothing: Brier scores (0 is perfect), share of 90 % intervals that held."""

    countries: int
    brier: float
    straight_line: float
    base_rate: float
    cover90: float

    @property
    def sentence(self) -> str:
        return (
            f"Judged over {self.countries} countries that taught nothing, promises for 5 and 10 years made 2002 to 2017: Brier score "
            f"{self.brier:.3f}, the best straight line {self.straight_line:.3f}, the usual share of kept promises {self.base_rate:.3f}; "
            f"the 90 % interval held {100 * self.cover90:.0f} % of what came."
        )


# As `python -m benchmarks targets --json` printed them; its `odds_as_stated` compares.
CALIBRATION: dict[Measure, Calibration] = {
    "energy_per_gdp": Calibration(81, brier=0.1826, straight_line=0.2550, base_rate=0.1886, cover90=0.9392),
    "carbon_intensity": Calibration(80, brier=0.2069, straight_line=0.2820, base_rate=0.2099, cover90=0.8991),
}


@dataclass(frozen=True, slots=True)
class Outlook:
    """The change of the log from the last known year to a later one: Student t with `df`, `middle` and `scale` [log], float64[...]."""

    middle: Floats
    scale: Floats
    df: float

    def below(self, change: ArrayLike) -> Floats:
        """Probability of at most `change` [log]."""
        return student_below((np.asarray(change) - self.middle) / self.scale, self.df)

    def quantile(self, share: float) -> Floats:
        """The change [log] that is not passed with probability `share`."""
        low, high = -1e4, 1e4  # in scales; df >= 1 keeps any quantile from 0.0001 to 0.9999 inside
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if student_below(middle, self.df) < share else (low, middle)
        return self.middle + self.scale * (low + high) / 2


@cache
def _gauss() -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(96)


def student_below(value: ArrayLike, df: float) -> Floats:
    """Distribution function of Student's t. With t = sqrt(df) tan(a) its density is that of cos(a)^(df - 1), summed by 96 Gauss points."""
    angle = np.arctan(np.asarray(value, dtype=float) / np.sqrt(df))
    at, weight = _gauss()
    half = lambda top: top / 2 * (np.cos(np.multiply.outer(top, (at + 1) / 2)) ** (df - 1) @ weight)  # noqa: E731  from 0 to top
    return 0.5 + half(angle) / (2 * half(np.float64(np.pi / 2)))


def outlook(years: Sequence[int], logs: ArrayLike, year: int, pooled: Pooled, noise: Sequence[float] | None = None) -> Outlook:
    """What is to be expected of `year`, from the logs [..., n] of n earlier years, told as change from the last of them.

    `years` ascend and may have gaps; only the last `CHANGES` changes are used. `noise` [log, standard deviation, one per year] is for
    values that are not final, such as a now-cast. Raises `PenstockError` for years that do not ascend or a `year` that is not later.
    """
    known = list(years)[-CHANGES - 1 :]
    y = np.asarray(logs, dtype=float)[..., -len(known) :]
    if not known or sorted(set(known)) != known or year <= known[-1] or y.shape[-1] != len(known) or not np.isfinite(y).all():
        observed = f"values of {', '.join(map(str, years)) or 'no year'} for {year}"
        raise fault("odds", observed, "finite values of ascending years before it", "Check the years of the series.")
    error = np.zeros(len(known)) if noise is None else np.asarray(noise, dtype=float)[-len(known) :] ** 2 / pooled.scale**2
    grid, last = np.arange(known[0] + 1, year + 1), np.eye(len(known))
    seen = np.array([np.r_[(grid > a) & (grid <= b), last[i + 1] - last[i]] for i, (a, b) in enumerate(pairwise(known))])
    seen = seen.reshape(len(known) - 1, len(grid) + len(known)).astype(float)
    asked = np.r_[grid > known[-1], -last[-1]].astype(float)
    joint = np.zeros((len(grid) + len(known),) * 2)
    joint[: len(grid), : len(grid)] = pooled.covariance(len(grid))
    joint[len(grid) :, len(grid) :] = np.diag(error)
    spread = seen @ joint @ seen.T
    gain = np.linalg.solve(spread, seen @ joint @ asked) if len(seen) else np.zeros(0)
    off = np.diff(y) - pooled.drift * np.diff(known)
    evidence = (off * np.linalg.solve(spread, off[..., None])[..., 0]).sum(-1) if len(seen) else np.zeros(y.shape[:-1])
    df = pooled.df + pooled.weight * len(seen)
    variance = (pooled.df * pooled.scale**2 + pooled.weight * evidence) / df * (asked @ joint @ asked - gain @ (seen @ joint @ asked))
    return Outlook(pooled.drift * (year - known[-1]) + off @ gain, np.sqrt(variance), df)
