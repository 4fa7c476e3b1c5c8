"""All that one fit of a group of like series leaves behind, and the answers it gives: an answer is a function of machine and history.

A machine can be stored and read back to the last bit; tonight's answer needs no memory of earlier nights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from forecasting import blend, intervals
from forecasting.intervals import Errors, Pool, Size
from forecasting.models import AnyFitted
from forecasting.models.asked import RowModel, answer
from forecasting.models.task import FloatArray, IntArray, Model, Task


@dataclass(frozen=True)
class Answer:
    """What is said about n series at k origins."""

    quantiles: FloatArray  # [n, k, steps, q]
    errors: Errors  # of the c daily origins before the first asked one
    members: FloatArray  # [m, n, c] mean absolute error of each member at these origins
    weights: FloatArray  # [m, n, k]


class Machine(BaseModel):
    """The members of a rung, fitted on everything known and, for honest errors, on what was known before the calibration days."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    known_until_utc: datetime = Field(description="`members` learned nothing from then on")
    past_until_utc: datetime = Field(description="`past` learned nothing from then on")
    members: tuple[AnyFitted, ...]
    past: tuple[AnyFitted, ...]
    size: Size | None = Field(description="expected size of an error; none: no error was ever seen")
    pool: Pool | None

    def answer(self, task: Task, levels: Sequence[float]) -> Answer:
        """Quantiles of every asked step, never crossing; level 0.5 is the blend of the members.

        The members are asked for up to `calibration_days` earlier daily origins too; their errors weigh the members and make the bands.
        """
        before = intervals.calibration_origins(task.at(task.origins, int(task.origins[0])))
        before = before[before >= task.column(self.past_until_utc)]
        everything = task.at(np.concatenate([before, task.origins]), task.fit_before)
        said, size, scale = self._said(everything)
        errors = everything.targets() - said
        middle, weight = blended(said, errors, everything.origins)
        c = len(before)
        known = Errors(everything.origins, everything.targets() - middle, size)
        if self.pool is None:
            quantiles = intervals.guess(middle[:, c:], scale[:, c:], levels)
        else:
            offset = intervals.offsets(task, known, c, self.pool, levels)
            quantiles = (middle[:, c:, :, None] + offset * size[:, c:, :, None]).astype(np.float32)
        seen = np.isfinite(errors[:, :, :c])
        mae = np.where(seen, np.abs(errors[:, :, :c]), 0).sum(3) / np.maximum(seen.sum(3), 1)
        return Answer(quantiles, known.before(c), np.where(seen.any(3), mae, np.nan), weight[:, :, c:])

    def _said(self, task: Task) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Medians of the members [m, n, k, steps], expected size and scale [n, k, steps]; earlier origins are for the past members."""
        earlier = task.origins < task.column(self.known_until_utc)
        parts = []
        for fitted, origins in ((self.past, task.origins[earlier]), (self.members, task.origins[~earlier])):
            if origins.size:
                parts.append(_all(fitted or self.members, self.size, task.at(origins, task.fit_before)))
        said, size, scale = (np.concatenate([part[j] for part in parts], axis=-2) for j in range(3))
        return said, size, scale


def _all(fitted: Sequence[AnyFitted], size: Size | None, task: Task) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Everything that is made of features comes from one pass over them."""
    rows = [m for m in fitted if isinstance(m, RowModel)]

    def say(x: FloatArray, base: FloatArray, scale: FloatArray) -> tuple[FloatArray, ...]:
        return (*(m.say(x, base, scale) for m in rows), scale if size is None else size.say(x, base, scale), scale)

    *found, expected, scale = answer(task, say)
    of_rows = iter(found)
    said = [next(of_rows) if isinstance(m, RowModel) else m.predict(task) for m in fitted]
    return np.stack(said), expected, scale


def fit(task: Task, models: Sequence[Model]) -> Machine:
    """Fit the members, the rung's own first, on what lies before `fit_before`; and again on what lies before the calibration days,
    so that the errors made there are honest.
    """
    members = tuple(model.fit(task) for model in models)
    until = task.time(task.fit_before)
    made = Machine.model_construct(known_until_utc=until, past_until_utc=until, members=members, past=(), size=None, pool=None)
    origins = intervals.calibration_origins(task)
    if not len(origins):
        return made
    past = task.at(origins, int(origins[0]))
    then = tuple(model.fit(past) for model in models)
    few = past.rows(_sample(past))
    said, _, _ = _all(then, None, few)
    error = few.targets() - blended(said, few.targets() - said, origins)[0]
    error[:, (origins[:, None] + np.arange(task.steps)) >= task.fit_before] = np.nan
    size = pool = None
    if np.isfinite(error).any():
        size = intervals.size_of(few, error)
        pool = intervals.pool_of(few, Errors(origins, error, size.predict(few)))
    return made.model_copy(update={"past_until_utc": past.time(int(origins[0])), "past": then, "size": size, "pool": pool})


def blended(said: FloatArray, errors: FloatArray, origins: IntArray) -> tuple[FloatArray, FloatArray]:
    """What the members say together, each weighed at an origin by the errors known then: float32[n, c, steps], and weights [m, n, c]."""
    weight = np.stack([blend.weights(errors[:, :, :c], origins[:c], int(o)) for c, o in enumerate(origins)], 2)
    return np.einsum("mnc,mncs->ncs", weight, said).astype(np.float32), weight


def _sample(task: Task) -> IntArray:
    """Some of the series, as many as `calibration_cells` allow."""
    most = max(task.settings.calibration_cells // (len(task.origins) * task.steps), 10)
    return np.sort(np.random.default_rng(task.settings.seed + 1).permutation(task.series)[:most])
