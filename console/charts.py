"""Charts that are drawn in the browser from what is sent with them: nothing is fetched. Muted lines on the grey ground.

Times are categories in local wall-clock time, made here: a browser in another zone shows the same clock, and the 25-hour day
of autumn keeps both of its second hours.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from city.clock import local
from console import data, look
from console.words import say

LINES = ["#3b5b7a", "#7d6a4f", "#5b7f7a", "#7a6585", "#6e7478", "#8d7b3f", "#4f6b52", "#8a6a6a"]
INK, FAINT, PANEL = "#1f2326", "#b4babf", "#e2e4e5"
RED, AMBER, YELLOW = "#c01818", "#e08a00", "#f0d000"

FONT = '"Source Sans", "Noto Sans CJK SC", sans-serif'
_TEXT = {"color": INK, "fontSize": 12, "fontFamily": FONT}


def labels(times: pd.DatetimeIndex) -> list[str]:
    """Local wall-clock labels of UTC times: 06-16 02:00."""
    return [str(text) for text in local(times, data.now().zone).strftime("%m-%d %H:%M")]


def plain(values: Any, digits: int = 4) -> list[float | None]:
    """Numbers as JSON takes them: rounded to significant digits, gaps as null."""
    array = np.asarray(values, dtype=float)
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in array]


def frame(times: Sequence[str], unit: str, *, legend: bool = True, height_bottom: int = 28, every: int | None = None) -> dict[str, Any]:
    """Axes, grid, legend and tooltip that every course over time shares; ticks stand at whole hours, two to nine of them."""
    at: dict[str, Any] = {"customValues": _ticks(times)} if every is None else {"interval": every - 1}
    return {
        "animation": False,
        "color": LINES,
        "backgroundColor": PANEL,
        "textStyle": _TEXT,
        "grid": {"left": 62, "right": 18, "top": 40 if legend else 28, "bottom": height_bottom},
        "legend": {"show": legend, "top": 4, "right": 12, "textStyle": _TEXT, "itemWidth": 16, "itemHeight": 4, "icon": "rect"},
        "tooltip": {"trigger": "axis", "confine": True, "valueFormatter": "localized"},
        "xAxis": {
            "type": "category",
            "data": list(times),
            "boundaryGap": False,
            "axisLabel": {**at, "color": INK, "fontSize": 12, "hideOverlap": True},
            "axisTick": at,
            "axisLine": {"lineStyle": {"color": "#6e7478"}},
        },
        "yAxis": {
            "type": "value",
            "name": unit,
            "scale": True,
            "nameTextStyle": {"color": INK, "align": "right", "padding": [0, 6, 0, 0]},
            "nameGap": 12,
            "axisLabel": {"color": INK, "fontSize": 12},
            "splitLine": {"lineStyle": {"color": "#cdd1d4"}},
        },
        "series": [],
    }


def _ticks(times: Sequence[str]) -> list[int]:
    """Where the labels stand: the finest of 1, 2, 3, 6, 12, 24 h that gives at most nine; without whole hours, about eight."""
    hours = [(i, int(text[-5:-3])) for i, text in enumerate(times) if text.endswith(":00")]
    for every in (1, 2, 3, 6, 12, 24):
        found = [i for i, hour in hours if hour % every == 0]
        if 2 <= len(found) <= 9:
            return found
    return list(range(0, len(times), max(len(times) // 8, 1)))


def line(name: str, values: Any, color: str, *, dashed: bool = False, step: bool = False, width: float = 1.8) -> dict[str, Any]:
    """One line of a chart."""
    made: dict[str, Any] = {
        "type": "line",
        "name": name,
        "data": plain(values),
        "showSymbol": False,
        "color": color,
        "lineStyle": {"width": width, "type": "dashed" if dashed else "solid"},
    }
    return made | ({"step": "end"} if step else {})


def draw(spec: dict[str, Any], key: str, alt: str, height: int = 240) -> None:
    """Put a chart on the page, in the session's size of type; `alt` names it, and its main numbers are added for who cannot see it."""
    by = look.scale()
    st.echarts_chart(_sized(spec, by), theme=None, height=round(height * by), key=f"chart_{key}", alt=_told(spec, alt))


_SIZES = ("fontSize", "nameGap", "left", "right", "top", "bottom", "symbolSize", "barMaxWidth", "itemWidth", "itemHeight")


