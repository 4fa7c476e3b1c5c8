"""A household owner's page: the own months, the consent they rest on, and nothing of anybody else."""

from functools import partial

import pandas as pd
import streamlit as st

from carbon.household.book import in_units
from console import data, look
from console.deciding import decide
from console.words import say
from service.books import households
from service.books.book_lines import UNIT
from service.decisions import Person


def page(person: Person) -> None:
    """The books of the households whose consent this person gave; each reading of one is an audit line."""
    look.heading("own_household")
    st.caption(say("own_note"))
    mine = households.of_owner(data.station().engine, person.name)
    if not mine:
        look.banner(say("own_none"), None)
    for household, consent in mine.items():
        _household(person, household, consent)


def _household(person: Person, household: str, consent: households.Consent | None) -> None:
    station, at = data.station(), data.now().now_utc
    look.heading("own_months", household)
    if consent is None:
        st.session_state.pop("own_books", None)
        look.banner(say("consent_off"), None)
        if st.button(say("give_again"), key=f"give_{household}"):
            decide(partial(households.give_again, station.engine, station.city, person, household, at), str)
        return
    look.banner(say("consent_since", month=consent.since), None)
    book = _book(person, household)
    if book.empty:
        st.caption(say("own_empty"))
    else:
        columns = {"month": "month", "measure": "measure_name", "amount": "amount", "unit": "unit", "missing": "missing"}
        shown = book.assign(measure=[say(f"measure_{measure}") for measure in book["measure"]])
        look.table(shown, columns, f"household_{household}", formats={"amount": "%.3f"})
    sure = st.checkbox(say("withdraw_sure"), key=f"sure_{household}")
    if st.button(say("withdraw"), key=f"withdraw_{household}", disabled=not sure):
        decide(partial(households.withdraw, station.engine, household, person.name, at), str)


def _book(person: Person, household: str) -> pd.DataFrame:
    """The own book in units, read and audited once in a session until something is decided."""
    kept: dict[str, pd.DataFrame] = st.session_state.setdefault("own_books", {})
    key = f"{person.name}/{household}"
    if key not in kept:
        station = data.station()
        made = households.book(station.engine, household, person.name, data.now().now_utc)
        amounts = [float(in_units(row.amount, row.measure)) for row in made.itertuples()]
        kept[key] = made.assign(amount=amounts, unit=made["measure"].map(UNIT))
    return kept[key]
