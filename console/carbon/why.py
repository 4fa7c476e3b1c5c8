"""Why the total moved, what measures saved, and scope 2 in both views."""

import numpy as np
import pandas as pd
import streamlit as st

from carbon.statements import chinese
from carbon.why.kaya import CityDecomposition
from console import charts, data, look
from console.guard import guarded
from console.words import known, language, say
from service.savings.measures import MeasureResult

ABNORMAL = 2


def drivers() -> None:
    """The waterfall between two periods that the reader chooses; at first the last two whole months."""
    look.heading("carbon_why", say("carbon_why_note"))
    usual, periods = data.compared(), data.ledger_periods()
    if usual is None:
        look.banner(say("carbon_not_compared"), None)
        return
    left, right, _ = st.columns([1, 1, 4])
    first = left.selectbox(say("carbon_from"), periods, index=periods.index(usual[0]), key="why_from")
    last = right.selectbox(say("carbon_to"), periods, index=periods.index(usual[1]), key="why_to")
    guarded(lambda: _waterfall(first or usual[0], last or usual[1]))


def _waterfall(first: str, last: str) -> None:
    why = data.why(first, last)
    found, printed = why.city, dict(why.city.printed())
    table = found.waterfall()
    names = [_driver(step) if step not in found.periods else step for step in table["step"]]
    low, high = table[["from_kg", "to_kg"]].min(axis=1) / 1000, table[["from_kg", "to_kg"]].max(axis=1) / 1000
    down = (table["kg_co2e"] < 0) & ~table["step"].isin(found.periods)
    colors = [
        charts.LINES[0] if step in found.periods else charts.LINES[2] if fell else charts.LINES[1]
        for step, fell in zip(table["step"], down, strict=True)
    ]
    spec = charts.frame(names, "t CO2e", legend=False, every=1)
    spec["xAxis"]["boundaryGap"] = True
    spec["xAxis"]["axisLabel"] |= {"width": 110, "overflow": "break", "hideOverlap": False}
    levels = [*low[low > 0], *high]
    spec["yAxis"]["min"] = _floor(min(levels), max(levels)) if (low >= 0).all() else None
    spec["tooltip"] = {"show": False}  # the bar's number stands above it; its hidden foot would be told too
    bars = [
        {
            "value": value,
            "itemStyle": {"color": color},
            "label": {"show": True, "position": "top", "color": charts.INK, "formatter": printed[step]},
        }
        for value, color, step in zip(charts.plain(high - low, 6), colors, table["step"], strict=True)
    ]
    spec["series"] = [
        {"type": "bar", "stack": "all", "silent": True, "itemStyle": {"color": "transparent"}, "data": charts.plain(low, 6)},
        {"type": "bar", "stack": "all", "barMaxWidth": 60, "data": bars},
    ]
    spec["grid"]["bottom"] = 44
    left, right = st.columns([1.6, 1], gap="medium")
    with left:
        charts.draw(spec, "waterfall", say("carbon_why"), height=300)
    with right:
        _largest(found, printed)
    look.sentences("notes", [chinese.translated(note) for note in why.notes] if language() == "zh" else why.notes)


def _largest(found: CityDecomposition, printed: dict[str, str]) -> None:
    """The largest driver, and each driver by sector."""
    if found.drivers:
        name = max(found.drivers, key=lambda one: abs(found.drivers[one]))
        look.banner(say("carbon_largest", name=_driver(name), t=printed[name]), None)
    shown = found.frame.groupby(["driver", "sector"], as_index=False, sort=False)["kg_co2e"].sum()
    shown = shown[shown["kg_co2e"].abs() >= 0.5].assign(
        t=shown["kg_co2e"] / 1000, driver=shown["driver"].map(_driver), sector=shown["sector"].map(look.sector)
    )
    look.table(shown, {"driver": "carbon_driver", "sector": "sector", "t": "tonnes"}, "drivers", formats={"t": "%+.3f"}, height=240)


def _floor(lowest: float, highest: float) -> float:
    """Where the axis begins: drivers are small beside totals, so most of the picture is theirs. Told by the axis, as it is not zero."""
    room = 1.5 * (highest - lowest) or 0.1 * highest
    step = 10.0 ** np.floor(np.log10(max(room, 1e-9)))
    return float(max(np.floor((lowest - room) / step) * step, 0.0))


def _driver(name: str) -> str:
    return say(f"driver_{name}")


def scope2() -> None:
    """Location- and market-based electricity by month, and how much of it was renewable in its own hour."""
    glance = data.glance()
    table = data.scope2(glance.year) if glance else None
    look.heading("carbon_scope2", "t CO2e")
    if table is None:
        look.banner(say("carbon_no_instruments"), None)
        return
    columns = {say("carbon_location"): table["location_t"], say("carbon_market"): table["market_t"]}
    charts.bars(list(table["period"]), columns, "t CO2e", "scope2", say("carbon_scope2"), stacked=False, height=220)
    matched = " · ".join(f"{row.period}: {100 * row.matched:.1f} %" for row in table.itertuples() if pd.notna(row.matched))
    look.caption(f"{say('carbon_matched')}: {matched}")


def measures() -> None:
    """A card per measure: saved, its range, the verdict, and what it avoided; avoided never meets the inventory."""
    if not data.station().city.settings.measures:
        return
    look.heading("carbon_measures", say("carbon_avoided_note"))
    found = data.judged()
    look.cards([_measure(one) for one in found])
    look.sentences("notes", [f"{one.measure.id}: {text}" for one in found for text in _told(one)])


def _measure(one: MeasureResult) -> str:
    name = (one.measure.name_zh if language() == "zh" else one.measure.name) or one.measure.id
    if one.savings is None:
        return look.card(name, say("carbon_not_judged"), "", [str(one.measure.start)], priority=3)
    saved = one.savings
    lines = [
        f"{say('interval_90').split(',')[0].split('，')[0]}: {look.number(saved.low, 0)} – {look.number(saved.high, 0)}",
        f"{known(saved.verdict)} · {saved.model.kind}",
    ]
    if one.avoided is not None:
        lines.append(f"{look.number(one.avoided.kg / 1000)} t CO2e {say('carbon_avoided')}")
    return look.card(name, look.number(saved.saved, 0), saved.unit, lines, priority=None if saved.verdict == "proved" else 3)


def _told(one: MeasureResult) -> list[str]:
    saved = chinese.saved if language() == "zh" else lambda savings: savings.sentence
    return [*([saved(one.savings)] if one.savings else []), *one.problems]
