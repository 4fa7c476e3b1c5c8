"""Cases: the board by state, and one of them with what to do next. `?case=17` opens one."""

import streamlit as st

from city.problems import PenstockError
from console import data
from console.cases import board
from console.cases import case as opened
from console.guard import guarded
from service.cases import store
from service.decisions import Person


def page(person: Person) -> None:
    """The board, or the case that was chosen."""
    if (asked := st.query_params.get("case")) and asked.isdecimal() and len(asked) < 10:  # a longer one is no number of a row
        st.session_state["case"] = int(asked)
        st.query_params.clear()
    number = st.session_state.get("case")
    if number is None:
        board.section(person)
        return
    station = data.station()
    try:
        case = store.one(station.engine, station.city.settings.cases, number)
    except PenstockError:
        st.session_state.pop("case", None)
        raise
    guarded(lambda: opened.section(person, case))
