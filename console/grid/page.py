"""Grid: the feeder diagram with what is abnormal, the outage and how to switch power back, loading, voltage, losses, tomorrow."""

from datetime import timedelta

import pandas as pd
import streamlit as st

from console import data, look
from console.grid import diagram, figures, restoration
from console.guard import guarded
from console.words import say
from service.decisions import Person
from service.grid.view import Diagram, Outage, State

_PRESENT = timedelta(minutes=45)  # older than three of its quarter-hours, a state is not shown as the present one


def page(person: Person) -> None:
    """The page of the power operator."""
    drawn = data.grid_diagram()
    if drawn is None:
        st.caption(say("no_grid"))
        return
    state, outages = data.grid_state(), data.grid_outages()
    lasting = [outage for outage in outages if outage.ended_utc is None]
    fresh = _freshness(state)
    if state is not None:
        guarded(lambda: _cards(drawn, state, lasting, fresh=fresh))
    chosen = restoration.choose(lasting)
    left, right = st.columns([1.7, 1], gap="medium")
    with right:
        if fresh and state is not None and state.abnormal:
            guarded(lambda: figures.abnormal(state))
        guarded(lambda: restoration.section(person, chosen) if chosen else _calm())
    with left:
        note = say("as_of", time=look.clock(state.time_utc), age=look.age(state.time_utc)) if state is not None else ""
        look.heading("feeder_diagram", note)
        steps = restoration.numbered(chosen) if chosen else {}
        guarded(lambda: diagram.show(drawn, diagram.Shown(state, lasting, steps), "feeders"))
        _tabs(drawn, state, outages)


def _freshness(state: State | None) -> bool:
    """Is there a state, and is it the present one? Says so where not."""
    if state is None:
        st.caption(say("no_grid_state"))
        return False
    if data.now().now_utc - state.time_utc > _PRESENT:
        look.banner(say("grid_old", age=look.age(state.time_utc), time=look.clock(state.time_utc)), 2)
        return False
    return True


def _calm() -> None:
    look.heading("outage")
    st.html(f'<p class="sentence">{say("no_outage")}</p>')
    guarded(lambda: figures.risks(data.grid_risks()))


def _cards(drawn: Diagram, state: State, lasting: list[Outage], *, fresh: bool) -> None:
    """Key figures of the newest state; without values when it is old."""
    limits = drawn.limits
    loads = sum(state.origin.values())
    top = state.branches.loc[state.branches["loading"].idxmax()] if state.branches["loading"].notna().any() else None
    behind = state.buses[~state.buses["bus"].isin(drawn.buses.loc[drawn.buses["kind"] == "source", "bus"])]  # a source holds its own
    low = behind.loc[behind["voltage_pu"].idxmin()] if behind["voltage_pu"].notna().any() else None
    share = 100 * state.loss_kw / (state.load_kw + state.loss_kw) if state.load_kw + state.loss_kw > 0 else None
    dark = sum(outage.customers for outage in lasting)
    value = (lambda number, digits=None: look.number(number, digits)) if fresh else (lambda _number, _digits=None: "–")
    cards = [
        look.card(say("grid_load"), value(state.load_kw), "kW", [look.age(state.time_utc)]),
        look.card(say("grid_loss"), value(state.loss_kw), "kW", [say("grid_loss_share", share=value(share))]),
    ]
    if top is not None:
        over = 1 if fresh and top["loading"] > limits.loading_limit else None
        limit = f"{say('loading_limit')} {100 * limits.loading_limit:.0f} %"
        cards.append(look.card(say("highest_loading"), value(100 * top["loading"], 0), "%", [str(top["branch"]), limit], priority=over))
    if low is not None:
        under = 2 if fresh and low["voltage_pu"] < limits.voltage_low_pu else None
        limit = f"{say('at_least')} {limits.voltage_low_pu:.2f} pu"
        cards.append(look.card(say("lowest_voltage"), value(low["voltage_pu"], 3), "pu", [str(low["bus"]), limit], priority=under))
    cards.append(look.card(say("customers_dark"), look.number(dark, 0), say("customers_unit"), priority=1 if dark else None))
    known = {"all": loads, "allocated": state.origin.get("allocated", 0), "assumed": state.origin.get("assumed", 0)}
    cards.append(look.card(say("loads_known"), look.number(state.origin.get("measured", 0), 0), "", [say("loads_of", **known)]))
    look.cards(cards)


def _tabs(drawn: Diagram, state: State | None, outages: list[Outage]) -> None:
    """What is looked at when something is to be understood."""
    names = ("tab_loading", "tab_voltage", "tab_losses", "tab_risk", "tab_outages")
    loading, voltage, losses, risk, past = st.tabs([say(name) for name in names])
    if state is not None:
        with loading:
            guarded(lambda: figures.loading(drawn, state))
        with voltage:
            guarded(lambda: figures.voltage(drawn, state))
    with losses:
        guarded(lambda: figures.losses(data.grid_losses()))
    with risk:
        guarded(lambda: figures.risk_table(data.grid_risks()))
    with past:
        guarded(lambda: _past(outages))


def _past(outages: list[Outage]) -> None:
    """Every outage that is known, those that last first."""
    if not outages:
        st.caption(say("outages_none"))
        return
    frame = pd.DataFrame(
        {
            "feeder": [one.feeder for one in outages],
            "branch": [one.branch for one in outages],
            "since_utc": pd.to_datetime([one.since_utc for one in outages], utc=True),
            "ended_utc": pd.to_datetime([one.ended_utc for one in outages], utc=True),
            "customers": [one.customers for one in outages],
            "sentence": [restoration.told(one) for one in outages],
        }
    )
    columns = {"feeder": "feeder", "branch": "outage_place", "since_utc": "since", "ended_utc": "outage_end", "customers": "customers_dark"}
    look.table(frame, columns | {"sentence": "sentence"}, "grid_outages")
