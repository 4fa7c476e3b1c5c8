"""Faults put into real weeks: each computes the limit of its rule by itself, from the definition, without the rules' code.

A fault is (row, columns); its size is a multiple of the rule's limit at that point. A series in which a fault of that size cannot
be made (a run longer than the week, a limit of zero) is passed over.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from benchmarks._vee_data import Window
from city.quantities import Quantity

Fault = tuple[int, list[int]]
Row = NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """One series: four weeks of history, the week that gets the fault in place, and how large it is to be."""

    past: Row
    row: Row
    window: Window
    size: float
    rng: np.random.Generator


Maker = Callable[[Case], list[int]]


def _days(window: Window) -> list[list[int]]:
    """Columns of each whole civil day of the week."""
    days = [[c for c, _ in part] for _, part in groupby(enumerate(window.civil.day), key=lambda item: item[1])]
    return [day for day in days if len(day) >= 0.95 * window.civil.slots]


def _totals(past: Row, window: Window) -> list[int]:
    columns = [[c for c, _ in part] for _, part in groupby(enumerate(window.past.day), key=lambda item: item[1])]
    return [int(past[day].sum()) for day in columns]


def _night(columns: list[int], slot: NDArray[np.int32], slots: int) -> list[int]:
    return [c for c in columns if 1 <= slot[c] * 24 / slots < 5]


def limit(case: Case) -> list[int]:
    """Above the maximum of [[limits]], which the judge sets to 1.2 times the largest value of five weeks."""
    c = int(case.rng.integers(case.row.size))
    case.row[c] = round(case.size * 1.2 * max(case.past.max(), case.row.max()))
    return [c]


def negative(case: Case) -> list[int]:
    c = int(case.rng.integers(case.row.size))
    case.row[c] = -round(max(1.0, case.size * float(case.past.mean())))
    return [c]


def spike_of_usage(case: Case) -> list[int]:
    """2.8 times what is then the third highest of five weeks: the spike itself is the highest."""
    c = int(case.rng.integers(case.row.size))
    third = sorted(np.concatenate([case.past, np.delete(case.row, c)]).tolist())[-2]
    case.row[c] = int(case.size * 2.8 * third) + 1
    return [c] if third > 0 else []


def spike_of_sensor(case: Case) -> list[int]:
    """Three times the largest excursion of four weeks that lies above, or below, both its neighbours."""
    p = case.past.tolist()
    most = max(max(min(b - a, b - c), min(a - b, c - b), 0) for a, b, c in zip(p, p[1:], p[2:], strict=False))
    c = int(case.rng.integers(1, case.row.size - 1))
    top, bottom, off = max(case.row[c - 1], case.row[c + 1]), min(case.row[c - 1], case.row[c + 1]), round(case.size * 3 * most) + 1
    case.row[c] = top + off if case.rng.random() < 0.5 else bottom - off
    return [c] if most > 0 else []


def stuck(case: Case) -> list[int]:
    """The same value, other than zero, for longer than twice the longest such run of four weeks, and than eight intervals."""
    longest = max((len(list(run)) for value, run in groupby(case.past.tolist()) if value), default=0)
    length = int(np.ceil(case.size * max(8, 2 * longest)))
    if length >= case.row.size:
        return []
    c = int(case.rng.integers(case.row.size - length))
    if case.row[c] == 0:
        case.row[c] = int(case.past.max())
    case.row[c : c + length] = case.row[c]
    return list(range(c, c + length))


def high_day(case: Case) -> list[int]:
    day, wanted = _days(case.window)[case.rng.integers(len(_days(case.window)))], case.size * 2.5 * max(_totals(case.past, case.window))
    if case.row[day].sum() == 0:
        return []
    case.row[day] = np.ceil(case.row[day] * (wanted / case.row[day].sum())).astype(np.int64) + 1
    return day


def low_day(case: Case) -> list[int]:
    day, wanted = _days(case.window)[case.rng.integers(len(_days(case.window)))], 0.05 * min(_totals(case.past, case.window)) / case.size
    if case.row[day].sum() == 0 or wanted < 1:
        return []
    case.row[day] = np.floor(case.row[day] * min(1.0, wanted / case.row[day].sum())).astype(np.int64)
    return day


def restless_night(case: Case) -> list[int]:
    """Something runs all night: the least interval is above three times the largest night minimum and half the mean interval."""
    past, civil = case.window.past, case.window.civil
    days = [[c for c, _ in part] for _, part in groupby(enumerate(past.day), lambda item: item[1])]
    nights = [night for night in (_night(day, past.slot, past.slots) for day in days) if night]
    most = max(3 * max(int(case.past[night].min()) for night in nights), 0.5 * float(case.past.mean()))
    whole = _days(case.window)
    night = _night(whole[case.rng.integers(len(whole))], civil.slot, civil.slots)
    case.row[night] += round(case.size * most) - int(case.row[night].min())
    return night


def reverse(case: Case) -> list[int]:
    """Two hours of flow the other way; the limit is zero, so the size is in hundredths of the mean flow."""
    length = int(timedelta(hours=2) / case.window.block.step)
    c = int(case.rng.integers(case.row.size - length))
    case.row[c : c + length] = -1 - (case.size * 0.01 * np.abs(case.row[c : c + length])).astype(np.int64)
    return list(range(c, c + length))


def lost(case: Case) -> list[int]:
    return [int(case.rng.integers(case.row.size))]


MAKERS: dict[str, tuple[Maker, Callable[[Quantity], bool]]] = {
    "GAP": (lost, lambda _: True),
    "LIMIT": (limit, lambda _: True),
    "NEGATIVE": (negative, lambda q: q.is_period),
    "SPIKE, usage": (spike_of_usage, lambda q: q.is_period),
    "SPIKE, sensor": (spike_of_sensor, lambda q: not q.is_period),
    "FLAT": (stuck, lambda _: True),
    "HIGH_USAGE": (high_day, lambda q: q.is_period),
    "LOW_USAGE": (low_day, lambda q: q.is_period),
    "NIGHT_MINIMUM": (restless_night, lambda q: q is Quantity.VOLUME_M3),
    "REVERSE_FLOW": (reverse, lambda q: q is Quantity.FLOW_M3_PER_H),
}


def faulty(rule: str, window: Window, size: float, rng: np.random.Generator) -> tuple[NDArray[np.int64], list[Fault]]:
    """The week's values with one fault in every series that can have it, and where they are."""
    make, _ = MAKERS[rule]
    values = window.block.values.copy()
    faults = []
    for i in range(len(values)):
        row = values[i].copy()
        if columns := make(Case(window.history.values[i], row, window, size, rng)):
            values[i] = row
            faults.append((i, columns))
    return values, faults


def applicable(quantity: Quantity) -> Iterator[str]:
    return (rule for rule, (_, fits) in MAKERS.items() if fits(quantity))
