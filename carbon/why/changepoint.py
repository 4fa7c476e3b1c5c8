"""Change-point models of daily use against outdoor temperature: 1P, 2P, 3P heating, 3P cooling, 4P, 5P.

Each is linear least squares for given change points; change points come from an exhaustive grid, the model from the BIC.
References: Kissock, Haberl, Claridge, Inverse Modeling Toolkit (ASHRAE RP-1050), ASHRAE Trans. 109 (2003); ASHRAE Guideline 14-2014,
annex D; Schwarz, Ann. Stat. 6 (1978) 461-464 (BIC); Kass and Raftery, J. Am. Stat. Assoc. 90 (1995) 773-795 (a difference below 2).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from city.problems import fault

Values = NDArray[np.float64]
Kind = Literal["1P", "2P", "3PH", "3PC", "4P", "5P"]
PARAMETERS: dict[Kind, int] = {"1P": 1, "2P": 2, "3PH": 3, "3PC": 3, "4P": 4, "5P": 5}
STEP_K = 0.2
"""Distance of the change points that are tried [K]."""
SIMPLER = 2.0
"""A model with fewer parameters is preferred while its BIC is less than this above the lowest."""
LEAST_DAYS = 24


@dataclass(frozen=True)
class Model:
    """Use [unit/d] = base + heating x (heating_degc - T)+ + cooling x (T - cooling_degc)+; a 2P model has slope x T instead.

    Statistics over the n days it was fitted to: `sse` [unit^2], lag-1 `autocorrelation` of the residuals over pairs of days that
    follow each other. `effective` is the number of independent days n' = n (1 - r) / (1 + r) (ASHRAE Guideline 14-2014, annex B).
    """

    kind: Kind
    coefficients: tuple[float, ...]
    heating_degc: float | None
    cooling_degc: float | None
    n: int
    mean: float
    sse: float
    sst: float
    bias: float
    autocorrelation: float

    @property
    def parameters(self) -> int:
        return PARAMETERS[self.kind]

    @property
    def effective(self) -> float:
        return self.n * (1 - self.autocorrelation) / (1 + self.autocorrelation)

    @property
    def bic(self) -> float:
        """Bayesian information criterion, n ln(SSE / n) + p ln n; change points count as parameters."""
        least = max(self.sse, 1e-24 * max(self.sst, self.mean**2))  # a perfect fit has no logarithm
        return float(self.n * np.log(least / self.n) + self.parameters * np.log(self.n))

    @property
    def rmse(self) -> float:
        """Root mean square error with n - p degrees of freedom [unit/d]."""
        return float(np.sqrt(self.sse / (self.n - self.parameters)))

    @property
    def cv_rmse(self) -> float:
        """Coefficient of variation of the root mean square error [1]."""
        return self.rmse / self.mean

    @property
    def nmbe(self) -> float:
        """Normalised mean bias error over the baseline [1]."""
        return self.bias / ((self.n - self.parameters) * self.mean)

    @property
    def r2(self) -> float:
        return 1 - self.sse / self.sst if self.sst > 0 else 0.0

    def columns(self, degc: Values) -> Values:
        """float64[n, coefficients]: what the coefficients multiply."""
        parts = [np.ones(len(degc))]
        if self.kind == "2P":
            parts.append(degc)
        if self.heating_degc is not None:
            parts.append(np.maximum(self.heating_degc - degc, 0.0))
        if self.cooling_degc is not None:
            parts.append(np.maximum(degc - self.cooling_degc, 0.0))
        return np.stack(parts, axis=1)

    def predict(self, degc: Values) -> Values:
        """float64[n] use of each day [unit/d] at its mean temperature [degC]."""
        return self.columns(degc) @ np.asarray(self.coefficients)

    def gradient(self, degc: Values) -> Values:
        """float64[n, parameters]: derivatives by coefficients and change points, for the variance of a prediction."""
        made: list[Values] = [self.columns(degc)]
        slopes = list(self.coefficients[1:])
        if self.heating_degc is not None and self.cooling_degc == self.heating_degc:  # 4P: one point moves both
            made.append((slopes[0] * (degc < self.heating_degc) - slopes[1] * (degc > self.heating_degc))[:, None])
            return np.hstack(made)
        if self.heating_degc is not None:
            made.append(np.where(degc < self.heating_degc, slopes.pop(0), 0.0)[:, None])
        if self.cooling_degc is not None:
            made.append(np.where(degc > self.cooling_degc, -slopes.pop(0), 0.0)[:, None])
        return np.hstack(made)


def fit(day: NDArray[np.int64], degc: Values, use: Values) -> Model:
    """The change-point model of daily use [unit/d] against daily mean temperature [degC] that the BIC prefers.

    `day` int64[n] numbers the civil days in ascending order; the caller leaves out days with a NaN. Heating slopes of 3P and 5P rise
    towards the cold, cooling slopes towards the heat; 2P and 4P take any sign. A change point keeps some days on either side
    (`change_points`). Raises `PenstockError` for fewer than 24 days or a mean use that is not above zero.
    """
    models = sorted(fitted(day, degc, use), key=lambda model: (model.parameters, model.bic))
    lowest = min(model.bic for model in models)
    return next(model for model in models if model.bic < lowest + SIMPLER)


def fitted(day: NDArray[np.int64], degc: Values, use: Values) -> Iterator[Model]:
    """The best model of every kind that the days allow."""
    if len(use) < LEAST_DAYS or not use.mean() > 0:
        observed = f"{len(use)} days with a mean of {use.mean() if len(use) else 0:g}"
        raise fault("baseline", observed, f"at least {LEAST_DAYS} days with use", "Choose a longer baseline period.")
    yield _model("1P", day, degc, use)
    yield _model("2P", day, degc, use)
    points = change_points(degc)
    if not len(points):
        return
    cold = np.maximum(points[:, None] - degc, 0.0)
    warm = np.maximum(degc - points[:, None], 0.0)
    y = use - use.mean()
    a, b = cold - cold.mean(axis=1, keepdims=True), warm - warm.mean(axis=1, keepdims=True)
    aa, bb, ay, by = (a * a).sum(axis=1), (b * b).sum(axis=1), a @ y, b @ y
    if (ay > 0).any():
        yield _model("3PH", day, degc, use, heating=points[np.argmax(np.where(ay > 0, ay**2 / aa, -1.0))])
    if (by > 0).any():
        yield _model("3PC", day, degc, use, cooling=points[np.argmax(np.where(by > 0, by**2 / bb, -1.0))])
    ab = a @ b.T
    rest = aa[:, None] * bb - ab**2
    rest = np.where(rest > 1e-12 * aa[:, None] * bb, rest, np.inf)  # two temperatures alone: both slopes tell the same
    heat, cool = (bb * ay[:, None] - ab * by) / rest, (aa[:, None] * by - ab * ay[:, None]) / rest
    gain = heat * ay[:, None] + cool * by
    best = points[np.argmax(np.diagonal(gain))]
    yield _model("4P", day, degc, use, heating=best, cooling=best)
    allowed = np.triu(np.ones_like(rest, bool), 1) & (heat > 0) & (cool > 0)
    if allowed.any():
        i, j = np.unravel_index(np.argmax(np.where(allowed, gain, -1.0)), gain.shape)
        yield _model("5P", day, degc, use, heating=points[i], cooling=points[j])


def change_points(degc: Values) -> Values:
    """The temperatures that are tried [degC], every `STEP_K`, with enough days on either side."""
    least = max(2, min(10, len(degc) // 6))
    ordered = np.sort(degc)
    low, high = ordered[least], ordered[-least - 1]
    made = np.arange(np.ceil(low / STEP_K), np.floor(high / STEP_K) + 1) * STEP_K
    return made[(made > low) & (made < high)]


def _model(
    kind: Kind, day: NDArray[np.int64], degc: Values, use: Values, heating: float | None = None, cooling: float | None = None
) -> Model:
    """Least squares for these change points, by QR: the normal equations only chose them."""
    shape = Model(kind, (), heating, cooling, len(use), float(use.mean()), 0.0, float(((use - use.mean()) ** 2).sum()), 0.0, 0.0)
    columns = shape.columns(degc)
    coefficients = np.linalg.lstsq(columns, use, rcond=None)[0]
    left = use - columns @ coefficients
    found = {"coefficients": tuple(coefficients.tolist()), "sse": float(left @ left), "bias": float(left.sum())}
    return Model(**{**shape.__dict__, **found, "autocorrelation": _autocorrelation(day, left)})


def _autocorrelation(day: NDArray[np.int64], left: Values) -> float:
    """Lag-1 autocorrelation over days that follow each other [1]; between 0 and 0.95, as a negative one would narrow the interval."""
    next_to = np.flatnonzero(np.diff(day) == 1)
    over = float(left @ left) * max(len(next_to), 1) / len(left)
    return float(np.clip(left[next_to] @ left[next_to + 1] / over, 0.0, 0.95)) if over > 0 else 0.0
