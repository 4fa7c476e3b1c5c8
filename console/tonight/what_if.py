"""What if: a form for one change, and the answers side by side with the plan. Nothing here can be approved."""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from console import charts, data, look
from console.deciding import decide
from console.tonight.events import choice
from console.tonight.figures import tonnes
from console.tonight.sentences import changes as changed
from console.tonight.sentences import told
from console.words import known, say
from service import decisions, known_events
from service.decisions import Person, may
from service.plans import changes
from service.plans.changes import scenario
from service.view.plan import Tonight
from service.view.plan_beside import WhatIf

KINDS = ("price", "forecast", "outage", "import_limit", "carbon")
FACTORS = {"price": 1.2, "forecast": 1.1}


def section(person: Person, plan: Tonight) -> None:
    """The form, and what was asked so far."""
    look.heading("what_if", say("what_if_note"))
    allowed = may(person, "what-if")
    with st.expander(say("ask_what_if")):
        if allowed:
            _form(person, plan)
        else:
            st.caption(say("not_your_role", role=say(person.role)))
    asked = data.what_ifs(plan.plan_id)
    if asked:
        _table(plan, asked)
        _newest(plan, asked[0])


def _form(person: Person, plan: Tonight) -> None:
    left, middle, right = st.columns(3)
    with left:
        kind = choice("kind", {name: say(f"change_{name}") for name in KINDS}, "what_if_kind")
        change = _change(kind)
    with middle:
        whole = kind == "carbon" or st.checkbox(say("all_the_time"), value=kind != "price", key=f"what_if_whole_{kind}")
        start = st.time_input(say("not_before"), time(18), key="what_if_start", step=timedelta(minutes=15), disabled=whole)
    with right:
        end = st.time_input(say("not_after"), time(21), key="what_if_end", step=timedelta(minutes=15), disabled=whole)
        st.caption(say("every_day"))
    if st.button(say("ask_what_if"), key="what_if_ask", type="primary"):
        station, at = data.station(), data.now().now_utc
        when = {} if whole else changes.window(f"{start:%H:%M}", f"{end:%H:%M}")
        decide(
            lambda: decisions.ask(station.engine, person, "what-if", at, {"plan_id": plan.plan_id, "changes": [_asked(change, when)]}),
            lambda number: say("asked", number=number),
        )


def _change(kind: str) -> dict[str, Any]:
    """The fields of one kind of change."""
    settings = data.station().city.settings
    if kind == "outage":
        return {"kind": kind, "asset": st.selectbox(say("subject"), [asset.id for asset in settings.assets], key="what_if_asset")}
    if kind == "import_limit":
        return {"kind": kind, "limit_kw": st.number_input(f"{say('limit')}, kW", min_value=0.0, value=3000.0, key="what_if_limit")}
    if kind == "carbon":
        return {
            "kind": kind,
            "price_per_t": st.number_input(f"{settings.city.currency}/t", min_value=0.0, value=200.0, key="what_if_carbon"),
        }
    made: dict[str, Any] = {"kind": kind}
    if kind == "forecast":
        names = {str(meter.forecast): known(str(meter.forecast)) for meter in settings.meters if meter.forecast}
        made["name"] = choice("series", names | {known_events.EVERYTHING: say("everything")}, "what_if_series")
    return made | {"factor": st.number_input(say("times"), min_value=0.0, value=FACTORS[kind], step=0.1, key=f"what_if_{kind}")}


def _asked(change: dict[str, Any], when: Mapping[str, Any]) -> dict[str, Any]:
    """The change as it is sent; the name of a forecast becomes the series of the plan that it means."""
    if change["kind"] == "forecast":
        return changes.forecast(data.station().city, f"{change['name']}={change['factor']}", dict(when))
    return {**change, **when}


def _table(plan: Tonight, asked: list[WhatIf]) -> None:
    peak = plan.detail.get("peak_kw")
    rows: list[tuple[Any, ...]] = [(say("plan"), plan.status, plan.cost, 0.0, tonnes(plan.co2_kg), peak, "")]
    for one in asked:
        more = None if one.cost is None or plan.cost is None else one.cost - plan.cost
        rows.append((changed(one.sentence), one.status, one.cost, more, tonnes(one.co2_kg), one.peak_kw, one.who))
    columns = {
        "sentence": "what_if",
        "status": "status",
        "cost": "cost",
        "change": "difference",
        "co2": "co2_t",
        "peak": "peak_kw",
        "who": "who",
    }
    frame = pd.DataFrame(rows, columns=list(columns))
    numbers = {"cost": "%,.0f", "change": "%+,.0f", "co2": "%.2f", "peak": "%,.0f"}
    look.table(frame, columns, "what_ifs", formats={name: form.replace(",", "") for name, form in numbers.items()})


def _newest(plan: Tonight, one: WhatIf) -> None:
    """The newest answer in detail: what is impossible, what differs, and the grid's power beside the plan's."""
    look.sentences("reasons", [told(line) for line in one.reasons], 1)
    look.sentences("breaches", [told(line) for line in one.breaches], 3)
    look.sentences("what_differs", [told(line) for line in one.differences])
    name, columns = scenario(one.what_if_id), plan.values.columns
    grids = [asset for s, asset, quantity in columns if s == name and quantity == "power_kw" and asset in _grids()]
    if not grids:
        return
    power = {
        scenario_name: plan.values[[(scenario_name, grid, "power_kw") for grid in grids]].sum(axis=1) for scenario_name in ("plan", name)
    }
    st.html(f'<div class="chart-title">{say("import_beside")}</div>')
    named = {say("plan_line"): power["plan"], say("what_if_line"): power[name]}
    charts.courses(pd.DatetimeIndex(plan.values.index), named, "kW", "what_if", changed(one.sentence), step=True)


def _grids() -> set[str]:
    return {asset.id for asset in data.station().city.settings.assets if asset.model_dump()["kind"] == "grid"}