def _sized(spec: Any, by: float) -> Any:
    """A chart with type and room `by` times as large."""
    if by == 1 or not isinstance(spec, dict | list):
        return spec
    if isinstance(spec, list):
        return spec if spec and isinstance(spec[0], int | float | str) else [_sized(one, by) for one in spec]
    return {key: value * by if key in _SIZES and isinstance(value, int | float) else _sized(value, by) for key, value in spec.items()}


def _told(spec: dict[str, Any], name: str) -> str:
    """A chart as a sentence: what it is called, each line or bar from its least to its most, and the first and last label."""
    told = []
    for series in spec.get("series", ()):
        values = [v for v in series.get("data", ()) if isinstance(v, int | float)]
        if values and series.get("name") and not series.get("silent"):
            unit = spec["yAxis"].get("name", "") if isinstance(spec.get("yAxis"), dict) else ""
            span = {"low": look.number(min(values)), "high": f"{look.number(max(values))} {unit}".strip()}
            told.append(say("alt_line", name=str(series["name"]).strip(), **span))
    if not told or name.endswith((".", "。")):
        return name
    labels = spec["xAxis"].get("data") if isinstance(spec.get("xAxis"), dict) else None
    when = say("alt_times", start=labels[0], end=labels[-1]) if labels else ""
    return say("alt_lines", name=name) + "; ".join(told) + when


def fan(forecast: pd.DataFrame, name: str, key: str) -> None:
    """A forecast with its P10-P90 band: the band is stacked on an unseen line, and said in the legend."""
    times = labels(pd.DatetimeIndex(forecast.index))
    spec = frame(times, forecast.attrs["unit"])
    low, high = forecast["p10"].to_numpy(), forecast["p90"].to_numpy()
    hidden = {"lineStyle": {"opacity": 0}, "showSymbol": False, "type": "line", "stack": "band", "tooltip": {"show": False}, "silent": True}
    spec["series"] = [
        {**hidden, "name": "P10", "data": plain(low)},
        {**hidden, "name": say("band"), "data": plain(high - low), "areaStyle": {"color": LINES[0], "opacity": 0.22}, "color": "#9fb0c0"},
        line("P10 ", low, "#8fa3b5", width=0.8),
        line(say("expected"), forecast["p50"], LINES[0]),
        line("P90", high, "#8fa3b5", width=0.8),
    ]
    spec["legend"]["data"] = [say("expected"), say("band")]
    spec["yAxis"]["min"] = 0 if low.min() >= 0 else None
    expected = forecast["p50"]
    span = {"low": look.number(expected.min()), "high": look.number(expected.max()), "time": look.hour(expected.idxmax().to_pydatetime())}
    band = {"p10": look.number(low.min()), "p90": look.number(high.max())}
    draw(spec, key, say("alt_fan", name=name, unit=forecast.attrs["unit"], **span, **band))


def schedule(times: pd.DatetimeIndex, plan: Any, baseline: Any, unit: str, key: str, alt: str) -> None:
    """What the plan does with an asset, beside what it would do unplanned."""
    spec = frame(labels(times), unit)
    spec["series"] = [line(say("plan_line"), plan, LINES[0], step=True)]
    if baseline is not None:
        spec["series"].append(line(say("baseline_line"), baseline, "#7d6a4f", dashed=True, step=True, width=1.3))
    draw(spec, key, alt, height=200)


def courses(
    times: pd.DatetimeIndex,
    named: Mapping[str, Any],
    unit: str,
    key: str,
    alt: str,
    *,
    step: bool = False,
    span: tuple[float, float] | None = None,
) -> None:
    """Several lines over the same times; the axis covers at least `span`, so that a hair's breadth does not look like a cliff."""
    spec = frame(labels(times), unit)
    spec["series"] = [line(name, values, LINES[i % len(LINES)], step=step) for i, (name, values) in enumerate(named.items())]
    if span is not None:
        lowest = min((float(np.nanmin(np.asarray(values, dtype=float))) for values in named.values()), default=span[0])
        spec["yAxis"] |= {"min": min(span[0], float(np.floor(lowest))), "max": span[1]}
    draw(spec, key, alt)


