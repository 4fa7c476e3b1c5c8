"""The board: a column per state, what is due first on top; figures above and below it."""

from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from console import data, look
from console.alarms.told import place
from console.cases import wording
from console.guard import guarded
from console.words import language, say
from service.cases.kinds import kinds
from service.cases.listing import urgency
from service.cases.states import ENDED, State
from service.cases.store import Case
from service.decisions import Person

COLUMNS: tuple[State, ...] = ("found", "assigned", "worked", "checked", "closed")
MOST = 20  # cards of one column
MONTH, QUARTER = 30, 90  # days
_SHAPE = {1: ":red[■]", 2: ":orange[▲]", 3: ":yellow[●]"}


@st.fragment(run_every="60s")
def section(person: Person) -> None:
    """Figures, filter, columns, what has ended: anew each minute, as the clock above it goes on."""
    guarded(lambda: _section(person))


def _section(person: Person) -> None:
    cases = data.cases(MONTH)
    _figures(cases)
    shown = _filtered(person, cases)
    _columns(shown)
    _ended(shown)
    _table()


def _figures(cases: Sequence[Case]) -> None:
    """What a shift leader asks first."""
    now = data.now().now_utc
    running = [case for case in cases if case.state not in ENDED]
    late = [case for case in running if case.overdue(now) is not None]
    worst = min((case.priority for case in late), default=None)
    unowned = [case for case in running if case.owner is None]
    made = data.case_figures(QUARTER)
    in_time = [(one.in_time, one.ended) for one in made if one.in_time is not None]
    share = sum(part * count for part, count in in_time) / max(sum(count for _, count in in_time), 1)
    leak = next((one for one in made if one.kind == "leak"), None)
    span = say("case_quarter")
    cards = [
        look.card(say("case_open_count"), str(len(running)), "", [_of_kinds(running)]),
        look.card(say("case_overdue_count"), str(len(late)), "", [_of_kinds(late)], priority=worst),
        look.card(say("case_unowned"), str(len(unowned)), "", [_of_kinds(unowned)]),
        look.card(
            say("case_in_time"), f"{100 * share:.0f}" if in_time else "–", "%" if in_time else "",
            [f"{say('case_of_closed', count=sum(count for _, count in in_time))} · {span}"],
        ),
        look.card(
            say("case_false"), f"{100 * leak.false:.0f}" if leak and leak.false is not None else "–", "%" if leak and leak.rated else "",
            [f"{say('case_of_rated', count=leak.rated if leak else 0)} · {span}"],
        ),
    ]  # fmt: skip
    look.cards(cards)


def _of_kinds(cases: Sequence[Case]) -> str:
    counts = {kind: sum(case.kind == kind for case in cases) for kind in kinds()}
    return " · ".join(f"{say(f'case_kind_{kind}')} {count}" for kind, count in counts.items() if count) or say("none")


def _filtered(person: Person, cases: Sequence[Case]) -> list[Case]:
    """The cases of a kind, a district, a person."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = {"": say("case_all")} | {kind: say(f"case_kind_{kind}") for kind in kinds()}
        kind = st.segmented_control(
            say("case_filter"), list(names), default="", format_func=names.__getitem__, key="case_kind", label_visibility="collapsed"
        )
        places = {"": say("case_all_districts")} | {one: place(one) for one in sorted({case.district for case in cases} - {""})}
        district = st.selectbox(
            say("case_district"),
            list(places),
            format_func=places.__getitem__,
            key=f"case_district_{language()}",
            label_visibility="collapsed",
            width=230,
        )
        mine = st.toggle(say("case_mine"), key="case_mine")
    return [
        case
        for case in cases
        if (not kind or case.kind == kind) and (not district or case.district == district) and (not mine or case.owner == person.name)
    ]


def _columns(cases: Sequence[Case]) -> None:
    """One column per state that something is to be done in; each card is a button."""
    recent = data.now().now_utc - MONTH * data.DAY
    with st.container(key="board"):
        for column, state in zip(st.columns(len(COLUMNS), gap="small"), COLUMNS, strict=True):
            own = sorted((c for c in cases if c.state == state and (state != "closed" or c.since_utc >= recent)), key=urgency)
            with column:
                st.html(
                    f'<div class="stage"><span>{say(f"state_{state}")}</span><span class="todo">{say(f"next_{state}")}</span>'
                    f'<span class="count">{len(own)}</span></div>'
                )
                for case in own[:MOST]:
                    with st.container(key=f"late{wording.tag(case)[0] or 0}_{case.case_id}"):  # what the style sheet colours its edge by
                        if st.button(_card(case), key=f"case_{case.case_id}", width="stretch"):
                            st.session_state["case"] = case.case_id
                            st.rerun()
                if len(own) > MOST:
                    st.caption(say("case_more", count=len(own) - MOST))


def _card(case: Case) -> str:
    """Number and place, what it is, then owner, age and how late: shape and colour only for what is late."""
    rank, due = wording.tag(case)
    told = f"{_SHAPE[rank]} **{look.plain(due)}**" if rank else look.plain(due)
    owner = look.plain(wording.who(case.owner))
    last = " · ".join(part for part in (owner, f"{say('age')} {look.age(case.found_utc)}", told) if part)
    return f"**{look.plain(wording.title(case))}**  \n{look.plain(wording.about(case))}  \n{last}"


def _ended(cases: Sequence[Case]) -> None:
    recent = data.now().now_utc - MONTH * data.DAY
    ended = [case for case in cases if case.state in ENDED and case.since_utc >= recent]
    if ended:
        look.heading("case_ended", str(len(ended)))
        rows = [
            (c.case_id, say(f"case_kind_{c.kind}"), c.subject, wording.about(c), say(f"state_{c.state}"), c.owner, c.found_utc, c.since_utc)
            for c in sorted(ended, key=urgency)
        ]
        columns = ["number", "kind", "subject", "what", "state", "owner", "found_utc", "since_utc"]
        words = dict(zip(columns, ("case_number", "kind", "about", "what", "state", "owner", "found_at", "since"), strict=True))
        look.table(pd.DataFrame(rows, columns=columns), words, "cases_ended")


def _table() -> None:
    """Per kind: how many, how late, how long each step takes, how they were rated."""
    made = data.case_figures(QUARTER)
    if not made:
        return
    look.heading("case_figures", say("case_quarter"))
    percent = lambda share: None if share is None else 100 * share  # noqa: E731 - a unit
    rows: list[dict[str, Any]] = [
        {"kind": say(f"case_kind_{one.kind}"), "open_count": one.open, "overdue_count": one.overdue}
        | {f"hours_{step}": hours for step, hours in one.hours.items()}
        | {"in_time_percent": percent(one.in_time), "marks": one.marks, "false_percent": percent(one.false)}
        for one in made
    ]
    heads = "".join(f'<th scope="col">{escape(say(key))}</th>' for key in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{escape(_cell(value))}</td>' for value in row.values())}</tr>" for row in rows)
    st.html(f'<table class="iwa"><tr>{heads}</tr>{body}</table>')
    look.download(pd.DataFrame(rows), "case_figures")


def _cell(value: str | float | None) -> str:
    return value if isinstance(value, str) else look.number(value, None if isinstance(value, float) else 0)
