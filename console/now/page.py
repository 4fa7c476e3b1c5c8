"""Now: what to do first, the city at a glance, alarms with what to do, what changed since the last shift, stop and hold."""

import streamlit as st

from console.alarms import list as alarms
from console.guard import guarded
from console.now import holding, shift, tiles, worst
from service.decisions import Person


def page(person: Person) -> None:
    """The page of the operator on shift."""
    worst.section(person)
    tiles.section()
    left, right = st.columns([5, 2], gap="medium")
    with left:
        alarms.section(person)
    with right:
        guarded(lambda: holding.section(person))
        shift.section(person)
