"""The top of every page: city, clock, language, text size, who is signed in, and what is not live."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from console import data, look, signin
from console.guard import guarded
from console.words import LANGUAGES, language, say
from service.decisions import Person

REFRESH = "15s"
_SIZES = ("normal", "large")


def header(person: Person, title: str) -> None:
    """City and clock at the left, what a person may set at the right, and below a line for every process that is dead."""
    st.html(f'<a class="skip" href="#content">{escape(say("skip"))}</a>')
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        with st.container(width="stretch"):
            _clock(title)
        switches()
        st.html(f'<div class="who">{escape(_who(person))}</div>', width="content")
        st.button(say("sign_out"), key="sign_out", on_click=signin.sign_out)
    not_live()
    st.html('<div id="content" tabindex="-1"></div>')


def _who(person: Person) -> str:
    where = say("districts", names=", ".join(person.districts)) if person.districts else say("whole_city")
    return f"{person.name} · {say(person.role)}" + ("" if person.role == "household" else f" · {where}")


@st.fragment(run_every=REFRESH)
def _clock(title: str) -> None:
    guarded(lambda: st.html(city_and_clock(title)))


def city_and_clock(title: str) -> str:
    """The city's name, the page's, and the local time with its zone."""
    moment = data.now()
    told = say("replayed") if moment.replayed else say("clock")
    return (
        f'<div class="frame"><h1 class="city">{escape(city_name())}<span class="sr"> · {escape(title)}</span></h1>'
        f'<span class="clock">{escape(told)} {escape(look.clock(moment.now_utc))}</span></div>'
    )


def city_name() -> str:
    """The city as it is called in the session's language."""
    city = data.station().city.settings.city
    return city.name_zh if language() == "zh" and city.name_zh else city.name


def language_asked() -> None:
    """`?lang=zh`: the language of a new session, for a wall display that nobody clicks; the switch counts afterwards."""
    if "language" not in st.session_state and (asked := st.query_params.get("lang")) in LANGUAGES:
        st.session_state["language"] = asked


def switches() -> None:
    """Chinese or English, and normal or large type; both are kept for the session."""
    _kept("language", LANGUAGES, {"en": "English", "zh": "中文"}.__getitem__, "en")
    _kept("text_size", _SIZES, {"normal": "A", "large": "A+"}.__getitem__, "normal")


def _kept(name: str, options: Sequence[str], shown: Callable[[Any], str], first: str) -> None:
    """One of some options; the widget's own key is apart from the choice, which outlives pages."""

    def keep() -> None:
        if chosen := st.session_state.get(f"{name}_switch"):
            st.session_state[name] = chosen

    st.segmented_control(
        say(name),
        options,
        default=st.session_state.get(name, first),
        format_func=shown,
        key=f"{name}_switch",
        on_change=keep,
        label_visibility="collapsed",
        required=True,
    )


@st.fragment(run_every=REFRESH)
def not_live() -> None:
    """What is dead, since when, and what to do: across the whole page, and there until it lives again."""
    guarded(_not_live)


def _not_live() -> None:
    rows = []
    for part in data.now().late:
        since = look.clock(part.last_utc) if part.last_utc else say("never")
        dead = f'<span class="dead">{escape(say(f"dead_{part.process}", time=since))}</span>'
        rows.append(f'<li>{dead} <span class="todo">→ {escape(say(f"todo_{part.process}"))}</span></li>')
    if not rows:
        st.html(look.NOTHING)
    else:
        st.html(
            '<div class="notlive" role="alert"><span class="cross" aria-hidden="true">✕</span>'
            f'<span class="word">{escape(say("not_live"))}</span><ul>{"".join(rows)}</ul></div>'
        )


def link(name: str) -> None:
    """A link to a page; nothing where that page is not in the list."""
    if page := st.session_state.get("pages", {}).get(name):
        st.page_link(page, label=say("open_page", page=say(name)), icon=":material/arrow_forward:")


def shortcuts(pages: Mapping[str, Any]) -> None:
    """The keys 1 to 8 open the pages in their order; unseen buttons, because the page list itself takes no keys."""
    st.session_state["pages"] = pages
    with st.container(key="shortcuts"):
        for number, (name, page) in enumerate(pages.items(), 1):
            if st.button(say(name), key=f"go_{name}", shortcut=str(number)):
                st.switch_page(page)
