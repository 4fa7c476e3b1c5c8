"""Meters: who answers, what spoiled readings, every point with its age, and the course of one."""

import pandas as pd
import streamlit as st

from console import charts, data, look
from console.guard import guarded
from console.words import known, say
from service.decisions import Person


def page(_person: Person) -> None:
    """The page of whoever looks after the meters."""
    guarded(_figures)
    left, right = st.columns([1.6, 1], gap="medium")
    with left:
        guarded(_answered)
    with right:
        guarded(_causes)
    guarded(_points)


def _figures() -> None:
    board = data.board()
    meters = board.groupby("meter_id").agg(answers=("answers", "any"), fine=("usable", "all"))
    usable = int((board["usable"] & ~board["late"]).sum())
    online = int(meters["answers"].sum())
    look.cards(
        [
            look.card(
                say("online"),
                f"{100 * online / max(len(meters), 1):.1f}",
                "%",
                [f"{online}/{len(meters)} {say('meters_of')}"],
                priority=None if online == len(meters) else 3,
            ),
            look.card(
                say("usable"),
                f"{100 * usable / max(len(board), 1):.1f}",
                "%",
                [say("of_points", good=usable, all=len(board))],
                priority=None if usable == len(board) else 3,
            ),
        ]
    )


def _answered() -> None:
    look.heading("readings_day")
    frame = data.answered()
    if frame.empty:
        look.banner(say("no_readings"), None)
        return
    times = pd.DatetimeIndex(frame["time_utc"])
    charts.courses(times, {say("usable"): 100 * frame["share"]}, "%", "answered", say("readings_day"), step=True, span=(90.0, 100.0))


def _causes() -> None:
    look.heading("quality_by_cause")
    frame = data.causes()
    if frame.empty:
        look.banner(say("no_readings"), None)
        return
    columns = {"cause": "cause", "intervals": "intervals", "points": "points"}
    look.table(frame, columns, "quality")


def _points() -> None:
    look.heading("points")
    board = data.board()
    choice = st.segmented_control(
        say("points"),
        ["bad_points", "all_points"],
        default="all_points",
        format_func=say,
        key="points_shown",
        label_visibility="collapsed",
        required=True,
    )
    bad = ~board["usable"] | board["late"]
    shown = board[bad] if choice == "bad_points" else pd.concat([board[bad], board[~bad]])
    columns = {
        "point_id": "point",
        "zone": "zone",
        "quantity": "quantity",
        "value": "value",
        "unit": "unit",
        "value_utc": "time",
        "age_min": "age_min",
        "cause": "cause",
    }
    look.table(shown.assign(age_min=shown["age_min"].round()), columns, "points", formats={"value": "%.3f", "age_min": "%.0f"}, height=430)
    look.heading("course")
    points = list(board["point_id"])
    worst = board.loc[~board["usable"] | board["late"], "point_id"]
    first = points.index(worst.iloc[0]) if len(worst) else 0
    picked = st.selectbox(say("point"), points, index=first, key="point", width=420)
    if picked is not None:
        guarded(lambda: _course(picked))


def _course(point_id: str) -> None:
    course = data.course(point_id)
    left, right = st.columns(2, gap="medium")
    for side, frame, unit, key in ((left, course.raw, course.raw_unit, "raw"), (right, course.usage, course.usage_unit, "usage")):
        with side:
            title = "as_stored" if key == "usage" and not course.is_register else key
            st.html(f'<div class="chart-title">{say(title)} · {point_id}</div>')
            if frame.empty:
                look.banner(say("no_readings"), None)
                continue
            charts.readings(frame, unit, f"course_{key}", f"{point_id} {key}")
            bad = frame.loc[~frame["usable"], "cause"].value_counts()
            st.caption(" · ".join(f"{known(cause)} {count}" for cause, count in bad.items()) or say("word_none"))
