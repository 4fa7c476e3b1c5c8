"""Now: key figures, ranked alarms with what to do, emergency stop and hold."""

from html import escape
from typing import Any

import streamlit as st

from console import data, look
from console.deciding import decide
from console.guard import guarded
from console.words import known, say
from service import decisions
from service.decisions import Person, may
from service.store.operations import STOP
from service.view.alarms import SHOWN, Alarm
from service.view.board import Tile


def page(person: Person) -> None:
    """The page of the operator on shift."""
    _live()
    left, right = st.columns([3, 1], gap="medium")
    with left:
        _alarms()
    with right:
        _stop(person)


@st.fragment(run_every="15s")
def _live() -> None:
    guarded(lambda: look.cards([_card(tile) for tile in data.tiles()]))


def _card(tile: Tile) -> str:
    lines, moment = [], data.now().now_utc
    if tile.expected is not None:
        lines.append(f"{say('forecast')} {look.number(tile.expected)} {tile.unit}")
    if tile.low is not None and tile.low > 0:
        lines.append(f"{say('at_least')} {look.number(tile.low)} {tile.unit}")
    if tile.high is not None:
        lines.append(f"{say('at_most')} {look.number(tile.high)} {tile.unit}")
    if tile.where:
        lines.append(tile.where)
    if tile.key == "intensity":
        return look.card(say(tile.key), look.number(tile.value), tile.unit, [say("yearly_mean", year=look.clock(moment)[:4])])
    counted = f" · {tile.parts}/{tile.whole} {say('meters_of')}" if tile.whole > 1 else ""
    lines.append(f"{say('age')} {look.age(tile.time_utc)}{counted}")
    picture = look.sparkline(tile.trend, tile.low, tile.high)
    if tile.value is None:
        return look.card(say(tile.key), say("no_value"), "", lines, picture, 2)
    outside = (tile.low is not None and tile.value < tile.low) or (tile.high is not None and tile.value > tile.high)
    return look.card(say(tile.key), look.number(tile.value), tile.unit, lines, picture, 2 if outside else None)


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


def _stop(person: Person) -> None:
    look.heading("stop_and_hold")
    allowed = may(person, "hold")
    if not allowed:
        st.caption(say("only_operators", role=say(person.role)))
    reason = st.text_input(say("reason"), key="hold_reason", max_chars=200, disabled=not allowed)
    if st.button(say("emergency_stop_button"), key="stop", disabled=not allowed, width="stretch", type="primary"):
        _hold(person, STOP, reason)
    assets = [control.asset for control in data.station().city.settings.controls]
    subject = st.selectbox(say("subject"), sorted(set(assets)), key="hold_subject", disabled=not allowed)
    if st.button(say("hold_button"), key="hold", disabled=not allowed or subject is None, width="stretch"):
        _hold(person, subject, reason)
    st.caption(say("hold_note"))
    for row in data.holds().drop_duplicates("subject").itertuples():
        name = say("everything") if row.subject == STOP else row.subject
        st.html(
            f'<div class="banner p2">{look.mark(2)}{escape(say("in_force"))}: {escape(name)} · {escape(row.who)} · '
            f"{escape(look.clock(row.since_utc))} · {escape(row.reason or '–')}</div>"
        )
        if st.button(f"{say('release_button')}: {name}", key=f"release_{row.subject}", disabled=not allowed, width="stretch"):
            _release(person, row.subject, name)


def _release(person: Person, subject: str, name: str) -> None:
    station, at = data.station(), data.now().now_utc
    decide(lambda: decisions.release(station.engine, person, subject, at), lambda _count: say("released", subject=name))


def _hold(person: Person, subject: str, reason: str) -> None:
    station, at = data.station(), data.now().now_utc
    name = say("everything") if subject == STOP else subject
    decide(lambda: decisions.hold(station.engine, person, subject, at, reason), lambda _none: say("held", subject=name))
