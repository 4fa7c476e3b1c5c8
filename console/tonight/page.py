"""Tonight: the plan against doing nothing, what it is made from, what it ran into, and the approval that lets it be written."""

import numpy as np
import pandas as pd
import streamlit as st

from console import charts, data, look
from console.deciding import approval, decide
from console.guard import guarded
from console.tonight import drivers, events, pareto, peaks, what_if
from console.tonight import figures as plan_figures
from console.words import known, say
from service import decisions
from service.decisions import Person, may
from service.view.plan import Tonight

# Of what an asset does, the quantity an operator thinks in comes first; the others are a choice away.
FIRST = ("power_kw", "running", "volume_m3", "charge_kwh")
HELD = ("charge_kwh", "indoor_degc", "fuel_l", "reduced_kw")
MAIN_FANS = ("load", "pv", "water")
FAN_WORDS = {"water": "demand_water", "gas": "demand_gas"}


def page(person: Person) -> None:
    """The page on which a plan is judged and approved."""
    newest = data.tonight()
    if newest is None:
        look.banner(say("no_plan_yet"), None)
        return
    plan = _chosen(newest)
    plan_figures.cards(plan)
    look.heading("approval", plan.plan_id)
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        approval(person, plan.plan_id, "approve_button")
    with right:
        _replan(person, plan)
    guarded(lambda: _why(plan))
    guarded(lambda: what_if.section(person, plan))
    guarded(lambda: pareto.section(person, plan))
    guarded(_fans)
    guarded(peaks.section)
    guarded(drivers.section)
    guarded(lambda: events.section(person))
    guarded(lambda: _schedules(plan))
    guarded(lambda: _prices(plan))
    guarded(lambda: _commands(plan))


def _chosen(newest: Tonight) -> Tonight:
    """The newest plan, or the one in force where that is another and somebody wants to see what became of its commands."""
    force = data.in_force()
    if force is None or force == newest.plan_id:
        return newest
    words = {newest.plan_id: f"{say('newest')}: {newest.plan_id}", force: f"{say('in_force')}: {force}"}
    seen = st.segmented_control(say("plan"), list(words), format_func=words.__getitem__, default=newest.plan_id, key="plan_seen")
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
    told = {key: [str(line) for line in plan.detail.get(key, [])] for key in ("reasons", "binding", "notes")}
    if not plan.breaches and not any(told.values()):
        return
    look.heading("why")
    look.sentences("reasons", told["reasons"], 1)
    left, right = st.columns(2) if plan.breaches or told["notes"] else (st.container(), st.container())
    with left:
        look.sentences("breaches", plan.breaches, 3)
        look.sentences("notes", told["notes"])
    with right:
        look.sentences("binding", told["binding"])


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
            st.html(f'<div class="chart-title">{asset} · {known(quantity)}</div>')
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


def _commands(plan: Tonight) -> None:
    look.heading("commands")
    columns = {
        "point_id": "point",
        "not_before_utc": "not_before",
        "not_after_utc": "not_after",
        "quantity": "quantity",
        "setpoint": "setpoint",
        "state": "state",
        "sentence": "sentence",
    }
    frame = data.commands(plan.plan_id)
    counts = frame["state"].value_counts()
    look.cards([look.card(known(str(state)), str(count), "", priority=_worry(str(state))) for state, count in counts.items()])
    look.table(frame, columns, f"commands-{plan.plan_id}")
    asked = data.requests()
    if len(asked):
        look.heading("requests")
        look.table(asked, {"at_utc": "time", "who": "who", "kind": "kind", "state": "state", "sentence": "sentence"}, "requests")


def _worry(state: str) -> int | None:
    return {"mismatch": 2, "refused": 2, "unknown": 2, "held": 3, "expired": 3}.get(state)
