"""Sensors that do not tell the truth: drift, stuck, clock, wrong datum; told apart from leaks by what their neighbours show.

A leak lowers many sensors in a pattern that the network's sensitivities give; a faulty sensor is alone. So a sensor is faulty when
leaving it out takes away far more misfit than one reading's share, also when the best leaks are allowed for. Residuals are against a
fixed calibration, known leaks taken off: against a baseline that follows the sensor, a drift would vanish.

References: Isermann, R. (2006). Fault-Diagnosis Systems. Springer, ch. 10 (parity equations, structured residuals).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]
Kind = Literal["drift", "stuck", "clock", "datum"]


@dataclass(frozen=True)
class Limits:
    """When a sensor is called faulty. Sizes in standard deviations of residuals in clean weeks, or in m."""

    gain: float = 36.0  # misfit that leaving the sensor out takes away: 6 standard deviations squared
    least_m: float = 0.08  # smaller offsets harm nothing
    day_sd: float = 0.5  # error of a day's median over that of an hour [1]
    floor: float = 0.01  # no error is taken for smaller [m, m3/h]
    leaks: int = 2  # unknown leaks allowed for at the same moment
    pattern_error: float = 0.2  # of a leak's effect on a sensor [1]
    stuck: timedelta = timedelta(hours=6)
    clock_steps: int = 36  # how far clocks are looked for, either way
    clock_drop: float = 0.5  # of the variance of its residual that a right clock must take away [1]
    share: float = 0.25  # of the sensors that may be faulty at once [1]


@dataclass(frozen=True)
class SensorFault:
    """`size`: of a drift [m/day], of a datum how much too high [m], of a clock how late [min], of a stuck sensor its reading [m]."""

    sensor: str
    kind: Kind
    size: float
    since_utc: datetime
    sentence: str


def diagnose(
    sensors: Sequence[str],
    times: pd.DatetimeIndex,
    measured: Floats,
    expected: Floats,
    sd: Floats,
    leaks: Floats,
    limits: Limits | None = None,
) -> list[SensorFault]:
    """Faults standing at the last of the times, one per sensor.

    Parameters
    ----------
    sensors: names of the first channels; the channels after them (inflow of an area in excess of what is usual [m3/h]) only bear witness
    times: regular UTC grid of the last days; a drift needs about ten, a clock three
    measured, expected: float[t, channels], NaN where unknown [m, m3/h]
    sd: float[channels], of an hour's measured less expected in clean weeks; of a day's excess inflow twice its own [m, m3/h]
    leaks: float[places, channels], change per m3/h of leak [m/(m3/h), 1]
    """
    limits = limits or Limits()
    residual = measured - expected
    found = _stuck(sensors, times, measured, expected, sd, limits)
    still = {fault.sensor for fault in found}  # what does not move fits any moment
    found += [fault for fault in _clocks(sensors, times, measured, expected, sd, limits) if fault.sensor not in still]
    odd = {sensors.index(fault.sensor) for fault in found}
    day = times > times[-1] - timedelta(days=1)
    now = _day(residual[day], len(sensors))
    for i in alone(now, np.maximum(sd * limits.day_sd, limits.floor), leaks, len(sensors), odd, limits):
        found.append(_course(sensors[i], times, residual[:, i]))
    return found


def alone(residual: Floats, sd: Floats, leaks: Floats, sensors: int, without: set[int], limits: Limits) -> list[int]:
    """The channels among the first `sensors` that no leak explains but they themselves; `without` are left out from the start."""
    left = np.isfinite(residual)
    left[list(without)] = False
    faulty: list[int] = []
    while len(faulty) < limits.share * sensors:
        here = misfit(residual, sd, leaks, left, limits)
        gains = np.full(sensors, -np.inf)
        for i in np.flatnonzero(left[:sensors] & (np.abs(residual[:sensors]) > limits.least_m)):
            left[i] = False
            gains[i] = here - misfit(residual, sd, leaks, left, limits)
            left[i] = True
        worst = int(gains.argmax())
        if gains[worst] < limits.gain:
            break
        faulty.append(worst)
        left[worst] = False
    return faulty


def misfit(residual: Floats, sd: Floats, leaks: Floats, left: NDArray[np.bool_], limits: Limits) -> float:
    """Sum of squared standardised residuals that the best leaks leave over, of the channels in `left` [1].

    Leaks, or as many repairs that nobody entered, but not both at once: two places of opposite sign could mimic any sensor. They are
    chosen one after another, then fitted together. The effect of each is known to `pattern_error`.
    """
    r, s, patterns = residual[left], sd[left], leaks[:, left]
    scaled = patterns / s
    length = np.maximum(np.sqrt((scaled**2).sum(axis=1)), 1e-15)
    best = float((r**2 / s**2).sum())
    for sign in (1.0, -1.0):
        chosen, effect = np.zeros((0, len(r))), np.zeros_like(r)
        for _ in range(limits.leaks):
            match = sign * (scaled @ ((r - effect) / s)) / length
            chosen = np.vstack([chosen, sign * patterns[match.argmax()]])
            size = nnls((chosen / s).T, r / s)[0]
            effect = size @ chosen
            spread = s**2 + limits.pattern_error**2 * ((size[:, None] * chosen) ** 2).sum(axis=0)
            best = min(best, float(((r - effect) ** 2 / spread).sum()))
    return best


def _stuck(
    sensors: Sequence[str], times: pd.DatetimeIndex, measured: Floats, expected: Floats, sd: Floats, limits: Limits
) -> list[SensorFault]:
    """Sensors whose reading has not moved for a while in which it should have moved by far more than its error."""
    found = []
    for i, name in enumerate(sensors):
        moved = np.flatnonzero(np.diff(measured[:, i]) != 0)
        first = moved[-1] + 1 if len(moved) else 0
        if times[-1] - times[first] < limits.stuck or not np.isfinite(measured[-1, i]):
            continue
        usual = np.nanstd(np.diff(measured[:first, i])) if first > 2 else 0.0
        if np.nanstd(expected[first:, i]) > max(2 * sd[i], 0.01) or usual > 0.03:
            reading = float(measured[-1, i])
            found.append(_fault(name, "stuck", reading, times[first], f"has read {reading:.2f} m without a change"))
    return found


def _clocks(
    sensors: Sequence[str], times: pd.DatetimeIndex, measured: Floats, expected: Floats, sd: Floats, limits: Limits
) -> list[SensorFault]:
    """Sensors that agree with what is expected of another moment: `late` steps after (positive) or before."""
    step, found = times[1] - times[0], []
    reach = min(limits.clock_steps, len(times) // 8)
    shifts = np.arange(-reach, reach + 1)
    inner = np.arange(max(len(times) - timedelta(days=3) // step, 0) + reach, len(times) - reach)
    if len(inner) < 24:
        return []
    for i, name in enumerate(sensors):
        error = (measured - expected)[inner, i]
        if np.isfinite(error).sum() < 24 or np.nanvar(error) <= 2 * sd[i] ** 2:
            continue
        left_over = np.array([np.nanvar(measured[inner, i] - expected[inner - shift, i]) for shift in shifts])
        at_once, late = left_over[reach], int(shifts[left_over.argmin()])
        if late and left_over.min() < limits.clock_drop * at_once:
            minutes = late * step / timedelta(minutes=1)
            told = f"shows what is expected {abs(minutes):.0f} min {'earlier' if minutes > 0 else 'later'}: its clock is off"
            since = _clock_since(measured[:, i], expected[:, i], late)
            found.append(_fault(name, "clock", minutes, times[since], told))
    return found


def _clock_since(measured: Floats, expected: Floats, late: int) -> int:
    """The step from which on the shifted expectation fits better than the right one: the largest of the running sums' lead."""
    gain = np.square(measured - expected) - np.square(measured - np.roll(expected, late))
    gain[: abs(late)] = 0.0
    return int(np.nan_to_num(gain)[::-1].cumsum()[::-1].argmax())


