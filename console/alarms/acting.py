"""What a person does on the alarm list. A click does what the person saw: its arguments are those of the list that was on the screen."""

from collections.abc import Callable
from datetime import datetime, timedelta
from html import escape
from typing import Any

import streamlit as st

from city.problems import PenstockError
from console import data, look, signin
from console.alarms.told import place, told
from console.words import known, language, say
from service.access.roles import may
from service.alarms import deeds
from service.alarms.shown import Shown
from service.alarms.states import State
from service.cases import opening
from service.decisions import Person

_TOLD = "alarm_told"
HOURS = (1, 2, 4)
MOST_ASIDE = 30  # lines of what is off the list
MOST_OFFERED = 300  # alarms in the form, the worst


def acknowledge(ids: tuple[int, ...], shown_utc: datetime) -> None:
    """Acknowledge what stood on the list."""
    _do(
        lambda engine, person, at: deeds.acknowledge(engine, person, ids, at, shown_utc), lambda count: say("acknowledged_now", count=count)
    )


def reset(alarm_id: int, subject: str) -> None:
    """Take a latched alarm off the list."""
    _do(lambda engine, person, at: deeds.reset(engine, person, alarm_id, at), lambda _none: say("reset_done", subject=subject))


def _do(write: Callable[[Any, Person, datetime], Any], words: Callable[[Any], str]) -> None:
    """Write as whoever is signed in now, and keep what came of it for the next run of the list."""
    person = signin.current()
    if person is None:
        return
    station, at = data.station(), data.now().now_utc
    try:
        outcome = write(station.engine, person, at)
    except PenstockError as error:
        st.session_state[_TOLD] = (" ".join(map(str, error.problems)), 2)
        return
    data.forget()
    st.session_state[_TOLD] = (words(outcome), None)


def outcome() -> None:
    """What the last click led to, shown once."""
    if made := st.session_state.pop(_TOLD, None):
        look.banner(*made)


@st.fragment
def aside(person: Person) -> None:
    """What is off the list, with the way back, and the form that shelves. Not refreshed by itself: what is typed here stays."""
    hidden = sorted(data.alarms_aside(person), key=lambda alarm: alarm.state == State.SUPPRESSED)  # with a way back first
    if may(person, "alarm") or may(person, "alarm-out"):
        with st.expander(say("shelve_which")):
            _form(person)
    for alarm in hidden[:MOST_ASIDE]:
        _hidden(person, alarm)
    if len(hidden) > MOST_ASIDE:
        st.caption(say("more_aside", count=len(hidden) - MOST_ASIDE))


def _hidden(person: Person, alarm: Shown) -> None:
    what, _ = told(alarm)
    until = say("aside_until", time=look.clock(alarm.shelved_until_utc)) if alarm.shelved_until_utc else ""
    line = say("aside_why", what=what, state=known(alarm.state), until=until, reason=alarm.reason or "–")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        rank = f"{say('priority')} {alarm.priority}"
        st.html(f'<div class="banner p{alarm.priority}">{look.mark(alarm.priority)}{escape(rank)} · {escape(line)}</div>', width="stretch")
        may_act = may(person, "alarm-out") or (alarm.state == State.SHELVED and may(person, "alarm"))
        if alarm.own and alarm.state != State.SUPPRESSED and may_act:
            word = say("unshelve" if alarm.state == State.SHELVED else "restore_alarm")
            st.button(word, key=f"unshelve_{alarm.alarm_id}", on_click=_back, args=(alarm,))


def _back(alarm: Shown) -> None:
    deed = deeds.unshelve if alarm.state == State.SHELVED else deeds.restore
    _do(
        lambda engine, person, at: deed(engine, person, alarm.alarm_id, at),
        lambda _none: say("unshelved_now", subject=place(alarm.subject)),
    )


def _form(person: Person) -> None:
    rows = [one for alarm in data.alarms(person).rows for one in (alarm, *alarm.members) if one.own][:MOST_OFFERED]
    rules = data.station().city.settings.alarms
    names = {alarm.alarm_id: f"{alarm.priority} · {told(alarm)[0]}" for alarm in rows}
    hours = sorted({*HOURS, rules.shift_hours})
    spans = {say("shelve_hours", count=count): timedelta(hours=count) for count in hours if count <= rules.shift_hours}
    if may(person, "alarm-out"):
        days = sorted({1, 7, rules.engineer_shelving_days})
        spans |= {say("shelve_days", count=count): timedelta(days=count) for count in days if count <= rules.engineer_shelving_days}
    with st.form("shelve"):
        chosen = st.selectbox(say("alarm"), list(names), format_func=names.__getitem__, key=f"shelve_alarm_{language()}")
        span = st.selectbox(say("shelve_for"), list(spans), key=f"shelve_span_{language()}")
        reason = st.text_input(say("reason"), key="shelve_reason", max_chars=200)
        st.caption(say("shelve_note"))
        with st.container(horizontal=True):
            shelves = st.form_submit_button(say("shelve"), disabled=chosen is None)
            removes = may(person, "alarm-out") and st.form_submit_button(say("out_of_service"), disabled=chosen is None)
            opens = may(person, "case") and st.form_submit_button(say("alarm_case"), disabled=chosen is None)
    if opens:
        _do(lambda engine, who, at: opening.from_alarm(engine, who, chosen, at), lambda number: say("alarm_case_open", number=number))
        st.rerun()
    if shelves or removes:
        subject = next(place(alarm.subject) for alarm in rows if alarm.alarm_id == chosen)
        _put_aside(chosen, subject, spans[span], reason, out=bool(removes))
        st.rerun()


def _put_aside(alarm_id: int, subject: str, span: timedelta, reason: str, *, out: bool) -> None:
    if out:
        _do(
            lambda engine, person, at: deeds.out_of_service(engine, person, alarm_id, at, reason),
            lambda _none: say("out_now", subject=subject),
        )
        return
    rules = data.station().city.settings.alarms
    until = data.now().now_utc + span
    _do(
        lambda engine, person, at: deeds.shelve(engine, rules, person, alarm_id, at, until, reason),
        lambda _none: say("shelved_now", subject=subject, time=look.clock(until)),
    )
