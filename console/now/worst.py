"""The one thing to do first, in big type: what it is, what to do, and the way to the page where it is done."""

from html import escape

import streamlit as st

from console import data, look
from console.alarms.list import page_of, told, worst
from console.guard import guarded
from console.header import REFRESH, link
from console.words import say
from service.decisions import Person


@st.fragment(run_every=REFRESH)
def section(person: Person, *, wall: bool = False) -> None:
    """The worst alarm that nobody has taken on yet; a quiet line when there is none."""
    guarded(lambda: _shown(person, wall=wall))


def _shown(person: Person, *, wall: bool) -> None:
    alarm = worst(person)
    if alarm is None:
        calm = f'<div class="worst calm"><span class="what">{escape(say("no_alarms"))}</span></div>'
        st.html(calm if data.alarms(person).live else look.NOTHING)  # the list says that nobody looked
        return
    what, todo = told(alarm)
    since = f'<span class="since">{escape(say("since"))} {escape(look.hour(alarm.since_utc))}</span>' if alarm.since_utc else ""
    with st.container(horizontal=True, vertical_alignment="center", key="worst"):
        st.html(
            f'<div class="worst p{alarm.priority}">{look.mark(alarm.priority)}<div><div class="what">{escape(what)}{since}</div>'
            f'<div class="todo">→ {escape(todo)}</div></div></div>',
            width="stretch",
        )
        if not wall:
            link(page_of(alarm))
