"""The frame of every page: sign-in gate, page list, header, and the net under each page; or the wall display, `?wall=1`."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from console import deciding, header, look, signin
from console.carbon import page as carbon
from console.cases import page as cases
from console.grid import page as grid
from console.guard import guarded
from console.household import page as household
from console.meters import page as meters
from console.now import page as now
from console.runs import page as runs
from console.tonight import page as tonight
from console.wall import page as wall
from console.water import page as water
from console.words import say
from service.decisions import Person

PAGES: dict[str, Callable[[Person], None]] = {
    "now": now.page,
    "tonight": tonight.page,
    "water": water.page,
    "grid": grid.page,
    "carbon": carbon.page,
    "meters": meters.page,
    "cases": cases.page,
    "runs": runs.page,
}


OWN: dict[str, Callable[[Person], None]] = {"own_household": household.page}


def pages_of(person: Person) -> dict[str, Callable[[Person], None]]:
    """The pages of whoever is signed in: a household's owner has the own one alone."""
    return OWN if person.role == "household" else PAGES


def main() -> None:
    """The whole console: what `penstock console` shows."""
    st.set_page_config(page_title="Penstock", layout="wide", initial_sidebar_state="collapsed")
    header.language_asked()
    look.style()
    guarded(_gated)


def _gated() -> None:
    person = signin.current()
    if person is None:
        _welcome()
    elif st.query_params.get("wall") == "1" and person.role != "household":
        signin.watch()
        st.navigation([st.Page(partial(wall.page, person), title=say("wall"), url_path="now", default=True)], position="hidden").run()
    else:
        pages = pages_of(person)
        made = {key: st.Page(partial(show, key), title=say(key), url_path=key, default=key == next(iter(pages))) for key in pages}
        chosen = st.navigation(list(made.values()), position="top")
        header.shortcuts(made)
        chosen.run()


def _welcome() -> None:
    st.navigation([st.Page(lambda: None, title=say("sign_in"), url_path="now", default=True)], position="hidden")
    _, middle, _ = st.columns([1, 1, 1])
    with middle:
        look.welcome(header.city_name(), say("console"))
        with st.container(horizontal=True):
            header.switches()
        signin.gate()


def show(key: str) -> None:
    """One page for whoever is signed in: header, what is not live, then the page itself."""
    person = signin.current()
    if person is None or key not in pages_of(person):
        return
    signin.watch()
    header.header(person, say(key))
    deciding.outcome()
    guarded(partial(pages_of(person)[key], person))
