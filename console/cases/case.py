"""One case: where it stands, what to do next, what happened so far."""

from html import escape

import streamlit as st

from console import data, header, look
from console.alarms.told import place
from console.cases import steps, wording
from console.words import say
from service.cases import store
from service.cases.kinds import kinds
from service.cases.states import STATES, State
from service.cases.store import Case, Event
from service.decisions import Person

STATIONS: tuple[State, ...] = tuple(state for state in STATES if state != "cancelled")


def section(person: Person, case: Case) -> None:
    """A case from found to rated."""
    if st.button(say("case_back"), key="case_back", icon=":material/arrow_back:", shortcut="Escape", type="tertiary"):
        st.session_state.pop("case", None)
        st.rerun()
    rank, due = wording.tag(case)
    shape = look.mark(rank) if rank else ""
    where = " · ".join((place(case.district), say("case_priority", priority=case.priority), wording.who(case.owner)))
    st.html(
        f'<h2 class="case">{escape(wording.title(case))}</h2><div class="case-about">{escape(wording.about(case))}</div>'
        f'<div class="case-where">{escape(where)}{f" · {shape}<b>{escape(due)}</b>" if rank else f" · {escape(due)}" if due else ""}</div>'
    )
    _watch(case, due)
    _moved(person, case)
    st.html(track(case))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        steps.following(person, case)
        steps.others(person, case)
    with right:
        _source(case)
        _timeline(case)
        steps.note(person, case)


@st.fragment(run_every="60s")
def _watch(case: Case, due: str) -> None:
    """Bring the page again when somebody moved the case, or it is late by now; what is being typed stays."""
    station = data.station()
    now = store.one(station.engine, station.city.settings.cases, case.case_id)
    if now.last.ordinal > case.last.ordinal or wording.tag(now)[1] != due:
        st.rerun()


def _moved(person: Person, case: Case) -> None:
    """Say who moved the case since this session looked at it: a click meant for what it was has done nothing."""
    seen, st.session_state["case_seen"] = st.session_state.get("case_seen"), (case.case_id, case.last.ordinal)
    if seen and seen[0] == case.case_id and seen[1] < case.last.ordinal and case.last.who != person.name:
        told = {"who": wording.who(case.last.who), "step": wording.step(case.last), "time": look.clock(case.last.at_utc)}
        look.banner(say("case_moved", **told), 3)


def passed(case: Case) -> dict[State, Event]:
    """The event by which the case came to each station of its present way; what was before it was opened again is left out."""
    found: dict[State, Event] = {}
    for event in case.events:
        if event.step == "reopen":
            upto = STATES.index(event.state) if event.state in STATIONS else len(STATES)
            found = {state: before for state, before in found.items() if STATES.index(state) <= upto}
        elif event.state in STATIONS and (event.state not in found or event.step == "assign"):
            found[event.state] = event
    return found


def track(case: Case) -> str:
    """The way of a case as a line of stations: what is behind it with time and name, where it is, what is to come."""
    there, made = passed(case), []
    here = STATIONS.index(case.state) if case.state in STATIONS else -1
    before = None
    for i, state in enumerate(STATIONS):
        event = there.get(state)
        under = [f"{look.clock(event.at_utc)}", wording.who(event.who)] if event else [""]
        if event and before is not None:
            under.append(say("case_took", age=between(before, event)))
        kind = "here" if i == here else "behind" if event else "ahead"
        glyph = {"here": "◉", "behind": "●", "ahead": "○"}[kind]
        told = "".join(f"<div>{escape(line)}</div>" for line in under if line)
        now = ' aria-current="step"' if kind == "here" else ""
        made.append(
            f'<li class="{kind}"{now}><span class="dot" aria-hidden="true">{glyph}</span><b>{escape(say(f"state_{state}"))}</b>{told}</li>'
        )
        before = event or before
    gone = f'<div class="cancelled">✕ {escape(say("state_cancelled"))}</div>' if case.state == "cancelled" else ""
    return f'<ol class="track">{"".join(made)}</ol>{gone}'


def between(one: Event, two: Event) -> str:
    """The time from one event to another, in one unit."""
    minutes = (two.at_utc - one.at_utc).total_seconds() / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h" if minutes < 2 * 1440 else f"{minutes / 1440:.0f} d"


def _source(case: Case) -> None:
    """How its source stands, which keeps its own truth, and the page where it is worked on."""
    kind = kinds()[case.kind]
    lasts = kind.lasts(data.station().engine, case)
    if lasts is not None:
        look.banner(say(f"case_{'lasts' if lasts else 'over'}_{case.kind}"), None)
    header.link(kind.page)


def _timeline(case: Case) -> None:
    """Everything that happened, the newest first."""
    look.heading("case_timeline", str(len(case.events)))
    lines = []
    for event in reversed(case.events):
        note = f'<div class="said">{escape(event.note)}</div>' if event.note else ""
        lines.append(
            f'<li><span class="at">{escape(look.clock(event.at_utc))}</span><b>{escape(wording.step(event))}</b>'
            f' <span class="who">{escape(wording.who(event.who))}</span>{note}</li>'
        )
    st.html(f'<ol class="timeline">{"".join(lines)}</ol>')
