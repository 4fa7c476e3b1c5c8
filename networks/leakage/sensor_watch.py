"""Keeps what sensors said beside what was expected, names the faulty ones, and keeps them out of the search for leaks."""

from datetime import timedelta

import numpy as np
import pandas as pd

from networks.leakage.calibration import Calibration
from networks.leakage.scada import Floats
from networks.leakage.sensor_faults import Limits, SensorFault, alone, diagnose
from networks.leakage.tracks import Tape, Track

MEMORY_DAYS = 10  # what a drift needs to be told from a step
TRIAL_DAYS = 2  # how long a suspected sensor is left out before it must be named


class SensorWatch:
    """`faults` standing now; `out` the step since which each faulty or suspected sensor (by its place) is left out."""

    def __init__(self, sensors: list[str], channels: int, per_day: int) -> None:
        self.sensors, self.per_day, self.limits = sensors, per_day, Limits()
        self.tape = Tape(channels)
        self.measured: Floats = np.zeros((0, channels))
        self.faults: list[SensorFault] = []
        self.out: dict[int, int] = {}

    def take(self, measured: Floats, residual: Floats, level: np.ndarray) -> Floats:
        """Keep new steps; the residuals as the search may see them."""
        self.tape.add(residual, level)
        self.measured = np.vstack([self.measured, measured])
        seen = residual.copy()
        seen[:, list(self.out)] = np.nan
        return seen

    def cut(self, end: int) -> None:
        """Forget what lies at and after a step."""
        self.tape.cut(end)
        self.measured = self.measured[: end - self.tape.first]

    def suspect(self, mean: Floats, covariance: Floats, pattern: Floats, since: int) -> list[int]:
        """Sensors that alone account for a window's mean, float[channels]; they are left out from step `since` on."""
        sd = np.maximum(np.sqrt(np.diag(covariance)), self.limits.floor)
        found = alone(mean, sd, pattern, len(self.sensors), set(self.out), self.limits)
        self.out.update(dict.fromkeys(found, since))
        return found

    def judge(self, origin: pd.Timestamp, step: timedelta, tracks: list[Track], calibration: Calibration, pattern: Floats) -> list[int]:
        """Name the sensors that are faulty now, and take back those that are not; places that are newly left out. Once a day."""
        end, first = self.tape.end, max(self.tape.first, self.tape.end - MEMORY_DAYS * self.per_day)
        left = self.tape.left(first, end, tracks, pattern)
        measured = self.measured[first - self.tape.first :]
        times = pd.date_range(origin + first * step, periods=end - first, freq=step)
        sd = np.sqrt(np.diag(calibration.covariance[min(calibration.covariance)]))
        middle = pattern[len(pattern) // 2]
        self.faults = diagnose(self.sensors, times, measured, measured - left, sd, middle, self.limits)
        named = {self.sensors.index(fault.sensor): fault for fault in self.faults}
        new = [i for i in named if i not in self.out]
        for i in new:
            self.out[i] = round((pd.Timestamp(named[i].since_utc) - origin) / step)
        for i in [i for i, since in self.out.items() if i not in named and end - since > TRIAL_DAYS * self.per_day]:
            del self.out[i]
        self.tape.forget(end - MEMORY_DAYS * self.per_day)
        self.measured = self.measured[len(self.measured) - len(self.tape.level) :]
        return new
