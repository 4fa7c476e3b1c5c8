"""Tonight: the plan against doing nothing, its approval, what it ran into; behind tabs the writes, schedules, forecasts and what-ifs."""

from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from console import charts, data, look
from console.deciding import approval, decide
from console.guard import guarded
from console.now import holding
from console.tonight import drivers, edit, events, pareto, peaks, what_if, writes
from console.tonight import figures as plan_figures
from console.tonight.sentences import answer, change_said, told
from console.words import known, say
from service import decisions
from service.decisions import Person, may
from service.plans import edits
from service.view.plan import Tonight

# Of what an asset does, the quantity an operator thinks in comes first; the others are a choice away.
FIRST = ("power_kw", "running", "volume_m3", "charge_kwh")
HELD = ("charge_kwh", "indoor_degc", "fuel_l", "reduced_kw")
MAIN_FANS = ("load", "pv", "water")
FAN_WORDS = {"water": "demand_water", "gas": "demand_gas"}


TABS = ("writes", "schedules", "forecasts", "prices", "what_if", "known_events")


def page(person: Person) -> None:
    """The page on which a plan is judged and approved: figures, decision and limits on one screen, everything else behind tabs."""
    newest = data.tonight()
    if newest is None:
        look.banner(say("no_plan_yet"), None)
        return
    plan = _chosen(newest)
    plan_figures.cards(plan)
    writes.bar(plan.plan_id)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        _decide(person, plan)
    with right:
        guarded(lambda: _why(plan))
    _details(person, plan)


def _decide(person: Person, plan: Tonight) -> None:
    """Approve it, edit it, hold an asset, or ask for another."""
    look.heading("approval", plan.plan_id)
    approval(person, plan.plan_id, "approve_button")
    for edit_laid in edits.standing(plan.detail, plan.values.index[0]):
        look.banner(
            say("edit_laid", what=change_said(edit_laid.change.model_dump(mode="json")), who=edit_laid.who, why=edit_laid.reason), 3
        )
    guarded(lambda: edit.section(person, plan))
    left, right = st.columns(2)
    with left:
        guarded(lambda: holding.section(person))
    with right:
        _replan(person, plan)


def _details(person: Person, plan: Tonight) -> None:
    """The tabs; only the open one is made."""
    made = st.tabs([say(name) for name in TABS], key="tonight_tab", on_change="rerun")
    shown = {
        "writes": [lambda: writes.section(plan.plan_id), _requests],
        "schedules": [lambda: _schedules(plan)],
        "forecasts": [_fans, peaks.section, drivers.section],
        "prices": [lambda: _prices(plan)],
        "what_if": [lambda: what_if.section(person, plan), lambda: pareto.section(person, plan)],
        "known_events": [lambda: events.section(person)],
    }
    for name, tab in zip(TABS, made, strict=True):
        if tab.open:
            with tab:
                for part in shown[name]:
                    guarded(part)


def _chosen(newest: Tonight) -> Tonight:
    """The newest plan, or the one in force where that is another and somebody wants to see what became of its commands."""
    force = data.in_force()
    if force is None or force == newest.plan_id:
        return newest
    words = {newest.plan_id: f"{say('newest')}: {newest.plan_id}", force: f"{say('in_force')}: {force}"}
    seen = st.segmented_control(
        say("plan"), list(words), format_func=words.__getitem__, default=newest.plan_id, key="plan_seen", label_visibility="collapsed"
    )
    return (data.tonight(force) if seen == force else None) or newest


def _replan(person: Person, plan: Tonight) -> None:
    allowed = may(person, "replan")
    if st.button(say("replan_button"), key="replan", disabled=not allowed, width="stretch"):
        station, at = data.station(), data.now().now_utc
        decide(
            lambda: decisions.ask(station.engine, person, "replan", at, {"plan_id": plan.plan_id}),
            lambda number: say("asked", number=number),
        )


def _why(plan: Tonight) -> None:
    """What the plan could not keep, and what it ran into, in the session's language."""
    lines = {key: [told(str(line)) for line in plan.detail.get(key, [])] for key in ("reasons", "binding", "notes")}
    if not plan.breaches and not any(lines.values()):
        return
    look.heading("why")
    look.sentences("reasons", lines["reasons"], 1)
    look.sentences("breaches", [told(line) for line in plan.breaches], 3)
    look.sentences("binding", lines["binding"])
    look.sentences("notes", lines["notes"])


