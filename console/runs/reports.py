"""The report of a night as files to take away, in the session's language; the other language stands beside it."""

from datetime import date

import streamlit as st

from console import data, look
from console.words import LANGUAGES, language, say
from service.run_report.files import JSON_NAME, folder_of, html_name

_NAMES = {"en": "English", "zh": "中文"}


def section(night: date) -> None:
    """Buttons that download what lies in the night's folder; read when a button is pressed, not before."""
    city = data.station().city
    folder = folder_of(city.folder, night)
    own = language()
    pages = [
        (html_name(name), f"{say('report_page')} · {_NAMES[name]}", "text/html") for name in sorted(LANGUAGES, key=lambda one: one != own)
    ]
    there = [
        (name, label, mime)
        for name, label, mime in [*pages, (JSON_NAME, say("report_data"), "application/json")]
        if (folder / name).exists()
    ]
    look.heading("night_report", str(night))
    if not there:
        st.caption(say("no_report"))
        return
    with st.container(horizontal=True):
        for name, label, mime in there:
            told = f"{city.settings.city.id}-{night}-{name}"
            st.download_button(label, (folder / name).read_bytes, told, mime, key=f"night_{name}", on_click="ignore")
