"""What may be done about a case: the next step as the one primary button, the others aside."""

from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

import streamlit as st

from console import data, look
from console.alarms.told import place
from console.cases import wording
from console.deciding import decide
from console.words import say
from service import decisions
from service.access.roles import roles_for
from service.cases import deciding
from service.cases.kinds import kinds
from service.cases.listing import owners
from service.cases.states import STEPS, possible
from service.cases.store import SYSTEM, Case
from service.decisions import Action, Person, may
from service.store.operations import spelled_alike

MOST = 200  # cases that another may be the same as, the newest; of an older one `penstock case cancel --same-as`
KEY = "Ctrl+Enter"  # takes the next step
_NEXT = {"found": "assign", "assigned": "work", "worked": "check", "checked": "close", "closed": "rate"}


def following(person: Person, case: Case) -> None:
    """What to do next, and the button that says it is done."""
    look.heading("case_next")
    todo = "case_do_worked_itself" if case.state == "worked" and case.worked_by == SYSTEM else f"case_do_{case.state}"
    told = say(todo, owner=wording.who(case.owner), who=wording.who(case.worked_by))
    st.html(f'<p class="sentence case-do">{escape(told)}</p>')
    name = _NEXT.get(case.state)
    if name is not None:
        able = allowed(person, case, STEPS[name].action or "case")
        if able and name == "check" and case.worked_by is not None and spelled_alike(case.worked_by) == spelled_alike(person.name):
            st.caption(say("case_not_self"))
            able = False
        _FORMS[name](person, case, able)


def allowed(person: Person, case: Case, action: Action) -> bool:
    """May the person do it here? If not, it is said who may."""
    if action in person.unconfirmed:
        st.caption(say("needs_factor"))
        return False
    if not may(person, action):
        roles = ", ".join(say(role) for role in roles_for(action))
        st.caption(say("case_only", roles=roles, role=say(person.role)))
        return False
    if not may(person, action, {case.district}):
        st.caption(say("case_other_district", district=look.plain(place(case.district))))
        return False
    return True


def _take(case: Case, write: Callable[..., Case], *told: Any, **more: Any) -> None:
    """Take a step as the person saw the case, and say what it is then."""
    decide(
        partial(write, *told, seen=case.last.ordinal, **more),
        lambda after: say("case_done_now", number=after.case_id, state=say(f"state_{after.state}")),
    )


def _key(case: Case, name: str) -> str:
    """A button's key: of the case as it was seen, so that a click never takes the step of a state that nobody looked at."""
    return f"{name}_{case.case_id}_{case.last.ordinal}"


def _asked(person: Person, case: Case) -> tuple[Any, ...]:
    return data.station().engine, person, case.case_id, data.now().now_utc


def _assign(person: Person, case: Case, able: bool) -> None:
    known = owners(data.station().city, case.district) or [person.name]
    first = known.index(person.name) if person.name in known else 0
    chosen = st.selectbox(say("case_assign_to"), known, index=first, key=f"owner_{case.case_id}", disabled=not able)
    if st.button(say("case_assign"), key=_key(case, "step"), type="primary", disabled=not able, shortcut=KEY):
        _take(case, deciding.assign, *_asked(person, case), chosen, owners=known)


def _with_note(person: Person, case: Case, able: bool, word: str, write: Callable[..., Case]) -> None:
    note = st.text_input(say(f"{word}_note") if word != "case_close" else say("note"), key=f"{word}_{case.case_id}", disabled=not able)
    if st.button(say(word), key=_key(case, "step"), type="primary", disabled=not able, shortcut=KEY):
        _take(case, write, *_asked(person, case), note)


def _work(person: Person, case: Case, able: bool) -> None:
    _with_note(person, case, able, "case_work", deciding.work)


def _check(person: Person, case: Case, able: bool) -> None:
    _with_note(person, case, able, "case_check", deciding.check)
    _still_leaks(person, case)