def _fans() -> None:
    if data.now().night is None:
        return
    look.heading("forecasts", f"{say('band')}")
    fans = data.fans()
    names = [name for name in MAIN_FANS if name in fans] + [name for name in fans if name not in MAIN_FANS]
    columns = st.columns(3)
    for i, name in enumerate(names):
        with columns[i % 3]:
            word = FAN_WORDS.get(name, name)
            st.html(f'<div class="chart-title">{say(word)}</div>')
            charts.fan(fans[name], say(word), f"fan_{name}")
            if fans[name].attrs["series"] > 1:
                words = "sum_of_paths" if fans[name].attrs["paths"] else "sum_of_bands"
                st.caption(say(words, count=fans[name].attrs["series"]))


def _schedules(plan: Tonight) -> None:
    look.heading("schedules", f"{say('plan_line')} / {say('baseline_line')}")
    shown = plan.values["plan"] if "plan" in plan.values.columns.get_level_values(0) else pd.DataFrame(index=plan.values.index)
    idle = plan.values["baseline"] if "baseline" in plan.values.columns.get_level_values(0) else shown
    columns = st.columns(3)
    for i, (asset, quantity) in enumerate(sorted(_wanted(shown), key=lambda pair: _as_it_comes(pair, shown, idle))):
        with columns[i % 3]:
            st.html(f'<div class="chart-title">{escape(f"{asset} · {known(quantity)}")}</div>')
            pair = (asset, quantity)
            baseline = idle[pair] if pair in idle.columns else None
            charts.schedule(pd.DatetimeIndex(shown.index), shown[pair], baseline, "", f"plan_{asset}_{quantity}", f"{asset} {quantity}")


def _as_it_comes(pair: tuple[str, str], shown: pd.DataFrame, idle: pd.DataFrame) -> bool:
    """Does the plan leave it as it would be anyway? What is decided stands before what is taken as it comes."""
    return pair in idle.columns and bool(np.allclose(shown[pair], idle[pair], atol=1e-3))


def _wanted(shown: pd.DataFrame) -> list[tuple[str, str]]:
    """The quantity of each asset that says most, and what it holds: energy, water, warmth, fuel."""
    found: list[tuple[str, str]] = []
    pairs = list(shown.columns)
    for asset in dict.fromkeys(asset for asset, _ in pairs):
        own = [quantity for name, quantity in pairs if name == asset]
        lead = next((quantity for quantity in FIRST if quantity in own), own[0])
        if "running" in own and (lead != "power_kw" or shown[asset, lead].round(1).nunique() <= 2):
            lead = "running"  # on or off says it all
        found.append((asset, lead))
        found += [(asset, quantity) for quantity in HELD if quantity in own and quantity != lead]
    return found


def _prices(plan: Tonight) -> None:
    if plan.prices.empty:
        return
    look.heading("prices", say("prices_note"))
    currency = data.station().city.settings.city.currency
    tanks = {asset.id for asset in data.station().city.settings.assets if "volume_m3" in asset.planned}
    power = [name for name in plan.prices.columns if name not in tanks]
    others = [name for name in plan.prices.columns if name in tanks]
    columns = st.columns(2)
    for place, names, unit in ((columns[0], power, "kWh"), (columns[1], others, "m3")):
        if names:
            with place:
                _price_chart(plan.prices[names], f"{currency}/{unit}", unit)


def _price_chart(prices: pd.DataFrame, unit: str, key: str) -> None:
    """Prices over time. One step that costs a hundredfold would hide all others: it is cut off, and said."""
    usual, peak = float(prices.abs().quantile(0.95).max()), float(prices.max().max())
    cut = peak > 5 * usual > 0
    shown = prices.clip(upper=2 * usual) if cut else prices
    charts.courses(
        pd.DatetimeIndex(prices.index), {str(name): shown[name] for name in shown}, unit, f"prices_{key}", say("prices"), step=True
    )
    if cut:
        at = prices.max(axis=1).idxmax()
        st.caption(say("price_cut", value=look.number(peak), unit=unit, time=look.hour(at.to_pydatetime())))


def _requests() -> None:
    asked = data.requests()
    if len(asked):
        look.heading("requests")
        asked = asked.assign(sentence=[answer(line) for line in asked["sentence"]])
        look.table(asked, {"at_utc": "time", "who": "who", "kind": "kind", "state": "state", "sentence": "sentence"}, "requests")
