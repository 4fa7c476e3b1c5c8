"""Alarms as they were listed, until console/alarms/list.py is there."""

from html import escape
from typing import Any

import streamlit as st

from console import data, look
from console.guard import guarded
from console.words import known, say
from service.view.alarms import SHOWN, Alarm


def section(person, *, wall=False):
    _alarms()


def worst(person):
    found = data.alarms()
    return found[0] if found else None


def page_of(alarm):
    return {"leak": "water"}.get(alarm.kind, "meters")


@st.fragment(run_every="15s")
def _alarms() -> None:
    guarded(_listed)


def _listed() -> None:
    found = data.alarms()
    look.heading("alarms", str(len(found)) if found else "")
    if not found:
        look.banner(say("no_alarms"), None)
        return
    shown, counts = [], dict[tuple[int, str], int]()
    for alarm in found:
        kind = (alarm.priority, alarm.kind)
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] <= SHOWN:
            shown.append(_row(alarm))
    more = sum(max(count - SHOWN, 0) for count in counts.values())
    st.html("".join(shown) + (f'<div class="alarm-more">{escape(say("more_alarms", count=more))}</div>' if more else ""))


def told(alarm: Alarm) -> tuple[str, str]:
    """What is abnormal and what to do, in the session's language."""
    facts: dict[str, Any] = dict(alarm.facts) | {"subject": alarm.subject}
    for name in ("flow", "value", "limit", "actual", "required"):
        if name in facts:
            facts[name] = look.number(facts[name])
    if "share" in facts:
        facts["share"] = f"{100 * facts['share']:.0f} %"
    for name in ("cause", "state"):
        if name in facts:
            facts[name] = known(facts[name])
    if alarm.kind in ("emergency_stop", "hold"):
        facts["reason"] = facts["reason"] or "–"
    if alarm.kind == "leak":
        return say(f"leak_{facts['kind']}", **facts), say(f"todo_leak_{facts['task']}")
    if alarm.kind == "sensor_fault":
        facts["fault"] = say(f"fault_{facts['kind']}", size=look.number(facts["size"], 2))
    return say(f"alarm_{alarm.kind}", **facts), say(f"todo_{alarm.kind}")


def _row(alarm: Alarm) -> str:
    what, todo = told(alarm)
    cells = {
        "rank": f"{say('priority')} {alarm.priority}",
        "what": what,
        "todo": todo,
        "since": look.hour(alarm.since_utc) if alarm.since_utc else "",
    }
    made = "".join(f'<span class="{name}">{escape(text)}</span>' for name, text in cells.items())
    return f'<div class="alarm p{alarm.priority}">{look.mark(alarm.priority)}{made}</div>'