def _course(sensor: str, times: pd.DatetimeIndex, residual: Floats) -> SensorFault:
    """Drift or datum: whether a ramp from some hour on, or a step at it, leaves less of the hourly residuals."""
    hourly = pd.Series(residual, times).resample("h").median().dropna()
    r = hourly.to_numpy()
    n = len(r)
    starts = np.arange(0, max(n - 6, 1))
    after = np.arange(n) - starts[:, None]
    left_over = {}
    for kind, shape in (("datum", (after >= 0).astype(float)), ("drift", np.maximum(after, 0) / 24)):
        size = shape @ r / np.maximum((shape**2).sum(axis=1), 1e-9)
        rest = (r**2).sum() - size**2 * (shape**2).sum(axis=1)
        best = int(rest.argmin())
        left_over[kind] = (float(rest[best]), best, float(size[best]))
    slow = left_over["drift"][0] < 0.8 * left_over["datum"][0] and n > 48
    _, start, size = left_over["drift" if slow else "datum"]
    if slow:
        return _fault(sensor, "drift", size, hourly.index[start], f"drifts by {size:+.3f} m a day")
    return _fault(sensor, "datum", size, hourly.index[start], f"reads {abs(size):.2f} m too {'high' if size > 0 else 'low'}")


def _fault(sensor: str, kind: Kind, size: float, since: pd.Timestamp, told: str) -> SensorFault:
    remedy = {"drift": "Recalibrate it.", "stuck": "Check it and its wires.", "clock": "Set its clock.", "datum": "Check its datum."}[kind]
    return SensorFault(
        sensor, kind, round(size, 4), since.to_pydatetime(), f"Sensor {sensor} {told} since {since:%Y-%m-%d %H:%M} UTC. {remedy}"
    )


def _day(residual: Floats, sensors: int) -> Floats:
    """Median of each sensor, which a spike does not move, and mean of each witness, whose steps are coarse; NaN where unknown."""
    known = np.isfinite(residual).any(axis=0)
    out = np.full(residual.shape[1], np.nan)
    of_sensor = known & (np.arange(residual.shape[1]) < sensors)
    out[of_sensor] = np.nanmedian(residual[:, of_sensor], axis=0)
    out[known & ~of_sensor] = np.nanmean(residual[:, known & ~of_sensor], axis=0)
    return out
