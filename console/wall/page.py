"""The wall: the whole screen for who stands five metres away. Nothing to click; it refreshes itself."""

import streamlit as st

from console.alarms import list as alarms
from console.guard import guarded
from console.header import REFRESH, city_and_clock, not_live
from console.now import tiles, worst
from console.words import say
from service.decisions import Person


def page(person: Person) -> None:
    """Clock, what is not live, what to do first; below it the key figures beside the alarms, as many as fit on one screen."""
    st.html('<div class="wall-page"></div>')
    _clock()
    not_live()
    worst.section(person, wall=True)
    left, right = st.columns([5, 3], gap="small")
    with left:
        tiles.section()
    with right:
        alarms.section(person, wall=True)


@st.fragment(run_every=REFRESH)
def _clock() -> None:
    guarded(lambda: st.html(city_and_clock(say("wall"))))
