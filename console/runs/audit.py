"""The audit trail: whether its chain is whole, in words and shape, and its lines by person, action, subject and time."""

from datetime import date, datetime, timedelta

import streamlit as st

from city.clock import civil_day
from console import data, look
from console.words import WORDS, say
from service.auditing.listing import Asked

PAGE = 100
COLUMNS = {
    "audit_id": "audit_number",
    "at_utc": "time",
    "who": "who",
    "action": "action",
    "subject": "about",
    "sentence": "sentence",
    "sha256": "sealed_by",
}


def section() -> None:
    """The chain, the filters, a page of lines, and the download of all that were asked for."""
    look.heading("audit")
    _chain()
    asked = _asked()
    count = data.audit_count(asked)
    if not count:
        look.banner(say("audit_none"), None)
        return
    pages = -(-count // PAGE)
    page = min(st.pagination(pages, key="audit_page"), pages) if pages > 1 else 1
    frame = data.audit_lines(asked, PAGE, (page - 1) * PAGE)
    st.caption(say("audit_of", count=look.number(count, 0)))
    shown = frame.assign(sha256=frame["sha256"].str[:12], action=[_act(name) for name in frame["action"]])
    look.table(shown, COLUMNS, "audit", whole=lambda: data.audit_lines(asked, None, 0))


def _act(name: str) -> str:
    """An action in the session's language where there is a word for it; otherwise as stored."""
    return say(f"act_{name}") if f"act_{name}" in WORDS else name


def _chain() -> None:
    """Whole or broken, and how far it is kept outside. A break is an alarm of the first priority: somebody changed the store."""
    state = data.audit_chain()
    told = [say("chain_lines", lines=look.number(state.lines, 0)), say("chain_head", head=state.head[:16])]
    if state.checked < state.lines:
        told.append(say("chain_checked", checked=look.number(state.checked, 0)))
    word = say("chain_faults", count=len(state.faults)) if state.faults else say("chain_whole")
    kept, more = _kept(state.lines, state.kept, state.kept_utc, outside=state.outside)
    look.cards(
        [
            look.card(say("audit_chain"), word, "", told, priority=1 if state.faults else None),
            look.card(say("chain_kept"), kept, "", more, priority=3 if state.kept is None and state.lines else None),
        ]
    )
    look.sentences("chain_broken", [str(problem) for problem in state.faults], 1)


def _kept(lines: int, kept: int | None, at: datetime | None, *, outside: bool) -> tuple[str, list[str]]:
    if kept is None or at is None:
        return "–", [say("chain_not_yet" if outside else "chain_not_kept")]
    newer = [say("chain_open", count=look.number(lines - kept, 0))] if lines > kept else []
    return look.number(kept, 0), [say("chain_up_to", number=look.number(kept, 0), time=look.clock(at)), *newer]


def _asked() -> Asked:
    """What the filters ask for."""
    known = data.audit_choices()
    one, two, three, four, five = st.columns([1, 1, 2, 1, 1], vertical_alignment="bottom")
    who = one.selectbox(say("audit_who"), ["", *known["who"]], key="audit_who", format_func=lambda name: name or say("everybody"))
    actions = ["", *known["action"]]
    action = two.selectbox(say("action"), actions, key="audit_action", format_func=lambda name: _act(name) if name else say("every_action"))
    text = three.text_input(say("audit_search"), key="audit_text", max_chars=80, type="search") or ""
    start = four.date_input(say("audit_from"), None, key="audit_from")
    end = five.date_input(say("audit_to"), None, key="audit_to")
    return Asked(str(who or ""), str(action or ""), text.strip(), _midnight(start), _midnight(end, after=True))


def _midnight(day: object, *, after: bool = False) -> datetime | None:
    """The beginning of a civil day, or of the one after it [UTC]."""
    if not isinstance(day, date):
        return None
    return civil_day(day + timedelta(days=int(after)), data.now().zone)[0]
