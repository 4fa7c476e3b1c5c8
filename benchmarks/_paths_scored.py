"""How good sample paths are: the joint scores that margins cannot tell apart, and the risk of a peak against what came true."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecasting import paths as sampled
from forecasting.forecast import LEVELS
from forecasting.peaks import brier, daily_peaks, peak_errors

if TYPE_CHECKING:
    from benchmarks.hierarchy import Night, Town

FloatArray = NDArray[np.float64]
COPULAS = {"past": None, "draws": 0.0, "half": 0.5, "mixture": 1.0}


def energy(x: FloatArray, y: FloatArray) -> float:
    """Energy score of samples [k, d] for y [d] (Gneiting & Raftery 2007): mean |x - y| - mean |x - x'| / 2."""
    near = np.linalg.norm(x - y, axis=1).mean()
    apart = np.linalg.norm(x[:, None] - x[None], axis=2).mean()
    return float(near - apart / 2)


def variogram(x: FloatArray, y: FloatArray, power: float = 0.5) -> float:
    """Variogram score of samples [k, d] for y [d] (Scheuerer & Hamill 2015), all pairs alike: what the dependence is."""
    seen = np.abs(y[:, None] - y[None]) ** power
    said = (np.abs(x[:, :, None] - x[:, None, :]) ** power).mean(axis=0)
    return float(((seen - said) ** 2).mean())


def joint(night: "Night", made: FloatArray, rows: NDArray[np.int64], span: FloatArray) -> dict[str, float]:
    """Scores over the first day of paths [n, k, steps] in units of each series' span: along its hours, across series at 18:00, and the
    CRPS of the day's sum.
    """
    x, y = made[:, ::2] / span[:, None, None], night.actual / span[:, None]
    rows = rows[np.isfinite(y[rows]).all(axis=1)]
    along = [(energy(x[i, :, :24], y[i, :24]), variogram(x[i, :, :24], y[i, :24])) for i in rows]
    total = x[rows, :, :24].sum(axis=2)
    crps = [energy(total[j][:, None], y[i, :24].sum(keepdims=True)) for j, i in enumerate(rows)]
    return {
        "energy_day": float(np.mean([a for a, _ in along])),
        "variogram_day": float(np.mean([b for _, b in along])),
        "energy_series": energy(x[rows, :, 18].T, y[rows, 18]),
        "variogram_series": variogram(x[rows, :, 18].T, y[rows, 18]),
        "crps_of_day_sum": float(np.mean(crps)),
    }


def figures(town: "Town", kept: list["Night"], together: list[FloatArray], seed: int) -> dict[str, Any]:
    """Joint scores of the ways to draw paths, and peak risks of feeders and above from paths together and from independent ones."""
    scores: dict[str, list[dict[str, float]]] = {}
    alone = []
    actual = np.stack([night.actual for night in kept], 1)
    span = np.nanpercentile(actual, 99, axis=(1, 2)) - np.nanpercentile(actual, 1, axis=(1, 2))
    bottom = town.tree.bottom[span[town.tree.bottom] > 0]
    for night, made in zip(kept, together, strict=True):
        count = made.shape[1]
        alone.append(sampled.sample(night.quantiles, LEVELS, night.errors[:, :0], count, seed))
        drawn = {"independent": alone[-1], "together": made}
        for name, share in COPULAS.items():
            k = count if share is not None else night.errors.shape[1]
            drawn[name] = sampled.sample(night.quantiles, LEVELS, night.errors, k, seed, share or 0.0)
        for name, paths in drawn.items():
            scores.setdefault(name, []).append(joint(night, paths, bottom, span))
    table = [{"paths": name, **{k: round(float(np.mean([s[k] for s in each])), 4) for k in each[0]}} for name, each in scores.items()]
    return {"joint": table, "peaks": peaks(town, kept, {"together": together, "independent": alone})}


def peaks(town: "Town", kept: list["Night"], drawn: dict[str, list[FloatArray]]) -> dict[str, Any]:
    """Brier score of passing, on day 1, the 70 % point of a sum's daily peaks of four earlier weeks; and the band of the peak."""
    rows = [i for i, name in enumerate(town.tree.ids) if name in town.tree.sums]
    before = town.values[:, : -24 * (len(kept) + 58)]
    limits = np.nanquantile(before[rows, before.shape[1] % 24 :].reshape(len(rows), -1, 24).max(axis=2)[:, -28:], 0.7, axis=1)
    happened = np.array([[night.actual[i, :24].max() > limit for i, limit in zip(rows, limits, strict=True)] for night in kept])
    top = np.array([[night.actual[i, :24].max() for i in rows] for night in kept])
    known = np.isfinite(top)
    out: dict[str, Any] = {"happened": round(float(happened[known].mean()), 3)}
    out["brier_of_that_share"] = round(brier(np.full(known.sum(), happened[known].mean()), happened[known]), 4)
    day = np.zeros(24, np.int64)
    for name, each in drawn.items():
        said = [[daily_peaks(p[i, :, :24], day, limit)[0] for i, limit in zip(rows, limits, strict=True)] for p in each]
        chance = np.array([[peak.probability for peak in night] for night in said], float)
        inside = np.array([[peak.p10 <= t <= peak.p90 for peak, t in zip(a, b, strict=True)] for a, b in zip(said, top, strict=True)])
        out[f"brier_{name}"] = round(brier(chance[known], happened[known]), 4)
        out[f"peak_cov80_{name}"] = round(float(inside[known].mean()), 3)
        for low, high in ((0.0, 0.2), (0.2, 0.8), (0.8, 1.01)):
            some = known & (chance >= low) & (chance < high)
            if name == "together" and some.any():
                key = f"said_{low:g}_to_{min(high, 1):g}"
                out[key] = {
                    "n": int(some.sum()),
                    "said": round(float(chance[some].mean()), 3),
                    "came": round(float(happened[some].mean()), 3),
                }
    error = [
        peak_errors(night.actual[rows], night.quantiles[rows, :, 1], 24)[:, 0] / np.nanmax(night.actual[rows], axis=1) for night in kept
    ]
    return {**out, "p50_error_at_the_peak_of_peak": round(float(np.nanmean(error)), 4)}
