"""Emergency stop, holds and their release: two clicks away, and always seen while one is in force."""

from html import escape

import streamlit as st

from console import data, deciding, look
from console.deciding import decide
from console.words import say
from service import decisions
from service.access.roles import may_stop
from service.decisions import WHOLE_CITY, Person, may
from service.store.operations import STOP


def section(person: Person) -> None:
    """What is in force, openly; the forms behind one button."""
    allowed = may_stop(person)
    _in_force(person)
    with st.popover(say("stop_and_hold"), width="stretch", icon=":material/front_hand:"):
        if not allowed:
            st.caption(say("only_operators", role=say(person.role)))
        reason = st.text_input(say("reason"), key="hold_reason", max_chars=200, disabled=not allowed)
        if st.button(say("emergency_stop_button"), key="stop", disabled=not allowed, width="stretch", type="primary"):
            _hold(person, STOP, reason)
        assets = sorted({control.asset for control in data.station().city.settings.controls})
        subject = st.selectbox(say("subject"), assets, key="hold_subject", disabled=not allowed)
        free = allowed and subject is not None and deciding.allowed(person, "hold", lambda: data.districts(subject))
        if st.button(say("hold_button"), key="hold", disabled=not free, width="stretch"):
            _hold(person, subject, reason)
        st.caption(say("hold_note"))


def _may_release(person: Person, subject: str) -> bool:
    """The emergency stop is released by somebody who has the whole city."""
    return may(person, "release", None if not person.districts else WHOLE_CITY if subject == STOP else data.districts(subject))


def _in_force(person: Person) -> None:
    for row in data.holds().drop_duplicates("subject").itertuples():
        name = say("everything") if row.subject == STOP else row.subject
        told = f"{say('in_force')}: {name} · {row.who} · {look.clock(row.since_utc)} · {row.reason or '–'}"
        st.html(f'<div class="banner p{1 if row.subject == STOP else 2}">{look.mark(1 if row.subject == STOP else 2)}{escape(told)}</div>')
        if st.button(
            f"{say('release_button')}: {name}",
            key=f"release_{row.subject}",
            disabled=not _may_release(person, row.subject),
            width="stretch",
        ):
            _release(person, row.subject, name)


def _release(person: Person, subject: str, name: str) -> None:
    station, at = data.station(), data.now().now_utc
    decide(lambda: decisions.release(station.engine, station.city, person, subject, at), lambda _count: say("released", subject=name))


def _hold(person: Person, subject: str, reason: str) -> None:
    station, at = data.station(), data.now().now_utc
    name = say("everything") if subject == STOP else subject
    decide(lambda: decisions.hold(station.engine, station.city, person, subject, at, reason), lambda _none: say("held", subject=name))
