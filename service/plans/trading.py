"""Points between cost, carbon and peak for the question that a plan answered, stored beside it."""

import time

import pandas as pd
from sqlalchemy import delete

from optimisation import pareto
from service import schema as t
from service.plans.asking import question_of
from service.plans.making import Planner
from service.store import writing

POINTS = 5  # of each trade


def trade(planner: Planner, plan_id: str) -> tuple[str, pd.DataFrame]:
    """Compute and store the points of a plan: a sentence, and trade, cost, co2_kg, peak_kw, status by point.

    Raises `PenstockError` for an id that is none, and for a city that cannot be planned.
    """
    started, settings = time.perf_counter(), planner.city.settings
    asked = question_of(planner.city, planner.engine, plan_id)
    table = pareto.front(asked.inputs, settings.assets, POINTS, rel_gap=settings.plan.rel_gap, solver=planner.solver).table
    points = table.assign(cost=table["paid"])[["trade", "status", "cost", "co2_kg", "peak_kw"]]
    rows = [{"plan_id": plan_id, "ordinal": i, **row} for i, row in enumerate(points.to_dict("records"))]
    with writing(planner.engine) as connection:
        connection.execute(delete(t.pareto).where(t.pareto.c.plan_id == plan_id))
        connection.execute(t.pareto.insert(), rows)
    return f"{plan_id}: {len(points)} points between cost, CO2 and peak ({time.perf_counter() - started:.1f} s)", points
