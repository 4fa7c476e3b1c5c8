"""Daily windows of the local clock, as steps of a horizon: when a process may run, by when energy must have been taken."""

from dataclasses import dataclass
from datetime import time

import numpy as np

from optimisation.inputs import PlanInput


@dataclass(frozen=True)
class Window:
    """Steps `first` to `end` (not included) of one window. `begun`: it opened before the horizon; `after_h` of it lie beyond."""

    first: int
    end: int
    begun: bool
    after_h: float


def windows(inputs: PlanInput, start: time, end: time) -> list[Window]:
    """The windows [start, end) that meet the horizon, in order; over midnight when end < start, the whole day when they are equal."""
    opens, closes = start.hour * 60 + start.minute, end.hour * 60 + end.minute
    minute = np.array([t.hour * 60 + t.minute for t in inputs.local_times])
    day = np.array([t.toordinal() for t in inputs.local_times]) - (minute < opens)
    inside = inputs.between(start, end)
    found = []
    for one in np.unique(day[:-1][inside]):
        steps = np.flatnonzero(inside & (day[:-1] == one))
        first, last = int(steps[0]), int(steps[-1]) + 1
        after = (closes - int(minute[last])) % 1440 if last == inputs.steps else 0
        found.append(Window(first, last, first == 0 and int(minute[0]) != opens, after / 60.0))
    return found
