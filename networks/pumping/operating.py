"""Operating points: what every combination of pumps does in every step, taken from EPANET at the tank levels schedules really visit.

Over one step the levels' change, the cost and the least pressures are smooth functions of the tank levels at its start; a quadratic
through EPANET's answers gives them to millimetres as long as the levels stay where the points were taken. Tanks that hang on the
same mains level each other out within an hour, so the points are taken along schedules, not over the whole box of levels.

References: Lansey and Awumah (1994), Optimal pump operations considering pump switches, J. Water Resour. Plann. Manage. 120(1) (hydraulics
precomputed per pump combination); here per step and fitted where needed.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from city.problems import fault
from networks.pumping.day import PumpDay
from networks.pumping.task import Floats, PumpTask

MOST_MODES = 128
_APART_M = 1e-4
_RIDGE = 1e-6

Mode = tuple[int, ...]
"""How many pumps run of each group of identical pumps."""


def modes(task: PumpTask) -> list[Mode]:
    """All combinations of pumps that hydraulics can tell apart. Raises `PenstockError` when there are too many to try them all."""
    found = list(product(*(range(len(group) + 1) for group in task.groups)))
    if len(found) > MOST_MODES:
        seen = f"{len(found)} combinations of {len(task.pumps)} pumps"
        raise fault(f"network {task.network.name}", seen, f"at most {MOST_MODES}", "Plan its pump stations one by one.")
    return found


def running(task: PumpTask, mode: Mode) -> NDArray[np.int8]:
    """int8[pumps]: the first pumps of each group run."""
    row = np.zeros(len(task.pumps), dtype=np.int8)
    for group, count in zip(task.groups, mode, strict=True):
        row[list(group[:count])] = 1
    return row


class OperatingPoints:
    """EPANET's answers so far and the quadratics through them."""

    def __init__(self, day: PumpDay) -> None:
        self.day, self.task = day, day.task
        self.modes = modes(self.task)
        self._running = [running(self.task, mode) for mode in self.modes]
        low, high = self.task.level_limits_m.T
        self._middle, self._half = (low + high) / 2, np.maximum((high - low) / 2, 1e-9)
        tanks, watched = len(self.task.tanks), len(self.task.watched)
        self._levels = [np.zeros((0, tanks)) for _ in range(self.task.steps)]
        self._answers = [np.zeros((len(self.modes), 0, tanks + 1 + watched)) for _ in range(self.task.steps)]
        self._quadratic: list[Floats] = []
        self._known: list[NDArray[np.bool_]] = []

    def add(self, step: int, level_m: Floats) -> None:
        """Ask EPANET at these levels float[n, tanks] at the start of a step, in every mode; levels already asked are left out."""
        for level in level_m:
            if len(self._levels[step]) and np.abs(self._levels[step] - level).max(axis=1).min() < _APART_M:
                continue
            rows = []
            for run in self._running:
                found = self.day.step(step, level, run)
                rows.append(np.concatenate([found.end_level_m - level, [found.cost], found.pressure_m]))
            self._levels[step] = np.vstack([self._levels[step], level])
            self._answers[step] = np.concatenate([self._answers[step], np.array(rows)[:, None]], axis=1)

    def explore(self, schedules: int, rng: np.random.Generator, change: float = 0.35) -> None:
        """Walk random schedules that keep the limits where any mode does, and ask at every level they visit."""
        task, limits = self.task, self.task.level_limits_m
        for _ in range(schedules):
            level, mode = task.initial_level_m, int(rng.integers(len(self.modes)))
            for step in range(task.steps):
                self.add(step, level[None])
                if rng.random() < change:
                    mode = int(rng.integers(len(self.modes)))
                at = int(np.abs(self._levels[step] - level).max(axis=1).argmin())
                after = level + self._answers[step][:, at, : len(level)]
                short = np.maximum(task.least_pressure_m - self._answers[step][:, at, len(level) + 1 :], 0).sum(axis=1)
                wrong = short + np.maximum(limits[:, 0] - after, 0).sum(axis=1) + (after >= limits[:, 1]).sum(axis=1)
                if wrong[mode] > 0:
                    mode = int(np.argmin(wrong + 1e-9 * rng.random(len(wrong))))
                level = after[mode]

    def fit(self, newest: int = 150) -> None:
        """Quadratics per step and mode through the newest points; steps that shut a full or empty tank are no part of them."""
        tanks = len(self.task.tanks)
        low, high = self.task.tank_range_m.T
        self._quadratic, self._known = [], []
        for levels, answers in zip(self._levels, self._answers, strict=True):
            x, y = self.terms(levels[-newest:]), answers[:, -newest:]
            after = levels[-newest:] + y[:, :, :tanks]
            free = ((after < high - _APART_M) & (after > low + _APART_M)).all(axis=2)
            coefficients, known = np.zeros((len(self.modes), x.shape[1], y.shape[2])), free.any(axis=1)
            ridge = _RIDGE * np.eye(x.shape[1])
            ridge[0, 0] = 0.0
            for mode in np.flatnonzero(known):
                a, b = x[free[mode]], y[mode, free[mode]]
                coefficients[mode] = np.linalg.lstsq(a.T @ a + ridge, a.T @ b, rcond=None)[0]
            self._quadratic.append(coefficients)
            self._known.append(known)

    def known(self, step: int, mode: int) -> bool:
        """Whether EPANET has shown this mode at this step without a tank running full or empty."""
        return bool(self._known[step][mode])

    def terms(self, level_m: Floats) -> Floats:
        """float[n, terms]: the terms of the quadratic at levels float[n, tanks]."""
        x = (level_m - self._middle) / self._half
        n = x.shape[1]
        return np.column_stack([np.ones(len(x)), x, *(x[:, i] * x[:, j] for i in range(n) for j in range(i, n))])

    def after(self, step: int, mode: int, level_m: Floats, terms: Floats) -> tuple[Floats, Floats, Floats]:
        """Levels at the end of the step [m], its cost, the least watched pressures [m]: float[n, tanks], float[n], float[n, watched]."""
        found, tanks = terms @ self._quadratic[step][mode], level_m.shape[1]
        return level_m + found[:, :tanks], found[:, tanks], found[:, tanks + 1 :]

    def affine(self, step: int, mode: int) -> tuple[Floats, Floats]:
        """The tangent plane at the mean of the points: constants float[outputs] and slopes float[outputs, tanks] in levels [m]."""
        levels = self._levels[step]
        x = np.column_stack([np.ones(len(levels)), levels - levels.mean(axis=0)])
        y = self.terms(levels) @ self._quadratic[step][mode]
        ridge = 1e-3 * np.eye(x.shape[1])
        ridge[0, 0] = 0.0
        plane = np.linalg.solve(x.T @ x + ridge, x.T @ y)
        return plane[0] - levels.mean(axis=0) @ plane[1:], plane[1:].T
