"""One share of a night's answers: some series of a group are asked of the stored machines, whatever process does it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine

from city.clock import local_date
from city.problems import PenstockError, Problem, fault
from forecasting import events, features, groups, intraday, limits
from forecasting.explain import explain
from forecasting.forecast import LEVELS, Forecasts
from forecasting.models.task import ForecastSettings
from service import hierarchy
from service.crash import keep
from service.forecasts import history, judging
from service.forecasts.machines import machine
from service.forecasts.series import opened, window_start
from service.forecasts.shares import Chunk, Share
from service.store import forecasting as store

INSTEAD = "profile"
"""The rung of series whose own machine was refused."""


def reach_days(settings: ForecastSettings) -> int:
    """How far back features and the errors that make bands look [d]."""
    return features.REACH_DAYS + settings.calibration_days + 1


def share(chunk: Chunk) -> Share:
    """The answers of a chunk; whatever goes wrong in it costs its own series only."""
    try:
        return _share(chunk)
    except PenstockError as error:
        problems = tuple(error.problems)
    except Exception as error:
        told = keep(error, opened(chunk.place)[0].environment)
        problems = (Problem(f"forecasts of {chunk.group}", told, "answers", "Report this."),)
    return Share(chunk, unasked=dict.fromkeys(chunk.ids, "Not forecast: something went wrong, see the problems."), problems=problems)


def _share(chunk: Chunk) -> Share:
    city, engine = opened(chunk.place)
    settings = city.settings.forecast
    start = window_start(city, chunk.made_at_utc, reach_days(settings))
    known = history.read(city, engine, chunk.group, chunk.ids, start, chunk.made_at_utc, chunk.known_at_utc, chunk.steps)
    return asked(chunk, known)


def asked(chunk: Chunk, known: history.Known, since: NDArray[np.float32] | None = None) -> Share:
    """Ask the machines about a known history; `since` [n, a] is what was measured after it, and corrects what they say of later steps."""
    city, engine = opened(chunk.place)
    settings, calendar, h = city.settings.forecast, city.settings.calendar, known.history
    held = dict(chunk.models)
    shaped = {chunk.group.kind} if "group-shape" in held else set()
    rungs = groups.climbed(h, h.values.shape[1], shaped)
    lowered = rungs["model"].isin(chunk.refused)
    stands_on = rungs["model"].copy()
    rungs.loc[lowered, "reason"] = rungs["model"].str.capitalize() + f" was refused, so {INSTEAD}: " + rungs["reason"]
    rungs.loc[lowered, "model"] = INSTEAD
    parts, ids_of, lacking = [], [], {}
    for question in groups.questions(h, rungs, calendar, chunk.steps, [0], settings):
        if question.rung not in held:
            lacking[question.rung] = tuple(h.ids[r] for r in question.rows)
            continue
        made = machine(chunk.place, held[question.rung])
        if since is not None:
            made = made.model_copy(update={"thin": False})  # every step's errors tell what today's mean
        parts.append(groups.answered(question, LEVELS, made))
        ids_of.append(held[question.rung])
    if since is not None:
        acted, _ = events.applied(h, parts, known.events, chunk.group.quantity.unit)
        parts = [_corrected(part, told, since) for part, told in zip(parts, acted, strict=True)]
    told = groups.guarded(rungs, parts).assign(rung=stands_on)
    told["why"] = told["series_id"].map(_why(chunk, h, parts)).astype(object).where(lambda known: known.notna(), None)
    acted, changes = events.applied(h, parts, known.events, chunk.group.quantity.unit)
    _say_more(told, known, changes)
    return _collected(
        chunk, known, told, acted, ids_of, changes, lacking, _judged(engine, chunk, known, parts, ids_of) if chunk.judge else None
    )


def _why(chunk: Chunk, h: groups.History, parts: Sequence[groups.Part]) -> dict[str, dict[str, Any]]:
    """What drove each peak of the first day: the sentence in each language, and what it was made of."""
    if not chunk.explain or chunk.group.kind in groups.FOLLOWS_THE_SKY:
        return {}
    return {
        one.series_id: {
            **one.sentences,
            "time_utc": (h.start_utc + one.column * h.step).isoformat(),
            "value": one.value,
            "reference": one.reference,
            "effects": one.effects,
        }
        for part in parts
        for one in explain(part, h.ids)
    }


def _corrected(part: groups.Part, acted: groups.Part, since: NDArray[np.float32]) -> groups.Part:
    """A part of midnight, with what the day has shown so far, within the limits of its group.

    `acted` is the same part after known events: where they act, what was measured says nothing about an ordinary day.
    """
    task, known = part.question.task, part.answer.errors
    late = known.origins[:, None] + np.arange(task.steps) >= task.origins[0]
    errors = np.where(late, np.nan, known.errors)
    per_hour = max(task.grid.slots // 24, 1)
    ordinary = (acted.answer.quantiles[:, 0] == part.answer.quantiles[:, 0]).all(axis=-1)[:, : since.shape[1]]
    shown = np.where(ordinary, since[part.question.rows], np.nan).astype(np.float32)
    quantiles = intraday.corrected(part.answer.quantiles[:, 0], errors, shown, per_hour)
    quantiles = limits.bound(part.question.group, quantiles[:, None], task)
    return replace(part, answer=replace(part.answer, quantiles=quantiles))


def _judged(engine: Engine, chunk: Chunk, known: history.Known, parts: Sequence[groups.Part], model_ids: Sequence[str]) -> judging.Judged:
    city, _ = opened(chunk.place)
    night = local_date(chunk.made_at_utc, city.settings.city.time_zone)
    before, last = night - timedelta(days=judging.NIGHTS + 1), night - timedelta(days=1)
    told = judging.issued(store.issued(engine, chunk.ids, before, last), known)
    return judging.judged(told, known, parts, model_ids)


def _say_more(told: pd.DataFrame, known: history.Known, changes: pd.DataFrame) -> None:
    """Reasons with what was left out of the history and what events change."""
    row = {name: i for i, name in enumerate(told["series_id"])}
    reasons = told["reason"].to_list()
    for name, sentence in (*known.notes.items(), *zip(changes["series_id"], changes["sentence"], strict=True)):
        reasons[row[name]] += f" {sentence}"
    told["reason"] = reasons


def _collected(
    chunk: Chunk,
    known: history.Known,
    told: pd.DataFrame,
    parts: Sequence[groups.Part],
    model_ids: Sequence[str],
    changes: pd.DataFrame,
    lacking: Mapping[str, tuple[str, ...]],
    scored: judging.Judged | None,
) -> Share:
    """The share of a chunk in the order of its ids."""
    city, _ = opened(chunk.place)
    h = known.history
    rows = np.concatenate([part.question.rows for part in parts]) if parts else np.empty(0, np.int64)
    order = np.argsort(rows)
    quantiles = np.concatenate([part.answer.quantiles[:, 0] for part in parts]) if parts else np.empty((0, chunk.steps, 3), np.float32)
    if not np.isfinite(quantiles).all():
        bad = h.ids[rows[np.argwhere(~np.isfinite(quantiles))[0][0]]]
        raise fault(f"forecast of '{bad}'", "not a finite number", "finite quantiles", "Report this: a model must not do that.")
    digest = known.digests()
    of_row: list[str] = [name for part, name in zip(parts, model_ids, strict=True) for _ in part.question.rows]
    answered = told.iloc[rows[order]].assign(model_id=[of_row[j] for j in order], input_hash=[digest[r] for r in rows[order]])
    none = told[told["model"] == "none"]
    given = Forecasts(pd.DataFrame(), told, h, tuple(parts))
    return Share(
        chunk,
        tuple(h.ids[r] for r in rows[order]),
        quantiles[order],
        answered.reset_index(drop=True),
        dict(zip(none["series_id"], none["reason"], strict=True)),
        lacking,
        changes,
        hierarchy.alone(city, given),
        scored,
    )
