"""Bursts on the live day: when, how large, in which district. Causal: a step is judged with earlier readings only.

Per DMA the inflow's excess over its baseline is read twice: at the DMA's meter and, through the pressure regression, in the
pressures (how much more inflow would explain the drop). The smaller of the two counts, so that a meter that lies alone raises
nothing (moments unlike anything in history, where the regression would extrapolate, are left to the meter); what all DMAs have in
common (weather, a holiday) is taken off. A one-sided CUSUM adds it up, and its threshold is what
clean history never reached.

References: Page, E. S. (1954). Continuous inspection schemes. Biometrika 41, 100-115.
"""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from city.frames import Block
from city.problems import fault
from networks.baseline import Baseline, Drivers, Floats, on_grid

SLACK = 2.0  # standard deviations of inflow the CUSUM forgives per step
CLIP = 8.0  # no single step counts more
LEAST_THRESHOLD = 20.0
MARGIN = 1.25  # over the highest the statistic reached in clean history
LEAST_M3_PER_H = 25.0  # smaller excesses come and go with demand; slow leaks need weeks, not a day
TRAIL = 8  # steps over which pressures are averaged before they are asked
_STEPS_PER_HOUR = 4


@dataclass(frozen=True)
class LeakEvent:
    """A burst. `size_m3_per_h` is the mean excess inflow of its DMA since the start, `significance` the CUSUM's peak over its
    threshold [1]; `drop_m` per sensor how much lower than without the leak pressure is since then, with the standard error
    `drop_sd_m`; `end_utc` is the end of the readings that were used."""

    start_utc: datetime
    detected_utc: datetime
    end_utc: datetime
    dma: str
    size_m3_per_h: float
    size_sd_m3_per_h: float
    significance: float
    drop_m: dict[str, float] = field(default_factory=dict)
    drop_sd_m: dict[str, float] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The event in words; times in UTC."""
        return (
            f"{self.dma} takes {self.size_m3_per_h:.0f} m3/h more than usual since {self.start_utc:%Y-%m-%d %H:%M} UTC, "
            f"noticed at {self.detected_utc:%H:%M} UTC ({self.significance:.1f} times the alarm threshold)."
        )


def cusum(z: Floats) -> Floats:
    """One-sided CUSUM down the rows of z [t, d], with slack and clipping; an unknown step changes nothing."""
    gain = np.nan_to_num(np.clip(z, -CLIP, CLIP) - SLACK, nan=0.0)
    out = np.empty_like(gain)
    level = np.zeros(z.shape[1])
    for t, step in enumerate(gain):
        level = np.maximum(0.0, level + step)
        out[t] = level
    return out


def threshold(baseline: Baseline) -> Floats:
    """float64[d]: the alarm level of each DMA, from the baseline's own past residuals."""
    past = np.repeat(_without_common(baseline.residual.T), _STEPS_PER_HOUR, axis=0)
    return np.asarray(np.maximum(LEAST_THRESHOLD, MARGIN * cusum(past).max(axis=0)))


def _without_common(z: Floats) -> Floats:
    """Take off the median DMA where it is above usual; with fewer than three DMAs known there is nothing in common."""
    known = np.isfinite(z).sum(axis=1) >= 3
    middle = np.zeros(len(z))
    middle[known] = np.maximum(0.0, np.nanmedian(z[known], axis=1))
    return np.asarray(z - middle[:, None])


def detect(
    pressure: Block,
    flow: Block,
    baseline: Baseline,
    *,
    level: Block | None = None,
    running: Block | None = None,
    least_m3_per_h: float = LEAST_M3_PER_H,
) -> list[LeakEvent]:
    """Bursts in the live readings, most significant first; at most one per DMA, none smaller than `least_m3_per_h`.

    Parameters
    ----------
    pressure: pressure_m of the sensors; flow: flow_m3_per_h of the DMAs on the same times (15 min); both may have gaps
    level, running: as given to `Baseline.fit`, on the same times

    A sensor without usable values, or one stuck on a value, is left out; a DMA whose meter is silent is watched by pressure alone.
    Raises `PenstockError` when the grids differ.
    """
    if (flow.start_utc, flow.step, flow.steps) != (pressure.start_utc, pressure.step, pressure.steps):
        raise fault("live flow", f"{flow.steps} steps from {flow.start_utc}", "the times of the pressures", "Cut both to one window.")
    times = pressure.times
    observed = on_grid(flow, baseline.dmas, times)
    expected, scale = baseline.expected_flow(times), baseline.scale(times)
    live = _Live(
        times,
        np.where(np.isfinite(observed), observed, expected),
        on_grid(level, baseline.tanks, times),
        on_grid(running, baseline.pumps, times),
        _moving(on_grid(pressure, baseline.sensors, times)),
    )
    excess = observed - expected
    seen, seen_sd = _excess_in_pressure(live, expected, baseline)
    agreed = np.where(np.isfinite(seen), np.fmin(excess, seen + seen_sd), excess)
    silent = ~np.isfinite(observed) & np.isfinite(seen)
    agreed[silent] = (seen - 2 * seen_sd)[silent]
    statistic, alarm = cusum(_without_common(agreed / scale)), threshold(baseline)
    events = []
    for d in np.flatnonzero((statistic > alarm).any(axis=0)):
        events.append(_event(int(d), live, np.where(silent, seen, excess)[:, d], statistic[:, d], float(alarm[d]), baseline))
    return sorted((event for event in events if event.size_m3_per_h >= least_m3_per_h), key=lambda event: -event.significance)


