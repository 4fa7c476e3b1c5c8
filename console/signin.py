"""The sign-in gate: an account of the station, or the identity provider of `[access.oidc]`; service/access decides who may do what."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from city.problems import PenstockError
from console import data
from console.words import say
from service.access import accounts, oidc, sessions
from service.access.roles import Person
from service.access.sign_in import sign_in, signed_in

WATCH = "30s"
KEPT = {"language", "text_size"}


def current() -> Person | None:
    """Who is signed in, with the role and districts held now; None when nobody is, or no longer. A call counts as a click."""
    return _person(clicked=True)


@st.fragment(run_every=WATCH)
def watch() -> None:
    """Bring the sign-in page back when the session has ended without a click: idle, over, signed out elsewhere."""
    try:
        ended = _person(clicked=False) is None
    except PenstockError:
        ended = True  # who is signed in cannot be told any more: the page says why
    if ended:
        st.rerun()


def gate() -> None:
    """The sign-in form, and the button of the identity provider where the city has one."""
    station = data.station()
    provider, local = station.city.settings.access.oidc, accounts.of_city(station.city)
    if st.session_state.pop("signed_out", False):
        st.info(say("signed_out"))
    if provider is not None:
        _provider_gate()
    if local:
        _form()
    elif provider is None:
        st.error(say("no_accounts"))


def sign_out() -> None:
    """End the session in the store, and the identity provider's cookie with it."""
    token, at = st.session_state.pop("token", None), _clock()
    claims = _claims()
    if token or claims:
        sessions.end(data.station().engine, token or oidc.token_of(claims), at, "by hand")
    _clear()
    if claims:
        st.logout()


def _clear() -> None:
    """Drop what the next person at this tab must not find: what was typed, chosen and shown."""
    for key in set(st.session_state) - KEPT:
        del st.session_state[key]


def _person(*, clicked: bool) -> Person | None:
    station, at = data.station(), _clock()
    if token := st.session_state.get("token"):
        person = signed_in(station.engine, station.city, token, at, clicked=clicked)
        if person is None:
            _clear()
            st.session_state["signed_out"] = True
        return person
    return _from_provider(station, at, clicked=clicked) if _claims() else None


def _from_provider(station: data.Station, at: datetime, *, clicked: bool) -> Person | None:
    """Who the identity provider says it is, while the session that began with that sign-in runs; a refusal is told at the gate."""
    rules, claims = station.city.settings.access, _claims()
    if rules.oidc is None:
        return None
    try:
        return oidc.signed_in(station.engine, claims, rules, at, accounts.of_city(station.city).values(), clicked=clicked)
    except PenstockError as error:
        st.session_state["refused"] = [str(problem) for problem in error.problems]
        return None


def _provider_gate() -> None:
    for sentence in st.session_state.pop("refused", ()):
        st.error(sentence)
    if st.button(say("sign_in_provider"), key="sign_in_provider", type="primary", width="stretch"):
        st.login()
    if _claims() and st.button(say("other_account"), key="other_account", width="stretch"):
        st.logout()


def _form() -> None:
    with st.form("sign_in", border=True):
        name = st.text_input(say("name"), key="sign_in_name", autocomplete="username")
        password = st.text_input(say("password"), type="password", key="sign_in_password", autocomplete="current-password")
        code = st.text_input(say("code"), key="sign_in_code", autocomplete="one-time-code", max_chars=24, help=say("code_help"))
        sent = st.form_submit_button(say("sign_in"), type="primary", width="stretch")
    if not sent:
        return
    station = data.station()
    outcome = sign_in(station.engine, station.city, name.strip(), password, code, _clock())
    if isinstance(outcome, str):
        st.session_state["token"] = outcome
        st.rerun()
    elif outcome is None:
        st.error(say("wrong_password"))
    else:
        st.error(say("wait", seconds=int(outcome) + 1))


def _claims() -> dict[str, Any]:
    """The claims of the identity provider's sign-in cookie, whose seal the web server checked; empty without one."""
    return dict(st.user.to_dict()) if getattr(st.user, "is_logged_in", False) else {}


def _clock() -> datetime:
    """The real time: a replayed city does not replay who is signed in."""
    return datetime.now(UTC)
