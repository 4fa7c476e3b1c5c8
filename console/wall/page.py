"""The wall: the whole screen for who stands five metres away. Nothing to click; it refreshes itself."""

import streamlit as st

from console.alarms import list as alarms
from console.guard import guarded
from console.header import REFRESH, city_and_clock, not_live
from console.now import tiles, worst
from console.words import say
from service.decisions import Person


def page(person: Person) -> None:
    """Clock, what is not live, what to do first, the key figures and the alarms behind it."""
    st.html('<div class="wall-page"></div>')
    _clock()
    not_live()
    worst.section(person, wall=True)
    tiles.section()
    alarms.section(person, wall=True)


@st.fragment(run_every=REFRESH)
def _clock() -> None:
    guarded(lambda: st.html(city_and_clock(say("wall"))))
