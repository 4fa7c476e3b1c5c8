"""What pressures and district inflows should be when nothing is broken.

Inflow of a DMA: median of the same hour of the week over the last weeks, times how the last days compare with it. Pressure at a
sensor: linear in the inflows, tank levels and pump states, with the pumps' own slopes, so that what remains is the sensor's noise
and whatever the meters cannot explain.
"""

from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.clock import HOUR, local
from city.frames import Block
from city.problems import fault
from city.quantities import Quantity

WEEKS = 6  # weeks a median looks back
SCALE_WEEKS = 8  # weeks whose out-of-sample residuals give the scale
_RIDGE = 1e-4
_MAD = 1.4826  # of a normal distribution
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Drivers:
    """What explains pressure, on one grid: inflow [m3/h] per DMA, tank level [m], pump running [0/1]; rows are times, NaN unknown."""

    flow: Floats
    level: Floats
    running: Floats

    def features(self) -> Floats:
        """float64[t, f]: constant, inflows, levels, pumps, total inflow squared and per pump, levels per pump, pumps together."""
        total = self.flow.sum(axis=1, keepdims=True)
        pumps = [self.running[:, [i]] for i in range(self.running.shape[1])]
        columns = [np.ones_like(total), self.flow, self.level, self.running, total**2]
        columns += [part for pump in pumps for part in (pump * total, pump * self.level)]
        columns += [a * b for i, a in enumerate(pumps) for b in pumps[i + 1 :]]
        return np.hstack(columns)


@dataclass(frozen=True)
class Familiar:
    """Where a regression may be believed: leverage of a row of features at most what 99.5 % of history had."""

    mean: Floats
    spread: Floats
    inverse: Floats
    limit: float

    @classmethod
    def of(cls, features: Floats) -> "Familiar":
        mean, spread = features.mean(axis=0), features.std(axis=0)
        spread = np.where(spread > 1e-9, spread, np.inf)
        scaled = (features - mean) / spread
        inverse = np.linalg.inv(scaled.T @ scaled / len(scaled) + _RIDGE * np.eye(len(mean)))
        return cls(mean, spread, inverse, float(np.quantile(((scaled @ inverse) * scaled).sum(axis=1), 0.995)))

    def rows(self, features: Floats) -> NDArray[np.bool_]:
        scaled = (features - self.mean) / self.spread
        return np.asarray(((scaled @ self.inverse) * scaled).sum(axis=1) <= self.limit)


def on_grid(block: Block | None, ids: tuple[str, ...], times: pd.DatetimeIndex) -> Floats:
    """float64[t, ids] of a block at other times: the value of the step a time falls in, NaN outside, where not usable or without a block.

    A volume per step is turned into m3/h.
    """
    out = np.full((len(times), len(ids)), np.nan)
    if block is None:
        return out
    rows = {name: i for i, name in enumerate(block.ids)}
    values = block.unit_values() / (block.step / HOUR if block.quantity is Quantity.VOLUME_M3 else 1.0)
    at = np.floor((times - pd.Timestamp(block.start_utc)) / block.step).astype(int)
    inside = (at >= 0) & (at < block.steps)
    for j, name in enumerate(ids):
        if name in rows:
            out[inside, j] = values[rows[name], at[inside]]
    return out


@dataclass(frozen=True)
class Baseline:
    """Fitted on history; what `detect` compares the live day with.

    `weekly_m3_per_h` [d, 168] by local hour of the week (Monday 00:00 first), `factor` [d] of the last days, `scale_m3_per_h`
    [d, 24] by local hour of day, `residual` [d, t] the past standardised flow residuals; pressure = features @ `weights` [f, s]
    with residual scale `sigma_m` [s]. Sensors with too little history are left out.
    """

    dmas: tuple[str, ...]
    sensors: tuple[str, ...]
    tanks: tuple[str, ...]
    pumps: tuple[str, ...]
    zone: str
    weekly_m3_per_h: Floats
    factor: Floats
    scale_m3_per_h: Floats
    residual: Floats = field(repr=False)
    weights: Floats = field(repr=False)
    sigma_m: Floats
    familiar: "Familiar" = field(repr=False)

    @classmethod
    def fit(
        cls, pressure: Block, dma_volume: Block, *, level: Block | None = None, running: Block | None = None, zone: str = "Europe/Rome"
    ) -> "Baseline":
        """Fit on clean history up to the live day.

        Parameters
        ----------
        pressure: pressure_m of the sensors; dma_volume: volume_m3 per hour (or flow_m3_per_h) of the DMAs, two weeks or more
        level, running: level_m of the tanks and 0/1 of the pumps on the pressure's times; without them pressures explain less
        zone: IANA time zone that people live by

        Raises `PenstockError` when the inflow history is shorter than two weeks or no pressure sensor has a week of usable values.
        """
        if dma_volume.steps * dma_volume.step < timedelta(weeks=2):
            seen = f"{dma_volume.steps * dma_volume.step} of inflow"
            raise fault("leak baseline", seen, "two weeks or more", "Import more history of the DMAs.")
        weekly, factor, scale, residual = _flow_baseline(dma_volume, zone)
        tanks, pumps = (() if block is None else block.ids for block in (level, running))
        times = pressure.times
        drivers = Drivers(on_grid(dma_volume, dma_volume.ids, times), on_grid(level, tanks, times), on_grid(running, pumps, times))
        features = drivers.features()
        weights, sigma, kept = _pressure_baseline(features, pressure)
        familiar = Familiar.of(features[np.isfinite(features).all(axis=1)])
        sensors = tuple(name for name, keep in zip(pressure.ids, kept, strict=True) if keep)
        return cls(dma_volume.ids, sensors, tanks, pumps, zone, weekly, factor, scale, residual, weights[:, kept], sigma[kept], familiar)

    def expected_flow(self, times: pd.DatetimeIndex) -> Floats:
        """float64[t, d]: inflow expected at the times [m3/h]."""
        clock = local(times, self.zone)
        return (self.weekly_m3_per_h[:, clock.weekday * 24 + clock.hour] * self.factor[:, None]).T

    def scale(self, times: pd.DatetimeIndex) -> Floats:
        """float64[t, d]: robust standard deviation of inflow about its expectation [m3/h]."""
        return self.scale_m3_per_h[:, local(times, self.zone).hour].T

    def expected_pressure(self, drivers: Drivers) -> Floats:
        """float64[t, s]: pressure at the sensors under the drivers [m]; NaN where a driver is unknown."""
        return drivers.features() @ self.weights

    def knows(self, drivers: Drivers) -> NDArray[np.bool_]:
        """bool[t]: are the drivers like something in history? Elsewhere the regression extrapolates and proves nothing."""
        return self.familiar.rows(drivers.features())


