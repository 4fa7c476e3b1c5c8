"""How the model's channels become expectations, and how far readings stray from them when nothing leaks.

Per channel: expected = model + offset + slope x (model - its mean), fitted once on the first weeks, before leaks have had time to
creep in. The offset takes a sensor's datum and the height of its node, the slope what roughness and demand errors change on the way to
it. Two numbers per channel learn from a fortnight and still hold at the other end of the year; more would learn leaks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from networks.leakage.scada import Floats
from networks.leakage.settings import LeakSettings

FLOOR = 1e-3  # of a channel's own unit: no mean is known better
_RIDGE = 1e-3
_FEW_DAYS = 100  # below, slow drift cannot be told from a leak: noise is taken from differences of days
_OUTLIERS = 2.5  # robust standard deviations of a day's channels, in the mean


@dataclass(frozen=True)
class Calibration:
    """`offset`, `slope`, `mean` float[channels]; `covariance` float[channels, channels] of residual means by window [steps]."""

    offset: Floats
    slope: Floats
    mean: Floats
    covariance: dict[int, Floats]

    def expected(self, model: Floats) -> Floats:
        """float[t, channels] of the model's channels."""
        return model + self.offset + self.slope * (model - self.mean)

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        lines = {name: getattr(self, name).tolist() for name in ("offset", "slope", "mean")}
        return lines | {"covariance": {str(width): cov.round(9).tolist() for width, cov in self.covariance.items()}}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> "Calibration":
        """What `state` told."""
        lines = {name: np.array(state[name]) for name in ("offset", "slope", "mean")}
        return cls(**lines, covariance={int(width): np.array(cov) for width, cov in state["covariance"].items()})


def calibrate(seen: Floats, model: Floats, balances: int, per_day: int, settings: LeakSettings) -> Calibration:
    """Fit offsets, slopes and noise on float[t, channels], leaks already taken off; days that stick out are left out.

    The last `balances` channels are balances: nothing is learnt there, what is left over is leakage.
    """
    keep = np.isfinite(seen - model).all(axis=1)
    mean = model[keep].mean(axis=0)
    away = model - mean
    learnt = np.arange(seen.shape[1]) < seen.shape[1] - balances
    for _ in range(3):
        error = seen - model
        offset = np.where(learnt, error[keep].mean(axis=0), 0.0)
        spread = (away[keep] ** 2).mean(axis=0)
        slope = np.where(learnt, (away[keep] * (error[keep] - offset)).mean(axis=0) / (spread * (1 + _RIDGE) + 1e-9), 0.0)
        residual = error - offset - slope * away
        keep = np.isfinite(residual).all(axis=1) & ~_strange(residual, per_day)
    return Calibration(offset, slope, mean, noise(residual, per_day, settings))


def noise(residual: Floats, per_day: int, settings: LeakSettings) -> dict[int, Floats]:
    """Covariance of means of the residual float[t, channels] about zero, per window [steps].

    Windows below a day are sampled. From a day on the day's covariance is scaled: a share `drift_share` of it never averages out
    (demand that moves about, seasons), the rest like independent days.
    """
    quiet = np.where(_strange(residual, per_day)[:, None], np.nan, residual)
    found = {}
    for width in settings.windows:
        if width < per_day:
            found[width] = _covariance(window_means(quiet, width)[:: max(1, width // 2)], settings.shrinkage)
    days = window_means(quiet, per_day)[:: per_day // 4]
    if len(quiet) < _FEW_DAYS * per_day:
        days = (days[8:] - days[:-8]) / np.sqrt(2)
    day = _covariance(days, settings.shrinkage)
    share = settings.drift_share
    for width in settings.windows:
        if width >= per_day:
            found[width] = day * (share + (1 - share) * per_day / width)
    return {width: cov * settings.inflation for width, cov in found.items()}


def _strange(residual: Floats, per_day: int) -> np.ndarray:
    """bool[t]: days on which the channels lie far off as a whole."""
    days = len(residual) // per_day
    mean = _nanmean(residual[: days * per_day].reshape(days, per_day, -1), axis=1)
    scale = 1.4826 * np.nanmedian(np.abs(mean), axis=0) + FLOOR
    far = np.sqrt(_nanmean(np.minimum((mean / scale) ** 2, 50.0), axis=1))
    flag = far > max(_OUTLIERS, 1.5 * float(np.nanquantile(far, 0.6)))
    return np.concatenate([np.repeat(flag, per_day), np.zeros(len(residual) - days * per_day, bool)])


def _nanmean(values: Floats, axis: int) -> Floats:
    known = np.isfinite(values)
    return np.where(known, values, 0.0).sum(axis=axis) / np.where(known.any(axis=axis), known.sum(axis=axis), np.nan)


def _covariance(samples: Floats, shrinkage: float) -> Floats:
    """float[c, c] about zero of samples float[n, c], trimmed of the 2 % that stick out most, shrunk towards its diagonal."""
    rows = samples[np.isfinite(samples).all(axis=1)]
    for _ in range(2):
        found = rows.T @ rows / max(len(rows), 1)
        found = (1 - shrinkage) * found + np.diag(shrinkage * np.diag(found) + FLOOR**2)
        far = (np.linalg.solve(found, rows.T).T * rows).sum(axis=1)
        rows = rows[far <= np.quantile(far, 0.98)] if len(rows) else rows
    return found


def window_means(values: Floats, width: int) -> Floats:
    """float[t - width + 1, c]: means of `width` rows in a row; NaN where half of them or more are missing."""
    known = np.isfinite(values)
    top = np.zeros((1, values.shape[1]))
    total = np.cumsum(np.vstack([top, np.where(known, values, 0.0)]), axis=0)
    count = np.cumsum(np.vstack([top, known]), axis=0)
    n = count[width:] - count[:-width]
    return np.where(2 * n > width, (total[width:] - total[:-width]) / np.maximum(n, 1), np.nan)
