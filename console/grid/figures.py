"""Loading, voltage along the feeders, losses of the days and what tomorrow may bring."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from console import charts, look
from console.words import say
from service.grid.view import Diagram, State

_MOST = 14  # branches in the chart of loadings
_NAMED = 6  # of what is out of its limits
_KINDS = {"overload": "overloaded", "low-voltage": "low_voltage", "high-voltage": "high_voltage"}


def loading(drawn: Diagram, state: State) -> None:
    """The most loaded branches as bars, the limit as a dashed line; red only beyond it."""
    st.caption(say("loading_note"))
    named = state.branches.dropna(subset=["loading"]).sort_values("loading", ascending=False).head(_MOST)[::-1]
    limit = 100 * drawn.limits.loading_limit
    values = 100 * named["loading"].to_numpy(dtype=float)
    labels = [f"{branch} · {feeder}" if feeder else branch for branch, feeder in zip(named["branch"], named["feeder"], strict=True)]
    spec = charts.frame([], "%", legend=False, every=1)
    spec["grid"] = {"left": 160, "right": 60, "top": 10, "bottom": 30}
    spec["xAxis"] = {
        "type": "value",
        "max": max(120.0, 20.0 * np.ceil(float(values.max(initial=0.0)) / 18.0)),
        "axisLabel": {"formatter": "{value} %"},
    }
    spec["yAxis"] = {"type": "category", "data": labels, "axisLabel": {"color": charts.INK, "fontSize": 12}}
    spec["series"] = [
        {
            "type": "bar",
            "barMaxWidth": 13,
            "label": {"show": True, "position": "right", "formatter": "{c} %", "color": charts.INK, "fontSize": 11},
            "data": [_bar(value, over=value > limit) for value in values],
            "markLine": {
                "symbol": "none",
                "silent": True,
                "lineStyle": {"color": charts.INK, "type": "dashed"},
                "data": [{"xAxis": limit, "label": {"formatter": f"{say('loading_limit')} {limit:.0f} %", "color": charts.INK}}],
            },
        }
    ]
    spec["grid"]["top"] = 26
    charts.draw(spec, "grid_loading", say("tab_loading"), height=70 + 24 * len(labels))
    frame = state.branches.sort_values("loading", ascending=False).assign(percent=(100 * state.branches["loading"]).round(1))
    columns = {"branch": "risk_subject", "feeder": "feeder", "percent": "tab_loading"}
    look.table(frame, columns, "grid_loading", height=250, formats={"percent": "%.1f %%"})


def _bar(value: float, *, over: bool) -> dict[str, Any]:
    return {"value": round(value, 1), "itemStyle": {"color": charts.RED if over else "#7f898f"}}


def voltage(drawn: Diagram, state: State) -> None:
    """Voltage over the way from the substation, a line for each branch, feeder by feeder; the allowed band behind."""
    limits = drawn.limits
    st.caption(say("voltage_note", low=f"{limits.voltage_low_pu:.2f}", high=f"{limits.voltage_high_pu:.2f}"))
    volts = dict(zip(state.buses["bus"], state.buses["voltage_pu"], strict=True))
    at = dict(zip(drawn.buses["bus"], drawn.buses["distance_km"], strict=True))
    level = dict(zip(drawn.buses["bus"], drawn.buses["nominal_kv"], strict=True))
    parted = set(drawn.switches.loc[drawn.switches["switch"].isin(list(state.open_switches)), "branch"])
    feeders = dict(zip(state.branches["branch"], state.branches["feeder"], strict=True))
    runs: dict[str, list[Any]] = {}
    for row in drawn.branches.itertuples():
        pair = [(at[bus], volts[bus]) for bus in (row.from_bus, row.to_bus)]
        if row.branch in parted or level[row.from_bus] != level[row.to_bus] or not np.isfinite(pair).all():
            continue
        line = [[round(x, 3), round(v, 4)] for x, v in pair]
        runs.setdefault(feeders[row.branch] or say("substation"), []).extend([*line, [None, None]])
    spec = charts.frame([], "pu", every=1)
    axis = {"type": "value", "name": say("distance"), "nameLocation": "middle", "nameGap": 28, "splitLine": {"show": False}}
    spec["xAxis"] = axis | {"axisLabel": {"color": charts.INK}, "nameTextStyle": {"color": charts.INK}}
    spec["grid"] |= {"bottom": 52, "top": 50, "right": 30}
    seen = [v for v in volts.values() if np.isfinite(v)] or [1.0]
    low, high = min(limits.voltage_low_pu, *seen), max(limits.voltage_high_pu, *seen)
    spec["yAxis"] |= {"min": round(low - 0.01, 2), "max": round(high + 0.01, 2), "name": say("voltage_axis")}
    spec["legend"] |= {"type": "scroll", "left": 150}
    spec["series"] = [_course(name, points, number) for number, (name, points) in enumerate(sorted(runs.items()))]
    if spec["series"]:
        edges = [{"yAxis": limits.voltage_low_pu}, {"yAxis": limits.voltage_high_pu}]
        area = {"silent": True, "itemStyle": {"color": "#cfd3d6", "opacity": 0.6}, "data": [edges]}
        lines = [
            {**edge, "label": {"formatter": f"{edge['yAxis']:.2f} pu", "position": "insideEndTop", "color": charts.INK}} for edge in edges
        ]
        dashed = {"color": charts.INK, "type": "dashed", "width": 1}
        spec["series"][0] |= {"markArea": area, "markLine": {"symbol": "none", "silent": True, "lineStyle": dashed, "data": lines}}
    spec["tooltip"] = {"trigger": "item", "confine": True}
    charts.draw(spec, "grid_voltage", say("tab_voltage"), height=360)


def _course(name: str, points: list[Any], number: int) -> dict[str, Any]:
    """One feeder; branches of the tree are stretches of one line with gaps between."""
    symbols = ("circle", "rect", "triangle", "diamond", "emptyCircle", "emptyRect", "emptyTriangle", "emptyDiamond")
    return {
        "type": "line",
        "name": name,
        "data": points,
        "symbol": symbols[number % len(symbols)],
        "symbolSize": 6,
        "color": charts.LINES[number % len(charts.LINES)],
        "lineStyle": {"width": 1.6},
        "connectNulls": False,
    }


def losses(days: pd.DataFrame) -> None:
    """Technical losses of each day over all feeders, and their share of the input."""
    if days.empty:
        st.caption(say("losses_none"))
        return
    st.caption(say("losses_note"))
    by_day = days.groupby("day", as_index=False)[["loss_kwh", "input_kwh"]].sum(min_count=1)
    share = 100 * by_day["loss_kwh"] / by_day["input_kwh"].where(by_day["input_kwh"] > 0)
    labels = [f"{pd.Timestamp(day):%m-%d}" for day in by_day["day"]]
    spec = charts.frame(labels, "kWh", every=max(len(labels) // 12, 1))
    spec["xAxis"]["boundaryGap"] = True
    axis = spec["yAxis"] | {"scale": False}
    right = {**axis, "name": "%", "splitLine": {"show": False}, "nameTextStyle": {"color": charts.INK, "align": "left"}}
    spec["yAxis"] = [axis, right]
    spec["grid"]["right"] = 52
    bars = {"type": "bar", "name": say("losses_kwh"), "data": charts.plain(by_day["loss_kwh"]), "barMaxWidth": 30, "color": "#7f898f"}
    course = charts.line(say("losses_share"), share, charts.LINES[0]) | {"yAxisIndex": 1, "showSymbol": True}
    spec["series"] = [bars, course]
    charts.draw(spec, "grid_losses", say("tab_losses"), height=260)
    shown = days.assign(percent=(100 * days["share"]).round(2))
    columns = {"day": "day", "feeder": "feeder", "loss_kwh": "losses_kwh", "percent": "losses_share"}
    look.table(shown, columns, "grid_losses", height=250, formats={"loss_kwh": "%.1f", "percent": "%.2f"})


def abnormal(state: State) -> None:
    """What is out of its limits now, the worst of each kind first."""
    look.heading("out_of_limits")
    for one in state.abnormal[:_NAMED]:
        value, limit = (_amount(one["kind"], one[name]) for name in ("value", "limit"))
        told = say("out_told", kind=say(_KINDS[one["kind"]]), subject=one["subject"], value=value, limit=limit)
        look.banner(told, 1 if one["kind"] == "overload" else 2)
    if len(state.abnormal) > _NAMED:
        st.caption(say("more_of_them", count=len(state.abnormal) - _NAMED))


def risks(found: pd.DataFrame) -> None:
    """The worst of what tomorrow may bring, a line each."""
    look.heading("tab_risk", say("risk_note"))
    if found.empty:
        st.caption(say("risk_none"))
    for row in found.head(5).itertuples():
        worst = _amount(row.kind, row.worst)
        told = f"{say(_KINDS.get(row.kind, 'overloaded'))}: {row.subject}, {look.hour(row.time_utc)}, {say('risk_worst')} {worst}"
        look.banner(told, 3)


def _amount(kind: str, value: float) -> str:
    return f"{100 * value:.0f} %" if kind == "overload" else f"{value:.3f} pu"


def risk_table(found: pd.DataFrame) -> None:
    """All of it, to be downloaded."""
    if found.empty:
        st.caption(say("risk_none"))
        return
    st.caption(say("risk_note"))
    named = [say(_KINDS.get(kind, "overloaded")) for kind in found["kind"]]
    shown = found.assign(
        named=named,
        expected=[_amount(kind, value) for kind, value in zip(found["kind"], found["p50"], strict=True)],
        at_worst=[_amount(kind, value) for kind, value in zip(found["kind"], found["worst"], strict=True)],
        allowed=[_amount(kind, value) for kind, value in zip(found["kind"], found["limit"], strict=True)],
    )
    shown["time_utc"] = pd.to_datetime(shown["time_utc"], utc=True)
    columns = {"time_utc": "time", "subject": "risk_subject", "named": "what", "expected": "risk_expected", "at_worst": "risk_worst"}
    look.table(shown, columns | {"allowed": "limit"}, "grid_risks")
