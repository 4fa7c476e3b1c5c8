"""Tonight's plan as people judge it: against doing nothing, with its forecasts, prices, sentences and the fate of its commands."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from service import schema as t
from service.settings import LoadedCity
from service.store import courses, paths, results
from service.store.courses import Courses
from service.sums import topmost

MOST_PATHS = 100
"""Series whose paths are summed for a picture; more would take longer than a page may."""


@dataclass(frozen=True)
class Approval:
    """Who approved, one name or two; `commands` is 0 while a second person must approve too."""

    who: str
    at_utc: datetime
    reason: str
    commands: int


@dataclass(frozen=True)
class Tonight:
    """The newest plan. `values` has one column per (scenario, asset_id, quantity), `prices` one per balance; both by time_utc."""

    plan_id: str
    made_at_utc: datetime
    status: str
    cost: float | None
    baseline_cost: float | None
    co2_kg: float | None
    baseline_co2_kg: float | None
    detail: dict[str, Any]
    values: pd.DataFrame
    prices: pd.DataFrame
    breaches: tuple[str, ...]
    approval: Approval | None


def tonight(engine: Engine, plan_id: str | None = None) -> Tonight | None:
    """A plan with everything that belongs to it, the newest when none is named; None before the first night."""
    named = results.rows(engine, t.plan, t.plan.c.plan_id == plan_id) if plan_id else ()
    row = named[0] if named else results.last_plan(engine)
    if row is None:
        return None
    breaches = results.rows(engine, t.breach, t.breach.c.plan_id == row.plan_id, order=t.breach.c.ordinal)
    return Tonight(
        row.plan_id,
        row.made_at_utc,
        row.status,
        row.cost,
        row.baseline_cost,
        row.co2_kg,
        row.baseline_co2_kg,
        dict(row.detail),
        results.plan_values(engine, row),
        results.plan_prices(engine, row),
        tuple(breach.sentence for breach in breaches),
        approval(engine, row.plan_id),
    )


def approval(engine: Engine, plan_id: str) -> Approval | None:
    """Who approved a plan or an isolation, when and why; None while nobody did."""
    rows = results.rows(engine, t.approval, t.approval.c.plan_id == plan_id, order=t.approval.c.at_utc)
    if not rows:
        return None
    return Approval(", ".join(row.who for row in rows), rows[-1].at_utc, rows[-1].reason, sum(row.commands for row in rows))


def commands(engine: Engine, plan_id: str) -> pd.DataFrame:
    """The commands of a plan or isolation by time, with the columns of the table but plan_id and reverts."""
    names = ["command_id", "point_id", "not_before_utc", "not_after_utc", "quantity", "setpoint", "state", "sentence", "approvals_needed"]
    rows = results.rows(engine, t.command, t.command.c.plan_id == plan_id, order=t.command.c.not_before_utc)
    frame = pd.DataFrame([tuple(getattr(row, name) for name in names) for row in rows], columns=names)
    for name in ("not_before_utc", "not_after_utc"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    return frame


def fans(engine: Engine, city: LoadedCity, night: Any) -> dict[str, pd.DataFrame]:
    """Forecasts of a night summed by kind (load, pv, wind, water ...): p10, p50, p90 per hour [kW or m3/h], by time_utc.

    A meter under another of its kind is in that one's forecast already.

    Where every series has sample paths, P10 and P90 are those of the summed paths. Else they are the sums of the P10s and P90s: wider
    than the truth unless all series err together. attrs carry `unit`, `series` (how many were summed) and `paths` (were they?).
    """
    kind: dict[str, str | None] = {meter.id: meter.forecast for meter in city.settings.meters}
    known = courses.of_night(engine, night)
    members: dict[str, list[tuple[Courses, int]]] = {}
    for one in known:
        for row, series in enumerate(one.ids):
            name = kind.get(series.rsplit(".", 1)[0])
            if name is not None and series in city.points:
                members.setdefault("load" if name == "ev" else name, []).append((one, row))
    found: dict[str, pd.DataFrame] = {}
    for group, measured in members.items():
        on_top = set(topmost(city, (city.points[one.ids[row]].meter for one, row in measured)))
        counted = [(one, row) for one, row in measured if city.points[one.ids[row]].meter in on_top]
        series_ids = [one.ids[row] for one, row in counted]
        made = functools.reduce(pd.DataFrame.add, (_summed(one, [row for by, row in counted if by is one]) for one in _distinct(counted)))
        like = len({one.step_s for one, _ in counted}) == 1 < len(series_ids) <= MOST_PATHS
        drawn = paths.paths(engine, night, series_ids) if like else {}
        if len(drawn) == len(series_ids):
            total = functools.reduce(pd.DataFrame.add, (drawn[s] * (3600 / drawn[s].attrs["step_s"]) for s in series_ids))
            low, high = total.quantile(0.1, axis=1), total.quantile(0.9, axis=1)
            made = made.assign(p10=np.minimum(low, made["p50"]), p90=np.maximum(high, made["p50"]))
        first, row = counted[0]
        unit = "m3/h" if "m3" in first.quantities[row] else "kW"
        made.attrs = {"unit": unit, "series": len(series_ids), "paths": len(drawn) == len(series_ids)}
        found[group] = made
    return found


def _distinct(counted: Sequence[tuple[Courses, int]]) -> list[Courses]:
    return list({id(one): one for one, _ in counted}.values())


def _summed(one: Courses, rows: Sequence[int]) -> pd.DataFrame:
    return pd.DataFrame(one.per_hour(rows).T, columns=["p10", "p50", "p90"], index=one.times)


def models(engine: Engine, night: Any) -> pd.DataFrame:
    """series_id, quantity, model, reason of each forecast of a night, with its backtest skill of day 1 [1] where there is one."""
    rows = results.rows(engine, t.forecast, t.forecast.c.night == night, order=t.forecast.c.series_id)
    frame = pd.DataFrame([(r.series_id, r.quantity, r.model, r.reason) for r in rows], columns=["series_id", "quantity", "model", "reason"])
    tested = results.rows(engine, t.skill, t.skill.c.night == night, t.skill.c.day == 1)
    skill = {r.series_id: 1 - r.mae / r.mae_naive for r in tested if r.mae is not None and r.mae_naive}
    return frame.assign(skill=frame["series_id"].map(skill).astype(float))
