"""All that one fit of a group of like series leaves behind, and the answers it gives: an answer is a function of machine and history.

A machine can be stored and read back to the last bit; tonight's answer needs no memory of earlier nights.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from forecasting import blend, intervals, recalibration
from forecasting.intervals import Errors, Pool, Size
from forecasting.models import AnyFitted
from forecasting.models.asked import RowModel, Say, answer
from forecasting.models.distribution import Distribution, FittedDistribution
from forecasting.models.task import FloatArray, IntArray, Model, Task
from forecasting.weather import Weather
from forecasting.weather_archive import stood_in
from forecasting.weather_gate import Verdict, worth


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
    wet: tuple[AnyFitted, ...] = Field(default=(), description="members that learned with weather; none where it does not pay")
    wet_past: tuple[AnyFitted, ...] = ()
    verdict: Verdict | None = Field(default=None, description="whether weather pays, and by how much; none: there was none")
    thin: bool = Field(default=False, description="own past errors are looked at for some lead times only; else for all")
    size: Size | None = Field(description="expected size of an error; none: no error was ever seen")
    pool: Pool | None

    def answer(self, task: Task, levels: Sequence[float]) -> Answer:
        """Quantiles of every asked step, never crossing; level 0.5 is the blend of the members.

        The members are asked for up to `calibration_days` earlier daily origins too; their errors weigh the members and make the bands.
        Steps whose weather is not known at the origin are answered without it.
        """
        if isinstance(self.members[0], FittedDistribution):
            return Answer(*recalibration.answer(self, task, levels))
        task = replace(task, weather=self.weather_used(task))
        before = intervals.earlier_origins(task)  # whoever else is asked with it, a series has the same ones
        before = before[before >= task.column(self.past_until_utc)][-task.settings.calibration_days :]
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
        first = int(np.count_nonzero(task.origins < task.column(self.known_until_utc)))
        if self.thin and first < len(task.origins):
            wanted = np.ones((len(task.origins), task.steps), bool)
            wanted[:first] = intervals.some_steps(task.at(task.origins[:first], task.fit_before)) if first else True
            task = replace(task, wanted=wanted)
        said, size, scale = _all((self.past or self.members, self.members), self.size, task, first)
        return _with_weather((self.wet_past or self.wet, self.wet), said, task, first), size, scale

    def weather_used(self, task: Task) -> Weather | None:
        """What the members with weather need of it; None where they have no say: it does not pay, or nothing is known of the asked steps.

        Then the earlier origins do without as well, so that bands are made of errors like tonight's.
        """
        names = self.verdict.names if self.verdict is not None and self.verdict.used else ()
        found = task.weather.only(names) if task.weather is not None else None
        if found is None or found.names != names or not found.covers(task.origins, task.steps).any():
            return None
        return found

    def weather_told(self, task: Task) -> str:
        """What weather has to do with the answer, as a sentence; '' where there was none to judge."""
        if self.verdict is None:
            return ""
        told = self.verdict.sentence[:1].upper() + self.verdict.sentence[1:]
        found = self.weather_used(task) if self.verdict.used else None
        if self.verdict.used and found is None:
            told += "; but no forecast of it is fresh enough now, so it was made without"
        elif found is not None and not (covered := found.covers(task.origins[-1:], task.steps)[0]).all():
            told += f"; {int(covered.sum())} of {task.steps} steps: beyond them it is not forecast yet, and they were made without"
        return told + "."


Members = Sequence[AnyFitted]


def _with_weather(wet: tuple[Members, Members], said: FloatArray, task: Task, first: int = 0) -> FloatArray:
    """What the members say [m, n, k, steps], by those that learned with weather wherever it is known."""
    if not wet[1] or task.weather is None:
        return said
    covered = task.weather.covers(task.origins, task.steps)
    return np.where(covered, _all(wet, None, task, first, task.weather)[0], said)


def _all(
    fitted: tuple[Members, Members], size: Size | None, task: Task, first: int = 0, weather: Weather | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """All that is made of features comes from one pass over them: by the first members at the first `first` origins, then by the others."""
    task = replace(task, weather=weather)
    *found, expected, scale = answer(task, *(_say(members, size) for members in fitted), first=first)
    of_rows = iter(found)
    said = [next(of_rows) if isinstance(pair[0], RowModel) else _one(pair, task, first) for pair in zip(*fitted, strict=True)]
    return np.stack(said), expected, scale


def _say(fitted: Members, size: Size | None) -> Say:
    rows = [m for m in fitted if isinstance(m, RowModel)]

    def say(x: FloatArray, base: FloatArray, scale: FloatArray) -> tuple[FloatArray, ...]:
        return (*(m.say(x, base, scale) for m in rows), scale if size is None else size.say(x, base, scale), scale)

    return say


def _one(pair: tuple[AnyFitted, AnyFitted], task: Task, first: int) -> FloatArray:
    """A member that looks at more than features, before and after its last training: float32[n, k, steps]."""
    parts = [m.predict(task.at(o, task.fit_before)) for m, o in zip(pair, np.split(task.origins, [first]), strict=True) if o.size]
    return np.concatenate(parts, axis=1)


def fit(task: Task, models: Sequence[Model]) -> Machine:
    """Fit the members, the rung's own first, on what lies before `fit_before`; and again on what lies before the calibration days,
    so that the errors made there are honest.
    """
    if isinstance(models[0], Distribution):
        return Machine(**recalibration.fit(task, models[0]))
    dry = replace(task, weather=None)
    members = tuple(model.fit(dry) for model in models)
    until = task.time(task.fit_before)
    thin = task.series > task.settings.thin_series
    # not validated: a benchmark fits rivals that no stored machine can name
    made = Machine.model_construct(known_until_utc=until, past_until_utc=until, members=members, past=(), size=None, pool=None, thin=thin)
    origins = intervals.calibration_origins(task)
    if not len(origins):
        return made
    past = task.at(origins, int(origins[0]))
    then = tuple(model.fit(replace(past, weather=None)) for model in models)
    few = past.rows(_sample(past))
    said, _, _ = _all((then, then), None, few)
    error = _errors(said, few, task.fit_before)
    wet_past = tuple(model.fit(_with_stand_ins(past)) for model in models) if task.weather is not None else ()
    if task.weather is not None:
        given = _errors(_with_weather((wet_past, wet_past), said, few), few, task.fit_before)
        verdict = worth(task.weather.names, error, given, task.grid.slots)
        made = made.model_copy(update={"verdict": verdict})
        if verdict.used:
            error = given
            made = made.model_copy(update={"wet": tuple(model.fit(_with_stand_ins(task)) for model in models), "wet_past": wet_past})
    size = pool = None
    if np.isfinite(error).any():
        few = replace(few, weather=None)
        size = intervals.size_of(few, error)
        pool = intervals.pool_of(few, Errors(origins, error, size.predict(few)))
    return made.model_copy(update={"past_until_utc": past.time(int(origins[0])), "past": then, "size": size, "pool": pool})


def _errors(said: FloatArray, few: Task, known_before: int) -> FloatArray:
    """Errors of the blend float32[n, c, steps], NaN where what came true is not known yet."""
    error = few.targets() - blended(said, few.targets() - said, few.origins)[0]
    error[:, (few.origins[:, None] + np.arange(few.steps)) >= known_before] = np.nan
    return error


def _with_stand_ins(task: Task) -> Task:
    if task.weather is None:
        return task
    return replace(task, weather=stood_in(task.weather, task.fit_before, task.grid.slots, task.settings.seed))


def blended(said: FloatArray, errors: FloatArray, origins: IntArray) -> tuple[FloatArray, FloatArray]:
    """What the members say together, each weighed at an origin by the errors known then: float32[n, c, steps], and weights [m, n, c]."""
    weight = blend.weights(errors, origins)
    return np.einsum("mnc,mncs->ncs", weight, said).astype(np.float32), weight


def _sample(task: Task) -> IntArray:
    """Some of the series, as many as `calibration_cells` allow."""
    most = max(task.settings.calibration_cells // (len(task.origins) * task.steps), 10)
    return np.sort(np.random.default_rng(task.settings.seed + 1).permutation(task.series)[:most])
