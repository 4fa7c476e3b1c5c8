"""Water: the network with a suspected leak, the valves that part it from the sources, who loses water, and where losses are."""

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from console import charts, data, look, network_map
from console.deciding import approval
from console.guard import guarded
from console.words import known, say
from service.decisions import Person
from service.view.water import Leak


def page(person: Person) -> None:
    """The page of the water operator."""
    drawing = data.drawing()
    if drawing is None:
        look.banner(say("no_water"), None)
        return
    leaks = data.leaks()
    leak = _chosen(leaks)
    cut = leak.isolation if leak else None
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        look.heading("network", f"{drawing.name} · {say('map_note')}")
        detail = cut["detail"] if cut else {}
        dry = set(detail.get("nodes_cut", [])) | set(detail.get("unintended", []))
        network_map.show(drawing, suspects(leak) if leak else {}, set(detail.get("valves", [])), dry, "network")
    with right:
        if leak is None:
            look.heading("leaks")
            look.banner(say("no_leak"), None)
        else:
            guarded(lambda: _leak(leak))
            if cut:
                guarded(lambda: _isolation(person, cut))
    guarded(_losses)


def _chosen(leaks: list[Leak]) -> Leak | None:
    if len(leaks) < 2:
        return leaks[0] if leaks else None
    names = {leak.case_id: f"{leak.zone_id} · {look.hour(leak.start_utc)} · {known(leak.state)}" for leak in leaks}
    picked = st.selectbox(say("leaks"), list(names), format_func=lambda case: names[case], key="leak_case")
    return next(leak for leak in leaks if leak.case_id == picked)


def suspects(leak: Leak) -> dict[str, float]:
    """Pipe -> probability, as the night stored its candidates."""
    found: dict[str, float] = {}
    for row in leak.candidates:
        pipe = str(row.get("pipe", ""))
        found[pipe] = float(row.get("posterior", 0.0))
    return found or {leak.pipe: 1.0}


def _leak(leak: Leak) -> None:
    look.heading("leak", f"{leak.zone_id} · {known(leak.state)}")
    cards = [
        look.card(
            say("flow"),
            look.number(leak.flow_m3_per_h),
            "m3/h",
            [f"{say('since')} {look.clock(leak.start_utc)}"],
            priority=1 if leak.is_open else None,
        ),
        look.card(say("likely"), leak.pipe, "", [f"{100 * suspects(leak).get(leak.pipe, 0.0):.0f} % {say('probability')}"]),
    ]
    if leak.isolation:
        cards.append(
            look.card(
                say("customers"),
                look.number(leak.isolation["customers"], 0),
                "",
                [f"{say('demand_cut')} {look.number(leak.isolation['demand_m3_per_h'])} m3/h"],
            )
        )
    look.cards(cards)
    st.html(f'<p class="sentence">{escape(leak.sentence)}</p>')
    ranked = [item for item in sorted(suspects(leak).items(), key=lambda item: -item[1])[:8] if item[1] >= 0.005]
    if len(ranked) > 1:
        top = max(ranked[0][1], 1e-9)
        rows = [
            (escape(pipe), f'<div class="bar" style="width:{100 * share / top:.0f}%"></div>', f"{100 * share:.0f} %")
            for pipe, share in ranked
        ]
        told = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        st.html(f'<div class="chart-title">{escape(say("suspects"))}</div><table class="ranked">{told}</table>')


def _isolation(person: Person, cut: dict[str, Any]) -> None:
    look.heading("isolation")
    st.html(f'<ol class="steps">{"".join(f"<li>{step}</li>" for step in steps(cut["detail"]))}</ol>')
    look.banner(f"{say('proof')}: {say('proved') if cut['proved'] else say('not_proved')}", None if cut["proved"] else 1)
    st.html(f'<p class="sentence">{escape(cut["sentence"])} {escape(cut["detail"].get("proof", ""))}</p>')
    approval(person, cut["isolation_id"], "approve_isolation_button")


def steps(detail: dict[str, Any]) -> list[str]:
    """The isolation as a list to work through, each line escaped HTML."""
    ring = detail.get("next_ring", {})
    lines: list[str] = []
    for valve in detail.get("valves", []):
        instead = ", ".join(ring.get(valve, []))
        stuck = f'<span class="stuck">{escape(say("if_stuck"))}: {escape(instead)}</span>' if instead else ""
        lines.append(f"{escape(say('close_valve'))} <b>{escape(str(valve))}</b>{stuck}")
    if spare := detail.get("spare", []):
        lines.append(f"{escape(say('spare_valve'))}: <b>{escape(', '.join(map(str, spare)))}</b>")
    for node, name in detail.get("critical", {}).items():
        lines.append(f"{escape(say('warn_critical'))}: <b>{escape(str(name))}</b> ({escape(str(node))})")
    return [*lines, escape(say("check_dry"))]


def _losses() -> None:
    look.heading("losses")
    frame = data.balances()
    if frame.empty:
        look.banner(say("no_balance"), None)
        return
    zones = {zone.id: zone.name or zone.id for zone in data.station().city.settings.zones}
    frame = frame.assign(zone=frame["zone_id"].map(lambda name: zones.get(name, name)))
    newest = frame["day"].max()
    last = frame[frame["day"] == newest].sort_values("share", ascending=False, na_position="last")
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        st.html(f'<div class="chart-title">{escape(say("loss_share"))}, % · {newest}</div>')
        charts.ranking(list(last["zone"]), last["share"] * 100, "%", "losses", say("losses"))
        days = sorted(frame["day"].unique())[-30:]
        if len(days) > 2:
            sums = frame[frame["day"].isin(days)].groupby("day")[["loss_m3", "inflow_m3"]].sum()
            st.html(f'<div class="chart-title">{escape(say("loss_share"))}, % · {days[0]} – {days[-1]}</div>')
            charts.bars(
                [str(day)[5:] for day in sums.index],
                {say("loss_share"): 100 * sums["loss_m3"] / sums["inflow_m3"]},
                "%",
                "losses_days",
                say("losses"),
            )
    with right:
        columns = {"zone": "zone", "day": "day", "inflow_m3": "inflow_m3", "loss_m3": "loss_m3", "percent": "loss_percent"}
        shown = last.assign(percent=last["share"] * 100)
        look.table(pd.DataFrame(shown), columns, "losses", formats={"inflow_m3": "%.0f", "loss_m3": "%.0f", "percent": "%.1f"})
