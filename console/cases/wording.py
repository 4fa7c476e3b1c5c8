"""What a case is about, and what happened in it, in the session's language."""

from typing import Any

from console import data, look
from console.alarms.told import place
from console.alarms.told import told as alarm_told
from console.words import WORDS, known, say
from service.alarms.shown import Shown
from service.alarms.states import State
from service.cases.store import SYSTEM, Case, Event


def title(case: Case) -> str:
    """Its number, kind and subject."""
    return f"#{case.case_id} {say(f'case_kind_{case.kind}')} · {subject(case.kind, case.subject)}"


def subject(kind: str, name: str) -> str:
    """What a case is about: a district or a feeder by its name, a meter, a pipe or an alarm's subject as it is."""
    return place(name) if kind in ("leak", "outage") else name


def about(case: Case) -> str:
    """What was found; as it was stored where somebody told it in own words."""
    facts = case.facts
    if not facts:
        return case.sentence
    if case.kind == "leak":
        return say(f"case_leak_{facts['kind']}", flow=look.number(facts["flow"]), pipe=facts["pipe"])
    if case.kind == "outage":
        critical = say("case_outage_critical", names=", ".join(facts["critical"])) if facts.get("critical") else ""
        return say("case_outage", customers=look.number(facts["customers"], 0), branch=facts["branch"]) + critical
    if case.kind == "alarm":
        return alarm(facts["alarm"], case.subject, facts["facts"], case)
    return say("case_meter_days", days=facts["days"], what="; ".join(_faults(facts)) or case.sentence)


def alarm(kind: str, subject: str, facts: dict[str, Any], case: Case | None = None) -> str:
    """An alarm's text from what was stored of it."""
    at = case.found_utc if case else data.now().now_utc
    return alarm_told(Shown(0, kind, subject, case.priority if case else 3, State.NORMAL, at, facts))[0]


def _faults(facts: dict[str, Any]) -> list[str]:
    """What is wrong with a meter."""
    found, rate, cause = [], facts.get("rate"), known(facts.get("cause") or "none")
    if rate is not None and rate < 0.98:
        found.append(say("case_meter_rate", rate=f"{100 * rate:.1f} %", cause=cause))
    elif facts.get("cause"):
        found.append(say("case_meter_cause", cause=cause))
    if (facts.get("flat") or 0) >= 0.25:
        found.append(say("case_meter_flat", share=f"{100 * facts['flat']:.0f} %"))
    if facts.get("battery_pct") is not None:
        found.append(say("case_meter_battery", value=look.number(facts["battery_pct"], 0)))
    if facts.get("clock_s") is not None:
        found.append(say("case_meter_clock", value=look.number(facts["clock_s"], 0)))
    return found


def who(name: str | None) -> str:
    """A person, or the system."""
    return say("case_system") if name == SYSTEM else name or say("case_no_owner")


def step(event: Event) -> str:
    """What a step of a case was."""
    return step_words(event.step, event.owner, event.facts)


def step_words(name: str, owner: str | None, facts: dict[str, Any]) -> str:
    """The words of a step; a rating and a duplicate say more."""
    key = f"step_{name}"
    if name == "rate" and facts.get("false_alarm"):
        key = "step_rate_false"
    if name == "cancel" and facts.get("same_as"):
        key = "step_cancel_same"
    if key not in WORDS:
        return name
    return say(key, owner=who(owner), marks=facts.get("marks", "–"), same_as=facts.get("same_as"))


def tag(case: Case) -> tuple[int | None, str]:
    """(priority of its shape when it is overdue, how late or when due)."""
    late = case.overdue(data.now().now_utc)
    if late is not None and case.due_utc is not None:
        return case.priority, say("case_overdue", age=look.age(case.due_utc))
    return None, say("case_due", time=look.hour(case.due_utc)) if case.due_utc else ""
