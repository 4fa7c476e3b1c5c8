"""Isolation plans of open cases: made when a leak is reported, and again when its pipe, a valve or the time to act has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, select

from city.problems import PenstockError, Problem
from service import schema as t
from service import valve_found
from service.isolating import isolate
from service.leakage import demand, readings
from service.night import Night
from service.store import results
from service.store.operations import record
from service.water import WaterCity

_BACK = timedelta(days=1)  # the busiest quarter-hour of this time is what a plan must hold for


@dataclass(frozen=True)
class Cut:
    """An isolation plan with the commands that carry it out, all proposed. `stuck`: it replaces an approved one too."""

    row: dict[str, Any]
    commands: list[dict[str, Any]]
    stuck: bool = False


def due(
    night: Night, side: WaterCity, cases: Sequence[dict[str, Any]], since: datetime | None, until: datetime
) -> tuple[list[Cut], list[Problem]]:
    """Plans for the open `cases` that have none that still holds; what prevented one is a problem, not the end of the pass.

    A plan that somebody approved is replaced only when one of its valves is told stuck. `since`: a valve told after it makes plans anew.
    """
    told = since is not None and bool(results.rows(night.engine, t.valve_state, t.valve_state.c.at_utc >= since))
    stuck = {name for case in cases if since is not None and valve_found.stuck_under_way(night.engine, name := case["case_id"], since)}
    wanted = [case for case in cases if case["case_id"] in stuck or _wants(night.engine, case, night.now_utc, told)]
    if not wanted:
        return [], []
    live = readings.hot(night.engine, side, until - _BACK, until)
    made: list[Cut] = []
    problems: list[Problem] = []
    try:
        day = demand.of_day(side, live, cases)
        for case in wanted:
            name = case["case_id"]
            done = valve_found.begun(night.engine, side, name, night.now_utc)
            made.append(Cut(*isolate(night, side, name, case["pipe"], case["flow_m3_per_h"], day, done), stuck=name in stuck))
    except PenstockError as error:
        problems += error.problems
    return made, problems


def _wants(engine: Engine, case: dict[str, Any], now_utc: datetime, valves_told: bool) -> bool:
    plans = results.rows(engine, t.isolation, t.isolation.c.case_id == case["case_id"])
    with engine.connect() as connection:
        if _decided(connection, case["case_id"]):
            return False
    commands = results.rows(engine, t.command, t.command.c.plan_id.in_([plan.isolation_id for plan in plans]))
    late = bool(commands) and all(command.not_after_utc <= now_utc for command in commands)
    late = late or any(valve_found.overdue(plan.detail, now_utc) for plan in plans)
    return not plans or valves_told or late or any(plan.pipe != case["pipe"] for plan in plans)


def _decided(connection: Connection, case_id: str) -> bool:
    """Did somebody approve the case's isolation?"""
    plans = select(t.isolation.c.isolation_id).where(t.isolation.c.case_id == case_id)
    released = select(t.approval.c.plan_id).where(t.approval.c.plan_id.in_(plans), t.approval.c.commands > 0)
    moved = select(t.command.c.plan_id).where(t.command.c.plan_id.in_(plans), t.command.c.state != "proposed")
    return connection.execute(released.union(moved)).first() is not None


def store(connection: Connection, cuts: Sequence[Cut], who: str = "watch") -> None:
    """Put plans in the place of those their cases had; what was written stays on record, what was approved and is not is taken back.

    A plan that somebody approved while the new one was made stays, unless one of its valves is stuck.
    """
    cuts = [cut for cut in cuts if cut.stuck or not _decided(connection, cut.row["case_id"])]
    cases, c = [cut.row["case_id"] for cut in cuts], t.command.c
    former = [row.isolation_id for row in connection.execute(t.isolation.select().where(t.isolation.c.case_id.in_(cases)))]
    new = [cut.row["isolation_id"] for cut in cuts]
    taken_back = t.command.update().where(c.plan_id.in_(former), c.state.in_(("approved", "held")))
    if count := connection.execute(taken_back.values(state="superseded", sentence="a valve of the isolation was found stuck")).rowcount:
        at = max(datetime.fromisoformat(cut.row["detail"]["schedule"]["made_utc"]) for cut in cuts)
        record(connection, at, who, "supersede", ", ".join(new)[:120], f"{count} approved commands were taken back: a valve is stuck")
    connection.execute(delete(t.command).where(c.plan_id.in_(former), c.state == "proposed"))
    connection.execute(delete(t.command).where(c.plan_id.in_(new), c.state.in_(("proposed", "superseded"))))
    results.replace_rows(connection, t.isolation, t.isolation.c.case_id.in_(cases), [cut.row for cut in cuts])
    commands = [command for cut in cuts for command in cut.commands]
    if commands:
        connection.execute(t.command.insert(), commands)
