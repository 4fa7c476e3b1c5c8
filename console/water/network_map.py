"""The network as a drawing: pipes and nodes where the model has them, quiet grey; colour and shape only where water is lost."""

from collections.abc import Collection, Mapping
from typing import Any

from console.charts import AMBER, FONT, INK, LINES, PANEL, RED, draw
from console.water.layers import Layer
from console.words import say
from service.view.water import Drawing

PIPE, DRY = "#7f898f", "#1f2326"
SHOWN = 0.005  # of the probability: less is not coloured


def show(
    drawing: Drawing,
    likely: Mapping[str, float],
    close: Collection[str],
    dry: Collection[str],
    key: str,
    *,
    dug: Collection[str] = (),
    layer: Layer | None = None,
    height: int = 780,
) -> None:
    """Draw the network: `likely` is pipe -> probability that it leaks, `close` the valves to close, `dry` the nodes cut off.

    `dug` are pipes at which a crew found nothing; `layer` lies under all of these.
    """
    layer = layer or Layer()
    top = max(likely, key=lambda pipe: likely[pipe], default=None)
    most = likely[top] if top is not None else 1.0
    edges = [_edge(row, likely, most, dry, layer.links.get(row.id)) for row in drawing.links.itertuples()]
    nodes = [_node(row, dry) for row in drawing.nodes.itertuples()]
    for row in drawing.links.itertuples():
        if row.kind == "pump":
            nodes.append(_mark(f"pump:{row.id}", (row.x1 + row.x2) / 2, (row.y1 + row.y2) / 2, "pump", 13, f"{say('pump')} {row.id}"))
        if row.id in dug:
            nodes.append(_mark(f"dug:{row.id}", (row.x1 + row.x2) / 2, (row.y1 + row.y2) / 2, "dug", 11, row.id))
        if row.id == top:
            nodes.append(_mark(f"leak:{row.id}", (row.x1 + row.x2) / 2, (row.y1 + row.y2) / 2, "suspect", 17, f"{say('pipe')} {row.id}"))
    for row in drawing.valves.itertuples():
        if row.valve in close:
            nodes.append(_mark(f"valve:{row.valve}", row.x, row.y, "valve", 13, row.valve))
    categories = _categories({"suspect": top is not None, "valve": bool(close), "cut": bool(dry), "dug": bool(dug)})
    nodes += layer.marks
    categories += layer.legend
    draw(_spec(nodes, edges, categories), key, say("network"), height=height)


def _spec(nodes: list[dict[str, Any]], edges: list[dict[str, Any]], categories: list[dict[str, Any]]) -> dict[str, Any]:
    """The chart of them: drawn where they lie, without an animation, to be dragged and enlarged."""
    return {
        "animation": False,
        "backgroundColor": PANEL,
        "textStyle": {"color": INK, "fontFamily": FONT},
        "tooltip": {"confine": True, "formatter": "{b}"},
        "legend": {
            "bottom": 8,
            "textStyle": {"color": INK, "fontSize": 13},
            "itemWidth": 13,
            "itemHeight": 13,
            "itemGap": 18,
            "selectedMode": False,
            "data": [{"name": part["name"], "icon": part["symbol"]} for part in categories],
        },
        "series": [
            {
                "type": "graph",
                "layout": "none",
                "roam": True,
                "scaleLimit": {"min": 0.7, "max": 20},
                "left": 50,
                "right": 60,
                "top": 46,
                "bottom": 52,
                "categories": categories,
                "data": nodes,
                "links": edges,
                "emphasis": {"disabled": True},
            }
        ],
    }


def _categories(there: Mapping[str, bool]) -> list[dict[str, Any]]:
    """Legend entries, with the symbol each is drawn in; only those that are on the map."""
    made = [
        ("junction", "circle", PIPE),
        ("tank", "rect", LINES[0]),
        ("reservoir", "diamond", LINES[0]),
        ("pump", "triangle", LINES[1]),
        ("suspect", "rect", RED),
        ("dug", "rect", PANEL),
        ("valve", "triangle", AMBER),
        ("cut", "circle", DRY),
    ]
    return [{"name": say(key), "symbol": symbol, "itemStyle": {"color": color}} for key, symbol, color in made if there.get(key, True)]


def _node(row: Any, dry: Collection[str]) -> dict[str, Any]:
    kind = "cut" if row.id in dry else row.kind
    symbol, size, color = {
        "junction": ("circle", 5, PIPE),
        "tank": ("rect", 15, LINES[0]),
        "reservoir": ("diamond", 18, LINES[0]),
        "cut": ("circle", 9, DRY),
    }[kind]
    named = kind in ("tank", "reservoir")
    return {
        "id": row.id,
        "name": f"{say(kind)} {row.id}",
        "x": row.x,
        "y": -row.y,
        "symbol": symbol,
        "symbolSize": size,
        "category": say(kind),
        "itemStyle": {"color": color},
        "label": {
            "show": named,
            "formatter": f"{say(kind)} {row.id}",
            "position": "top" if kind == "reservoir" else "right",
            "color": INK,
            "fontSize": 12,
        },
    }


def _mark(identity: str, x: float, y: float, kind: str, size: int, label: str) -> dict[str, Any]:
    symbol, color = {"pump": ("triangle", LINES[1]), "suspect": ("rect", RED), "dug": ("rect", PANEL), "valve": ("triangle", AMBER)}[kind]
    return {
        "id": identity,
        "name": label,
        "x": x,
        "y": -y,
        "symbol": symbol,
        "symbolSize": size,
        "category": say(kind),
        "itemStyle": {"color": color, "borderColor": INK, "borderWidth": 0.8},
        "label": {
            "show": True,
            "formatter": label,
            "position": {"suspect": "bottom", "pump": "bottom"}.get(kind, "right"),
            "color": INK,
            "fontSize": 12,
            "fontWeight": "bold",
            "backgroundColor": PANEL if kind != "pump" else "transparent",
            "padding": [1, 3],
        },
        "z": 5,
    }


def _edge(row: Any, likely: Mapping[str, float], most: float, dry: Collection[str], under: tuple[str, str] | None = None) -> dict[str, Any]:
    """A pipe; the likelier the leak, the thicker and redder, and its share stands in the tooltip. `under`: colour and note of its layer."""
    share = likely.get(row.id, 0.0)
    gone = row.start in dry and row.end in dry
    plain, note = under or (PIPE, "")
    color, width = (DRY, 3.0) if gone else (plain, (2.4 if under else 1.0) + min(row.diameter_m, 1.0) * 2.2)
    if share >= SHOWN:
        depth = (share / most) ** 0.5
        color, width = _between(PIPE, RED, depth), 2.5 + 5 * depth
    name = f"{say(row.kind) if row.kind in ('pipe', 'pump') else row.kind} {row.id}" + (f" · {100 * share:.1f} %" if share >= SHOWN else "")
    name += f" · {note}" if note else ""
    return {
        "source": row.start,
        "target": row.end,
        "name": name,
        "value": name,
        "lineStyle": {"color": color, "width": width, "opacity": 1, "type": "dashed" if gone else "solid"},
    }


def _between(low: str, high: str, share: float) -> str:
    """A colour between two, `share` [1] of the way."""
    ends = [[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in (low, high)]
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in zip(*ends, strict=True))
