"""Meters: who answers, what validation asks, which device to look at first, every point with its age, and the course of one."""

import streamlit as st

from console import data, look
from console.guard import guarded
from console.meters import course, online, points, queue
from console.words import say
from service.decisions import Person


def page(person: Person) -> None:
    """The page of whoever looks after the meters."""
    guarded(_figures)
    left, right = st.columns([1.6, 1], gap="medium")
    with left:
        guarded(online.course)
    with right:
        guarded(_causes)
    guarded(lambda: queue.section(person))
    guarded(online.devices)
    guarded(lambda: course.section(points.section()))


def _figures() -> None:
    has = data.counts()
    look.cards(
        [
            look.card(
                say("online"),
                f"{100 * has.online / max(has.meters, 1):.1f}",
                "%",
                [f"{has.online}/{has.meters} {say('meters_of')}"],
                priority=None if has.online == has.meters else 3,
            ),
            look.card(
                say("usable"),
                f"{100 * has.usable / max(has.points, 1):.1f}",
                "%",
                [say("of_points", good=has.usable, all=has.points)],
                priority=None if has.usable == has.points else 3,
            ),
        ]
    )


def _causes() -> None:
    look.heading("quality_by_cause")
    frame = data.causes()
    if frame.empty:
        look.banner(say("no_readings"), None)
        return
    columns = {"cause": "cause", "intervals": "intervals", "points": "points"}
    look.table(frame, columns, "quality")
