"""The odds that a promise is met, from the years so far: the mean yearly change of the log, drawn towards that of countries.

From n years with the mean change b, h years ahead: middle h (drift + n / (n + draw) (b - drift)), scale s h^reach. s2 is the mean square
of the changes around the drift, with an inverse chi-square prior (scale, df), so what is told of a later year is a Student t: with few
years it leans on the pooled figures, with more on the own ones.

Source: Gelman, A. et al. (2013), Bayesian Data Analysis, 3rd ed., ch. 2.6 (conjugate variance) and 5 (shrinkage). It departs from the book
in `weight`: evidence about s2 counts in part only, because real changes come in calm and wild years.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carbon.targets.metric import Measure
from city.problems import fault

CHANGES = 5  # how many yearly changes the odds look back on (docs/targets.md)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pooled:
    """What yearly changes look like over many countries: `drift` [1/year] of the log, `scale` [1/year] around it.

    `draw` [years] is how much the drift weighs against the own mean; `reach` the power of the years ahead (0.5: changes forget, 1: they
    last); `df` the weight of `scale` in years of evidence.
    """

    drift: float
    draw: float
    reach: float
    df: float
    scale: float
    weight: float


# Learned from every other country up to 2022 and judged on the others: `python -m benchmarks targets --learn` (docs/targets.md).
POOLED: dict[Measure, Pooled] = {
    "energy_per_gdp": Pooled(drift=-0.01069, draw=17.43, reach=0.5782, df=2.062, scale=0.05139, weight=0.4652),
    "carbon_intensity": Pooled(drift=-0.01328, draw=22.01, reach=0.5634, df=2.955, scale=0.06236, weight=0.5835),
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
    "energy_per_gdp": Calibration(81, brier=0.1812, straight_line=0.1899, base_rate=0.1886, cover90=0.9456),
    "carbon_intensity": Calibration(80, brier=0.2058, straight_line=0.2163, base_rate=0.2099, cover90=0.9014),
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


def outlook(years: Sequence[int], logs: ArrayLike, year: int, pooled: Pooled, noise: float = 0.0) -> Outlook:
    """What is to be expected of `year`, from the logs [..., n] of n earlier years, told as change from the last of them.

    `years` ascend and may have gaps; only the last `CHANGES` changes are used. `noise` [log, standard deviation] is that of the last value
    where it is not final, such as a now-cast. Raises `PenstockError` for years that do not ascend or a `year` that is not later.
    """
    known = np.asarray(years, dtype=int)[-CHANGES - 1 :]
    y = np.asarray(logs, dtype=float)[..., -CHANGES - 1 :]
    if not len(known) or (np.diff(known) <= 0).any() or year <= known[-1] or y.shape[-1] != len(known) or not np.isfinite(y).all():
        observed = f"values of {', '.join(map(str, years)) or 'no year'} for {year}"
        raise fault("odds", observed, "finite values of ascending years before it", "Check the years of the series.")
    ahead, span, steps = float(year - known[-1]), int(known[-1] - known[0]), np.diff(known)
    unsure = (noise / pooled.scale) ** 2  # in years of change
    middle = np.full(y.shape[:-1], pooled.drift)
    if span:
        middle = middle + span / (span + pooled.draw * (1 + unsure / span)) * ((y[..., -1] - y[..., 0]) / span - pooled.drift)
    off = (np.diff(y) - pooled.drift * steps) ** 2 / (steps + unsure * (known[1:] == known[-1]))
    df = pooled.df + pooled.weight * len(steps)
    variance = (pooled.df * pooled.scale**2 + pooled.weight * off.sum(-1)) / df
    return Outlook(ahead * middle, np.sqrt(variance * ahead ** (2 * pooled.reach) + noise**2), df)
