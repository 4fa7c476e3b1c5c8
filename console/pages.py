"""The frame of every page: sign-in gate, page list, header with city and clock, and the net under each page."""

from collections.abc import Callable
from functools import partial
from html import escape

import streamlit as st

from console import data, deciding, look, signin
from console.carbon import page as carbon
from console.guard import guarded
from console.meters import page as meters
from console.now import page as now
from console.runs import page as runs
from console.tonight import page as tonight
from console.water import page as water
from console.words import LANGUAGES, language, say
from service.decisions import Person

PAGES: dict[str, Callable[[Person], None]] = {
    "now": now.page,
    "tonight": tonight.page,
    "water": water.page,
    "carbon": carbon.page,
    "meters": meters.page,
    "runs": runs.page,
}


def main() -> None:
    """The whole console: what `penstock console` shows."""
    st.set_page_config(page_title="Penstock", layout="wide", initial_sidebar_state="collapsed")
    look.style()
    guarded(_gated)


def _gated() -> None:
    person = signin.current()
    if person is None:
        _welcome()
        return
    made = [st.Page(partial(show, key), title=say(key), url_path=key, default=key == "now") for key in PAGES]
    st.navigation(made, position="top").run()


def _welcome() -> None:
    st.navigation([st.Page(lambda: None, title=say("sign_in"), url_path="now", default=True)], position="hidden")
    _, middle, _ = st.columns([1, 1, 1])
    with middle:
        name = _city_name(data.station().city.settings)
        st.html(
            f'<div class="frame welcome"><span class="city">{escape(name)}</span><span class="note">{escape(say("console"))}</span></div>'
        )
        _switch()
        signin.gate()


def show(key: str) -> None:
    """One page for whoever is signed in: header, what is not live, then the page itself."""
    person = signin.current()
    if person is None:
        return
    _header(person)
    guarded(_liveness)
    deciding.outcome()
    guarded(partial(PAGES[key], person))


def _city_name(settings: object) -> str:
    city = settings.city  # type: ignore[attr-defined]
    return city.name_zh if language() == "zh" and city.name_zh else city.name


def _switch() -> None:
    """Chinese or English; the widget's own key is apart from the choice, which outlives pages."""

    def keep() -> None:
        if chosen := st.session_state.get("language_switch"):
            st.session_state["language"] = chosen

    st.segmented_control(
        say("language"),
        LANGUAGES,
        default=st.session_state.get("language", "en"),
        format_func=lambda code: {"en": "English", "zh": "中文"}[code],
        key="language_switch",
        on_change=keep,
        label_visibility="collapsed",
        required=True,
    )


def _header(person: Person) -> None:
    moment = data.now()
    settings = data.station().city.settings
    told = say("replayed") if moment.replayed else say("clock")
    left, middle, right, out = st.columns([6, 1.5, 1.6, 0.9], vertical_alignment="center")
    with left:
        st.html(
            f'<div class="frame"><span class="city">{escape(_city_name(settings))}</span>'
            f'<span class="clock">{escape(told)} {escape(look.clock(moment.now_utc))}</span></div>'
        )
    with middle:
        _switch()
    with right:
        st.html(f'<div class="who">{escape(person.name)} · {escape(say(person.role))}</div>')
    with out:
        st.button(say("sign_out"), key="sign_out", on_click=signin.sign_out, width="stretch")


def _liveness() -> None:
    late = data.now().late
    if late:
        told = [say(f"late_{part.process}", time=look.clock(part.last_utc) if part.last_utc else say("never")) for part in late]
        serious = any(part.process != "work" for part in late)
        look.banner(f"{say('not_live')}: " + "; ".join(told) if serious else "; ".join(told), 1 if serious else 3)
