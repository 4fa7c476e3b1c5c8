"""Faults of registers and clocks: a wrong reading, a counter that starts again, and intervals that do not add up to the register."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks._vee_data import Window
from city.frames import Block
from city.quality import VALID, Cause
from city.quantities import Quantity
from meters.vee.norms import learn
from meters.vee.quality import Limits, doubt_sums, doubt_times, validate

_REGISTER = {q.usage: q for q in Quantity if q.usage is not None}
Found = tuple[int, int]  # faults made, and those that got their own rule's cause


def _registers(window: Window, offset: int) -> Block:
    usage = window.block
    shown = np.concatenate([np.zeros((len(usage.ids), 1), np.int64), np.cumsum(usage.values, axis=1)], axis=1) + offset
    return replace(usage, quantity=_REGISTER[usage.quantity], values=shown, quality=np.full(shown.shape, VALID, np.uint16))


def _causes(window: Window, registers: Block, limits: dict[str, Limits]) -> NDArray[np.uint16]:
    return validate(registers, limits, learn(window.history, window.past)).quality >> 8


def wrong_reading(window: Window, size: float, rng: np.random.Generator) -> Found:
    """One register reading off by `size` times what the point ever used in an interval; for water less is reverse flow."""
    registers = _registers(window, 10**10)
    n, t = registers.values.shape
    column = rng.integers(1, t - 1, n)
    most = np.maximum(window.history.values.max(axis=1), window.block.values.max(axis=1))
    sign = np.where(rng.random(n) < 0.5, 1, -1)
    rows = np.arange(n)
    base = np.where(sign > 0, registers.values[rows, column + 1], registers.values[rows, column - 1])
    registers.values[rows, column] = base + sign * np.ceil(size * most).astype(np.int64)
    return n, int((_causes(window, registers, {})[rows, column] == Cause.SPIKE).sum())


def reset(window: Window, size: float, rng: np.random.Generator) -> Found:
    """The counter starts again at what is left of it: a 1.5th, a half, a third, a fifth."""
    registers = _registers(window, 10**12)
    n, t = registers.values.shape
    column = rng.integers(1, t - 1, n)
    for i, c in enumerate(column):
        registers.values[i, c:] += round(int(registers.values[i, c - 1]) / size) - int(registers.values[i, c - 1])
    return n, int((_causes(window, registers, {})[np.arange(n), column] == Cause.RESET).sum())


def rollover(window: Window, _size: float, rng: np.random.Generator) -> Found:
    """The counter shows what is left of its modulus; a week without use before that time rolls over nothing."""
    modulus, scale = 10**12, window.block.quantity.scale
    registers = _registers(window, 0)
    n, t = registers.values.shape
    column = rng.integers(1, t - 1, n)
    first = modulus - registers.values[np.arange(n), column]
    shown = (registers.values + first[:, None]) % modulus
    limits = {name: Limits(point=name, modulus=modulus / scale) for name in window.block.ids}
    causes = _causes(window, replace(registers, values=shown), limits)
    fallen = [np.flatnonzero(np.diff(row) < 0) + 1 for row in shown]
    return sum(len(down) > 0 for down in fallen), sum(
        bool(len(d)) and bool((causes[i, d] == Cause.ROLLOVER).all()) for i, d in enumerate(fallen)
    )


def sums(window: Window, size: float, rng: np.random.Generator) -> Found:
    """One interval is delivered wrong by `size` times half a percent of what the register counted that day."""
    intervals = replace(window.block, values=window.block.values.copy())
    made = []
    for i in range(len(intervals.ids)):
        day = int(rng.integers(window.civil.day.max() + 1))
        columns = np.flatnonzero(window.civil.day == day)
        off = int(np.ceil(size * 0.005 * intervals.values[i, columns].sum()))
        if off:
            intervals.values[i, rng.choice(columns)] += off
            made.append((i, columns))
    told = doubt_sums(intervals, window.block, {}, window.civil).quality >> 8
    return len(made), sum(bool((told[i, columns] == Cause.SUM_CHECK).all()) for i, columns in made)


def late(window: Window, size: float, rng: np.random.Generator) -> Found:
    """Readings taken `size` steps after their slot."""
    n, t = window.block.values.shape
    off_s = rng.uniform(0, 5, (n, t))
    column = rng.integers(0, t, n)
    off_s[np.arange(n), column] = size * window.block.step.total_seconds()
    told = doubt_times(window.block, off_s, {}).quality >> 8
    return n, int((told[np.arange(n), column] == Cause.TIME_TOLERANCE).sum())


MAKERS: dict[str, Callable[[Window, float, np.random.Generator], Found]] = {
    "SPIKE, register": wrong_reading,
    "RESET": reset,
    "ROLLOVER": rollover,
    "SUM_CHECK": sums,
    "TIME_TOLERANCE": late,
}


def found_in_registers(rule: str, window: Window, size: float, rng: np.random.Generator) -> Found:
    """Faults made, and faults found."""
    return MAKERS[rule](window, size, rng)
