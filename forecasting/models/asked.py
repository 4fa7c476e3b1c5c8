"""Features of everything a task asks, chunk by chunk, so that memory does not grow with the number of series."""

from collections.abc import Callable

import numpy as np
from pydantic import BaseModel, ConfigDict

from forecasting import features, origins
from forecasting.models.task import FloatArray, IntArray, Task

Say = Callable[[FloatArray, FloatArray, FloatArray], tuple[FloatArray, ...]]
BLOCK_ROWS = 16_384
"""Rows whose features are made together: their arrays stay in cache."""


class RowModel(BaseModel):
    """A fitted model whose answer for a row needs nothing but the row's features: many of them share one pass over the features."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def say(self, x: FloatArray, base: FloatArray, scale: FloatArray) -> FloatArray:
        """Values float32[r] from features [r, f], base and scale [r]."""
        raise NotImplementedError

    def predict(self, task: Task) -> FloatArray:
        """Median forecast float32[n, k, steps]."""
        return answer(task, lambda x, base, scale: (self.say(x, base, scale),))[0]


def asked_rows(series: int, origins: IntArray, steps: int) -> tuple[IntArray, IntArray, IntArray]:
    """Every (series, origin, target column) of a question, int64[series * k * steps] each."""
    i, o, h = np.meshgrid(np.arange(series), origins, np.arange(steps), indexing="ij")
    return i.ravel(), o.ravel(), (o + h).ravel()


def answer(task: Task, *say: Say, first: int = 0) -> tuple[FloatArray, ...]:
    """What `say(features, base, scale)` makes of every wanted row: float32[n, k, steps] for each array it returns, NaN where not wanted.

    Of two, the first is asked at the first `first` origins, the second at the others.
    """
    recent = task.recent(features.REACH_DAYS)
    wanted = np.ones((len(task.origins), task.steps), bool) if task.wanted is None else task.wanted
    k, h = np.nonzero(wanted)
    out: list[FloatArray] = []
    for start in range(0, task.series, task.settings.chunk_series):
        here = slice(start, min(start + task.settings.chunk_series, task.series))
        n = max(here.stop - start, 2)  # numpy sums one series alone in another order than many, and bits would differ
        chunk = recent.rows(np.resize(np.arange(start, here.stop), n))
        folded = features.panel(chunk.values, chunk.grid, int(chunk.grid.day[chunk.origins.min()]) - origins.SURPRISE_DAYS)
        seen = origins.origins(folded, chunk.origins)
        cut, size = int(np.searchsorted(k, first)), max(1, BLOCK_ROWS // n)
        blocks = [slice(at, min(at + size, end)) for begin, end in ((0, cut), (cut, len(k))) for at in range(begin, end, size)]
        for some in blocks:
            speaks = say[0] if some.start < cut else say[-1]
            said = speaks(*features.block(folded, seen, k[some], chunk.origins[k[some]] + h[some], chunk.weather))
            out = out or [np.full((task.series, *wanted.shape), np.nan, np.float32) for _ in said]
            for whole, part in zip(out, said, strict=True):
                whole[here, k[some], h[some]] = part.reshape(-1, n).T[: here.stop - start]
    return tuple(out)


def column(x: FloatArray, name: str) -> FloatArray:
    """The feature of that name, float32[r]."""
    return x[:, features.NAMES.index(name)]
