"""A machine goes live only if it errs no more than what it replaces, judged on the same days, each without having seen them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.blend import GUARD_DAYS
from forecasting.forecast import LEVELS
from forecasting.groups import Question
from forecasting.machine import Machine
from forecasting.models import Naive, Profile
from forecasting.models.task import FloatArray, IntArray, Task
from forecasting.windows import finite_mean
from service.store.forecasting import LIVE, REFUSED

ORIGINS = 7
"""Last daily origins whose two days are over, on which machines are judged."""
SERIES = 100
"""Series they are judged on; more are an evenly spaced sample."""
TOLERANCE = 0.05
"""A new machine may err this much more than what it is compared with: seven days cannot tell less [1]."""
FREE = ("naive", "group-shape")
"""Rungs with nothing simpler below them."""


@dataclass(frozen=True)
class Trial:
    """How one candidate did on n series and k origins, by day ahead."""

    error: NDArray[np.float64]  # [n, k, 2], mean absolute error [unit per step]; NaN where nothing came true
    inside: NDArray[np.float64]  # [n, k, 2], share of actuals within P10..P90
    count: NDArray[np.int64]  # [n, k, 2], actuals


def judge_task(question: Question) -> tuple[Task, IntArray] | None:
    """The last origins that are over, for some of the question's series and their rows; None where history is too short for one."""
    task = question.task
    daily = task.grid.daily_columns(int(task.grid.slot[task.origins[0]]))
    today = int(task.grid.day[task.origins[0]])
    steps = 2 * task.grid.slots
    first = int(np.argmax(np.isfinite(task.values).any(axis=0)))
    origins = np.array([daily[today - b] for b in range(ORIGINS + 1, 1, -1) if today - b >= 8], np.int64)
    origins = origins[(origins >= first + 8 * task.grid.slots) & (origins + steps <= task.values.shape[1])]
    if not origins.size:
        return None
    rows = np.arange(0, task.series, max(1, -(-task.series // SERIES)))
    asked = task.rows(rows).at(origins, int(origins[0]))
    return replace(asked, steps=steps), rows


def tried(machine: Machine, task: Task) -> Trial:
    """A machine on the task's origins; it saw none of them where they lie before its last training and after its calibration began."""
    q = machine.answer(task, LEVELS).quantiles
    y = task.targets()
    return _trial(task, q[..., 1], (y >= q[..., 0]) & (y <= q[..., 2]))


def plain(model: Profile | Naive, task: Task) -> Trial:
    """A model that has no band."""
    return _trial(task, model.predict(task), None)


def _trial(task: Task, said: FloatArray, inside: NDArray[np.bool_] | None) -> Trial:
    y = task.targets()
    by_day = (*y.shape[:2], 2, task.grid.slots)
    error = np.abs(y - said).reshape(by_day)
    seen = np.isfinite(error)
    within = np.where(seen, np.nan if inside is None else inside.reshape(by_day), np.nan)
    return Trial(finite_mean(error, 3), finite_mean(within, 3), seen.sum(axis=3))


def guarded(machine: Machine, task: Task) -> NDArray[np.bool_]:
    """Origins at which the machine's guard had seen enough errors to speak, as it will have tonight: bool[k]."""
    since = task.column(machine.past_until_utc) + (GUARD_DAYS + 2) * task.grid.slots
    found: NDArray[np.bool_] = task.origins >= since
    return found


def score(trial: Trial, naive: Trial, origins: NDArray[np.bool_]) -> float | None:
    """Mean over series of the error relative to seasonal naive's [1]; None where naive errs nowhere."""
    mine, other = (finite_mean(one.error[:, origins].reshape(len(one.error), -1), 1) for one in (trial, naive))
    known = (np.nan_to_num(other) > 0) & np.isfinite(mine)
    return float(np.mean(mine[known] / other[known])) if known.any() else None


def verdict(rung: str, new: float | None, other: float | None, against: str) -> tuple[str, str]:
    """The state of a new machine and the sentence why."""
    if rung in FREE:
        return LIVE, "live: nothing simpler could take its place"
    if new is None or other is None:
        return LIVE, "live: too little history to judge it by"
    told = f"over the last days its error is {new:.3f} of seasonal naive's, that of {against} {other:.3f}"
    if new > (1 + TOLERANCE) * other:
        return REFUSED, f"refused: {told}, so it is more than {TOLERANCE:.0%} worse"
    return LIVE, f"live: {told}"


def figures(ids: Sequence[str], rung: str, trial: Trial, naive: Trial) -> list[dict[str, Any]]:
    """Rows for the skill table: what the gate measured, until forecasts were issued and can be held against what came true."""
    rows = []
    for i, name in enumerate(ids):
        for day in (0, 1):
            n = int(trial.count[i, :, day].sum())
            if n:
                told = {"mae": trial.error, "mae_naive": naive.error, "cover80": trial.inside}
                values = {key: float(finite_mean(a[i : i + 1, :, day], 1)[0]) for key, a in told.items()}
                rows.append({"series_id": name, "day": day + 1, "model": rung, **values, "n": n})
    return rows
