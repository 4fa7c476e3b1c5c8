"""The water of the last day: losses by the night flow, bursts in pressures and inflows, the valves around each, and the proof."""

from datetime import timedelta

from sqlalchemy import Connection, delete

from city.problems import PenstockError, Problem
from service import schema as t
from service.night import Night, Output
from service.store.results import replace_rows
from service.store.runs import StepResult


def compute(night: Night) -> Output:
    """Balance of every unbalanced day; bursts of the live day with an isolation plan each, proved twice."""
    if night.city.settings.water is None:
        return Output(StepResult("no [water] in city.toml"))
    from service import bursts, losses, water_names  # EPANET and what comes with it: an extra that a city without [water] does not install
    from service.water import WaterCity

    side = WaterCity(night.city, night.city.settings.water)
    balance = losses.told(night, side)
    problems, cases = list(water_names.problems(side)), []
    searched = not problems
    try:
        cases = bursts.cases(night, side) if searched else []
    except PenstockError as error:
        problems, searched = list(error.problems), False

    def write(connection: Connection) -> None:
        balance.write(connection)
        ids = [case["case_id"] for case, _, _ in cases]
        connection.execute(delete(t.command).where(t.command.c.plan_id.in_([plan["isolation_id"] for _, plan, _ in cases])))
        connection.execute(delete(t.isolation).where(t.isolation.c.case_id.in_(ids)))
        replace_rows(connection, t.leak_case, t.leak_case.c.case_id.in_(ids), [case for case, _, _ in cases])
        for _, plan, commands in cases:
            connection.execute(t.isolation.insert(), [plan])
            if commands:
                connection.execute(t.command.insert(), commands)

    problems += [Problem(f"leak {case['case_id']}", case["sentence"], "no leak", plan["sentence"]) for case, plan, _ in cases]
    problems += [problem for problem in balance.problems if problem not in problems]
    last = [row for row in balance.days if row["loss_m3"] is not None and row["day"] == night.date - timedelta(days=1)]
    lost, came = (sum(row[name] for row in last) for name in ("loss_m3", "inflow_m3"))
    found = f"{len(cases)} burst{'s' * (len(cases) != 1)} found" if searched else "no burst could be looked for"
    told = found + (f"; real losses {100 * lost / came:.0f} % of inflow on the last day" if came else "")
    return Output(
        StepResult(told, {"cases": [case["case_id"] for case, _, _ in cases], "loss_m3": lost, "inflow_m3": came}, problems), write
    )
