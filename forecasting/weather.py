"""Weather as it was known: what was measured before an origin, and from the origin on the newest forecast that had been issued by then."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forecasting.windows import running_sums

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

_MOST_CELLS = 1 << 24  # of the table that one call lays out; bounds memory


@dataclass(frozen=True)
class Weather:
    """m variables over the T columns of a history's grid, with v forecasts ("vintages") of them, each for L columns.

    Vintage j is known at origins from `issued[j]` on, and `forecasts[:, j, l]` is what it said about column issued[j] + l, NaN for nothing.
    What was measured in column t is known at origins from `known[:, t]` on, by default from t + 1. `at` and `mean` see nothing else.
    """

    names: tuple[str, ...]
    observed: FloatArray  # [m, T], NaN where unknown
    issued: IntArray = field(default_factory=lambda: np.empty(0, np.int64))  # [v], ascending; may lie before column 0
    forecasts: FloatArray = field(default_factory=lambda: np.empty((0, 0, 0), np.float32))  # [m, v, L]
    per_hour: int = 1  # columns per hour
    known: IntArray | None = None  # [m, T], where measurements came late
    max_age: int | None = None  # columns after which a vintage is too old to be used

    @classmethod
    def perfect(cls, names: tuple[str, ...], observed: FloatArray, per_hour: int = 1) -> Self:
        """The weather that came true as one forecast of it, known from the first column on: float32[m, T], T beyond the last target."""
        return cls(names, observed, np.zeros(1, np.int64), observed[:, None, :], per_hour)

    def at(self, o: IntArray, t: IntArray) -> FloatArray:
        """The weather of columns t as known at origins o (each int[r]), float32[m, r], NaN where nothing was known.

        Before the origin what was measured; from it on, and where no measurement was known, the newest vintage issued by o that has t.
        """
        return self._gather(o, t, 1)

    def mean(self, o: IntArray, t: IntArray, hours: int) -> FloatArray:
        """Mean over the `hours` that end with column t, of what is known of them at o, float32[m, r]; NaN where that is nothing."""
        return self._gather(o, t, hours * self.per_hour)

    def covers(self, origins: IntArray, steps: int) -> NDArray[np.bool_]:
        """Is all weather of each of the `steps` columns from an origin on known there? bool[k, steps] for origins int[k].

        Where not, a model that has learned from weather has nothing to say."""
        return np.asarray(np.isfinite(self._known(origins, 0, steps)).all(axis=0))

    def only(self, names: Iterable[str]) -> Self | None:
        """The variables of these names, None where it has none of them."""
        kept = [v for v, name in enumerate(self.names) if name in set(names)]
        if not kept:
            return None
        known = None if self.known is None else self.known[kept]
        return replace(
            self, names=tuple(self.names[v] for v in kept), observed=self.observed[kept], forecasts=self.forecasts[kept], known=known
        )

    def since(self, column: int) -> Self:
        """The same weather on the grid that begins at `column`."""
        known = None if self.known is None else self.known[:, column:] - column
        return replace(self, observed=self.observed[:, column:], issued=self.issued - column, known=known)

    def _gather(self, o: IntArray, t: IntArray, window: int) -> FloatArray:
        """Mean over the last `window` columns up to t: one table per distinct origin, then one look-up per row."""
        out = np.full((len(self.names), len(t)), np.nan, np.float32)
        if not len(t):
            return out
        origins, which = np.unique(o, return_inverse=True)
        first, last = int((t - o).min()) - window + 1, int((t - o).max())
        width = last - first + 1
        many = max(1, _MOST_CELLS // (width * len(self.names)))
        for start in range(0, len(origins), many):
            rows = slice(None) if len(origins) <= many else np.flatnonzero((which >= start) & (which < start + many))
            table = self._known(origins[start : start + many], first, width)
            row, cell = which[rows] - start, (t - o)[rows] - first
            if window == 1:
                out[:, rows] = table[:, row, cell]
                continue
            total, count = running_sums(table, 2)
            n = count[:, row, cell + 1] - count[:, row, cell + 1 - window]
            whole = total[:, row, cell + 1] - total[:, row, cell + 1 - window]
            out[:, rows] = np.where(n > 0, whole / np.maximum(n, 1), np.nan)
        return out

    def _known(self, origins: IntArray, first: int, width: int) -> FloatArray:
        """What is known at each origin about the columns origin + first .. origin + first + width - 1, float32[m, u, width]."""
        columns = origins[:, None] + first + np.arange(width)
        before = (columns >= 0) & (columns < np.minimum(origins[:, None], self.observed.shape[1]))
        table = np.full((len(self.names), *columns.shape), np.nan, np.float32)
        table[:, before] = self.observed[:, columns[before]]
        if self.known is not None:
            late = self.known[:, columns[before]] > np.repeat(origins, width).reshape(columns.shape)[before]
            table[:, before] = np.where(late, np.float32(np.nan), table[:, before])
        flat, target = table.reshape(len(self.names), -1), columns.ravel()
        oldest = np.repeat(origins - (self.max_age if self.max_age is not None else np.iinfo(np.int32).max), width)
        vintage = np.repeat(np.searchsorted(self.issued, origins, "right") - 1, width)
        missing = np.flatnonzero(np.isnan(flat).any(axis=0) & (vintage >= 0))
        missing = missing[self.issued[vintage[missing]] >= oldest[missing]]
        length = self.forecasts.shape[2]
        while missing.size:
            j = vintage[missing]
            lead = target[missing] - self.issued[j]
            covered = (lead >= 0) & (lead < length)
            cells, j, said = missing[covered], j[covered], lead[covered]
            flat[:, cells] = np.where(np.isnan(flat[:, cells]), self.forecasts[:, j, said], flat[:, cells])
            vintage[missing] -= 1
            # an older vintage can only help where it reaches, and only until every variable is known
            missing = missing[(lead < length) & (vintage[missing] >= 0) & np.isnan(flat[:, missing]).any(axis=0)]
            missing = missing[self.issued[vintage[missing]] >= oldest[missing]]
        return table
