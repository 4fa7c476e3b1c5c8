"""The water of the last day: losses, a pass of the leak watch, the valves around each leak, and the proof."""

from datetime import timedelta

from sqlalchemy import Connection

from city.problems import PenstockError, Problem
from service.night import Night, Output
from service.store.runs import StepResult


def compute(night: Night) -> Output:
    """Balances of the days and months; a pass of the leak watch, with an isolation plan for each open leak, proved twice."""
    if night.city.settings.water is None:
        return Output(StepResult("no [water] in city.toml"))
    # EPANET and what comes with it: an extra that a city without [water] does not install
    from service import losses, water_names
    from service.leakage import watching
    from service.water import WaterCity

    side = WaterCity(night.city, night.city.settings.water)
    balance = losses.told(night, side)
    problems, made = list(water_names.problems(side)), None
    try:
        made = watching.read_on(night, side)
    except PenstockError as error:
        problems += [problem for problem in error.problems if problem not in problems]

    def write(connection: Connection) -> None:
        balance.write(connection)
        if made is not None:
            made.write(connection)

    if made is not None:
        problems += [Problem(f"leak {case['case_id']}", case["sentence"], "no leak", case["worth"]) for case in made.open]
        problems += [Problem(f"sensor {row['sensor']}", row["sentence"], "a sensor that is right", "Check it.") for row in made.open_faults]
        problems += made.problems
    problems += [problem for problem in balance.problems if problem not in problems]
    last = [row for row in balance.days if row["loss_m3"] is not None and row["day"] == night.date - timedelta(days=1)]
    lost, came = (sum(row[name] for row in last) for name in ("loss_m3", "inflow_m3"))
    told = made.told if made is not None else "no leak could be looked for"
    told += f"; real losses {100 * lost / came:.0f} % of inflow on the last day" if came else ""
    cases = [case["case_id"] for case in made.open] if made is not None else []
    return Output(StepResult(told, {"cases": cases, "loss_m3": lost, "inflow_m3": came}, problems), write)
