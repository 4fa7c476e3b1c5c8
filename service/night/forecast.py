"""Forecast every series that city.toml asks for: machines that are due are trained, all of them answer, sums add up."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd
from sqlalchemy import Connection

from city.problems import Problem
from service import known_events, weather
from service import schema as t
from service.forecasts import answering, judging
from service.forecasts.adding import added_up, rows_of
from service.forecasts.drifting import alarms as drift_of
from service.forecasts.predicting import share
from service.forecasts.series import groups
from service.forecasts.shares import Share
from service.forecasts.skill import rows as skill_rows
from service.night import Night, Output
from service.night.zones import Unusable
from service.store import forecasting as store
from service.store import runs
from service.store.results import replace_rows
from service.store.runs import StepResult

POOR = ("holt-winters", "profile", "naive", "group-shape")
"""Rungs that a series stands on for lack of valid data."""


def compute(night: Night) -> Output:
    """Forecasts of all groups; a series on a lower rung of the ladder, or without any forecast, is named with its reason."""
    sky = weather.take_in(night.engine, night.city, night.now_utc) + weather.state(night.engine, night.city, night.now_utc)[1]
    if not groups(night.city):
        return Output(StepResult("no meter asks for a forecast"))
    moment = answering.Moment(night.city, night.engine, night.today, night.now_utc)
    former = runs.last_step(night.engine, night.city.settings.city.id, "forecast", night.date)
    problems = answering.train(moment, former.detail.get("drifting", []) if former is not None else [])
    shares, lacked = answering.answers(moment)
    if bad := _broken(night, shares):
        raise Unusable(bad)
    together, apart = added_up(moment, shares)
    drifting, alarms = drift_of(shares)
    skill = skill_rows(moment, shares)
    problems += [*lacked, *_told(shares), *apart, *alarms, *sky]
    rows = list(rows_of(moment, shares, together))

    def write(connection: Connection) -> None:
        store.store_forecasts(connection, night.date, rows)
        known_events.store_changes(connection, night.date, [one.changes for one in shares if one.changes is not None])
        replace_rows(connection, t.skill, t.skill.c.night == night.date, [{"night": night.date, **row} for row in skill])
        if together is not None:
            together.write(connection, night.date)

    frame = pd.DataFrame(skill, columns=list(judging.COLUMNS))
    by_day = _gain(frame)
    told = "".join(f"; day {day} error {100 * gain:.0f} % below seasonal naive" for day, gain in by_day.items())
    cover = f"; 80 % bands held {100 * frame['cover80'].mean():.0f} % of the time" if frame["cover80"].notna().any() else ""
    sentence = f"{len(rows)} series for {night.city.settings.forecast.horizon_hours - 3} h{told}{cover}"
    sentence += together.sentence if together is not None else ""
    return Output(StepResult(sentence, {"skill": by_day, "series": len(rows), "drifting": drifting}, problems), write)


def _broken(night: Night, shares: Sequence[Share]) -> dict[str, Sequence[Problem]]:
    """Zones whose own series make a share of the work fail, when their measured ones are asked by themselves; none where all do."""
    meter, found = night.city.meter, dict[str, Sequence[Problem]]()
    for one in shares:
        if one.ids or not one.problems:
            continue
        by_zone: dict[str | None, list[str]] = {}
        for name in one.chunk.ids:
            if name in night.city.points:
                by_zone.setdefault(meter[night.city.points[name].meter].zone, []).append(name)
        for zone, ids in by_zone.items():
            alone = share(replace(one.chunk, ids=tuple(ids), judge=False, explain=False))
            if alone.problems and not alone.ids:
                if zone is None:
                    return {}
                found[zone] = alone.problems
    return found


def _told(shares: Sequence[Share]) -> Iterator[Problem]:
    """A sentence for each series that does not stand on the first rung, and for what went wrong."""
    answered_ids = {name for one in shares for name in one.ids}
    for one in shares:
        yield from one.problems
        for row in one.told.itertuples():
            if row.rung in POOR:
                yield Problem(
                    f"forecast of {row.series_id}",
                    f"made by '{row.model}': {row.reason}",
                    "the boosted model on full history",
                    "Mend the meter.",
                )
        lacking = {name: f"{rung} could not be trained" for rung, ids in one.lacking.items() for name in ids}
        for name, reason in {**lacking, **one.unasked}.items():
            if name not in answered_ids:
                yield Problem(f"forecast of {name}", f"made by 'none': {reason}", "the boosted model on full history", "Mend the meter.")


def _gain(skill: pd.DataFrame) -> dict[int, float]:
    """{day: mean over series of 1 - error / naive error}."""
    known = skill[skill["mae_naive"] > 0]
    ratio = (known["mae"] / known["mae_naive"]).groupby(known["day"]).mean()
    return {int(day): float(1 - value) for day, value in ratio.items()}
