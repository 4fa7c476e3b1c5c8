"""How large the known leaks are: all together, by nonnegative least squares against what pressures and balances show.

minimise |W (y - sum_k size_k s_k)|^2 + sum_k ((size_k - before_k) / tau_k)^2, size_k >= 0: y the mean residual since the last event (at
most a day), tau_k how far a leak may have moved since the last estimate.

References: Lawson, C., Hanson, R. (1974). Solving Least Squares Problems, ch. 23.
"""

import numpy as np
from scipy.optimize import nnls

from networks.leakage.events import Search
from networks.leakage.scada import Floats
from networks.leakage.tracks import Tape, Track, mixed

_YOUNG_DAYS, _NEW_DAYS = 10, 5  # a young leak grows faster; a new one's size is hardly known
_FASTER = 3.0


def estimate(tape: Tape, running: list[Track], over: list[Track], last_event: int, search: Search) -> None:
    """Set size, sd and size history of the running leaks from the last day's residuals."""
    settings, day = search.settings, search.per_day
    width = min(day, max(settings.update_steps, tape.end - last_event))
    start = tape.end - width
    known = [track for track in running if track.start <= start + width // 3]
    if start < tape.first or not known:
        return
    fresh = [track for track in running if track not in known]
    rows = tape.left(start, tape.end, [*over, *fresh], search.pattern)
    seen = np.isfinite(rows).sum(axis=0) * 2 > width
    if 2 * seen.sum() < len(seen):
        return
    mean = np.nanmean(rows[:, seen], axis=0)
    pattern = mixed(search.pattern, tape.mix(start, tape.end))[[track.pipe for track in known]]
    covariance = search.covariance[max(w for w in settings.windows if w <= width)]
    covariance = covariance + np.diag(sum((settings.pattern_error * t.size * s) ** 2 for t, s in zip(known, pattern, strict=True)))
    root = np.linalg.inv(np.linalg.cholesky(covariance[np.ix_(seen, seen)]))
    tau = np.array([_freedom(track, tape.end, search) for track in known])
    before = np.array([track.size for track in known])
    matrix = np.vstack([root @ pattern[:, seen].T, np.diag(1 / tau)])
    size, _ = nnls(matrix, np.concatenate([root @ mean, before / tau]))
    sd = np.sqrt(np.diag(np.linalg.inv(matrix.T @ matrix)))
    for track, now, error in zip(known, size, sd, strict=True):
        track.grow(tape.end, float(now), float(error))


def _freedom(track: Track, now: int, search: Search) -> float:
    age = (now - track.seen_step) / search.per_day
    drift = search.settings.growth_m3_per_h * np.sqrt(search.settings.update_steps / search.per_day)
    return float(np.hypot(drift * (_FASTER if age < _YOUNG_DAYS else 1.0), track.sd * (1.0 if age < _NEW_DAYS else 0.5)))


def evidence(tape: Tape, track: Track, others: list[Track], since: int, search: Search) -> tuple[Floats, Floats, Floats, int] | None:
    """Mean residual of a leak weighted with its size since a step, covariance and patterns to judge it by, and how many steps it is
    worth; None while nothing is known."""
    start = max(track.start, since, tape.first)
    weight = track.at(np.arange(start, tape.end))
    left = tape.left(start, tape.end, [other for other in others if other is not track], search.pattern)
    known = np.isfinite(left)
    weights = np.where(known, weight[:, None], 0.0)
    total = weights.sum(axis=0)
    if not len(left) or not (total > 0).any():
        return None
    mean = np.where(total > 0, (weights * np.where(known, left, 0.0)).sum(axis=0) / np.where(total > 0, total, 1.0), np.nan)
    pattern = mixed(search.pattern, tape.mix(start, tape.end, weight))
    worth = int(weight.sum() ** 2 / (weight**2).sum())
    width = max((w for w in search.settings.windows if w <= worth), default=search.settings.windows[0])
    running = [other for other in others if other is not track and other.end is None]
    return mean, search.widened(width, pattern, running), pattern, worth
