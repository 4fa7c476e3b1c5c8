"""A valve that turns out stuck while an isolation is under way: the next ring is planned at once, from where valves and crews are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select

from city.clock import local_date
from service import schema as t
from service.leak_history import OPEN
from service.night import Night
from service.store import results, writing
from service.store.operations import record
from service.valve_work import MOTOR, NOT_BEGUN, Begun, on_panel
from service.water import WaterCity


def begun(engine: Engine, side: WaterCity, case_id: str, now_utc: datetime) -> Begun:
    """What is done of a case's isolation: valves whose motor was written or that somebody told closed since, and where crews are.

    A crew that has set out for a valve counts as being there.
    """
    plan = _plan(engine, case_id)
    work = plan.detail.get("schedule", {}) if plan is not None else {}
    if "made_utc" not in work:
        return NOT_BEGUN
    tasks = [task for task in work.get("tasks", ()) if task["kind"] == "close"]
    valves = plan.detail.get("valves", ())
    motors = on_panel(side, valves)
    rows = results.rows(engine, t.command, t.command.c.plan_id == plan.isolation_id, t.command.c.state == "written")
    written = {row.point_id for row in rows}
    made = datetime.fromisoformat(work["made_utc"])
    word = {row.valve: row.state for row in results.rows(engine, t.valve_state, t.valve_state.c.at_utc >= made)}
    done = [valve for valve in valves if motors.get(valve) in written or word.get(valve) == "closed"]
    closed = [valve for valve in (*work.get("closed", ()), *done) if word.get(valve, "closed") == "closed"]  # people see more than a motor
    node = side.valves.set_index("valve")["node"]
    at = dict(work.get("crews_at", {}))
    if _approved(engine, plan.isolation_id) or done:
        for task in sorted(tasks, key=lambda task: task["start_utc"]):
            if task["who"] != MOTOR and datetime.fromisoformat(task["start_utc"]) <= now_utc:
                at[task["who"]] = str(node[task["what"]])
    return Begun(tuple(closed), at)


def overdue(detail: Mapping[str, Any], now_utc: datetime) -> bool:
    """Is the time of a plan's first valve over, none being closed yet? Then it wants new times: crews set out when it is approved."""
    work = detail.get("schedule", {})
    begins = [datetime.fromisoformat(task["start_utc"]) for task in work.get("tasks", ()) if task["kind"] == "close"]
    return bool(begins) and not work.get("closed") and min(begins) <= now_utc


def stuck_under_way(engine: Engine, case_id: str, since_utc: datetime) -> bool:
    """Was a valve that the case's isolation relies on, closed by now or not, told stuck since then?"""
    plan = _plan(engine, case_id)
    if plan is None:
        return False
    needed = [*plan.detail.get("valves", ()), *plan.detail.get("schedule", {}).get("closed", ())]
    told = t.valve_state.c
    return bool(results.rows(engine, t.valve_state, told.state == "stuck", told.at_utc >= since_utc, told.valve.in_(needed)))


def replanned(engine: Engine, side: WaterCity, valve: str, who: str, at_utc: datetime) -> list[str]:
    """Plan the open cases anew that a valve just told of concerns, approved ones too where it is stuck. Returns a sentence each.

    Motors that were written stay; what was approved and not yet written is taken back, and the new plan waits for its approval.
    """
    from service.leakage import cutting

    night = Night(side.city, engine, local_date(at_utc, side.city.settings.city.time_zone), at_utc, {})
    cases = [dict(row._mapping) for row in results.rows(engine, t.leak_case, t.leak_case.c.state == OPEN)]
    cuts, problems = cutting.due(night, side, cases, at_utc, at_utc)
    if cuts:
        with writing(engine) as connection:
            cutting.store(connection, cuts, who)
            for cut in cuts:
                told = f"planned anew after word on {valve}: {cut.row['sentence']}"
                record(connection, at_utc, who, "isolation replanned", cut.row["isolation_id"], told)
    said = [f"{cut.row['isolation_id']}: {cut.row['sentence']} {cut.row['detail']['schedule'].get('sentence', '')}" for cut in cuts]
    return [*said, *(str(problem) for problem in problems)]


def _plan(engine: Engine, case_id: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(select(t.isolation).where(t.isolation.c.case_id == case_id)).first()


def _approved(engine: Engine, isolation_id: str) -> bool:
    a = t.approval.c
    return bool(results.rows(engine, t.approval, a.plan_id == isolation_id, a.commands > 0))