@dataclass(frozen=True)
class _Live:
    times: pd.DatetimeIndex
    flow: Floats  # what was measured, or the baseline where a meter is silent
    level: Floats
    running: Floats
    pressure: Floats

    def drivers(self, dma: int | None = None, flow: Floats | None = None) -> Drivers:
        """The drivers, with the inflow of one DMA replaced."""
        if dma is None or flow is None:
            return Drivers(self.flow, self.level, self.running)
        changed = self.flow.copy()
        changed[:, dma] = flow
        return Drivers(changed, self.level, self.running)


def _moving(values: Floats) -> Floats:
    """Drop sensors that are stuck: the same value over the whole window."""
    with np.errstate(all="ignore"):
        spread = np.nanmax(np.nan_to_num(values, nan=-np.inf), axis=0) - np.nanmin(np.nan_to_num(values, nan=np.inf), axis=0)
    return np.where(spread > 1e-6, values, np.nan)


def _excess_in_pressure(live: _Live, expected: Floats, baseline: Baseline) -> tuple[Floats, Floats]:
    """How much inflow above expectation the pressures ask for in each DMA [t, d], over the last 2 h, and its standard error.

    A matched filter: the drop at the sensors is projected on what one m3/h in the DMA would lower them by.
    """
    seen, error = np.full(expected.shape, np.nan), np.full(expected.shape, np.nan)
    for d in range(expected.shape[1]):
        clean = baseline.expected_pressure(live.drivers(d, expected[:, d]))
        unit = clean - baseline.expected_pressure(live.drivers(d, expected[:, d] + 1.0))  # drop per m3/h at every sensor
        drop = clean - live.pressure
        drop[~baseline.knows(live.drivers(d, expected[:, d]))] = np.nan
        known = np.isfinite(drop)
        gain = np.where(known, unit / baseline.sigma_m, 0.0)
        match = _trailing((gain * np.where(known, drop / baseline.sigma_m, 0.0)).sum(axis=1))
        power = _trailing((gain**2).sum(axis=1))
        usable = known.any(axis=1) & (power > 0)
        seen[usable, d] = match[usable] / power[usable]
        error[usable, d] = 1 / np.sqrt(power[usable])
    return seen, error


def _trailing(values: Floats) -> Floats:
    """Sum over the last `TRAIL` steps."""
    total = np.cumsum(np.concatenate([np.zeros(TRAIL), values]))
    return np.asarray(total[TRAIL:] - total[:-TRAIL])


def _event(d: int, live: _Live, excess: Floats, statistic: Floats, alarm: float, baseline: Baseline) -> LeakEvent:
    peak = int(np.argmax(statistic))
    quiet = np.flatnonzero(statistic[:peak] <= 0.0)
    start = int(quiet[-1]) + 1 if len(quiet) else 0
    crossed = start + int(np.argmax(statistic[start:] > alarm))
    since = slice(start, _last(statistic, peak))
    size = float(np.nanmedian(excess[since]))
    while start > 0 and excess[start - 1] > size / 2:  # the pressures agree with some delay; the excess tells when it began
        start -= 1
    since = slice(start, since.stop)
    before = excess[max(0, start - 24) : start]
    usual = float(np.nanmedian(before)) if np.isfinite(before).sum() >= 4 else 0.0
    size = max(size - usual, 0.0)
    spread = float(np.nanstd(excess[since])) / max(1.0, np.isfinite(excess[since]).sum() / _STEPS_PER_HOUR) ** 0.5
    drop, drop_sd = _drops(d, size, since, start, live, baseline)
    step = live.times[1] - live.times[0] if len(live.times) > 1 else pd.Timedelta(minutes=15)
    return LeakEvent(
        live.times[start].to_pydatetime(),
        live.times[crossed].to_pydatetime(),
        (live.times[since.stop - 1] + step).to_pydatetime(),
        baseline.dmas[d],
        size,
        spread,
        float(statistic.max() / alarm),
        drop,
        drop_sd,
    )


def _last(statistic: Floats, peak: int) -> int:
    """One past the last step of the event: where the statistic came back to zero, or the end of the readings."""
    over = np.flatnonzero(statistic[peak:] <= 0.0)
    return peak + int(over[0]) if len(over) else len(statistic)


def _drops(d: int, size: float, since: slice, start: int, live: _Live, baseline: Baseline) -> tuple[dict[str, float], dict[str, float]]:
    """Mean drop per sensor: what pressure would be with the leak taken off the DMA's inflow, less what it is."""
    without = live.flow[:, d].copy()
    without[since] -= size
    drivers = live.drivers(d, without)
    residual = baseline.expected_pressure(drivers) - live.pressure
    residual[~baseline.knows(drivers)] = np.nan
    drop, error = {}, {}
    for s, sensor in enumerate(baseline.sensors):
        after = residual[since, s]
        after = after[np.isfinite(after)]
        before = residual[max(0, start - 96) : start, s]
        before = before[np.isfinite(before)]
        if len(after) < 2:
            continue
        sd = float(baseline.sigma_m[s])
        offset, offset_var = (float(before.mean()), sd**2 / len(before)) if len(before) >= 12 else (0.0, (0.5 * sd) ** 2)
        drop[sensor] = float(after.mean()) - offset
        error[sensor] = float(np.sqrt(sd**2 / len(after) + offset_var))
    return drop, error


def active(events: list[LeakEvent], at_utc: datetime) -> list[LeakEvent]:
    """The events that were known at an instant and had not ended."""
    return [event for event in events if event.detected_utc <= at_utc <= event.end_utc]
