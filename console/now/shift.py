"""What changed since the last shift, the log, and the hand-over from one person to the next: a part of Now."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from html import escape
from itertools import groupby
from typing import Any

import streamlit as st

from console import data, look
from console.alarms.told import place
from console.cases import wording
from console.deciding import decide
from console.guard import guarded
from console.now import paper
from console.words import WORDS, known, say
from service.decisions import Person, may
from service.shifts import listing, log
from service.shifts.changes import GROUPS, Change
from service.store.operations import spelled_alike

SHOWN = 5  # lines of one group; the rest is one click away
MOST = 40  # lines of a group on the page: a thousand meters may fall silent at once; the file has them all
DAYS = 2  # of notes
_SHORT = 160  # letters of a line


def section(person: Person) -> None:
    """The shift log of whoever is signed in."""
    _waiting(person)
    _changes(person)
    _noted()
    guarded(lambda: _notes(person))
    guarded(lambda: _handing_over(person))


@st.fragment(run_every="60s")
def _waiting(person: Person) -> None:
    guarded(lambda: _taking_over(person))


@st.fragment(run_every="60s")
def _changes(person: Person) -> None:
    with st.container(key="shift_changes"):
        guarded(lambda: _changed(person))


def _changed(person: Person) -> None:
    """What changed by group, each line a link to the page where it is worked on; all of it as a file."""
    since, changes = data.shift_since(person.name), data.shift_changed(person.name)
    st.html(f'<h2 class="section">{escape(say("changed_since", time=look.clock(since)))}<span class="note">{len(changes)}</span></h2>')
    if not changes:
        look.banner(say("changed_none"), None)
        return
    for group in GROUPS:
        own = [change for change in changes if change.group == group]
        if own:
            st.html(f'<div class="group">{escape(say(f"group_{group}"))} · {len(own)}</div>')
            lines = _alike(own)
            for change, count in lines[:SHOWN]:
                _line(change, count)
            if len(lines) > SHOWN:
                with st.expander(say("show_more", count=len(lines) - SHOWN)):
                    for change, count in lines[SHOWN:MOST]:
                        _line(change, count)
                    if len(lines) > MOST:
                        st.caption(say("rest_in_file", count=len(lines) - MOST))
    _files(since, changes)


def _files(since: datetime, changes: Sequence[Change]) -> None:
    """All of it as a table, and on one page of paper."""
    name = f"shift-{look.clock(data.now().now_utc)[:10]}"
    lines = [(change.group, _told(change, count)) for group in GROUPS for change, count in _alike([c for c in changes if c.group == group])]
    page = paper.sheet(say("changed_since", time=look.clock(since)), lines, data.shift_notes(DAYS), next(iter(data.hand_overs()), None))
    for key, content, file, kind, icon in (
        ("shift_csv", listing.table(changes).encode("utf-8-sig"), f"{name}.csv", "text/csv", ":material/download:"),
        ("shift_paper", page, f"{name}.html", "text/html", ":material/print:"),
    ):
        st.download_button(say(key), content, file, kind, key=key, type="tertiary", on_click="ignore", icon=icon)


def _alike(changes: Sequence[Change]) -> list[tuple[Change, int]]:
    """The newest of each run of changes that say the same, and how many they are."""
    runs = [list(run) for _, run in groupby(changes, key=lambda one: (line(one), one.who))]
    return [(run[0], len(run)) for run in runs]


def _told(change: Change, count: int) -> str:
    """Time, what it was, by whom, how often."""
    who = f" · {change.who}" if change.who and change.group != "cases" else ""
    return f"{look.hour(change.at_utc)} {line(change)}{who}{f' ×{count}' if count > 1 else ''}"


def _line(change: Change, count: int) -> None:
    """A change as a link; as text where this console has no such page."""
    told = _told(change, count)
    told = told if len(told) <= _SHORT else f"{told[:_SHORT]}…"
    page = st.session_state.get("pages", {}).get(change.page)
    if page is None:
        st.html(f'<p class="sentence">{escape(told)}</p>')
    else:
        query = {"case": change.subject} if change.group == "cases" else None
        st.page_link(page, label=look.plain(told), query_params=query)


def line(change: Change) -> str:
    """A change in the session's language."""
    facts: dict[str, Any] = dict(change.facts) | {"subject": change.subject.removeprefix("period ")}
    if change.group in ("alarms", "meters"):
        return say(f"change_{change.key}", what=wording.alarm(facts["kind"], change.subject, facts["facts"]), subject=change.subject)
    if change.group == "cases":
        kind = facts["kind"]
        about = f"{say(f'case_kind_{kind}')} {wording.subject(kind, facts['about'])}"
        step = wording.step_words(change.key.removeprefix("case_"), facts["owner"], facts["said"])
        return say("change_case", subject=change.subject, about=about, step=f"{step} · {wording.who(change.who)}")
    if change.group == "leaks" and "flow" in facts:
        facts["what"] = say(f"case_leak_{facts['kind']}", flow=look.number(facts["flow"]), pipe=facts["pipe"])
        facts["zone"] = place(facts["zone"])
    if "status" in facts:
        facts["status"] = known(facts["status"])
    key = change.key if change.key.startswith("did_") else f"change_{change.key}"
    return say(key, **facts) if key in WORDS else change.sentence


