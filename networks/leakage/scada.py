"""What the leak watch reads: pressures, flows, levels and meters on one regular grid, and where in the network each was taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.clock import HOUR
from city.frames import Block
from city.problems import fault
from city.quantities import Quantity
from networks.network import Network

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scada:
    """Readings of one stretch of time.

    `pressure` [m], `flow` [m3/h, or m3 per step of any whole multiple of the grid's], `level` [m], `running` [0/1] and `consumption`
    [m3 per step] begin and end together; pressure, level and running share one grid of 5, 15 or 30 min, flow and consumption may be
    coarser. Blocks may have gaps.
    """

    pressure: Block
    flow: Block
    level: Block
    consumption: Block | None = None
    running: Block | None = None

    def __post_init__(self) -> None:
        for name in ("flow", "level", "consumption", "running"):
            block = getattr(self, name)
            if block is not None and (block.start_utc != self.start_utc or block.end_utc != self.end_utc):
                seen = f"{block.start_utc:%Y-%m-%d %H:%M} to {block.end_utc:%Y-%m-%d %H:%M}"
                allowed = f"{self.start_utc:%Y-%m-%d %H:%M} to {self.end_utc:%Y-%m-%d %H:%M} as the pressures"
                raise fault(f"{name} readings", seen, allowed, "Cut all to one window.")

    @property
    def start_utc(self) -> datetime:
        return self.pressure.start_utc

    @property
    def end_utc(self) -> datetime:
        return self.pressure.end_utc

    @property
    def step(self) -> timedelta:
        return self.pressure.step

    @property
    def times(self) -> pd.DatetimeIndex:
        return self.pressure.times

    def window(self, start_utc: datetime, end_utc: datetime) -> "Scada":
        """The readings in [start, end); both on every block's grid."""
        cut = {name: block and block.window(start_utc, end_utc) for name, block in vars(self).items()}
        return Scada(**cut)


@dataclass(frozen=True)
class Sites:
    """Where each point sits: pressure sensor -> junction, flow point -> link (or -> name of a DMA), level -> tank,
    consumption meter -> junction, running -> pump; `dma_of` gives the DMA of a junction where flow points name DMAs.

    `zone` is the IANA time zone people live by.
    """

    pressure: Mapping[str, str]
    flow: Mapping[str, str]
    level: Mapping[str, str] = field(default_factory=dict)
    consumption: Mapping[str, str] = field(default_factory=dict)
    running: Mapping[str, str] = field(default_factory=dict)
    dma_of: Mapping[str, str] = field(default_factory=dict)
    zone: str = "UTC"

    def check(self, network: Network) -> None:
        """Raise `PenstockError` naming every site that is not on the network."""
        network.require("nodes", self.pressure.values(), "pressure sensor")
        network.require("tanks", self.level.values(), "level sensor")
        network.require("junctions", self.consumption.values(), "consumption meter")
        network.require("pumps", self.running.values(), "pump state")
        network.require("links", set(self.flow.values()) - set(self.dma_of.values()), "flow meter")


def per_hour(block: Block) -> Floats:
    """float64[n, t] in m3/h (or the block's own unit where it is no volume), NaN where not usable."""
    return block.unit_values() / (block.step / HOUR if block.quantity is Quantity.VOLUME_M3 else 1.0)
