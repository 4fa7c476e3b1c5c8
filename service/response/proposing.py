"""The events that a plan wants to call, as proposals that people may call."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import pandas as pd
from sqlalchemy import Connection, select

from city.clock import as_utc
from service import schema as t
from service.openadr.signals import Asked
from service.response import events
from service.settings import LoadedCity


def propose(
    connection: Connection, city: LoadedCity, plan_id: str, made_at_utc: datetime, frame: pd.DataFrame, calls: Sequence[Any]
) -> list[int]:
    """Store the events that a plan wants to call, in place of what plans before it proposed. Returns their numbers.

    `frame` is a PLAN frame, `calls` the announced events the plan knew (`PlanInput.calls`). The same event keeps its number.
    """
    found = {
        (asset, amounts[0][0], cast("datetime", amounts[-1][1])): amounts
        for asset in events.participants(city)
        for amounts in _runs(frame, asset, [(as_utc(call.start_utc), as_utc(call.end_utc)) for call in calls if call.asset == asset])
    }
    waiting = (events.e.c.state == "proposed") & (events.e.c.origin == "plan")
    before = {(r.asset_id, r.start_utc, r.end_utc): r for r in connection.execute(select(events.e).where(waiting))}
    gone = [row.event_id for key, row in before.items() if key not in found]
    _disagree(connection, gone)
    connection.execute(events.e.delete().where(events.e.c.event_id.in_(gone)))
    limit = city.settings.four_eyes.change_above_kw
    numbers: list[int] = []
    for key, amounts in found.items():
        asset, most = events.participants(city)[key[0]], max(amount for _, _, amount in amounts)
        values = {
            "programme": asset.programme,
            "asset_id": asset.id,
            "signal": "reduce_kw",
            "state": "proposed",
            "origin": "plan",
            "plan_id": plan_id,
            "made_at_utc": made_at_utc,
            "approvals_needed": 2 if limit is not None and most > limit else 1,
            "who": "plan",
            "reason": f"{plan_id} saves by it",
        }
        if key not in before:
            numbers.append(events.add(connection, values, amounts))
            continue
        numbers.append(before[key].event_id)
        if before[key].amounts != events.packed(amounts):
            _disagree(connection, numbers[-1:])
            events.change(connection, numbers[-1], values, Asked(asset.id, "reduce_kw", tuple(amounts)))
    return numbers


def _disagree(connection: Connection, numbers: Sequence[int]) -> None:
    """Take back what a first person agreed to: it is another event now, or none."""
    a = t.approval
    connection.execute(a.delete().where(a.c.plan_id.in_([f"event-{number}" for number in numbers])))


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
