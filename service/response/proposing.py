"""The events that a plan wants to call, as proposals that people may call."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import pandas as pd
from sqlalchemy import Connection, select

from city.clock import as_utc
from service import schema as t
from service.response import events
from service.settings import LoadedCity


def propose(
    connection: Connection, city: LoadedCity, plan_id: str, made_at_utc: datetime, frame: pd.DataFrame, calls: Sequence[Any]
) -> list[int]:
    """Store the events that a plan wants to call; whoever approves the plan announces them. Returns their numbers.

    `frame` is a PLAN frame, `calls` the announced events the plan knew (`PlanInput.calls`). What this plan proposed before goes, and
    what no plan could call any more because its notice has passed.
    """
    c = events.e.c
    gone = (c.state == "proposed") & (c.origin == "plan") & ((c.plan_id == plan_id) | (c.call_by_utc < made_at_utc))
    numbers = connection.execute(select(c.event_id).where(gone)).scalars().all()
    connection.execute(t.approval.delete().where(t.approval.c.plan_id.in_([f"event-{number}" for number in numbers])))
    connection.execute(events.e.delete().where(c.event_id.in_(numbers)))
    limit, made = city.settings.four_eyes.change_above_kw, []
    for asset in events.participants(city).values():
        programme = events.programmes(city)[asset.programme]
        for amounts in _runs(frame, asset.id, [(as_utc(call.start_utc), as_utc(call.end_utc)) for call in calls if call.asset == asset.id]):
            values = {
                "programme": programme.id,
                "asset_id": asset.id,
                "signal": "reduce_kw",
                "state": "proposed",
                "origin": "plan",
                "plan_id": plan_id,
                "made_at_utc": made_at_utc,
                "call_by_utc": amounts[0][0] - timedelta(hours=programme.notice_h),
                "approvals_needed": 2 if limit is not None and max(kw for _, _, kw in amounts) > limit else 1,
                "who": "plan",
                "reason": f"{plan_id} saves by it",
            }
            made.append(events.add(connection, values, amounts))
    return made


def _runs(
    frame: pd.DataFrame, asset: str, known: Sequence[tuple[datetime, datetime]]
) -> list[list[tuple[datetime, datetime | None, float]]]:
    """Amounts [kW] of each event a plan calls beyond those that are announced."""
    plan = frame[(frame["scenario"] == "plan") & (frame["asset_id"] == asset)]
    called = plan[plan["quantity"] == "called"].set_index("time_utc")["value"].sort_index()
    reduced = plan[plan["quantity"] == "reduced_kw"].set_index("time_utc")["value"].sort_index()
    if len(called) < 2:
        return []
    step: timedelta = (called.index[1] - called.index[0]).to_pytimedelta()
    runs: list[list[tuple[datetime, datetime | None, float]]] = []
    for time, value in called.items():
        start = cast("pd.Timestamp", time).to_pydatetime()
        if value < 0.5 or any(first < start + step and start < last for first, last in known):
            continue
        kw = round(float(reduced[time]), 3)
        if not runs or runs[-1][-1][1] != start:
            runs.append([(start, start + step, kw)])
        elif runs[-1][-1][2] == kw:
            runs[-1][-1] = (runs[-1][-1][0], start + step, kw)
        else:
            runs[-1].append((start, start + step, kw))
    return runs
