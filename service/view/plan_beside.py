"""What stands beside a plan: what is in force, its water pressure, its what-ifs and what it could trade cost for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Engine, func, select

from service import schema as t
from service.plans.orders import approved_plan
from service.store import results
from service.view.moment import Moment

SHOWN = 8  # what-ifs of a plan, the newest


@dataclass(frozen=True)
class WhatIf:
    """One question asked of a plan and its answer, beside the plan's own figures."""

    what_if_id: int
    who: str
    sentence: str
    status: str
    cost: float | None
    co2_kg: float | None
    peak_kw: float | None
    differences: tuple[str, ...]
    reasons: tuple[str, ...]
    breaches: tuple[str, ...]
    changes: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Call:
    """An event of demand response that goes out with a plan's approval."""

    asset_id: str
    start_utc: datetime
    end_utc: datetime
    call_by_utc: datetime | None


def in_force(engine: Engine, moment: Moment) -> str | None:
    """The id of the plan that people approved last, while its commands still stand."""
    row = approved_plan(engine, moment.now_utc)
    return None if row is None else str(row.plan_id)


def calls(engine: Engine, plan_id: str) -> list[Call]:
    """The events of demand response that approving a plan calls: those it proposes within the hours of its commands."""
    e = t.response_event
    until = select(func.max(t.command.c.not_after_utc)).where(t.command.c.plan_id == plan_id).scalar_subquery()
    rows = results.rows(engine, e, e.c.plan_id == plan_id, e.c.state == "proposed", e.c.start_utc < until, order=e.c.start_utc)
    return [Call(row.asset_id, row.start_utc, row.end_utc, row.call_by_utc) for row in rows]


def what_ifs(engine: Engine, plan_id: str) -> list[WhatIf]:
    """The newest what-ifs of a plan, the newest first."""
    w = t.what_if
    rows = results.rows(engine, w, w.c.plan_id == plan_id, order=w.c.what_if_id.desc())[:SHOWN]
    return [
        WhatIf(
            row.what_if_id,
            row.who,
            row.sentence,
            row.status,
            row.cost,
            row.co2_kg,
            row.detail.get("peak_kw"),
            tuple(row.detail.get("differences", ())),
            tuple(row.detail.get("reasons", ())),
            tuple(row.detail.get("breaches", ())),
            tuple(row.changes),
        )
        for row in rows
    ]


def pareto(engine: Engine, plan_id: str) -> pd.DataFrame:
    """trade, status, cost, co2_kg and peak_kw of the points that were computed for a plan; empty when none were."""
    names = ["ordinal", "trade", "status", "cost", "co2_kg", "peak_kw"]
    rows = results.rows(engine, t.pareto, t.pareto.c.plan_id == plan_id, order=t.pareto.c.ordinal)
    return pd.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=names)
