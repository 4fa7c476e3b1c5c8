"""Editing a plan: an asset's setpoint for a span. First what it changes, then a plan around it: a proposal like every other."""

from datetime import datetime, time, timedelta
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from console import data, look
from console.deciding import decide
from console.guard import checked
from console.tonight.events import choice
from console.tonight.figures import tonnes
from console.tonight.sentences import change_said, told
from console.words import known, say
from optimisation.whatif import Setpoint
from service import decisions
from service.decisions import Person, may
from service.plans import editing, edits
from service.view.plan import Tonight
from service.view.plan_beside import WhatIf


def section(person: Person, plan: Tonight) -> None:
    """The form, what the newest edit that was tried would change, and the button that plans with it."""
    allowed = may(person, "edit-plan")
    controls = {control.asset: control for control in data.station().city.settings.controls}
    if not controls or plan.status == "impossible":
        return
    with st.expander(say("edit_plan"), key="edit_plan", icon=":material/edit:"):
        if not allowed:
            st.caption(say("only_operators", role=say(person.role)))
            return
        st.caption(say("edit_note"))
        change = _form(plan, controls)
        if change is not None and st.button(say("edit_try"), key="edit_try"):
            asked = {"plan_id": plan.plan_id, "changes": [change.model_dump(mode="json")]}
            station, at = data.station(), data.now().now_utc
            decide(lambda: decisions.ask(station.engine, person, "what-if", at, asked), lambda number: say("asked", number=number))
        tried = next((one for one in data.what_ifs(plan.plan_id) if _is_edit(one)), None)
        if tried is not None:
            _tried(person, plan, tried)


def _is_edit(one: WhatIf) -> bool:
    return len(one.changes) == 1 and one.changes[0]["kind"] == "setpoint"


def _form(plan: Tonight, controls: dict[str, Any]) -> Setpoint | None:
    """Asset, setpoint within its limits, and span; None, and why, while they make no edit."""
    city = data.station().city
    zone = ZoneInfo(city.settings.city.time_zone)
    begin, end = (at.to_pydatetime().astimezone(zone) for at in (plan.values.index[0], plan.values.index[-1]))
    left, middle, right = st.columns(3)
    with left:
        asset = choice("asset", {name: f"{name} · {known(control.quantity)}" for name, control in controls.items()}, "edit_asset")
        value = _setpoint(asset, controls[asset].quantity)
    with middle:
        start = _moment("not_before", begin + timedelta(hours=1), begin, end)
    with right:
        until = _moment("not_after", begin + timedelta(hours=3), begin, end)
    return checked(lambda: edits.setpoint(city, asset, value, start, until))


def _setpoint(asset: str, quantity: str) -> float:
    low, high = edits.bounds(data.station().city, asset)
    if quantity == "running":
        return float(choice("setpoint", {"0": say("resting"), "1": say("running_on")}, f"edit_on_{asset}"))
    least, most = (None if end in (float("-inf"), float("inf")) else end for end in (low, high))
    span = f"{say('setpoint')} ({look.number(low)} – {look.number(high)})"
    first = min(max(0.0, low), high)
    return float(st.number_input(span, min_value=least, max_value=most, value=first, step=10.0, key=f"edit_value_{asset}"))


def _moment(word: str, first: datetime, begin: datetime, end: datetime) -> datetime:
    """A local date and time within the plan."""
    day = st.date_input(say(word), first.date(), begin.date(), end.date(), key=f"edit_{word}_day")
    clock = st.time_input(say("time"), time(first.hour), key=f"edit_{word}_time", step=timedelta(minutes=15), label_visibility="collapsed")
    return datetime.combine(day, clock, begin.tzinfo)


def _tried(person: Person, plan: Tonight, one: WhatIf) -> None:
    """What the edit that was tried last would change, and the button that makes it a plan."""
    currency = data.station().city.settings.city.currency
    st.html(f'<div class="chart-title">{escape(say("edit_tried", what=change_said(one.changes[0])))}</div>')
    if one.status == "impossible":
        look.sentences("reasons", [told(line) for line in one.reasons], 1)
        return
    pairs = [
        ("cost", one.cost, plan.cost, currency, 0),
        ("co2", tonnes(one.co2_kg), tonnes(plan.co2_kg), "t", 2),
        ("peak", one.peak_kw, plan.detail.get("peak_kw"), "kW", 0),
    ]
    look.cards([_difference(*pair) for pair in pairs])
    look.sentences("breaches", [told(line) for line in one.breaches], 3)
    reason = st.text_input(say("reason"), key=f"edit_reason_{one.what_if_id}", max_chars=200)
    if st.button(say("edit_accept"), key=f"edit_accept_{one.what_if_id}", type="primary"):
        station, at = data.station(), data.now().now_utc
        change = Setpoint.model_validate(one.changes[0])
        decide(
            lambda: editing.edit(station.engine, station.city, person, plan.plan_id, change, at, reason),
            lambda number: say("asked", number=number),
        )


def _difference(word: str, value: float | None, before: float | None, unit: str, digits: int) -> str:
    """A figure of the edit with its difference to the plan."""
    if value is None or before is None:
        return look.card(say(word), "–", unit)
    more = round(value - before, digits)
    sign = "" if more == 0 else "+" if more > 0 else "−"
    was = f"{say('plan')} {look.number(before, digits)} {unit}"
    return look.card(say(word), f"{sign}{look.number(abs(more), digits)}", unit, [f"{look.number(value, digits)} {unit}", was])
