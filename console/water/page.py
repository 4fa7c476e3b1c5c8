"""Water: the network with a suspected leak, the valves that part it from the sources, who loses water, and where losses are."""

import streamlit as st

from console import data, look
from console.guard import guarded
from console.water import devices, isolation, layers, leaks, losses, network_map, night_flows, quality
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
        kind = layers.choice()
        detail = cut["detail"] if cut else {}
        dry = set(detail.get("nodes_cut", [])) | set(detail.get("unintended", []))
        dug = [str(one["pipe"]) for one in leak.dug if not one["found"]] if leak else []
        likely = leak.likely if leak and kind == "leak" else {}
        network_map.show(drawing, likely, set(detail.get("valves", [])), dry, f"network_{kind}", dug=dug, layer=layers.layer(kind, drawing))
    with right:
        if leak is not None:
            guarded(lambda: leaks.shown(leak))
            sections = [lambda: leaks.findings(person, leak), *([lambda: isolation.section(person, cut)] if cut else [])]
            for section in reversed(sections) if leak.task == "approve" else sections:  # what is to be done next stands first
                guarded(section)
    if cut and "schedule" in cut["detail"]:
        guarded(lambda: isolation.schedule(cut["detail"]["schedule"]))
    tabs = {
        "night_flows": night_flows.section,
        "losses": lambda: losses.section(person),
        "quality": quality.section,
        "sensors_and_valves": lambda: _devices(person),
    }
    for tab, section in zip(st.tabs([say(name) for name in tabs]), tabs.values(), strict=True):
        with tab:
            guarded(section)


def _devices(person: Person) -> None:
    devices.sensors()
    devices.valves(person)
