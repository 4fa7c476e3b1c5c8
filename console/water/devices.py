"""Sensors that are not believed, and valves as operators found them."""

from typing import get_args

import streamlit as st

from console import data, look
from console.deciding import decide
from console.words import say
from service import decisions, valve_states
from service.decisions import Person, may

COLUMNS = {
    "valve": "valve_name",
    "link": "pipe",
    "found": "state",
    "turns": "turns",
    "exercised": "exercised",
    "who": "who",
    "at_utc": "since",
    "note": "note",
}


def sensors() -> None:
    """Each open sensor fault in a sentence: what is wrong with it, since when, and that it is no leak."""
    look.heading("sensor_faults")
    found = data.sensor_faults()
    if not found:
        st.caption(say("no_sensor_fault"))
    for row in found:
        fault = say(f"fault_{row.kind}", size=look.number(row.size, 2))
        told = say("sensor_fault_told", sensor=row.sensor.rsplit(".", 1)[0], fault=fault)
        look.banner(f"{told} · {say('since')} {look.clock(row.since_utc)}. {say('sensor_fault_do')}", 3)


def valves(person: Person) -> None:
    """Valves somebody told of, and the form to tell of one."""
    look.heading("valve_states")
    table = data.valves()
    told = table[table["who"].notna()]
    if told.empty:
        st.caption(say("no_valve_told"))
    else:
        shown = told.assign(found=[say(f"valve_{state}") for state in told["state"]])
        look.table(shown[list(COLUMNS)].sort_values("at_utc", ascending=False), COLUMNS, "valves")
    if not may(person, "valve"):
        st.caption(say("only_operators", role=say(person.role)))
        return
    with st.expander(say("tell_valve")):
        _form(person, list(table["valve"]))


def _form(person: Person, known: list[str]) -> None:
    station, at = data.station(), data.now().now_utc
    one, two, three = st.columns(3)
    valve = one.selectbox(say("valve_name"), known, key="valve_name")
    state = two.selectbox(
        say("state"), get_args(valve_states.State), format_func=lambda name: say(f"valve_{name}"), index=2, key="valve_state"
    )
    turns = three.number_input(say("turns"), min_value=0.0, value=None, step=1.0, key="valve_turns")
    note = st.text_input(say("note"), key="valve_note", max_chars=200)
    if st.button(say("valve_tell_button"), key="tell_valve", type="primary", disabled=valve is None):
        decide(
            lambda: decisions.tell_valve(station.engine, station.city, known, person, str(valve), str(state), turns or None, at, note),
            lambda sentence: f"{sentence}. {say('taken_soon')}",
        )
