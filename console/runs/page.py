"""Runs: nights and their steps, service levels, the audit trail, why each forecast was made as it was, and the settings as they are."""

import pandas as pd
import streamlit as st

from console import data, look
from console.alarms import report
from console.guard import guarded
from console.runs import audit, levels, reports
from console.words import known, say
from service.decisions import Person

LINES = 1000  # of the city file that are shown
WORRY = {"failed": 1, "problems": 3}


def page(_person: Person) -> None:
    """The page that tells what happened."""
    guarded(_night)
    guarded(_recent)
    guarded(levels.section)
    guarded(audit.section)
    guarded(report.section)
    guarded(_machines)
    guarded(_models)
    guarded(_settings)


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
    reports.section(picked)


def _recent() -> None:
    look.heading("recent")
    columns = {
        "command": "command",
        "night": "night",
        "now_utc": "time",
        "seconds": "seconds",
        "status": "status",
        "config_hash": "config_hash",
        "config_author": "config_author",
    }
    frame = data.recent()
    look.table(frame.assign(config_hash=frame["config_hash"].str[:12]), columns, "runs", formats={"seconds": "%.1f"})
    changed = frame[frame["config_changed"] != ""]
    if len(changed):
        with st.expander(say("config_changed", run=int(changed["run_id"].iloc[0]))):
            st.code(str(changed["config_changed"].iloc[0]), language="diff")


def _machines() -> None:
    """Every version of the machines that forecast: what each learned from, and why it is live, refused or retired."""
    look.heading("machines")
    frame = data.machines()
    if frame.empty:
        st.caption(say("no_machine"))
        return
    columns = {
        "model_id": "machine",
        "state": "state",
        "group_key": "serves",
        "trained_at_utc": "trained",
        "known_until_utc": "learned_until",
        "sentence": "why_state",
        "versions": "built_with",
    }
    look.table(frame.assign(model_id=frame["model_id"].str[:8]), columns, "machines")


def _models() -> None:
    night = data.now().night
    if night is None:
        return
    look.heading("models", str(night))
    columns = {"series_id": "series", "quantity": "quantity", "model": "model", "skill": "skill", "reason": "reason"}
    frame = data.models(night)
    look.table(frame.assign(skill=100 * frame["skill"]), columns, "models", formats={"skill": "%.0f %%"})


def _settings() -> None:
    """Whether the last night read the same city file, and the file, its first lines where it is long; the download has all of them.

    Neither holds more of a web address than its host: everybody may look here.
    """
    city, read = data.station().city, data.read_by()
    now, file = city.config_hash[:12], city.environment.city_file
    look.heading("settings")
    if read is None:
        st.caption(say("settings_first", now=now))
    elif read[1] == city.config_hash:
        st.caption(say("settings_same", night=read[0], now=now))
    else:
        look.banner(say("settings_changed", night=read[0], former=read[1][:12], now=now), 3)
    text = data.settings()
    lines = text.splitlines()
    with st.expander(file.name):
        if len(lines) > LINES:
            st.caption(say("lines_of", shown=LINES, all=len(lines)))
        st.code("\n".join(lines[:LINES]), language="toml", line_numbers=True)
        st.download_button(say("download_file"), text, file.name, "application/toml", key="settings_file", on_click="ignore")
