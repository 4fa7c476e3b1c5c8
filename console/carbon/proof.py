"""From a number to its readings, the closed periods, and the state of the chain."""

from html import escape

import streamlit as st

from console import data, look
from console.deciding import decide
from console.words import say
from service.books import closing
from service.decisions import Person, may
from service.view.carbon import Chain, address

PARTS: tuple[str, ...] = ("", "sector", "site", "district", "account_id")


def explain() -> None:
    """Choose a part of a period, or type a cell of a statement: its entries, readings, factors and rule."""
    look.heading("carbon_explain", say("carbon_explain_note"))
    periods = data.ledger_periods()
    names = {"": "carbon_whole", "account_id": "account"}
    one, two, three = st.columns([1, 1, 2])
    period = one.selectbox(say("carbon_period"), periods, index=_newest(periods), key="explain_period")
    field = two.selectbox(say("carbon_part"), PARTS, format_func=lambda part: say(names.get(part or "", part or "")), key="explain_field")
    value = three.selectbox(say("carbon_value"), _values(field or ""), key="explain_value", disabled=not field)
    with st.form("explain", border=False):
        typed, button = st.columns([5, 1], vertical_alignment="bottom")
        cell = typed.text_input(say("carbon_cell"), key="explain_cell", placeholder="reports/2022-06/inventory.xlsx#Inventory!F7")
        asked = button.form_submit_button(say("carbon_explain_button"), width="stretch")
    if asked:
        st.session_state["explained"] = cell.strip() or address(period or "", field or "", value or "")
    if st.session_state.get("explained"):
        lines = data.explained(st.session_state["explained"])
        st.html(f'<pre class="explained">{escape(chr(10).join(lines))}</pre>')


def _newest(periods: list[str]) -> int:
    return max((i for i, label in enumerate(periods) if len(label) == 7), default=0)


def _values(field: str) -> list[str]:
    if not field:
        return []
    settings = data.station().city.settings
    if field == "account_id":
        return [account.id for account in settings.accounts]
    if field == "district":
        return sorted({site.district for site in settings.sites if site.district})
    found = settings.sectors if field == "sector" else settings.sites
    return [one.id for one in found]


def closed(person: Person) -> None:
    """Closed periods with what was signed and what the ledger says now, and the form that closes one."""
    table = data.closed()
    look.heading("carbon_closed")
    if table.empty:
        look.banner(say("carbon_none_closed"), None)
    else:
        columns = {
            "period": "carbon_period",
            "closed_at_utc": "carbon_closed_at",
            "who": "carbon_closed_by",
            "signed_t": "carbon_signed_t",
            "now_t": "carbon_now_t",
            "delta_t": "carbon_delta_t",
        }
        look.table(table, columns, "closed", formats={"signed_t": "%.3f", "now_t": "%.3f", "delta_t": "%+.6f"})
        look.sentences("notes", list(table.loc[table["material"], "sentence"]), 2)
    with st.expander(say("carbon_close"), expanded=False):
        _close(person)


def _close(person: Person) -> None:
    allowed = may(person, "close")
    if not allowed:
        st.caption(say("carbon_may_not_close", role=say(person.role)))
    periods = data.ledger_periods()
    period = st.selectbox(say("carbon_period"), periods, index=_newest(periods), key="close_period", disabled=not allowed)
    note = st.text_input(say("carbon_close_note"), key="close_note", max_chars=200, disabled=not allowed)
    explained = st.text_input(say("carbon_close_explained"), key="close_explained", max_chars=200, disabled=not allowed)
    if st.button(say("carbon_close"), key="close_button", type="primary", disabled=not allowed):
        station, at = data.station(), data.now().now_utc
        decide(lambda: closing.close(station.engine, station.city, person, period or "", at, note, explained), str)


def root() -> None:
    """The newest root, who signed it, what is kept outside, and what checking found."""
    chain = data.chain()
    if chain is None:
        return
    look.heading("root", f"{chain.entries:,} {say('entries')} · {chain.batches} {say('batches')} · {chain.last_day}")
    signed = say("carbon_signed", public=chain.public_key[:16]) if chain.public_key else say("carbon_unsigned")
    told = " · ".join([state(chain), signed, chain.outside])
    if chain.verified_utc is not None:
        told += " · " + say("carbon_verified", time=look.clock(chain.verified_utc), faults=chain.verified_faults)
    st.html(
        f'<div class="banner"><div class="hash">{escape(chain.root)}</div><div class="under">{escape(told)}</div>'
        f'<div class="under">{escape(say("root_note"))}</div></div>'
    )
    look.sentences("carbon_chain", chain.faults, 1)


def state(chain: Chain) -> str:
    """What a page knows of the chain, in a word."""
    if chain.faults:
        return say("carbon_faulty", n=len(chain.faults))
    return say("carbon_sound") if chain.sound else f"{say('carbon_unchecked')}: {say('carbon_unchecked_note')}"
