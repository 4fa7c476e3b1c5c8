"""Runs: nights and their steps, the audit trail, why each forecast was made as it was, and the settings as they are."""

import pandas as pd
import streamlit as st

from console import data, look
from console.alarms import report
from console.guard import guarded
from console.words import known, say
from service.decisions import Person

WORRY = {"failed": 1, "problems": 3}


def page(_person: Person) -> None:
    """The page that tells what happened."""
    guarded(_night)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        guarded(_recent)
    with right:
        guarded(_audit)
    guarded(report.section)
    guarded(_models)
    look.heading("settings")
    with st.expander(str(data.station().city.environment.city_file.name)):
        st.code(data.settings(), language="toml", line_numbers=True)


def _night() -> None:
    nights = data.nights()
    look.heading("nights")
    if not nights:
        look.banner(say("no_night_yet"), None)
        return
    picked = st.selectbox(say("night"), nights, key="night", width=220, format_func=str)
    steps = data.steps(picked)
    look.cards(
        [
            look.card(known(step["step"]), known(step["status"]), "", [f"{step['seconds']:.1f} s"], priority=WORRY.get(step["status"]))
            for step in steps
        ]
    )
    frame = pd.DataFrame([{key: step[key] for key in ("step", "status", "seconds", "sentence")} for step in steps])
    look.table(
        frame,
        {"step": "step", "status": "status", "seconds": "seconds", "sentence": "sentence"},
        f"steps-{picked}",
        formats={"seconds": "%.1f"},
    )
    look.sentences("problems", [f"{known(step['step'])}: {problem}" for step in steps for problem in step["problems"]], 3)


def _recent() -> None:
    look.heading("recent")
    columns = {
        "command": "command",
        "night": "night",
        "now_utc": "time",
        "seconds": "seconds",
        "status": "status",
        "config_hash": "config_hash",
    }
    frame = data.recent()
    look.table(frame.assign(config_hash=frame["config_hash"].str[:12]), columns, "runs", formats={"seconds": "%.1f"})


def _audit() -> None:
    look.heading("audit")
    columns = {"at_utc": "time", "who": "who", "action": "action", "subject": "about", "sentence": "sentence"}
    look.table(data.audit(), columns, "audit")


def _models() -> None:
    night = data.now().night
    if night is None:
        return
    look.heading("models", str(night))
    columns = {"series_id": "series", "quantity": "quantity", "model": "model", "skill": "skill", "reason": "reason"}
    frame = data.models(night)
    look.table(frame.assign(skill=100 * frame["skill"]), columns, "models", formats={"skill": "%.0f %%"})
