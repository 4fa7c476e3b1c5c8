"""The course of one point over a day, a week, a month or a year, thinned before it is sent; the download has every value."""

from datetime import date
from functools import partial
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from city.clock import local, local_date
from console import charts, data, look
from console.guard import guarded
from console.words import known, say
from service.view import series
from service.view.series import SPANS, Course


def section(near: list[str]) -> None:
    """A picker of points (`near`: those in the table above), a span, its last day, and the course."""
    look.heading("course")
    one, two, three = st.columns([2, 2, 1], vertical_alignment="bottom")
    kept = st.session_state.get("point_course")  # stays while pages of the table are turned, until somebody searches
    stays = kept in data.station().city.points and not st.session_state.get("points_words")
    options = list(dict.fromkeys([*([kept] if stays else []), *near]))
    if not options:
        return
    with one:
        point = st.selectbox(say("point"), options, index=options.index(kept) if kept in options else 0, key="point")
    with two:
        span = st.segmented_control(
            say("span"), list(SPANS), default="week", format_func=lambda name: say(f"span_{name}"), key="span", required=True
        )
    with three:
        moment = data.now()
        today = local_date(moment.now_utc, moment.zone)
        until = st.date_input(say("until"), today, max_value=today, key="span_until")
    st.session_state["point_course"] = point
    guarded(lambda: _course(str(point), str(span), until if isinstance(until, date) else today))


def _course(point: str, span: str, until: date) -> None:
    course = data.course(point, span, until)
    parts = [("raw", course.raw, course.raw_unit)] if course.raw is not None else []
    parts.append(("usage", course.usage, course.usage_unit))
    for side, (key, frame, unit) in zip(st.columns(len(parts), gap="medium"), parts, strict=True):
        with side:
            title = "as_stored" if key == "usage" and not course.is_register else key
            st.html(f'<div class="chart-title">{escape(f"{say(title)} · {point}")}</div>')
            if frame.empty:
                look.banner(say("no_readings"), None)
                continue
            if key == "usage" and course.days is not None:
                _days(course.days, unit, point)
            charts.readings(frame, unit, f"course_{key}", f"{point} {say(title)}")
            _told(course, key, len(frame))
            look.download(partial(_every, key, point, span, until), f"{point}-{span}-{key}")


def _told(course: Course, key: str, drawn: int) -> None:
    """What could not be used, and how much of it is drawn."""
    told = [f"{known(cause)} {count}" for cause, count in course.spoiled[key].items()] or [say("word_none")]
    if course.rows[key] > drawn:
        told.append(say("drawn_of", rows=course.rows[key], drawn=drawn))
    look.caption(" · ".join(told))


def _every(key: str, point: str, span: str, until: date) -> pd.DataFrame:
    """All values of the course, read when they are asked for."""
    station = data.station()
    read = series.as_read if key == "raw" else series.usage
    return read(station.engine, station.city, data.now(), point, span, until)


def _days(days: pd.DataFrame, unit: str, point: str) -> None:
    """A band from the least to the most of each day, the mean, and a square under each day that lost values."""
    at = [str(text) for text in local(pd.DatetimeIndex(days["time_utc"]), data.now().zone).strftime("%Y-%m-%d")]
    spec = charts.frame(at, unit)
    low, high, lost = days["low"], days["high"], days["lost"].to_numpy() > 0
    hidden: dict[str, Any] = {
        "type": "line",
        "stack": "band",
        "stackStrategy": "all",
        "showSymbol": False,
        "silent": True,
        "lineStyle": {"opacity": 0},
    }
    band = {"areaStyle": {"color": charts.LINES[0], "opacity": 0.22}, "color": "#9fb0c0"}
    spec["series"] = [
        {**hidden, "name": "min", "data": charts.plain(low), "tooltip": {"show": False}},
        {**hidden, "name": say("day_band"), "data": charts.plain(high - low), "tooltip": {"show": False}, **band},
        charts.line(say("day_mean"), days["mean"], charts.LINES[0]),
    ]
    if lost.any():
        marks = {"type": "scatter", "symbol": "rect", "symbolSize": 5, "color": charts.RED}
        spec["series"].append(
            {**marks, "name": say("day_lost"), "data": charts.plain(np.where(lost, 0.0 if low.isna().all() else low.min(), np.nan))}
        )
    spec["legend"]["data"] = [say("day_mean"), say("day_band"), *([say("day_lost")] if lost.any() else [])]
    charts.draw(spec, "course_days", say("alt_days", name=f"{point} {say('by_day')}"))