def _taking_over(person: Person) -> None:
    """A summary that waits for a second name comes first."""
    for one in data.hand_overs():
        if one.incoming is None:
            look.banner(say("hand_over_waits", outgoing=one.outgoing, time=look.clock(one.at_utc)), 3)
            st.html(f'<p class="sentence">{escape(one.text)}</p>')
            if counted := " · ".join(f"{say(f'group_{group}')} {one.changes[group]}" for group in GROUPS if one.changes.get(group)):
                st.caption(say("hand_over_counts", what=counted))
            own = spelled_alike(one.outgoing) == spelled_alike(person.name)
            if own:
                st.caption(say("hand_over_own"))
            able = may(person, "shift") and not own
            if st.button(say("hand_over_sign"), key=f"sign_{one.hand_over_id}", type="primary", disabled=not able):
                write = partial(log.sign, data.station().engine, person, data.now().now_utc, one.hand_over_id)
                decide(write, lambda outgoing: say("hand_over_signed", outgoing=outgoing))


@st.fragment(run_every="60s")
def _noted() -> None:
    guarded(_listed)


def _listed() -> None:
    """The notes of the last days."""
    notes = data.shift_notes(DAYS)
    look.heading("shift_notes", str(len(notes)) if notes else "")
    if not notes:
        st.caption(say("shift_no_notes"))
    lines = []
    for one in notes[:20]:
        about = f"<b>{escape(one.about)}</b> " if one.about else ""
        aside = say("shift_corrected", number=one.corrected_by) if one.corrected_by else ""
        aside = aside or (say("shift_corrects", number=one.corrects) if one.corrects else "")
        old = ' class="old"' if one.corrected_by else ""
        lines.append(
            f'<li{old}><span class="at">{one.note_id} · {escape(look.clock(one.at_utc))} · {escape(one.who)}</span>'
            f'{about}<span class="said">{escape(one.text)}</span>{f" <i>{escape(aside)}</i>" if aside else ""}</li>'
        )
    if lines:
        st.html(f'<ol class="timeline">{"".join(lines)}</ol>')


def _notes(person: Person) -> None:
    """The form for a note, or one instead of another."""
    notes, able = data.shift_notes(DAYS), may(person, "shift")
    if not able:
        st.caption(say("needs_factor") if "shift" in person.unconfirmed else say("shift_only", role=say(person.role)))
        return
    with st.form("shift_note", clear_on_submit=True, border=False):
        text = st.text_area(say("shift_note_label"), max_chars=log.LONGEST, height=70, key="shift_text")
        left, right = st.columns(2)
        about = left.text_input(say("shift_note_about"), max_chars=120)
        standing = {0: say("shift_corrects_none")} | {
            one.note_id: f"{one.note_id} · {one.text[:40]}" for one in notes if not one.corrected_by
        }
        corrects = right.selectbox(say("shift_correct"), list(standing), format_func=standing.__getitem__)
        if st.form_submit_button(say("shift_note_add"), key="shift_write"):
            write = partial(log.note, data.station().engine, person, data.now().now_utc, text, about, corrects=corrects or None)
            decide(write, lambda _number: say("shift_noted"))


def _handing_over(person: Person) -> None:
    """Who handed over to whom last, and the summary for who comes next."""
    look.heading("hand_over")
    done = next((one for one in data.hand_overs() if one.incoming), None)
    if done is not None and done.signed_utc is not None:
        look.caption(say("hand_over_last", outgoing=done.outgoing, incoming=done.incoming, time=look.clock(done.signed_utc)))
    if not may(person, "shift"):
        return
    with st.form("hand_over", clear_on_submit=True, border=False):
        text = st.text_area(say("hand_over_label"), value=_draft(person), max_chars=log.LONGEST, height=100)
        if st.form_submit_button(say("hand_over_button")):
            station = data.station()
            write = partial(log.hand_over, station.engine, station.city, person, data.now().now_utc, text)
            decide(write, lambda number: say("hand_over_written", number=number))


def _draft(person: Person) -> str:
    """A first line for the summary: how much of what changed."""
    counts = Counter(change.group for change in data.shift_changed(person.name))
    return "; ".join(f"{say(f'group_{group}')} {counts[group]}" for group in GROUPS if counts[group])
