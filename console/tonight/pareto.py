"""Between cost, carbon and peak: the points from which nothing gets better without something getting dearer, and the choice of one."""

import pandas as pd
import streamlit as st

from console import charts, data, look
from console.deciding import decide
from console.words import known, say
from service import decisions
from service.decisions import Person, may
from service.view.plan import Tonight

SHOWN = {"co2_kg": ("co2", "t", 1000.0), "peak_kw": ("peak", "kW", 1.0)}  # what is traded -> its word, unit and divisor


def section(person: Person, plan: Tonight) -> None:
    """One small chart per trade, and a button that plans at a chosen point; or the button that computes them."""
    look.heading("pareto", say("pareto_note"))
    points = data.pareto(plan.plan_id)
    allowed = may(person, "pareto")
    if points.empty:
        if st.button(say("compute_pareto"), key="pareto_ask", disabled=not allowed or plan.status == "impossible"):
            _ask(person, "pareto", {"plan_id": plan.plan_id})
        return
    columns = st.columns(2)
    for place, (trade, own) in zip(columns, points.groupby("trade", sort=True), strict=False):
        with place:
            _trade(person, plan, str(trade), own.reset_index(drop=True), allowed=allowed)


def _trade(person: Person, plan: Tonight, trade: str, points: pd.DataFrame, *, allowed: bool) -> None:
    word, unit, divisor = SHOWN[trade]
    currency = data.station().city.settings.city.currency
    amount = points[trade] / divisor
    nearest = None if plan.cost is None else int((points["cost"] - plan.cost).abs().idxmin())
    charts.trade(amount, points["cost"], (say(word), say("cost")), (unit, currency), nearest, f"pareto_{trade}", say("pareto"))
    labels = {
        i: f"{look.number(amount[i], 1)} {unit} · {look.number(points['cost'][i], 0)} {currency} · {known(points['status'][i])}"
        for i in points.index
    }
    chosen = st.selectbox(say(word), list(labels), format_func=labels.__getitem__, key=f"pareto_point_{trade}")
    if st.button(say("plan_here"), key=f"pareto_plan_{trade}", disabled=not allowed):
        _ask(person, "replan", {"plan_id": plan.plan_id, "caps": {trade: float(points[trade][chosen])}})


def _ask(person: Person, kind: decisions.Action, detail: dict[str, object]) -> None:
    station, at = data.station(), data.now().now_utc
    decide(lambda: decisions.ask(station.engine, person, kind, at, detail), lambda number: say("asked", number=number))