def readings(course: pd.DataFrame, unit: str, key: str, alt: str) -> None:
    """Readings with those that cannot be used marked by a red square: shape and text, not colour alone."""
    times = labels(pd.DatetimeIndex(course["time_utc"]))
    spec = frame(times, unit)
    value, usable = course["value"].to_numpy(dtype=float), course["usable"].to_numpy(dtype=bool)
    spec["series"] = [line(say("usable"), np.where(usable, value, np.nan), LINES[0])]
    if (~usable).any():
        shown = np.where(usable, np.nan, clipped(value, usable))
        marks = {"type": "scatter", "name": say("not_usable"), "symbol": "rect", "symbolSize": 5, "color": RED, "data": plain(shown)}
        spec["series"].append(marks)
    draw(spec, key, alt)


def clipped(value: NDArray[np.float64], usable: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What cannot be used, kept near what can: a value of 1e12 must not press the day into a flat line; none stands lowest."""
    good = value[usable & np.isfinite(value)]
    good = good if good.size else value[np.isfinite(value)]
    if not good.size:
        return np.zeros_like(value)
    low, high = (good.min(), good.max()) if usable.any() else np.quantile(good, [0.1, 0.9])
    room = 0.3 * ((high - low) or 1.0)
    return np.clip(np.nan_to_num(value, nan=low - room), low - room, high + room)


def ranking(names: Sequence[str], values: Any, unit: str, key: str, alt: str) -> None:
    """Horizontal bars, the first name on top: readable names however long."""
    spec = frame(list(names)[::-1], unit, legend=False, every=1)
    spec["xAxis"], spec["yAxis"] = spec["yAxis"], spec["xAxis"]
    spec["xAxis"] |= {"scale": False, "name": "", "axisLabel": {"color": INK, "fontSize": 12, "formatter": "{value} " + unit}}
    spec["yAxis"]["boundaryGap"] = True
    spec["grid"] = {"left": 150, "right": 28, "top": 12, "bottom": 28}
    spec["tooltip"]["axisPointer"] = {"type": "shadow"}
    spec["series"] = [{"type": "bar", "data": plain(values)[::-1], "barMaxWidth": 18, "itemStyle": {"color": LINES[0]}}]
    draw(spec, key, alt, height=60 + 26 * len(names))


def bars(
    categories: Sequence[str], named: Mapping[str, Any], unit: str, key: str, alt: str, *, stacked: bool = True, height: int = 260
) -> None:
    """Bars by category, stacked."""
    spec = frame(categories, unit, every=1)
    spec["xAxis"]["boundaryGap"] = True
    spec["yAxis"]["scale"] = False
    spec["tooltip"]["axisPointer"] = {"type": "shadow"}
    spec["series"] = [
        {
            "type": "bar",
            "name": name,
            "data": plain(values),
            "barMaxWidth": 46,
            "itemStyle": {"color": LINES[i % len(LINES)]},
            **({"stack": "all"} if stacked else {}),
        }
        for i, (name, values) in enumerate(named.items())
    ]
    draw(spec, key, alt, height=height)


def trade(x: Any, y: Any, names: tuple[str, str], units: tuple[str, str], here: int | None, key: str, alt: str) -> None:
    """Points between two costs, joined in order of x; a larger dot stands where the plan is."""
    spec = frame([], units[1], legend=False, every=1)
    order = np.argsort(np.asarray(x, dtype=float))
    pairs = [[plain([x[i]], 5)[0], plain([y[i]], 6)[0]] for i in order]
    axis = {"type": "value", "scale": True, "name": f"{names[0]} [{units[0]}]", "nameLocation": "middle", "nameGap": 26}
    spec["xAxis"] = axis | {"axisLabel": {"color": INK, "fontSize": 12}, "nameTextStyle": {"color": INK}, "splitLine": {"show": False}}
    spec["yAxis"]["name"] = f"{names[1]} [{units[1]}]"
    spec["yAxis"]["nameTextStyle"] = {"color": INK, "align": "left"}
    spec["grid"] |= {"left": 70, "bottom": 44}
    spec["tooltip"] = {"trigger": "item", "confine": True, "valueFormatter": "localized"}
    spec["series"] = [{"type": "line", "data": pairs, "symbol": "circle", "symbolSize": 8, "color": LINES[0], "lineStyle": {"width": 1.4}}]
    if here is not None:
        mark = [plain([x[here]], 5)[0], plain([y[here]], 6)[0]]
        spec["series"].append({"type": "scatter", "data": [mark], "symbol": "diamond", "symbolSize": 16, "color": INK})
    draw(spec, key, alt, height=230)
