"""Machines are trained when they are due, from a bounded sample of series over the full history, and go live through the gate."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Engine

from city.clock import civil_day, local_date
from city.problems import PenstockError, Problem
from forecasting import features, groups, ladder, machine
from forecasting.machine import Machine
from forecasting.models import Naive, Profile, members
from service.crash import keep
from service.forecasts import gate, history
from service.forecasts.machines import due, live
from service.forecasts.machines import machine as stored
from service.forecasts.predicting import reach_days
from service.forecasts.provenance import code, settings_of, versions
from service.forecasts.series import Group, Place, horizon_steps, opened, place_of
from service.forecasts.series import groups as groups_of
from service.settings import LoadedCity
from service.store import forecasting as store
from service.store import meter_days, writing

CANNOT_ASK = ("code changed", "features changed")
"""Reasons for which former machines are neither compared nor asked: they were made for other features."""


@dataclass(frozen=True)
class Lesson:
    """The key of one training: the machines of a group on some rungs."""

    place: Place
    group: Group
    made_at_utc: datetime
    known_at_utc: datetime
    steps: int
    reason: str
    former: tuple[tuple[str, str], ...]  # rung -> model_id of the live machine
    ids: tuple[str, ...]  # a sample of the group is drawn from them
    rungs: tuple[str, ...] = ()  # none: those that the sample stands on


@dataclass(frozen=True)
class Learned:
    """What a lesson gives back: rows of the table and their machines as JSON."""

    models: tuple[tuple[dict[str, Any], bytes], ...] = ()
    problems: tuple[Problem, ...] = ()
    whole: str = ""  # how the keys of the group begin whose every rung was looked at
    afresh: bool = False  # its former machines cannot be asked any more


def lessons(city: LoadedCity, engine: Engine, made_at_utc: datetime, known_at_utc: datetime, drifting: Sequence[str]) -> Iterator[Lesson]:
    """What must be trained tonight."""
    rows, place = store.models(engine), place_of(city.environment)
    for group, ids in groups_of(city).items():
        reason = due(city, rows, group, made_at_utc, drifting)
        if reason:
            former = tuple((rung, model_id) for rung, model_id in live(rows, group).items())
            steps = horizon_steps(city.settings.forecast, group)
            yield Lesson(place, group, made_at_utc, known_at_utc, steps, reason, former, ids)


def learn(lesson: Lesson) -> Learned:
    """Train the machines of a lesson; what goes wrong leaves the former ones in place."""
    try:
        return _learn(lesson)
    except PenstockError as error:
        return Learned(problems=tuple(error.problems))
    except Exception as error:
        told = keep(error, opened(lesson.place)[0].environment)
        return Learned(problems=(Problem(f"training of {lesson.group}", told, "a machine", "The former one goes on; report this."),))


def _learn(lesson: Lesson) -> Learned:
    city, engine = opened(lesson.place)
    settings, group = city.settings.forecast, lesson.group
    ids = _sample(lesson, settings.train_series, settings.seed)
    oldest = local_date(lesson.made_at_utc, city.settings.city.time_zone) - timedelta(days=city.settings.night.history_days)
    zone = city.settings.city.time_zone
    window = local_date(lesson.made_at_utc, zone) - timedelta(days=reach_days(settings))
    first = meter_days.first(engine) or lesson.made_at_utc
    start = min(max(civil_day(oldest, zone)[0], first), civil_day(window, zone)[0])
    known = history.read(city, engine, group, ids, start, lesson.made_at_utc, lesson.known_at_utc, lesson.steps)
    h = known.history
    seen = replace(h, values=h.values[:, -reach_days(settings) * h.slots :])
    rungs = groups.climbed(seen, seen.values.shape[1])
    asked = rungs["model"].to_numpy()
    data = hashlib.sha256("".join(known.digests()).encode()).hexdigest()
    made, problems = [], []
    for rung in ladder.RUNGS:
        rows = np.flatnonzero(asked == rung)
        if lesson.rungs and rung not in lesson.rungs:
            continue
        if not rows.size and not (rung in lesson.rungs or (rung == "group-shape" and groups.rich(seen, seen.values.shape[1]).any())):
            continue
        question = groups.question(h, group.kind, rung, rows, city.settings.calendar, lesson.steps, [0], settings)
        row, text = _made(lesson, question, h.ids, data)
        made.append((row, text))
        if row["state"] == store.REFUSED:
            told = f"{group}, {rung}"
            problems.append(
                Problem(
                    f"new machine of {told}", row["sentence"], "one that errs no more", "What answered before goes on; look at its data."
                )
            )
    return Learned(tuple(made), tuple(problems), "" if lesson.rungs else group.key(""), lesson.reason in CANNOT_ASK)


def _sample(lesson: Lesson, most: int, seed: int) -> tuple[str, ...]:
    """At most `most` of the ids, the same ones in whatever order they come."""
    ids = sorted(lesson.ids)
    if len(ids) <= most:
        return tuple(ids)
    return tuple(ids[i] for i in np.sort(np.random.default_rng(seed).permutation(len(ids))[:most]))


def _made(lesson: Lesson, question: groups.Question, ids: Sequence[str], data: str) -> tuple[dict[str, Any], bytes]:
    """Fit one machine and judge it."""
    city, _ = opened(lesson.place)
    fitted = machine.fit(question.task, members(question.rung, question.task.series))
    text = fitted.model_dump_json().encode()
    key = lesson.group.key(question.rung)
    state, sentence, measured = _judged(lesson, question, fitted, ids)
    provenance = {
        "trained because": lesson.reason,
        "data": data,
        "rows": int(np.isfinite(question.task.values).sum()),
        "series": question.task.series,
        "features": list(features.NAMES),
        "settings": settings_of(city),
        "code": code(),
        "versions": versions(),
        "measured": measured,
    }
    row = {
        "model_id": hashlib.sha256(key.encode() + text).hexdigest(),
        "group_key": key,
        "trained_at_utc": lesson.known_at_utc,
        "known_until_utc": fitted.known_until_utc,
        "state": state,
        "sentence": sentence,
        "provenance": provenance,
    }
    return row, text


def _judged(lesson: Lesson, question: groups.Question, fitted: Machine, ids: Sequence[str]) -> tuple[str, str, list[dict[str, Any]]]:
    """State, sentence and what was measured. The old machine is asked as it was; of the new one only what it learned before those days."""
    found = gate.judge_task(question) if question.task.series else None
    if found is None:
        return (*gate.verdict(question.rung, None, None, ""), [])
    task, rows = found
    naive = gate.plain(Naive(), task)
    new = gate.tried(fitted, task)
    other, against = _former(lesson, question.rung, task)
    if other is None:
        other, against = (gate.plain(Profile(), task), "the profile") if question.rung != "profile" else (naive, "seasonal naive")
    days = gate.guarded(fitted, task)
    state, sentence = gate.verdict(question.rung, gate.score(new, naive, days), gate.score(other, naive, days), against)
    names = tuple(ids[question.rows[r]] for r in rows)
    return state, sentence, gate.figures(names, question.rung, new, naive)


def _former(lesson: Lesson, rung: str, task: Any) -> tuple[gate.Trial | None, str]:
    """How the live machine does; none where there is none or the code can no longer read it."""
    model_id = dict(lesson.former).get(rung)
    if model_id is None or lesson.reason in CANNOT_ASK:
        return None, ""
    try:
        return gate.tried(stored(lesson.place, model_id), task), f"the live one ({model_id[:8]})"
    except PenstockError:
        return None, ""


def keep_learned(engine: Engine, learned: Sequence[Learned]) -> None:
    """Store what was learned, all of it or nothing."""
    with writing(engine) as connection:
        for one in learned:
            if one.whole and one.models:  # a rung that no series stands on now is trained again when one does
                store.retire(connection, one.whole, () if one.afresh else [row["group_key"] for row, _ in one.models])
            for row, text in one.models:
                store.store_model(connection, row, text)
