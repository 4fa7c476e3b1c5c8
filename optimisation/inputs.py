"""What a plan is made from: the forecasts, prices, intensity and state of one horizon, on one grid of steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city import clock
from optimisation.risk.settings import Risk, Weights

if TYPE_CHECKING:
    from optimisation.response.programme import Programme

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Lock:
    """An operator's manual hold: `asset` keeps `quantity` at `value` until `until_utc`.

    A hold of `command_kw` on generation that can be curtailed is an upper limit, as its setpoint register is; every other
    hold is an equality. Where it is known what the asset does at that setpoint step by step, `course` float[steps] says it, exactly;
    where that is NaN the asset is free.
    """

    asset: str
    quantity: str
    value: float
    until_utc: datetime
    course: Series | None = None
    cause: str = "manual hold"


@dataclass(frozen=True)
class Approved:
    """What people have approved for an asset: `values` float[steps] of `quantity`, NaN where nothing was approved.

    `kw` is what one unit of the quantity counts for in the price of a change [kW], e.g. the power of a pump that is on or off.
    """

    asset: str
    quantity: str
    values: Series
    kw: float = 1.0


@dataclass(frozen=True)
class Cut:
    """Machines that may not all be `running` (or at rest) like this at these steps: the network was asked, and `cause` says why."""

    steps: tuple[int, ...]
    running: Mapping[str, bool]
    cause: str


@dataclass(frozen=True)
class Call:
    """A demand-response event already announced: `asset` takes `reduce_kw` [kW] less than its forecast from start to end."""

    asset: str
    start_utc: datetime
    end_utc: datetime
    reduce_kw: float


@dataclass(frozen=True)
class PlanInput:
    """One horizon of `steps` steps of `step_s` [s] from `start_utc`.

    `series` maps a series id to its quantiles `p10`, `p50`, `p90`, each float[steps] in the unit of the series per step
    [kWh per step for electricity, m3 per step for water]. Prices are currency per kWh, `intensity_kg_per_kwh` is kg CO2e per
    kWh drawn from the grid, `carbon_price_per_t` is currency per tonne CO2e. `month_peak_kw` is the highest import of the
    running month so far [kW]. `state` maps an asset id to what it was at `start_utc`: `charge_kwh`, `volume_m3`, `running`
    (0 or 1), and optionally `since_steps` (how long it has been running or not) and `owed_kwh` (of an EV fleet).

    `locks` are orders, `cuts` what the network does not bear; what was `approved` may be changed at `change_price_per_kwh`.
    `carbon_cap_kg` is the most CO2e the horizon may emit [kg], `peak_cap_kw` the most any grid may import [kW]; `weights` and `risk`
    are the city's own. `calls` are events that were announced, `programmes` the rules they follow, `import_limit_kw` float[steps] what
    the network operator allows all grids together to import [kW], infinite where it says nothing. `paths` maps a series id to its
    sample paths, float[paths, steps] in the unit of the series.
    """

    start_utc: datetime
    zone: str
    series: Mapping[str, Mapping[str, Series]]
    import_price_per_kwh: Series
    export_price_per_kwh: Series
    intensity_kg_per_kwh: Series
    state: Mapping[str, Mapping[str, float]]
    carbon_price_per_t: float = 0.0
    month_peak_kw: float = 0.0
    locks: tuple[Lock, ...] = ()
    approved: tuple[Approved, ...] = ()
    cuts: tuple[Cut, ...] = ()
    change_price_per_kwh: float = 0.0
    carbon_cap_kg: float | None = None
    peak_cap_kw: float | None = None
    weights: Weights = field(default_factory=Weights)
    risk: Risk = field(default_factory=Risk)
    calls: tuple[Call, ...] = ()
    programmes: Mapping[str, "Programme"] = field(default_factory=dict)
    import_limit_kw: Series | None = None
    paths: Mapping[str, Series] = field(default_factory=dict)
    steps: int = 192
    step_s: int = 900
    plan_id: str = "plan"
    currency: str = "EUR"
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def step_h(self) -> float:
        """Length of one step [h]."""
        return self.step_s / 3600.0

    @cached_property
    def times(self) -> pd.DatetimeIndex:
        """Start of every step, and as the last entry the end of the horizon: `steps + 1` instants in UTC."""
        return clock.grid(self.start_utc, self.steps + 1, timedelta(seconds=self.step_s))

    @cached_property
    def local_times(self) -> pd.DatetimeIndex:
        """`times` as the clock on the wall shows them."""
        return clock.local(self.times, self.zone)

    @cached_property
    def days(self) -> NDArray[np.int64]:
        """int[steps]: number of the civil day of each step, counted from the first (which may be cut short)."""
        dates = np.array([t.toordinal() for t in self.local_times[:-1]])
        return dates - dates[0]

    @cached_property
    def carbon_per_kwh(self) -> Series:
        """Currency per kWh drawn from the grid that the carbon price adds."""
        return np.asarray(self.intensity_kg_per_kwh, dtype=float) * self.carbon_price_per_t / 1000.0

    @cached_property
    def civil_days(self) -> tuple[tuple[int, ...], ...]:
        """The steps of each civil day, the first and last of which may be cut short."""
        return tuple(tuple(np.flatnonzero(self.days == day).tolist()) for day in range(int(self.days[-1]) + 1))

    @cached_property
    def civil_months(self) -> tuple[tuple[int, ...], ...]:
        """The steps of each calendar month, the first and last of which are cut short."""
        month = np.array([t.year * 12 + t.month for t in self.local_times[:-1]])
        return tuple(tuple(np.flatnonzero(month == one).tolist()) for one in dict.fromkeys(month.tolist()))

    def between(self, start: time, end: time) -> NDArray[np.bool_]:
        """bool[steps]: steps that begin in [start, end) of the local clock, over midnight when end <= start."""
        minute = np.array([t.hour * 60 + t.minute for t in self.local_times[:-1]])
        first, last = start.hour * 60 + start.minute, end.hour * 60 + end.minute
        return (minute >= first) & (minute < last) if first < last else (minute >= first) | (minute < last)

    def expected(self, *series_ids: str) -> Series:
        """float[steps]: sum of the medians of the series, in their unit per step."""
        return np.sum([np.asarray(self.series[s]["p50"], dtype=float) for s in series_ids], axis=0)

    def power(self, *series_ids: str) -> Series:
        """float[steps]: the same sum as mean power [kW]."""
        return self.expected(*series_ids) / self.step_h

    def until(self, end_utc: datetime) -> int:
        """How many steps begin before `end_utc`, at most all of them."""
        return int((self.times[:-1] < pd.Timestamp(clock.as_utc(end_utc))).sum())

    def said(self, step: int) -> str:
        """The local time of an instant, for sentences."""
        return f"{self.local_times[step]:%Y-%m-%d %H:%M}"
