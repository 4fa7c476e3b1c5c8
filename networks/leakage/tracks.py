"""What the watch remembers: the residuals of the last weeks, and every leak with its size over time."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from networks.leakage.reports import Kind
from networks.leakage.scada import Floats


@dataclass
class Track:
    """A leak that runs or ran. Steps count from the watch's origin; `sizes` are (from step, m3/h), constant until the next.

    `seen_step` is the one at which it was detected, `posterior` float[pipes] or None, `low` how many estimates in a row found nothing.
    """

    leak_id: str
    kind: Kind
    start: int
    seen_step: int
    pipe: int
    size: float
    sd: float
    sizes: list[tuple[int, float]] = field(default_factory=list)
    end: int | None = None
    reported: int | None = None
    posterior: Floats | None = None
    low: int = 0

    def at(self, steps: NDArray[np.int64]) -> Floats:
        """float[steps]: its size [m3/h]."""
        since, size = np.array(self.sizes).T
        found = size[np.clip(np.searchsorted(since, steps, side="right") - 1, 0, len(since) - 1)]
        runs = (steps >= self.start) & (steps < (np.inf if self.end is None else self.end))
        return np.where(runs, found, 0.0)

    def grow(self, step: int, size: float, sd: float) -> None:
        """Its size from a step on."""
        self.size, self.sd = size, sd
        self.sizes = sorted([*(pair for pair in self.sizes if pair[0] != step), (step, size)])

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        told = dict(vars(self))
        told["posterior"] = None if self.posterior is None else self.posterior.round(8).tolist()
        return told

    @classmethod
    def restore(cls, state: dict[str, Any]) -> "Track":
        """What `state` told."""
        told = dict(state)
        told["sizes"] = [(int(step), float(size)) for step, size in state["sizes"]]
        told["posterior"] = None if state["posterior"] is None else np.array(state["posterior"])
        return cls(**told)


class Tape:
    """`residual` float[t, channels] with the effects of all known leaks put back, `level` int[t] of demand, from step `first` on."""

    def __init__(self, channels: int, first: int = 0) -> None:
        self.first = first
        self.residual: Floats = np.zeros((0, channels))
        self.level: NDArray[np.int64] = np.zeros(0, np.int64)

    @property
    def end(self) -> int:
        return self.first + len(self.level)

    def add(self, residual: Floats, level: NDArray[np.int64]) -> None:
        self.residual = np.vstack([self.residual, residual])
        self.level = np.concatenate([self.level, level])

    def until(self, end: int) -> "Tape":
        """The same as if nothing had been read at and after a step."""
        found = Tape(self.residual.shape[1], self.first)
        found.residual, found.level = self.residual[: end - self.first], self.level[: end - self.first]
        return found

    def cut(self, end: int) -> None:
        """Forget what lies at and after a step."""
        self.residual, self.level = self.residual[: end - self.first], self.level[: end - self.first]

    def forget(self, before: int) -> None:
        """Forget what lies before a step."""
        gone = max(0, before - self.first)
        self.residual, self.level, self.first = self.residual[gone:], self.level[gone:], self.first + gone

    def rows(self, start: int, end: int) -> slice:
        return slice(max(start, self.first) - self.first, end - self.first)

    def left(self, start: int, end: int, tracks: list[Track], pattern: Floats) -> Floats:
        """float[end - start, channels]: what `tracks` do not explain; `pattern` float[levels, pipes, channels]."""
        rows = self.rows(start, end)
        out, steps, level = self.residual[rows].copy(), np.arange(max(start, self.first), end), self.level[rows]
        for track in tracks:
            if track.start < end and (track.end is None or track.end > start):
                out -= track.at(steps)[:, None] * pattern[level, track.pipe]
        return out

    def mix(self, start: int, end: int, weight: Floats | None = None) -> Floats:
        """float[levels up to the highest seen]: share of steps at each level of demand, weighted."""
        found = np.bincount(self.level[self.rows(start, end)], weights=weight)
        return found / max(found.sum(), 1e-12)


def mixed(pattern: Floats, share: Floats) -> Floats:
    """float[pipes, channels]: the mean pattern over levels of demand."""
    return np.tensordot(share, pattern[: len(share)], axes=1)


def series(posterior: Floats, pipes: pd.Index) -> pd.Series:
    """P(pipe), likeliest first."""
    return pd.Series(posterior, pipes, name="probability").sort_values(ascending=False, kind="stable")
