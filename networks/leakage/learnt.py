"""What the watch of districts has learnt: inflows' usual course, pressures by regression, leaks' patterns, and readings without leaks."""

from datetime import timedelta

import numpy as np
import pandas as pd

from city.clock import civil_day, local_date
from networks.baseline import Baseline
from networks.leakage.scada import Floats, Sites
from networks.leakage.sensor_faults import SensorFault
from networks.leakage.window import DistrictLeak, Window
from networks.locate import sensitivities
from networks.network import Network
from networks.zones import spread_demand

KEPT = timedelta(days=56)  # of readings, to learn from
LAG = timedelta(days=14)  # a regression of pressures learns from what is older
PATTERN_M3_PER_H = 20.0  # leak that patterns are computed for


class Learnt:
    """The last weeks, the leaks and faulty sensors in them, and what is usual without these.

    `prices`: a lost cubic metre, a crew that digs in vain [currency].
    """

    def __init__(self, network: Network, sites: Sites, window: Window, prices: tuple[float, float] = (0.8, 500.0)) -> None:
        self.network, self.sites, self.window, self.prices = network, sites, window, prices
        self.leaks: list[DistrictLeak] = []  # those that run first, then those that ended within the window
        self.sensor_faults: list[SensorFault] = []
        self.patterns = pd.DataFrame()
        self.count = 0
        self._baseline: Baseline | None = None

    def trim(self) -> None:
        """Forget readings older than the weeks to learn from, and leaks that ended before."""
        first = local_date(self.window.end_utc - KEPT, self.sites.zone)
        self.window = self.window.cut(max(civil_day(first, self.sites.zone)[0], self.window.start_utc), self.window.end_utc)
        self.leaks = [leak for leak in self.leaks if leak.end_utc is None or leak.end_utc > self.window.start_utc]

    def learn(self) -> Baseline:
        """Usual inflows from the whole window with known leaks taken off; pressures from before the last two weeks and the first leak."""
        clean = self.window.cut(self.window.start_utc, self.window.end_utc)
        clean.values["flow"] = self.inflow().astype(np.float32)
        clean.values["pressure"] = self.pressures()
        clean = clean.cut(clean.start_utc, civil_day(local_date(clean.end_utc, self.sites.zone), self.sites.zone)[0])
        begun = [leak.active.start_utc for leak in self.leaks if leak.end_utc is None]
        least = self.window.start_utc + LAG
        until = max(min([clean.end_utc - LAG, *begun]), min(least, clean.end_utc))
        past = clean.cut(clean.start_utc, until)
        running, level = clean.block("running"), clean.block("level")
        self._baseline = Baseline.fit(past.block("pressure"), clean.hourly(), level=level, running=running, zone=self.sites.zone)
        if self.patterns.empty:
            rows = slice(-min(96, self.window.steps), None)
            self.patterns = (self.sensitivities(PATTERN_M3_PER_H, clean, rows) / PATTERN_M3_PER_H).round(6)  # as it is stored
        return self._baseline

    def fitted(self) -> Baseline:
        """What is usual, learnt up to the last midnight."""
        return self._baseline or self.learn()

    def sensitivities(self, size_m3_per_h: float, window: Window, rows: slice) -> pd.DataFrame:
        """Pressure drop [pipe, sensor] [m] for a leak at the moments of a window."""
        times = window.times[rows]
        frames = {name: pd.DataFrame(window.values[name][rows], times, list(window.ids[name])) for name in ("flow", "level", "running")}
        dma_of = pd.Series(dict(self.sites.dma_of))
        demand = spread_demand(self.network, frames["flow"].clip(lower=0.0).ffill().bfill().fillna(0.0), dma_of)
        level = frames["level"].rename(columns=dict(self.sites.level))
        running = frames["running"].rename(columns=dict(self.sites.running))
        return sensitivities(self.network, dict(self.sites.pressure), size_m3_per_h, demand, level_m=level, running=running)

    def length(self) -> pd.Series:
        """Length of each pipe [m]."""
        return self.network.pipes.set_index("id")["length_m"]

    def taken(self, times: pd.DatetimeIndex, leaks: list[DistrictLeak]) -> Floats:
        """float64[t, districts]: what the leaks take [m3/h]."""
        out = np.zeros((len(times), len(self.window.ids["flow"])))
        for leak in leaks:
            out[:, self.window.ids["flow"].index(leak.district)] += leak.course(times)
        return out

    def effects(self, times: pd.DatetimeIndex, leaks: list[DistrictLeak]) -> Floats:
        """float64[t, sensors]: what the leaks lower the pressures by [m], wherever they may be."""
        out = np.zeros((len(times), len(self.window.ids["pressure"])))
        for leak in leaks:
            effect = leak.active.posterior.reindex(self.patterns.index).fillna(0.0) @ self.patterns
            out += leak.course(times)[:, None] * effect[list(self.window.ids["pressure"])].to_numpy()
        return out

    def inflow(self) -> Floats:
        """float64[t, districts]: the window's inflows without known leaks [m3/h]."""
        return np.asarray(self.window.values["flow"] - self.taken(self.window.times, self.leaks), dtype=float)

    def pressures(self) -> Floats:
        """float32[t, sensors]: the window's pressures, faulty sensors left out [m]."""
        values = self.window.values["pressure"].copy()
        for one in self.sensor_faults:
            values[np.asarray(self.window.times >= pd.Timestamp(one.since_utc)), self.window.ids["pressure"].index(one.sensor)] = np.nan
        return values
