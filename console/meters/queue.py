"""What validation asks: stretches by what hangs on them, one picked to be edited, several to let them stand."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from console import data, look
from console.guard import guarded
from console.meters import editing
from console.words import WORDS, known, say
from service.decisions import Person, may
from service.view import validation

COLUMNS = {
    "point_id": "point",
    "start_utc": "vee_from",
    "end_utc": "vee_to",
    "cause": "cause",
    "intervals": "intervals",
    "made": "made_of",
    "before": "before",
    "after": "after",
    "unit": "unit",
    "hangs": "hangs_on",
    "consequence": "consequence",
}
PAGE = 100


def section(person: Person) -> None:
    """The queue, the form below it, and all of one cause at once."""
    look.heading("vee_queue", say("vee_note"))
    found, days = data.vee_queue(), data.vee_waiting()
    if found.empty:
        st.caption(say("vee_empty"))
        return
    if days > validation.DAYS:
        st.caption(say("vee_more", shown=validation.DAYS, more=days - validation.DAYS))
    shown = _filtered(found)
    if shown.empty:
        look.banner(say("vee_none_found"), None)
        return
    st.caption(say("vee_shown", shown=len(shown), days=min(days, validation.DAYS)))
    picked = _table(shown)
    look.download(shown.drop(columns=["digest"]), "vee-queue")
    if not may(person, "readings"):
        st.caption(say("only_engineers", role=say(person.role)))
    if picked.empty:
        st.caption(say("vee_pick"))
        guarded(lambda: editing.whole_cause(person, shown))
        return
    guarded(lambda: editing.form(person, picked))


def _filtered(found: pd.DataFrame) -> pd.DataFrame:
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    causes = ["", *found["cause"].value_counts().index]
    with left:
        cause = st.selectbox(
            say("vee_cause"), causes, key="vee_cause", format_func=lambda name: known(name) if name else say("every_cause")
        )
    with right:
        text = (st.text_input(say("vee_search"), key="vee_search", max_chars=80, type="search") or "").strip().casefold()
    some = found["cause"].eq(cause) if cause else pd.Series(data=True, index=found.index)
    if text:
        names = found["point_id"] + " " + found["hangs"]
        some &= names.str.casefold().str.contains(text, regex=False)
    return found[some].reset_index(drop=True)


def _table(shown: pd.DataFrame) -> pd.DataFrame:
    """A page of the queue; returns the rows that are picked."""
    pages = -(-len(shown) // PAGE)
    page = min(st.pagination(pages, key="vee_page"), pages) if pages > 1 else 1
    part = shown.iloc[(page - 1) * PAGE : page * PAGE]
    words = part[list(COLUMNS)].copy()
    for column in ("start_utc", "end_utc"):
        words[column] = [look.clock(time.to_pydatetime()) for time in words[column]]
    words["cause"] = [known(cause) for cause in words["cause"]]
    words["made"] = [_made(row.made, row.register_sum) for row in part.itertuples()]
    words["hangs"] = [", ".join(_hanging(name) for name in hangs.split(", ")) for hangs in words["hangs"]]
    formats = {"before": "%.3f", "after": "%.3f", "consequence": "%.2f"}
    picked: Sequence[int] = st.dataframe(
        words,
        hide_index=True,
        width="stretch",
        height=430 if len(words) > 12 else "content",
        column_config={
            column: st.column_config.NumberColumn(say(word), format=formats[column]) if column in formats else say(word)
            for column, word in COLUMNS.items()
        },
        on_select="rerun",
        selection_mode="multi-row",
        key=f"vee_table_{page}",
        placeholder="–",
        alt=say("alt_table", rows=len(words), columns=", ".join(say(word) for word in COLUMNS.values())),
    ).selection.rows
    return part.iloc[[place for place in picked if place < len(part)]]


def _hanging(name: str) -> str:
    """An account by its id, a use of the point by its word."""
    return say(f"hang_{name}") if f"hang_{name}" in WORDS else name


def _made(made: str, register_sum: bool) -> str:
    told = known("doubted" if made == "refused" else made)
    return f"{told}, {say('register_adds')}" if register_sum else told
