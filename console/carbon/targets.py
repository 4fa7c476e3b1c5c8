"""Targets on the carbon page: a card with light and odds, and the path with what was reached so far."""

from typing import Any

import numpy as np
import streamlit as st

from carbon.statements.chinese import translated
from carbon.targets.odds import CALIBRATION
from console import charts, data, look
from console.tonight.peaks import percent
from console.words import WORDS, language, say
from service.view.books import Standing

PRIORITY = {"green": None, "amber": 3, "red": 2}


def section() -> None:
    """All targets; nothing where the city has none."""
    found = data.standings()
    if not found:
        return
    look.heading("targets")
    for row in range(0, len(found), 2):
        for standing, place in zip(found[row : row + 2], st.columns(2, gap="medium"), strict=False):
            with place:
                _target(standing)
    shown = {one.measure for one in found if one.detail.get("odds")}
    for measure, judged in CALIBRATION.items():
        if measure in shown:
            facts = {"n": judged.countries, "brier": judged.brier, "line": judged.straight_line, "base": judged.base_rate}
            st.caption(say("carbon_calibration", measure=say(measure), cover=judged.cover90, **facts))


def _target(one: Standing) -> None:
    unit, factor = ("%", 100.0) if one.is_share else (one.unit, 1.0)
    small, wide = st.columns([1, 2.2], gap="small")
    with small:
        look.cards([_card(one, unit, factor)])
    with wide:
        _path(one, factor, unit)
    if one.sentence and language() == "en":  # in Chinese the card has said it
        look.caption(one.sentence)
    notes = [*one.detail.get("base_changes", ()), *one.detail.get("warnings", ())]
    look.sentences("notes", [translated(note) for note in notes] if language() == "zh" else notes, 3)


def _card(one: Standing, unit: str, factor: float) -> str:
    if one.actual is None or one.required is None:
        return look.card(say(one.measure), "–", unit, [say("no_progress"), one.target_id])
    light = one.detail.get("light") or ("green" if one.on_path else "red")
    year = one.detail.get("year", "")
    lines = [f"{say('required')} {look.number(one.required * factor)} {unit} · {year}", say(f"light_{light}")]
    if one.detail.get("so_far") is not None:
        vintage = f"vintage_{one.detail.get('vintage') or ''}"
        told = f" · {say(vintage)}" if vintage in WORDS else ""
        lines.append(f"{say('carbon_so_far')} {look.number(one.detail['so_far'] * factor)}{told}")
    heading = one.detail.get("heading")
    if heading:
        low, high = (look.number(heading[name] * factor) for name in ("low", "high"))
        lines.append(f"{say('carbon_heading')} {look.number(heading['value'] * factor)} ({low} – {high})")
    for odds in one.detail.get("odds", ()):
        asked = f"{say('carbon_asks')} {look.number(odds['asked'] * factor)}"
        lines.append(f"{odds['milestone']}: {percent(odds['odds'])} {say('carbon_odds')}, {asked}")
    return look.card(say(one.measure), look.number(one.actual * factor), unit, lines, priority=PRIORITY[light])


def _path(one: Standing, factor: float, unit: str) -> None:
    """Both paths where the base was restated, the years reached, and the 90 % range of each milestone's year."""
    years = [year for year, _ in one.path]
    spec = charts.frame([str(year) for year in years], unit if unit == "%" else "", every=1 if len(years) < 8 else 2)
    spec["series"] = [charts.line(say("carbon_path_first"), _scaled(one.path, factor), "#6e7478", dashed=True)]
    if one.path_now != one.path:
        spec["series"].append(charts.line(say("carbon_path_now"), _scaled(one.path_now, factor), charts.LINES[0], dashed=True))
    reached = {int(year): value for year, value in one.detail.get("actuals", {}).items()}
    if one.actual is not None and one.detail.get("year"):
        reached.setdefault(int(one.detail["year"]), one.actual)
    dots = [float(f"{reached[year] * factor:.4g}") if year in reached else None for year in years]
    spec["series"].append({"type": "scatter", "name": say("carbon_actuals"), "symbolSize": 11, "color": charts.LINES[0], "data": dots})
    ranges = _ranges(one.detail.get("odds", ()), years, factor)
    if ranges:
        spec["series"].append(ranges)
        told = [value for _, value in (*one.path, *one.path_now)] + [*reached.values()]
        told += [o[end] for o in one.detail["odds"] for end in ("low", "high")]
        room = 0.05 * (max(told) - min(told))
        low, high = max(min(told) - room, 0.0) * factor, (max(told) + room) * factor
        spec["yAxis"] |= {"min": float(f"{low:.2g}"), "max": float(f"{high:.2g}")}  # a range beyond the axis would not be drawn
    charts.draw(spec, f"path_{one.target_id}", f"{say(one.measure)} {one.target_id}", height=200)


def _scaled(path: tuple[tuple[int, float], ...], factor: float) -> Any:
    return np.array([value for _, value in path]) * factor


def _ranges(odds: Any, years: list[int], factor: float) -> dict[str, Any] | None:
    """Where each milestone's year is told to end: an upright line from the lower to the upper end."""
    lines = [
        [{"coord": [years.index(o["milestone"]), o["low"] * factor]}, {"coord": [years.index(o["milestone"]), o["high"] * factor]}]
        for o in odds
        if o["milestone"] in years
    ]
    if not lines:
        return None
    style = {"color": charts.LINES[1], "width": 4, "opacity": 0.55, "type": "solid"}
    mark = {"silent": True, "symbol": "none", "animation": False, "lineStyle": style, "label": {"show": False}, "data": lines}
    middle = {o["milestone"]: float(f"{o['middle'] * factor:.4g}") for o in odds}
    return {
        "type": "scatter",
        "name": say("carbon_range"),
        "symbol": "diamond",
        "symbolSize": 9,
        "color": charts.LINES[1],
        "data": [middle.get(year) for year in years],
        "markLine": mark,
    }
