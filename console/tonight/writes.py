"""The writes of a plan: a bar of how far they are, and per asset a line over time with what was asked and what the device reads."""

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from console import data, look
from console.guard import guarded
from console.header import REFRESH
from console.words import known, say
from service.view.writes import STAGE_OF, STAGES

_DAY = pd.Timedelta(hours=24)  # what takes a setpoint back waits for a year: its line ends with the day
SIGNS = {"proposed": "□", "approved": "◧", "written": "■", "wrong": "✕", "superseded": "–"}


@st.fragment(run_every=REFRESH)
def bar(plan_id: str) -> None:
    """One bar and its counts; what went wrong stands out."""
    guarded(lambda: _bar(data.commands(plan_id)))


def _bar(commands: pd.DataFrame) -> None:
    if commands.empty:
        return
    counts = {stage: int(commands["state"].isin(states).sum()) for stage, states in STAGES.items()}
    parts = "".join(f'<span class="{stage}" style="flex:{count}"></span>' for stage, count in counts.items() if count)
    told = [f"{SIGNS[stage]} {say(f'stage_{stage}')} {count}" for stage, count in counts.items() if count]
    wrong = look.mark(2) if counts["wrong"] else ""
    title = f'<span class="title">{escape(say("writes"))}</span>'
    st.html(
        f'<div class="writes">{title}<div class="bar" role="img" aria-label="{escape(", ".join(told))}">{parts}</div>'
        f'<span class="counts">{wrong}{escape(" · ".join(told))}</span></div>'
    )


@st.fragment(run_every=REFRESH)
def section(plan_id: str) -> None:
    """The line of every point, the table of what it was asked and what it reads, and every command."""
    guarded(lambda: _section(plan_id))


def _section(plan_id: str) -> None:
    commands = data.commands(plan_id)
    if commands.empty:
        st.caption(say("no_commands"))
        return
    by_point = data.writes(plan_id)
    start, last = commands["not_before_utc"].min(), commands["not_before_utc"].max()
    end = min(commands["not_after_utc"].max(), last + _DAY)
    rows = "".join(_line(row, commands[commands["point_id"] == row.point_id], start, end) for row in by_point.itertuples())
    legend = " · ".join(f"{SIGNS[stage]} {say(f'stage_{stage}')}" for stage in STAGES)
    ends = f"<span>{escape(look.clock(start.to_pydatetime()))}</span><span>{escape(look.clock(end.to_pydatetime()))}</span>"
    scale = f'<div class="row"><b></b><div class="ends">{ends}</div></div>'
    st.html(f'<div class="course"><div class="legend">{escape(legend)}</div>{rows}{scale}</div>')
    columns = {"asset": "asset", "asked": "asked_for", "reads": "reads", "unit": "unit", "read_utc": "time"}
    columns |= {stage: f"stage_{stage}" for stage in STAGES}
    look.table(by_point, columns, f"writes-{plan_id}")
    with st.expander(say("every_command")):
        columns = {"point_id": "point", "not_before_utc": "not_before", "not_after_utc": "not_after", "quantity": "quantity"}
        columns |= {"setpoint": "setpoint", "state": "state", "sentence": "sentence"}
        look.table(commands, columns, f"commands-{plan_id}")


def _line(row: Any, own: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> str:
    """One point over time: a block per command, its setpoint in it where there is room."""
    whole = (end - start).total_seconds()
    blocks = []
    for one in own.itertuples():
        left = (one.not_before_utc - start).total_seconds() / whole
        width = (min(one.not_after_utc, end) - one.not_before_utc).total_seconds() / whole
        stage = STAGE_OF[one.state]
        told = f"{look.hour(one.not_before_utc.to_pydatetime())} · {look.number(one.setpoint)} {row.unit} · {known(one.state)}"
        shown = look.number(one.setpoint, 0) if width > 0.045 else "✕" if stage == "wrong" else ""
        place = f"left:{100 * left:.2f}%;width:{max(100 * width, 0.4):.2f}%"
        blocks.append(f'<span class="{stage}" style="{place}" title="{escape(told)}">{escape(shown)}</span>')
    counts = ", ".join(f"{say(f'stage_{stage}')} {getattr(row, stage)}" for stage in STAGES if getattr(row, stage))
    alt = escape(f"{row.asset}: {counts}")
    return f'<div class="row"><b>{escape(row.asset)}</b><div class="lane" role="img" aria-label="{alt}">{"".join(blocks)}</div></div>'
