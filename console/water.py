"""Water: the network with a suspected leak, the valves that part it from the sources, who loses water, and where losses are."""

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from console import charts, data, devices, leaks, look, network_map
from console.deciding import approval
from console.guard import guarded
from console.words import say
from service.decisions import Person


def page(person: Person) -> None:
    """The page of the water operator."""
    drawing = data.drawing()
    if drawing is None:
        look.banner(say("no_water"), None)
        return
    leak = leaks.overview(data.leaks())
    cut = leak.isolation if leak else None
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        look.heading("network", f"{drawing.name} · {say('map_note')}")
        detail = cut["detail"] if cut else {}
        dry = set(detail.get("nodes_cut", [])) | set(detail.get("unintended", []))
        dug = [str(one["pipe"]) for one in leak.dug if not one["found"]] if leak else []
        network_map.show(drawing, leak.likely if leak else {}, set(detail.get("valves", [])), dry, "network", dug=dug)
    with right:
        if leak is not None:
            guarded(lambda: leaks.shown(leak))
            guarded(lambda: leaks.findings(person, leak))
            if cut:
                guarded(lambda: _isolation(person, cut))
    guarded(devices.sensors)
    guarded(lambda: devices.valves(person))
    guarded(_losses)


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
