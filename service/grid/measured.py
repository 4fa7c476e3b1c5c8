"""What the grid's meters read, slot by slot: power, and who fell silent or reads nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine

from city.quality import ANSWERED, Cause
from service import validation
from service.grid.side import GridSide

# The device answered: as acquisition saw it, or with a value that validation judged afterwards.
_HEARD = [int(cause) for cause in Cause if cause in ANSWERED or cause > Cause.GAP]
# It was asked and nothing came. Who was not asked (a gap, an overrun), or answered with nonsense, says nothing of its power.
_SILENT = [int(cause) for cause in (Cause.TIMEOUT, Cause.NO_CONNECTION, Cause.UNIT_BACKOFF, Cause.GATEWAY)]


@dataclass(frozen=True)
class Measured:
    """Per load and feeder with a meter (`names`), over `times`: `kw` [names, t] (not-a-number where not usable; what feeds in is
    below zero), bool[names, t]: `live`, it showed power; `zero`, it answered that there is none at all; `silent`, it was asked in vain;
    `unreached`, because its link could not even be opened."""

    names: tuple[str, ...]
    times: pd.DatetimeIndex
    kw: NDArray[np.float64]
    live: NDArray[np.bool_]
    zero: NDArray[np.bool_]
    silent: NDArray[np.bool_]
    unreached: NDArray[np.bool_]

    @property
    def dark(self) -> NDArray[np.bool_]:
        """bool[names, t]: it looks as if it had no power. Neither dark nor live: it says nothing."""
        return self.silent | self.zero

    def loads_kw(self, side: GridSide) -> NDArray[np.float64]:
        """float64[t, loads] in the order of the network's loads, not-a-number without a meter or a reading."""
        row = {name: i for i, name in enumerate(self.names)}
        empty = np.full(len(self.times), np.nan)
        return np.column_stack([self.kw[row[load]] if load in row else empty for load in side.network.loads["load"]])

    def heads_kw(self, side: GridSide) -> dict[str, NDArray[np.float64]]:
        """{feeder with a meter at its head: float64[t]}."""
        return {name: self.kw[i] for i, name in enumerate(self.names) if name in side.heads}


def measured(engine: Engine, side: GridSide, start: datetime, end: datetime) -> Measured:
    """The slots in [start, end), from hot readings, validated by the limits of their points."""
    step = timedelta(seconds=side.city.settings.night.step_s)
    names = tuple(side.power)
    block = validation.live(engine, side.city, [side.power[name][0] for name in names], start, end, step)
    rows = [block.ids.index(side.power[name][0].id) for name in names]
    sign = np.array([side.power[name][1] for name in names])
    quality = block.quality[rows]
    cause = quality >> 8
    heard = (quality != 0) & np.isin(cause, _HEARD)
    nothing = block.quantity.to_unit(block.values)[rows] == 0
    silent, unreached = np.isin(cause, _SILENT), cause == Cause.NO_CONNECTION
    kw = block.unit_values()[rows] * sign[:, None]
    return Measured(names, block.times, kw, heard & ~nothing, heard & nothing, silent, unreached)
