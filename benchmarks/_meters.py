"""Registers of many meters from real quarter-hours: each with a load of SimBench, a size and a week of its own."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks import data_folder

WEEK, YEAR = 7 * 96, 52 * 7 * 96  # [quarter-hours]


class Meters:
    """Energy registers [Wh] and how late each is read, by slot. The same seed gives the same meters."""

    def __init__(self, count: int, seed: int) -> None:
        """Raises `PenstockError` when SimBench's profiles are not there."""
        folder = data_folder("grid/simbench")
        profiles = pd.read_parquet(folder / "LoadProfile.parquet")
        loads: Any = pd.read_csv(folder / "Load.csv", sep=None, engine="python")
        loads = loads[[f"{name}_pload" in profiles.columns for name in loads["profile"]]]
        names = sorted(set(loads["profile"]))
        self._shape = np.ascontiguousarray(profiles[[f"{name}_pload" for name in names]].to_numpy(dtype=float)[:YEAR].T)
        rng = self._rng = np.random.default_rng(seed)
        which = rng.integers(0, len(loads), count)
        self._row = np.array([names.index(name) for name in loads["profile"]])[which]
        self._wh = loads["pLoad"].to_numpy()[which] * 1e6 / 4 * rng.lognormal(0, 0.3, count)
        self._week = rng.integers(0, 52, count) * WEEK
        self._register = rng.uniform(0, 1e8, count)
        self._phase_s = rng.uniform(0, 60, count)
        self._slot = 0

    def next_slot(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Registers [Wh] at the end of the next quarter-hour, and microseconds from there to when each was received."""
        self._register += self._shape[self._row, (self._week + self._slot) % YEAR] * self._wh
        self._slot += 1
        late_s = np.maximum(0.0, self._phase_s + self._rng.normal(0, 0.2, self._phase_s.size))
        return self._register.astype(np.int64), (late_s * 1e6).astype(np.int64)