def _close(person: Person, case: Case, able: bool) -> None:
    _with_note(person, case, able, "case_close", deciding.close)
    _still_leaks(person, case)


def _still_leaks(person: Person, case: Case) -> None:
    """A leak keeps its own truth: its repair is told by a button of its own, never by closing the case."""
    if case.kind != "leak" or not kinds()["leak"].lasts(data.station().engine, case):
        return
    look.banner(say("case_told_repaired"), None)
    able = allowed(person, case, "leak")
    if st.button(say("case_tell_repaired"), key="case_repaired", disabled=not able):
        engine, at = data.station().engine, data.now().now_utc
        decide(lambda: decisions.tell_repaired(engine, person, case.source_id, at, f"case {case.case_id}"), str)


def _rate(person: Person, case: Case, able: bool) -> None:
    key, told = f"marks_{case.case_id}", say("case_marks_help")
    marks = st.segmented_control(say("case_marks"), [1, 2, 3, 4, 5], default=4, key=key, help=told, disabled=not able, required=True)
    nothing = st.checkbox(say("case_false_alarm"), key=f"false_{case.case_id}", disabled=not able)
    note = st.text_input(say("note"), key=f"rate_{case.case_id}", disabled=not able)
    if st.button(say("case_rate"), key=_key(case, "step"), type="primary", disabled=not able, shortcut=KEY):
        _take(case, deciding.rate, *_asked(person, case), int(marks or 4), false_alarm=nothing, note=note)


_FORMS: dict[str, Callable[[Person, Case, bool], None]] = {
    "assign": _assign,
    "work": _work,
    "check": _check,
    "close": _close,
    "rate": _rate,
}


def others(person: Person, case: Case) -> None:
    """Give it to somebody else, send it back, open it again, cancel it: with a reason."""
    able, may_be = may(person, "case", {case.district}), possible(case.state)
    if case.state == "assigned":
        with st.expander(say("case_assign_again")):
            known = [name for name in owners(data.station().city, case.district) if name != case.owner] or [person.name]
            chosen = st.selectbox(say("case_assign_to"), known, key=f"again_{case.case_id}", disabled=not able)
            if st.button(say("case_assign"), key=_key(case, "again"), disabled=not able):
                _take(case, deciding.assign, *_asked(person, case), chosen, owners=known)
    if not {"reopen", "cancel"} & set(may_be):
        return
    with st.expander(say("case_other_steps")):
        reason = st.text_input(say("case_reason"), key=f"why_{case.case_id}", max_chars=200, disabled=not able)
        if "reopen" in may_be:
            word = "case_send_back" if case.state in ("worked", "checked") else "case_reopen"
            if st.button(say(word), key=_key(case, "reopen"), disabled=not able):
                _take(case, deciding.reopen, *_asked(person, case), reason)
        if "cancel" in may_be:
            others = [one for one in reversed(data.cases(30)) if one.case_id != case.case_id and one.state != "cancelled"]
            other = {0: say("case_no_other")} | {one.case_id: wording.title(one) for one in others[:MOST]}
            same = st.selectbox(
                say("case_same_as"), list(other), format_func=other.__getitem__, key=f"same_{case.case_id}", disabled=not able
            )
            if st.button(say("case_cancel"), key=_key(case, "cancel"), disabled=not able):
                _take(case, deciding.cancel, *_asked(person, case), reason, same_as=same or None)


def note(person: Person, case: Case) -> None:
    """A note beside the steps; it stays with its time and its name."""
    able = may(person, "case", {case.district})
    with st.form(f"note_{case.case_id}", clear_on_submit=True, border=False):
        text = st.text_input(say("case_note_label"), max_chars=1000, disabled=not able)
        if st.form_submit_button(say("case_note_add"), disabled=not able):
            engine, at = data.station().engine, data.now().now_utc
            decide(lambda: deciding.note(engine, person, case.case_id, at, text), lambda _case: say("case_noted"))