def _flow_baseline(volume: Block, zone: str) -> tuple[Floats, Floats, Floats, Floats]:
    hours = volume.times.floor("h").unique()
    parts = max(1, round(HOUR / volume.step))
    if parts > 1:
        fine = on_grid(volume, volume.ids, volume.times)
        values = pd.DataFrame(fine, index=volume.times).resample("h").mean().reindex(hours).to_numpy()
    else:
        values = on_grid(volume, volume.ids, hours)
    clock = local(hours, zone)
    days = (clock.tz_localize(None).normalize() - pd.Timestamp("2000-01-03")).days  # a Monday
    slot, week = clock.weekday * 24 + clock.hour, np.asarray(days // 7)
    week = week - week.min()
    table = np.full((values.shape[1], 168, week.max() + 1), np.nan)
    table[:, slot, week] = values.T
    with np.errstate(all="ignore"):
        weekly = _median(table[..., -(WEEKS + 1) :])
        recent = values[-168:] / weekly[:, slot[-168:]].T
        factor = np.nan_to_num(np.clip(np.nanmedian(recent, axis=0), 0.7, 1.4), nan=1.0)
        past = np.full_like(table, np.nan)
        first = max(1, table.shape[2] - SCALE_WEEKS)
        for w in range(first, table.shape[2]):
            usual = _median(table[..., max(0, w - WEEKS) : w])
            ratio = np.nan_to_num(_median(table[..., w - 1] / usual), nan=1.0)[:, None]
            past[..., w] = table[..., w] - usual * ratio
        byhour = past[..., first:].reshape(len(table), 7, 24, -1).transpose(0, 2, 1, 3).reshape(len(table), 24, -1)
        scale = _MAD * np.nanmedian(np.abs(byhour), axis=2)
        floor = 0.03 * np.nanmean(weekly, axis=1, keepdims=True)
    scale = np.fmax(scale, floor)
    residual = past[:, slot, week] / scale[:, clock.hour]
    return weekly, factor, scale, residual


def _median(table: Floats) -> Floats:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an hour of the week nobody measured stays NaN
        return np.asarray(np.nanmedian(table, axis=-1))


def _pressure_baseline(features: Floats, pressure: Block) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Ridge per sensor on standardised features, refitted once without what lies beyond five robust sigmas."""
    values = pressure.unit_values().T
    known = np.isfinite(features).all(axis=1)
    weights = np.zeros((features.shape[1], values.shape[1]))
    sigma, kept = np.full(values.shape[1], np.nan), np.zeros(values.shape[1], dtype=bool)
    week = timedelta(weeks=1) / pressure.step
    if known.sum() < week:
        raise fault("leak baseline", f"{known.sum()} steps with inflow, level and pumps", "a week or more", "Import more history.")
    mean, spread = features[known].mean(axis=0), features[known].std(axis=0)
    live = spread > 1e-9
    scaled = (features - mean) / np.where(live, spread, 1.0) * live
    for s in range(values.shape[1]):
        rows = known & np.isfinite(values[:, s])
        if rows.sum() < week or np.ptp(values[rows, s]) < 1e-6:  # nothing learnt from a dead or stuck sensor
            continue
        for _ in range(2):
            a, offset = scaled[rows], values[rows, s].mean()
            w = np.linalg.solve(a.T @ a + _RIDGE * len(a) * np.eye(a.shape[1]), a.T @ (values[rows, s] - offset))
            error = values[:, s] - offset - scaled @ w
            sigma[s] = max(_MAD * float(np.median(np.abs(error[rows]))), 1e-3)
            rows = rows & (np.abs(error) < 5 * sigma[s])
        back = w / np.where(live, spread, 1.0) * live
        weights[:, s] = back
        weights[0, s] = offset - mean @ back
        kept[s] = True
    if not kept.any():
        raise fault("leak baseline", "no pressure sensor with a week of moving values", "one or more", "Check the sensors.")
    return weights, sigma, kept
