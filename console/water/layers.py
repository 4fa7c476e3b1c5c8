"""What may lie under the leaks on the network map: read pressures, districts, segments. Muted, but for a pressure that is too low."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from console import data, look
from console.charts import AMBER, INK, LINES, PANEL
from console.water.districts import name_of
from console.words import say
from service.view.water import Drawing

KINDS = ("leak", "pressure", "districts", "segments")


@dataclass(frozen=True)
class Layer:
    """links: link -> (colour, note for its tooltip); marks: further nodes of the graph; legend: their categories."""

    links: dict[str, tuple[str, str]] = field(default_factory=dict)
    marks: list[dict[str, Any]] = field(default_factory=list)
    legend: list[dict[str, Any]] = field(default_factory=list)


def choice() -> str:
    """Which layer somebody wants to see."""
    chosen = st.segmented_control(
        say("map_layer"),
        KINDS,
        default="leak",
        format_func=lambda kind: say(f"layer_{kind}"),
        key="map_layer",
        label_visibility="collapsed",
        required=True,
    )
    return str(chosen or "leak")


def layer(kind: str, drawing: Drawing) -> Layer:
    """One of `KINDS`."""
    if kind == "pressure":
        return _pressures(drawing)
    if kind == "districts":
        return _districts(drawing)
    return _segments(drawing) if kind == "segments" else Layer()


def _pressures(drawing: Drawing) -> Layer:
    """Every sensor with its value; too low is an amber triangle, not to be trusted an empty circle and no value."""
    place = drawing.nodes.set_index("id")
    marks = []
    for row in data.gauges().itertuples():
        kind = "gauge_low" if row.low else "gauge" if row.trusted else "gauge_silent"
        told = f"{look.number(row.value)} m" if row.trusted else "–"
        at = look.clock(row.value_utc) if pd.notna(row.value_utc) else say("never")
        marks.append(_mark(f"gauge:{row.meter_id}", place.loc[row.node], kind, told, f"{row.meter_id} · {told} · {at}"))
    return Layer(marks=marks, legend=[_category(kind) for kind in ("gauge", "gauge_low", "gauge_silent")])


_SYMBOLS = {"gauge": ("circle", LINES[0], 12), "gauge_low": ("triangle", AMBER, 16), "gauge_silent": ("circle", PANEL, 12)}


def _category(kind: str) -> dict[str, Any]:
    symbol, color, _ = _SYMBOLS[kind]
    return {"name": say(kind), "symbol": symbol, "itemStyle": {"color": color, "borderColor": INK, "borderWidth": 1}}


def _mark(identity: str, at: pd.Series, kind: str, label: str, name: str) -> dict[str, Any]:
    symbol, color, size = _SYMBOLS[kind]
    return {
        "id": identity,
        "name": name,
        "x": at["x"],
        "y": -at["y"],
        "symbol": symbol,
        "symbolSize": size,
        "category": say(kind),
        "itemStyle": {"color": color, "borderColor": INK, "borderWidth": 1},
        "label": _label(label),
        "z": 4,
    }


def _label(text: str) -> dict[str, Any]:
    return {
        "show": True,
        "formatter": text,
        "position": "right",
        "color": INK,
        "fontSize": 12,
        "fontWeight": "bold",
        "backgroundColor": PANEL,
        "padding": [1, 3],
    }


def _districts(drawing: Drawing) -> Layer:
    """Each pipe in the colour of its district, grey between two; the names stand in the middle of the junctions."""
    found = data.water_layers()
    if found is None:
        return Layer()
    zones = sorted(set(found.zone_of.values()))
    color = {zone: LINES[i % len(LINES)] for i, zone in enumerate(zones)}
    links = {}
    for row in drawing.links.itertuples():
        here = {found.zone_of.get(str(end)) for end in (row.start, row.end)} - {None}
        if len(here) == 1:
            (zone,) = here
            links[str(row.id)] = (color[str(zone)], name_of(str(zone)))
    place = drawing.nodes.assign(zone=drawing.nodes["id"].map(found.zone_of)).groupby("zone")[["x", "y"]].median()
    marks = [_name(f"zone:{zone}", at, f"{name_of(str(zone))} ({zone})") for zone, at in place.iterrows()]
    return Layer(links, marks)


def _name(identity: str, at: pd.Series, text: str) -> dict[str, Any]:
    label = _label(text) | {"position": "inside", "fontWeight": "normal"}
    return {"id": identity, "name": text, "x": at["x"], "y": -at["y"], "symbol": "circle", "symbolSize": 1, "label": label, "z": 6}


def _segments(drawing: Drawing) -> Layer:
    """Each pipe in one of eight colours by its segment; the tooltip says how many pipes go with it and how many valves part it."""
    found = data.water_layers()
    if found is None:
        return Layer()
    links = {}
    for name in drawing.links["id"]:
        number = found.segment_of[str(name)]
        row = found.segments.loc[number]
        links[str(name)] = (LINES[number % len(LINES)], say("segment_told", number=number, links=row["links"], valves=row["valves"]))
    return Layer(links)
