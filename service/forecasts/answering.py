"""All series of a city at one time: what is due is trained, every series is asked, in shares that any process can take."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from city.problems import Problem
from service.fanout import spread
from service.forecasts import machines, training
from service.forecasts.machines import ASKED
from service.forecasts.predicting import share
from service.forecasts.series import Group, groups, horizon_steps, place_of
from service.forecasts.shares import Chunk, Share, shared_out
from service.settings import LoadedCity
from service.store import forecasting as store

EXPLAINED = 1000
"""Series of a group up to which each one's peak is explained: it takes a millisecond a series."""


@dataclass(frozen=True)
class Moment:
    """A time at which a city is forecast: only what lies before `made_at_utc` and was stored by `known_at_utc` is seen."""

    city: LoadedCity
    engine: Engine
    made_at_utc: datetime
    known_at_utc: datetime

    def steps(self, group: Group) -> int:
        return horizon_steps(self.city.settings.forecast, group)


def train(moment: Moment, drifting: Sequence[str]) -> list[Problem]:
    """Train what is due; a group whose training fails goes on with the machine it has."""
    return _learn(moment, list(training.lessons(moment.city, moment.engine, moment.made_at_utc, moment.known_at_utc, drifting)))


def _learn(moment: Moment, lessons: Sequence[training.Lesson]) -> list[Problem]:
    learned = spread(training.learn, lessons, moment.city, moment.engine)
    training.keep_learned(moment.engine, learned)
    return [problem for one in learned for problem in one.problems]


def answers(moment: Moment) -> tuple[list[Share], list[Problem]]:
    """The answers of all series; a rung that the sample of its group did not stand on is trained when a series stands on it."""
    shares = spread(share, list(_chunks(moment, groups(moment.city))), moment.city, moment.engine)
    lacking: dict[tuple[Group, str], tuple[str, ...]] = {}
    for one in shares:
        for rung, ids in one.lacking.items():
            lacking[one.chunk.group, rung] = lacking.get((one.chunk.group, rung), ()) + ids
    if not lacking:
        return shares, []
    place = place_of(moment.city.environment)
    lessons = [
        training.Lesson(place, group, moment.made_at_utc, moment.known_at_utc, moment.steps(group), ASKED, (), ids, (rung,))
        for (group, rung), ids in lacking.items()
    ]
    problems = _learn(moment, lessons)
    again: dict[Group, tuple[str, ...]] = {}
    for (group, _), ids in lacking.items():
        again[group] = again.get(group, ()) + ids
    return shares + spread(share, list(_chunks(moment, again)), moment.city, moment.engine), problems


def _chunks(moment: Moment, asked: Mapping[Group, tuple[str, ...]]) -> Iterator[Chunk]:
    """The series of each group by the chunk, with the machines that answer."""
    models, place = store.models(moment.engine), place_of(moment.city.environment)
    for group, ids in asked.items():
        held, refused = tuple(sorted(machines.live(models, group).items())), machines.refused(models, group)
        everything = groups(moment.city)[group]
        for some in shared_out(group, everything, set(ids)):
            at_utc, known_at_utc = moment.made_at_utc, moment.known_at_utc
            small = len(everything) <= EXPLAINED
            yield Chunk(place, group, some, at_utc, known_at_utc, moment.steps(group), held, refused, judge=True, explain=small)
