"""When something happened: the first step at which a window's mean proves a new leak, growth of a known one, or a repair.

Every window is tried at every step against what the model expects with all known leaks running, so bursts and slow leaks go through
the same test and differ in the window that proves them. A window that would reach back over the last burst or repair is not used.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from networks.leakage.calibration import window_means
from networks.leakage.filters import Filters
from networks.leakage.scada import Floats
from networks.leakage.settings import LeakSettings
from networks.leakage.tracks import Tape, Track

_REPAIR_SHARE = (0.6, 1.5)  # of a leak's size that must vanish for a repair to be believed
_SETTLED = 8  # steps a leak must have been known before a repair of it is looked for


@dataclass(frozen=True)
class Event:
    """At `step` (the window's last one) the window proves: a leak of `size` at `pipe` since `start`, or the repair of `track`."""

    step: int
    start: int
    pipe: int
    size: float
    sigma: float
    window: int
    repaired: Track | None = None


class Search:
    """Looks for events with fixed noise and patterns; `covariance` per window, `pattern` float[levels, pipes, channels]."""

    def __init__(self, covariance: dict[int, Floats], pattern: Floats, per_day: int, settings: LeakSettings) -> None:
        self.covariance, self.pattern, self.per_day, self.settings = covariance, pattern, per_day, settings
        self._plain: dict[tuple[int, int, bytes], Filters] = {}

    def filters(self, width: int, level: int, known: NDArray[np.bool_]) -> Filters:
        """Matched filters of the window without regard to the known leaks' errors."""
        key = (width, level, known.tobytes())
        if key not in self._plain:
            self._plain[key] = Filters.of(self.covariance[width][np.ix_(known, known)], self.pattern[level][:, known])
        return self._plain[key]

    def widened(self, width: int, pattern: Floats, tracks: list[Track]) -> Floats:
        """float[c, c]: the window's covariance with what is not known of the leaks that run."""
        found = self.covariance[width].copy()
        for track in tracks:
            own = pattern[track.pipe]
            found += track.sd**2 * np.outer(own, own) + np.diag((self.settings.pattern_error * track.size * own) ** 2)
        return found

    def first(self, tape: Tape, start: int, running: list[Track], over: list[Track], last_event: int) -> Event | None:
        """The earliest event at a step from `start` on; of windows that end at the same step the strongest."""
        begin = max(tape.first, start - max(self.settings.windows))
        left = tape.left(begin, tape.end, [*running, *over], self.pattern)
        best: Event | None = None
        for width in self.settings.windows:
            if tape.end - begin >= width:
                found = self._window(tape, left, begin, start, width, running, last_event, tape.end if best is None else best.step)
                best = found or best
        return best and self._dated(tape, left, begin, best)

    def _window(
        self, tape: Tape, left: Floats, begin: int, start: int, width: int, running: list[Track], last_event: int, before: int
    ) -> Event | None:
        steps = np.arange(max(start, begin + width - 1), before)
        steps = steps[steps - width + 1 >= last_event]
        if width >= self.per_day:
            steps = steps[(steps + 1) % self.settings.update_steps == 0]
        if not len(steps):
            return None
        mean = window_means(left, width)[steps - begin - width + 1]
        level = tape.level[steps - width // 2 - tape.first]
        for i in self._suspicious(mean, level, width, running):
            found = self._proved(int(steps[i]), mean[i], int(level[i]), width, running)
            if found:
                return found
        return None

    def _sigma(self, width: int) -> float:
        return self.settings.short_sigma if width < self.per_day else self.settings.long_sigma

    def _suspicious(self, mean: Floats, level: NDArray[np.int64], width: int, running: list[Track]) -> NDArray[np.int64]:
        """Rows that the plain filters take for an event: the widened ones, slower to make, can only take less."""
        known, hot = np.isfinite(mean), np.zeros(len(mean), bool)
        pipes = [track.pipe for track in running]
        for value in np.unique(level):
            for mask in np.unique(known[level == value], axis=0):
                rows = np.flatnonzero((level == value) & (known == mask).all(axis=1))
                if 2 * mask.sum() < len(mask):
                    continue
                sigma = self.filters(width, int(value), mask).sigmas(mean[rows][:, mask])
                hot[rows] = (sigma >= self._sigma(width)).any(axis=1) | (sigma[:, pipes] <= -self.settings.repair_sigma).any(axis=1)
        return np.flatnonzero(hot)

    def _proved(self, step: int, mean: Floats, level: int, width: int, running: list[Track]) -> Event | None:
        known, pattern = np.isfinite(mean), self.pattern[level]
        covariance = self.widened(width, pattern, running)
        filters = Filters.of(covariance[np.ix_(known, known)], pattern[:, known])
        sigma, size = filters.sigmas(mean[known]), filters.sizes(mean[known])
        least = self.settings.least_burst_m3_per_h if width < self.per_day else self.settings.least_m3_per_h
        pipe = int(np.where(size >= least, sigma, 0.0).argmax())
        found = None
        if size[pipe] >= least and sigma[pipe] >= self._sigma(width):
            found = Event(step, step - width + 1, pipe, float(size[pipe]), float(sigma[pipe]), width)
        for track in running:
            share, proof = -size[track.pipe] / max(track.size, 1e-9), -float(sigma[track.pipe])
            old = step - track.seen_step >= _SETTLED and track.size >= self.settings.least_burst_m3_per_h
            likely = old and _REPAIR_SHARE[0] < share < _REPAIR_SHARE[1] and proof >= self.settings.repair_sigma
            if likely and (found is None or proof > found.sigma):
                found = Event(step, step - width + 1, track.pipe, -track.size, proof, width, track)
        return found

    def _dated(self, tape: Tape, left: Floats, begin: int, event: Event) -> Event:
        """The event with its most likely start: where the log-likelihood of the change, added up backwards, is highest (Page 1954)."""
        if event.window >= self.per_day:
            return event
        back = min(event.step - begin + 1, 2 * event.window)
        rows = left[event.step - begin - back + 1 : event.step - begin + 1]
        known = np.asarray(np.isfinite(rows).all(axis=0))
        filters = self.filters(self.settings.windows[0], int(tape.level[event.step - tape.first]), known)
        match = rows[:, known] @ filters.root.T @ filters.pattern[event.pipe]
        gain = match * event.size - 0.5 * event.size**2 * filters.power[event.pipe]
        start = event.step - back + 1 + int(np.cumsum(gain[::-1])[::-1].argmax())
        return Event(event.step, start, event.pipe, event.size, event.sigma, event.window, event.repaired)
