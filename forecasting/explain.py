"""Why the peak of the coming day is as high as it is: what the trees made of each kind of fact, in the series' own unit and in words.

The effects are exact: they and the reference add up to the forecast. Reference: Lundberg et al. 2020, doi 10.1038/s42256-019-0138-9
(Shapley values of trees, as LightGBM gives them), summed by the kind of fact a feature tells.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from forecasting import features, phrases
from forecasting.groups import Part
from forecasting.models.boosted import FittedBoosted
from forecasting.models.linear import TERMS, FittedLinear
from forecasting.models.task import FloatArray, IntArray, Task
from forecasting.weather import Weather

REFERENCE = "alike_mean4"
"""The feature that holds the mean of the last four days of the type: what an operator would look up."""
KINDS_OF_FACT: dict[str, tuple[str, ...]] = {
    "calendar": ("weekday", "day_type", "holiday", "eve", "after", "bridge", "school"),
    "recent": ("surprise", "last_", "same_change", "day_before"),
}
"""Kind of fact -> how the names of its features begin, where no longer name says otherwise; the rest tell the usual pattern."""
PATTERN = ("weekday_1", "weekday_2", "weekday_3", "weekday_4", "weekday_mean4")


@dataclass(frozen=True)
class Explanation:
    """The highest step of the coming day [unit of the series per step], and what moved it away from the last like days."""

    series_id: str
    column: int  # of the peak, on the task's grid
    value: float
    reference: float  # mean of the last four days of the type at that time
    effects: dict[str, float]  # kind of fact -> what it added; they sum to value - reference
    facts: dict[str, object] = field(default_factory=dict)

    @property
    def sentences(self) -> dict[str, str]:
        """The same in English and Chinese."""
        return {language: phrases.told(language, self.value, self.reference, self.effects, self.facts) for language in phrases.LANGUAGES}


def kind_of_fact(name: str) -> str:
    """Which kind of fact a feature tells: calendar, recent or pattern."""
    if name in PATTERN:
        return "pattern"
    return next((kind for kind, starts in KINDS_OF_FACT.items() if name.startswith(starts)), "pattern")


def explain(part: Part, ids: tuple[str, ...], most: int = 1000) -> list[Explanation]:
    """Explain the highest median of the first 24 h of each series of a part; of more than `most` series those with the highest peaks.

    `ids` are those of the history. The part must have been asked at one origin.
    """
    task = part.question.task
    middle = part.answer.quantiles[:, -1, : task.grid.slots, part.answer.quantiles.shape[-1] // 2]
    peak = middle.max(axis=1)
    chosen = np.sort(np.argsort(-peak, kind="stable")[:most])
    steps = middle[chosen].argmax(axis=1)
    few = task.rows(chosen)
    effects, reference = _effects(part, few, chosen, steps)
    found = []
    for j, row in enumerate(chosen):
        own = {kind: float(values[j]) for kind, values in effects.items()}
        value = float(peak[row])
        # what no member says by facts: another member's view, and the limits of the group
        own["other"] = value - float(reference[j]) - sum(own.values())
        column = int(task.origins[-1] + steps[j])
        facts = _facts(few, j, column)
        found.append(Explanation(ids[part.question.rows[row]], column, value, float(reference[j]), own, facts))
    return found


def _effects(part: Part, few: Task, chosen: IntArray, steps: IntArray) -> tuple[dict[str, FloatArray], FloatArray]:
    """Effect of each kind of fact, float32[r] each, and the reference float32[r]."""
    effects = {kind: np.zeros(few.series, np.float32) for kind in ("pattern", "recent", "calendar", "weather")}
    weights = part.answer.weights[:, chosen, -1]
    o = np.full(few.series, few.origins[-1], np.int64)
    weather = part.machine.weather_used(few)
    with_weather = np.zeros(few.series, bool) if weather is None else weather.covers(few.origins[-1:], few.steps)[0, steps]
    for speaks, members, seen in ((~with_weather, part.machine.members, None), (with_weather, part.machine.wet, weather)):
        x, base, scale = _rows(replace(few, weather=seen), o, steps)
        for fitted, weight in zip(members, weights, strict=bool(members)):
            if isinstance(fitted, FittedBoosted):
                added, names = fitted.contributions(x).astype(float), features.NAMES
            elif isinstance(fitted, FittedLinear):
                added, names = fitted.contributions(x, few.ids or ("",) * few.series), TERMS
            else:
                continue
            kinds = [kind_of_fact(name) for name in names] + ["weather"] * (added.shape[1] - 1 - len(names))
            for kind, column in zip([*kinds, "pattern"], added.T, strict=True):  # the last is what is said of everything
                effects[kind] += (column * np.where(speaks, scale * weight, 0)).astype(np.float32)
    reference = base + np.nan_to_num(x[:, features.NAMES.index(REFERENCE)]) * scale
    effects["pattern"] += base - reference
    return effects, reference


def _rows(task: Task, o: IntArray, steps: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Features, base and scale of one step of each series."""
    recent = task.recent(features.REACH_DAYS)
    o = o - (task.origins[-1] - recent.origins[-1])
    return features.rows(features.panel(recent.values, recent.grid), np.arange(task.series), o, o + steps, recent.weather)


def _facts(task: Task, j: int, column: int) -> dict[str, object]:
    """What a person would say about that day and these last days."""
    g = task.grid
    day = int(g.day[column])
    origin = int(task.origins[-1])
    facts: dict[str, object] = {"weekday": int(g.weekday[day]), "hour": float(g.slot[column] * 24 / g.slots)}
    facts |= {name: True for name in ("holiday", "eve", "after", "bridge", "school") if getattr(g, name)[day]}
    facts["made_up"] = bool(g.weekday[day] >= 5 and g.day_type[day] == 0)
    today, week = (task.values[j, max(origin - n * g.slots, 0) : origin] for n in (1, 8))
    before = week[: -g.slots] if week.size > g.slots else week[:0]
    if np.isfinite(today).any() and np.isfinite(before).any() and np.nanmean(before) != 0:
        facts["last_day_change"] = float(np.nanmean(today) / np.nanmean(before) - 1)
    if task.weather is not None:
        facts["weather"] = _warmer(task.weather, origin, column, 7 * g.slots)
    return facts


def _warmer(weather: Weather, origin: int, column: int, week: int) -> dict[str, float]:
    """Each variable at the peak less its mean at the same time of the four weeks before, where both are known."""
    then = np.array([column - k * week for k in range(1, 5)])
    then = then[then >= 0]
    now = weather.at(np.array([origin]), np.array([column]))[:, 0]
    if not then.size:
        return {}
    past = weather.at(np.full(len(then), origin), then)
    counted = np.isfinite(past).sum(axis=1)
    mean = np.where(np.isfinite(past), past, 0).sum(axis=1) / np.maximum(counted, 1)
    return {name: float(now[v] - mean[v]) for v, name in enumerate(weather.names) if np.isfinite(now[v]) and counted[v]}
