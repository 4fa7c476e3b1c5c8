"""Carrying out a decision: write, forget what was cached, and say on the next run what came of it."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from city.problems import PenstockError
from console import data, look
from console.words import say
from console.words.four_eyes import reasons
from service import decisions
from service.decisions import Action, Person, may
from service.view.plan import Approval

R = TypeVar("R")


def decide(write: Callable[[], R], told: Callable[[R], str]) -> None:
    """Do it and rerun; a refusal is told in its sentences and changes nothing."""
    try:
        outcome = write()
    except PenstockError as error:
        for problem in error.problems:
            look.banner(str(problem), 2)
        return
    data.forget()
    st.session_state["decided"] = told(outcome)
    st.rerun()


def outcome() -> None:
    """What the last decision of this session led to, shown once."""
    if text := st.session_state.pop("decided", None):
        look.banner(text, None)


def allowed(person: Person, action: Action, where: Callable[[], frozenset[str]]) -> bool:
    """May the person do it in the districts that `where` looks up? If not, a line says why."""
    if action in person.unconfirmed:
        st.caption(say("needs_factor"))
    elif not may(person, action):
        st.caption(say("only_operators", role=say(person.role)))
    elif person.districts and not may(person, action, found := where()):
        there = ", ".join(sorted(found - {""})) or say("whole_city")
        st.caption(say("not_your_district", where=look.plain(there), own=look.plain(", ".join(person.districts))))
    else:
        return True
    return False


def approval(person: Person, plan_id: str, button: str, by_hand: int = 0, why_two: str = "") -> None:
    """Who approved a plan or an isolation, or the form to do so. `by_hand`: that many valves, and no motor, are turned by crews;
    `why_two` says why that takes two people."""
    made = data.approval(plan_id)
    if made is not None and made.commands:
        look.banner(say("approved_by", who=made.who, time=look.clock(made.at_utc), commands=made.commands, reason=made.reason or "–"), None)
        return
    known = data.commands(plan_id)
    waiting = known[known["state"] == "proposed"]
    if not waiting.empty:
        first = look.clock(waiting["not_before_utc"].min().to_pydatetime())
        look.banner(f"{say('not_approved')}{say('approve_asks', count=len(waiting), time=first)}", None)
        why_two = str(waiting["sentence"].iloc[0]).removeprefix("needs two people: ") if waiting["approvals_needed"].max() > 1 else ""
    elif by_hand and known.empty:
        look.banner(f"{say('not_approved')}{say('crews_ask', count=by_hand)}", None)
    else:
        st.caption(say("no_commands"))
        return
    _form(person, plan_id, button, made, why_two, "crews_sent" if waiting.empty else "approved_now")


def _form(person: Person, plan_id: str, button: str, made: Approval | None, why_two: str, done: str) -> None:
    """What an approval calls up, who may give it, the button, and the sentence when it is `done`."""
    for event in data.calls(plan_id):
        words = {"asset": event.asset_id, "start": look.clock(event.start_utc), "end": look.clock(event.end_utc)}
        told = "" if event.call_by_utc is None else say("notice_until", time=look.clock(event.call_by_utc))
        look.banner(say("approve_calls", **words) + told, 3)
    free = allowed(person, "approve", lambda: data.plan_districts(plan_id))
    if why_two:
        look.banner(say("needs_two", why=reasons(why_two)), 3)
    if made is not None:
        look.banner(say("approved_once", who=made.who, time=look.clock(made.at_utc)), 3)
        free = free and person.name != made.who
    reason = st.text_input(say("reason"), key=f"reason_{plan_id}", max_chars=200, disabled=not free)
    if st.button(say(button), key=f"approve_{plan_id}", type="primary", disabled=not free):
        station, at = data.station(), data.now().now_utc
        decide(
            lambda: decisions.approve(station.engine, station.city, person, plan_id, at, reason),
            lambda count: say(done, count=count) if count else say("approved_first" if why_two else "approved_before"),
        )
