"""What drives tonight's peaks, in the words of whoever reads them."""

from html import escape

import pandas as pd
import streamlit as st

from console import data, look
from console.words import language, say


def section() -> None:
    """One line per sum and per kind; nothing when no peak was explained."""
    night = data.now().night
    rows = data.drivers(night) if night is not None else pd.DataFrame()
    if rows.empty:
        return
    look.heading("drivers", say("drivers_note"))
    items = "".join(f"<li><span><b>{escape(row.subject)}</b> {escape(row.told)}</span></li>" for row in _told(rows).itertuples())
    st.html(f'<div class="sentences" tabindex="0" role="region" aria-label="{escape(say("drivers"))}"><ul>{items}</ul></div>')


def _told(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"subject": rows["name"], "told": rows[language()]})
