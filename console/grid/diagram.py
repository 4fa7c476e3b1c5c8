"""The feeder diagram: quiet grey lines; colour, shape and text only for what is overloaded, out of its voltage, dark or to be switched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import pandas as pd

from console import look
from console.charts import AMBER, FONT, INK, LINES, PANEL, RED, draw
from console.grid.geometry import Geometry, Place, geometry
from console.words import say
from service.grid.view import Diagram, Outage, State

WIRE, TIE, DARK, SHADE = "#7f898f", "#9aa2a8", "#1f2326", "#8b9298"
ROW_PX = 37


@dataclass(frozen=True)
class Shown:
    """What is drawn over the quiet diagram: the state, the outages that last, and the switches of a proposal with their numbers."""

    state: State | None
    outages: Sequence[Outage] = ()
    steps: Mapping[str, str] = field(default_factory=dict)


def show(diagram: Diagram, shown: Shown, key: str) -> None:
    """Put the diagram on the page."""
    place = geometry(diagram)
    series = [*_wires(diagram, place, shown), *_points(diagram, place, shown)]
    xs, ys = zip(*[corner for corners in place.branches.values() for corner in corners], strict=True)
    axis = {"type": "value", "show": False}
    spec = {
        "animation": False,
        "backgroundColor": PANEL,
        "textStyle": {"color": INK, "fontFamily": FONT},
        "tooltip": {"confine": True, "formatter": "{b}"},
        "grid": {"left": 24, "right": 70, "top": 20, "bottom": 58},
        "xAxis": axis | {"min": min(xs) - 0.25, "max": max(xs) + 0.35},
        "yAxis": axis | {"min": min(ys) - 0.6, "max": max(ys) + 0.6, "inverse": True},
        "dataZoom": [{"type": "inside", "xAxisIndex": 0, "filterMode": "none"}, {"type": "inside", "yAxisIndex": 0, "filterMode": "none"}],
        "legend": {
            "bottom": 6,
            "textStyle": {"color": INK, "fontSize": round(12 * look.scale())},
            "itemWidth": 14,
            "itemHeight": 11,
            "itemGap": 16,
            "selectedMode": False,
            "data": [_legend(one) for one in series if one["name"]],
        },
        "series": series,
    }
    draw(spec, key, _alt(diagram, shown), height=int(max(380, ROW_PX * place.rows * look.scale() + 110)))


def _alt(diagram: Diagram, shown: Shown) -> str:
    """The diagram in a sentence, for those who cannot see it."""
    dark = _dark(shown)
    told = f"{say('feeder_diagram')}: {len(diagram.buses)} {say('busbar')}, {len(diagram.branches)} {say('line_word')}"
    return f"{told}; {say('dark_area')}: {', '.join(sorted(dark)) or say('none')}"


def _legend(one: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": one["name"], "itemStyle": one.get("itemStyle", {}), "lineStyle": one.get("lineStyle", {})}
    return entry | ({"icon": "rect"} if one["type"] == "lines" else {"icon": one["symbol"]})


def _dark(shown: Shown) -> set[str]:
    found = {bus for outage in shown.outages for bus in outage.buses}
    if shown.state is not None:
        found |= set(shown.state.buses.loc[~shown.state.buses["energised"], "bus"])
    return found


def _open(diagram: Diagram, shown: Shown) -> frozenset[str]:
    if shown.state is not None:
        return shown.state.open_switches
    return frozenset(diagram.switches.loc[~diagram.switches["closed"], "switch"])


def _wires(diagram: Diagram, place: Geometry, shown: Shown) -> list[dict[str, Any]]:
    """Lines and transformers, by how they stand: quiet, open, dark (broad and hatched by a shade), overloaded."""
    dark, opened = _dark(shown), _open(diagram, shown)
    parted = set(diagram.switches.loc[diagram.switches["switch"].isin(list(opened)), "branch"])
    loading = {} if shown.state is None else dict(zip(shown.state.branches["branch"], shown.state.branches["loading"], strict=True))
    kinds: dict[str, list[dict[str, Any]]] = {"": [], "open": [], "dark": [], "over": []}
    for row in diagram.branches.itertuples():
        share = loading.get(row.branch, float("nan"))
        at_rest = row.branch in parted
        kind = (
            "open" if at_rest else "dark" if {row.from_bus, row.to_bus} <= dark else "over" if share > diagram.limits.loading_limit else ""
        )
        rated = "" if pd.isna(row.rating_kva) else f", {say('branch_rating')} {look.number(row.rating_kva)} kVA"
        known = "" if pd.isna(share) or kind == "dark" else f", {say('loading')} {100 * share:.0f} %"
        name = escape(f"{say(f'{row.kind}_word')} {row.branch}{known}{rated}")
        kinds[kind].append({"name": name, "coords": place.branches[row.branch]})
    made = [
        _lines("", kinds[""], WIRE, 1.8, "solid"),
        _lines("", kinds["open"], TIE, 1.2, "dashed"),
        _lines(say("dark_area"), kinds["dark"], SHADE, 13, "solid", z=1, opacity=0.55),
        _lines("", kinds["dark"], DARK, 2.6, [5, 4]),
        _lines(say("overloaded"), kinds["over"], RED, 4.5, "solid"),
    ]
    return [one for one in made if one["data"]]


def _lines(name: str, data: list[dict[str, Any]], color: str, width: float, kind: Any, z: int = 2, opacity: float = 1.0) -> dict[str, Any]:
    style = {"color": color, "width": width, "type": kind, "opacity": opacity}
    return {"type": "lines", "coordinateSystem": "cartesian2d", "polyline": True, "name": name, "data": data, "lineStyle": style, "z": z}


def _points(diagram: Diagram, place: Geometry, shown: Shown) -> list[dict[str, Any]]:
    """Buses, switches, and what is abnormal at them."""
    return [
        one
        for one in [
            *_buses(diagram, place, shown),
            *_switches(diagram, place, shown),
            _overloads(diagram, place, shown),
            *_faults(place, shown),
        ]
        if one["data"]
    ]


def _buses(diagram: Diagram, place: Geometry, shown: Shown) -> list[dict[str, Any]]:
    dark, limits = _dark(shown), diagram.limits
    volts = {} if shown.state is None else dict(zip(shown.state.buses["bus"], shown.state.buses["voltage_pu"], strict=True))
    kinds: dict[str, list[dict[str, Any]]] = {name: [] for name in ("source", "busbar", "load", "critical", "dark", "low", "high")}
    for row in diagram.buses.itertuples():
        volt = volts.get(row.bus, float("nan"))
        kind = "source" if row.kind == "source" else "critical" if row.critical else "load" if row.kind == "load" else "busbar"
        kind = "dark" if row.bus in dark else "low" if volt < limits.voltage_low_pu else "high" if volt > limits.voltage_high_pu else kind
        told = [row.bus, *([row.critical] if row.critical else [])]
        told += [f"{volt:.3f} pu"] if kind in ("low", "high") else []
        more = [f"{row.customers:,.0f} {say('customers_unit')}"] if row.customers else []
        more += [f"{say('voltage')} {volt:.3f} pu"] if pd.notna(volt) and row.bus not in dark else []
        label = " ".join(told)
        kinds[kind].append(
            {
                "name": escape("<br/>".join([label, *more])).replace("&lt;br/&gt;", "<br/>"),
                "value": place.buses[row.bus],
                "label": {"formatter": label},
            }
        )
    big = {"fontWeight": "bold", "fontSize": 12}
    return [
        _marks(say("source"), kinds["source"], "rect", 15, LINES[0], label=big),
        _marks(say("busbar"), kinds["busbar"], "circle", 4, WIRE),
        _marks(say("load_point"), kinds["load"], "circle", 6.5, WIRE),
        _marks(say("critical_load"), kinds["critical"], "diamond", 12, LINES[0]),
        _marks(
            say("dark_area"), kinds["dark"], "path://M2,0 L5,3 L8,0 L10,2 L7,5 L10,8 L8,10 L5,7 L2,10 L0,8 L3,5 L0,2 Z", 11, DARK, label=big
        ),
        _marks(say("low_voltage"), kinds["low"], "path://M0,0 L10,0 L5,10 Z", 13, AMBER, label=big),
        _marks(say("high_voltage"), kinds["high"], "triangle", 13, AMBER, label=big),
    ]


def _switches(diagram: Diagram, place: Geometry, shown: Shown) -> list[dict[str, Any]]:
    """Filled: closed; hollow: open; with a number: a step of the proposal."""
    opened = _open(diagram, shown)
    closed_marks, open_marks, moved, steps = (list[dict[str, Any]]() for _ in range(4))
    for row in diagram.switches.itertuples():
        is_open = row.switch in opened
        usual = say("normally_closed") if row.closed else say("normally_open")
        turned = say("by_motor_switch") if row.motor else say("by_hand_switch")
        state = say("switch_is_open") if is_open else say("switch_is_closed")
        mark = {
            "name": escape(f"{row.switch}: {state}, {usual}, {turned}"),
            "value": place.switches[row.switch],
            "label": {"formatter": row.switch},
        }
        (open_marks if is_open else closed_marks).append(mark)
        if is_open == row.closed:
            moved.append(mark)
        if row.switch in shown.steps:
            steps.append(mark | {"label": {"formatter": shown.steps[row.switch]}})
    quiet, bold = {"show": False}, {"fontWeight": "bold", "fontSize": 12, "position": "inside", "color": "#ffffff"}
    return [
        _marks(say("closed_switch"), closed_marks, "rect", 5.5, "#4b5257", label=quiet, z=4),
        _marks(say("open_switch"), open_marks, "rect", 9, PANEL, border="#1f2326", label={"position": "bottom", "fontSize": 10}, z=5),
        _marks(say("moved_switch"), moved, "emptyCircle", 19, AMBER, label=quiet, z=5),
        _marks(say("step_at"), steps, "roundRect", 18, LINES[0], border="#1f2326", label=bold, z=6),
    ]


def _overloads(diagram: Diagram, place: Geometry, shown: Shown) -> dict[str, Any]:
    """How much an overloaded branch carries, in words beside it."""
    marks = []
    if shown.state is not None:
        over = shown.state.branches[shown.state.branches["loading"] > diagram.limits.loading_limit]
        for row in over.itertuples():
            label = f"{row.branch} {100 * row.loading:.0f} %"
            marks.append({"name": escape(label), "value": _middle(place.branches[row.branch]), "label": {"formatter": label}})
    bold = {"fontWeight": "bold", "fontSize": 12, "backgroundColor": PANEL, "padding": [1, 3], "position": "bottom"}
    return _marks("", marks, "rect", 11, RED, border="#6d0d0d", label=bold, z=7)


def _faults(place: Geometry, shown: Shown) -> list[dict[str, Any]]:
    """The likely place of each outage, in the middle of its branch."""
    marks = []
    for outage in shown.outages:
        if outage.branch in place.branches:
            label = f"{outage.branch} {100 * outage.likelihood:.0f} %"
            marks.append(
                {
                    "name": escape(f"{say('fault_place')}: {label}"),
                    "value": _middle(place.branches[outage.branch]),
                    "label": {"formatter": label},
                }
            )
    bold = {"fontWeight": "bold", "fontSize": 12, "backgroundColor": PANEL, "padding": [1, 3], "position": "bottom"}
    return [_marks(say("fault_place"), marks, "rect", 15, RED, border="#6d0d0d", label=bold, z=7)]


def _middle(corners: list[Place]) -> Place:
    """The middle of its last stretch: the switches stand nearer to the ends."""
    (x, y), (to_x, to_y) = corners[-2], corners[-1]
    return (x + to_x) / 2, (y + to_y) / 2


def _marks(
    name: str, data: list[dict[str, Any]], symbol: str, size: float, color: str, *, border: str = "", label: Any = None, z: int = 3
) -> dict[str, Any]:
    scale = look.scale()
    text = {"show": True, "position": "top", "color": INK, "fontSize": 11, "distance": 5} | (label or {})
    text["fontSize"] = round(float(text["fontSize"]) * scale)
    style = {"color": color} | ({"borderColor": border, "borderWidth": 1.6} if border else {})
    return {
        "type": "scatter",
        "name": name,
        "data": data,
        "symbol": symbol,
        "symbolSize": size * scale,
        "itemStyle": style,
        "label": text,
        "z": z,
    }
