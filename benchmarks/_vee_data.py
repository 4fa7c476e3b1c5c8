"""Real series for the validation benchmark, as windows of four weeks of history and a week to judge."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks import data_folder
from city.frames import Block
from city.quality import VALID
from city.quantities import Quantity
from forecasting.calendars import Calendar, LocalGrid

HISTORY, WEEK = 28, 7  # days
_PLAIN = Calendar(time_zone="UTC", country=None)  # the files' own local time, taken as a clock without change


@dataclass(frozen=True)
class Source:
    """One set of series: `values` float64[t, n] in the unit of `quantity`, on a grid from `start_utc`."""

    name: str
    quantity: Quantity
    start_utc: datetime
    step: timedelta
    values: NDArray[np.float64]
    calendar: Calendar = _PLAIN


@dataclass(frozen=True)
class Window:
    """Four weeks, and the week after them, of all series of a source; both grids by the wall clock."""

    source: Source
    history: Block
    block: Block
    past: LocalGrid
    civil: LocalGrid
    both: LocalGrid

    def days(self) -> Iterator[tuple[Block, Block]]:
        """Each day of the week, and the four weeks before it."""
        values = np.concatenate([self.history.values, self.block.values], axis=1)
        whole = Block(
            self.block.ids, self.history.start_utc, self.block.step, self.block.quantity, values, np.full(values.shape, VALID, np.uint16)
        )
        starts = [*np.flatnonzero(np.diff(self.both.day, prepend=-1)).tolist(), whole.steps]
        at = [whole.start_utc + column * whole.step for column in starts]
        for i in range(HISTORY, len(at) - 1):
            yield whole.window(at[i - HISTORY], at[i]), whole.window(at[i], at[i + 1])


def _source(name: str, quantity: Quantity, frame: pd.DataFrame, start: Any, step: str, calendar: Calendar = _PLAIN) -> Source:
    values = frame.to_numpy(dtype=float)
    at = pd.Timestamp(start)
    at = at.tz_localize(UTC) if at.tzinfo is None else at.tz_convert(UTC)
    return Source(name, quantity, at.to_pydatetime(), pd.Timedelta(step).to_pytimedelta(), values, calendar)


def sources() -> list[Source]:
    """Every set. Raises `PenstockError` where the measuring data are missing."""
    load, meters, grid, leak = (data_folder(part) for part in ("load", "meters", "grid/simbench", "leak/ltown_r"))
    hourly = pd.read_parquet(load / "simbench_profiles_hourly_pu.parquet")
    quarter = pd.read_parquet(grid / "LoadProfile.parquet").filter(like="_pload")
    pjm = pd.read_parquet(load / "pjm_zones_hourly_MW.parquet").set_index("ds").asfreq("h").interpolate().dropna(axis=1)
    victoria = pd.read_parquet(load / "vic_elec_halfhourly.parquet")
    home = pd.read_parquet(meters / "ampds2_water_gas_1min.parquet")
    canada = Calendar(time_zone="America/Vancouver", country="CA", subdivision="BC")
    quarters, hours = home.resample("15min").sum(), home.resample("h").sum()
    start = home.index[0]
    amr = pd.read_parquet(leak / "2018_amr_Lh_30min.parquet")
    pressures = pd.read_parquet(leak / "2018_pressures_m.parquet").iloc[::3]
    flows = pd.read_parquet(leak / "2018_flows_m3h.parquet").iloc[::3]
    energy = Quantity.ENERGY_KWH
    return [
        _source("simbench, hours", energy, hourly.drop(columns="ds").clip(lower=0) * 50, hourly["ds"].iloc[0], "1h"),
        _source("simbench, quarters", energy, quarter.clip(lower=0) * 12.5, "2016-01-01", "15min"),
        _source("pjm", energy, pjm * 1000, pjm.index[0], "1h"),
        _source("victoria", energy, victoria[["Demand"]] * 500, victoria.iloc[0, 0], "30min"),
        _source("ampds water, quarters", Quantity.VOLUME_M3, quarters[["water_L"]] / 1000, start, "15min", canada),
        _source("ampds water, hours", Quantity.VOLUME_M3, hours[["water_L"]] / 1000, start, "1h", canada),
        _source("ampds gas, quarters", Quantity.GAS_M3, quarters[["gas_dm3"]] / 1000, start, "15min", canada),
        _source("ampds gas, hours", Quantity.GAS_M3, hours[["gas_dm3"]] / 1000, start, "1h", canada),
        _source("l-town customers", Quantity.VOLUME_M3, amr.clip(lower=0) / 2000, amr.index[0], "30min"),
        _source("l-town pressures", Quantity.PRESSURE_M, pressures, pressures.index[0], "15min"),
        _source("l-town flows", Quantity.FLOW_M3_PER_H, flows, flows.index[0], "15min"),
    ]


def windows(source: Source, count: int, rng: np.random.Generator) -> Iterator[Window]:
    """`count` windows from local midnights drawn at random; series that do not move in the history are left out."""
    zone = source.calendar.time_zone
    days = int(len(source.values) * source.step / timedelta(days=1)) - HISTORY - WEEK - 2
    for day in rng.choice(days, min(count, days), replace=False):
        first = pd.Timestamp(source.start_utc).tz_convert(zone).normalize() + pd.DateOffset(days=int(day) + 1)
        middle, last = first + pd.DateOffset(days=HISTORY), first + pd.DateOffset(days=HISTORY + WEEK)
        a, b, c = (int((time.tz_convert(UTC) - pd.Timestamp(source.start_utc)) / source.step) for time in (first, middle, last))
        moving = source.values[a:b].std(axis=0) > 0
        if not moving.any():
            continue
        stored = source.quantity.to_int(source.values[a:c, moving].T)
        ids = tuple(f"{source.name} {i}" for i in np.flatnonzero(moving))
        good = np.full(stored.shape, VALID, np.uint16)
        start = first.tz_convert(UTC).to_pydatetime()
        whole = Block(ids, start, source.step, source.quantity, stored, good)
        grids = [
            source.calendar.grid(at, source.step, steps)
            for at, steps in ((start, b - a), (start + (b - a) * source.step, c - b), (start, c - a))
        ]
        yield Window(
            source, whole.window(start, start + (b - a) * source.step), whole.window(start + (b - a) * source.step, whole.end_utc), *grids
        )
