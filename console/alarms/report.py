"""Alarm performance: the figures of the last week against the targets of ISA-18.2."""

import pandas as pd
import streamlit as st

from console import data, look
from console.alarms.told import told_of
from console.words import say
from service.alarms import figures as targets
from service.alarms.figures import Figures

DAYS = 7


def section() -> None:
    """A folded part of a page."""
    with st.expander(say("alarm_performance")):
        made = data.alarm_figures(DAYS)
        st.caption(say("performance_span", start=look.clock(made.start_utc), end=look.clock(made.end_utc), positions=made.positions))
        look.cards(_cards(made))
        if not made.annunciated:
            look.banner(say("no_annunciation"), None)
            return
        look.heading("top_ten")
        rows = [(told_of(one.kind, one.subject, one.facts)[0], one.times, 100 * one.times / made.annunciated) for one in made.top]
        look.table(
            pd.DataFrame(rows, columns=["alarm", "count", "share"]),
            {"alarm": "alarm", "count": "alarm_count", "share": "alarm_share"},
            "alarms-top",
            formats={"share": "%.0f %%"},
        )


def _cards(made: Figures) -> list[str]:
    """A figure that misses its target has the mark of priority 3: it is for the next meeting, not for this shift."""

    def card(word: str, value: float, text: str, most: float, target: str) -> str:
        return look.card(say(word), text, "", [say("target_at_most", value=target)], priority=3 if value > most else None)

    wait = "–" if made.mean_acknowledge_s is None else f"{look.number(made.mean_acknowledge_s / 60)}"
    shares, wanted = (" / ".join(f"{100 * of[priority]:.0f}" for priority in (3, 2, 1)) for of in (made.shares, targets.TARGET_SHARES))
    per_hour, per_10 = targets.TARGET_PER_HOUR, targets.TARGET_PER_10_MIN
    return [
        card("per_operator_hour", made.per_operator_hour, look.number(made.per_operator_hour), per_hour, f"{per_hour:g}"),
        card("worst_10_min", made.worst_10_min, str(made.worst_10_min), per_10, str(per_10)),
        card("time_in_flood", made.flood_share, f"{100 * made.flood_share:.1f} %", targets.TARGET_FLOOD_SHARE, "1 %"),
        card("stale_alarms", made.stale, str(made.stale), targets.TARGET_STALE, str(targets.TARGET_STALE)),
        card("chattering_alarms", len(made.chattering), str(len(made.chattering)), 0, "0"),
        look.card(say("fleeting_alarms"), str(made.fleeting)),
        look.card(say("priority_shares"), shares, "%", [say("target_about", value=f"{wanted} %")]),
        look.card(say("time_to_acknowledge"), wait, "min" if made.mean_acknowledge_s is not None else "", [f"n = {made.acknowledged}"]),
    ]
