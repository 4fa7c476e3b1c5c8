"""What no forecast may say: negative usage, sunshine at night, more wind power than there ever was. Net load may have any sign."""

import numpy as np
from numpy.typing import NDArray

from forecasting.models.task import FloatArray, Task
from forecasting.models.wind import rated
from forecasting.sun import Sun

ANY_SIGN = {"net"}


def bound(group: str, quantiles: FloatArray, task: Task) -> FloatArray:
    """Quantiles [n, k, steps, q] kept within what is possible for the series of a group [unit of the values].

    The solar model keeps below its own clear sky; here the night is what is left to say of the other rungs.
    """
    if group in ANY_SIGN:
        return quantiles
    top = np.full((*quantiles.shape[:3], 1), np.inf, np.float32)
    if group == "wind":
        top[:] = rated(task.values, int(task.origins[0]))[:, None, None, None]
    if group == "pv" and task.sun is not None:
        top[_dark(task, task.sun)] = 0
    return np.clip(quantiles, 0, top)


def _dark(task: Task, sun: Sun) -> NDArray[np.bool_]:
    """Asked steps in which the sun is down throughout, whatever a clock may be late: bool[n, k, steps]."""
    asked = task.origins[:, None] + np.arange(task.steps)
    places = range(len(sun.elevation_deg))
    highest = [np.max([sun.highest_deg(place, late) for late in sun.lates], axis=0)[asked] for place in places]
    return np.stack(highest)[sun.place] <= 0
