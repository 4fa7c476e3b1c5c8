"""The look of a control room: a grey ground, quiet cards, colour and shape only for what is abnormal."""

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from html import escape
from importlib.resources import files
from typing import Any

import pandas as pd
import streamlit as st

from console import data
from console.downloads import csv
from console.words import known, language, say

SHAPES = {1: "square", 2: "triangle", 3: "circle"}


NOTHING = '<div class="nothing"></div>'  # takes the place of what a fragment showed before: Streamlit may leave that where nothing comes
SENTENCES = ("sentence", "reason")  # columns of a table
ONE_LINE = 60  # letters of a sentence that a wide column shows in one line
LARGE = 1.35  # large type against normal
BASE_PX = 15  # size of normal type, as in .streamlit/config.toml
_TONGUES = {"en": "en", "zh": "zh-CN"}


@functools.cache
def _sheet() -> str:
    return files("console").joinpath("console.css").read_text(encoding="utf-8")


def scale() -> float:
    """What everything drawn is to be multiplied by: 1, or 1.35 in large type."""
    return LARGE if st.session_state.get("text_size") == "large" else 1.0


def style() -> None:
    """Put the style sheet on the page, in the session's size of type, and tell the browser its language and what to say alone."""
    size = f"html {{ font-size: {BASE_PX * scale():g}px !important; }}"
    size += f':root {{ --no-contact: "✕ {say("no_contact")}"; }}'  # shown by the browser when the console is gone
    st.html(f"<style>{_sheet()}{size}</style>")
    st.html(f"<script>document.documentElement.lang = '{_TONGUES[language()]}'</script>", unsafe_allow_javascript=True)


def welcome(city: str, note: str) -> None:
    """What stands above the sign-in form."""
    st.html(f'<div class="frame welcome"><h1 class="city">{escape(city)}</h1><span class="note">{escape(note)}</span></div>')


def clock(time: datetime, *, seconds: bool = False) -> str:
    """A local time with its zone: 2022-06-16 02:00 CEST."""
    return data.now().local(time).strftime("%Y-%m-%d %H:%M:%S %Z" if seconds else "%Y-%m-%d %H:%M %Z")


def hour(time: datetime) -> str:
    """A local time of day with its date, short: 06-16 02:00."""
    return data.now().local(time).strftime("%m-%d %H:%M")


def age(time: datetime | None) -> str:
    """How long ago, in one unit: 3 min, 2 h, 5 d."""
    if time is None or pd.isna(time):
        return say("never")
    minutes = max((data.now().now_utc - time).total_seconds() / 60, 0.0)
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 2 * 1440 else f"{minutes / 1440:.0f} d"


def sector(name: str) -> str:
    """A sector of the economy as the city file calls it, in the session's language."""
    for one in data.station().city.settings.sectors:
        if one.id == name:
            return (one.name_zh if language() == "zh" else one.name) or one.id
    return name


def number(value: float | None, digits: int | None = None) -> str:
    """A number with as many digits as are worth reading, thousands apart by a blank that does not break."""
    if value is None or pd.isna(value):
        return "–"
    if value == 0:
        return "0"
    if digits is None:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}".replace(",", "\u00a0")


def mark(priority: int) -> str:
    """The shape of a priority: red square, amber triangle, yellow circle; said in words to who does not see it."""
    told = escape(say(f"priority_{priority}"))
    return f'<span class="mark {SHAPES[priority]}" role="img" aria-label="{told}" title="{told}"></span>'


def card(
    title: str, value: str, unit: str = "", lines: Sequence[str] = (), picture: str = "", priority: int | None = None, trend: str = ""
) -> str:
    """One quiet card; `priority` puts its shape beside the value, `trend` an arrow and its word. Texts are escaped, `picture` is HTML."""
    shape = mark(priority) if priority else ""
    under = "".join(f'<div class="under">{escape(line)}</div>' for line in lines if line)
    wide = sum(2 if ord(sign) > 0x2E7F else 1 for sign in value)  # a Chinese sign is as wide as two letters
    size = " word" if wide > 9 else ""
    sign, _, word = trend.partition(" ")
    course = f'<span class="trend" role="img" aria-label="{escape(word)}" title="{escape(word)}">{sign}</span>' if word else ""
    shown = f'<div class="value{size}">{shape}{escape(value)}<span class="unit">{escape(unit)}</span>{course}</div>'
    rank = f" p{priority}" if priority else ""
    return f'<div class="card{rank}"><div class="title">{escape(title)}</div>{shown}{picture}{under}</div>'


def cards(made: Sequence[str]) -> None:
    """A row of cards that wraps."""
    st.html(f'<div class="cards{" single" if len(made) == 1 else ""}">{"".join(made)}</div>')


def heading(key: str, note: str = "") -> None:
    """A section heading with an optional quiet remark."""
    st.html(f'<h2 class="section">{escape(say(key))}<span class="note">{escape(note)}</span></h2>')


def sentences(key: str, lines: Sequence[str], priority: int | None = None) -> None:
    """A titled list of stored sentences; nothing when there are none."""
    if lines:
        items = "".join(f"<li>{mark(priority) if priority else ''}{escape(str(line))}</li>" for line in lines)
        name = escape(f"{say(key)} · {len(lines)}")
        box = f'<div class="sentences" tabindex="0" role="region" aria-label="{name}">'
        st.html(f'{box}<div class="title">{name}</div><ul>{items}</ul></div>')


def banner(text: str, priority: int | None = 1) -> None:
    """A line across the page."""
    st.html(
        f'<div role="status" class="banner{f" p{priority}" if priority else ""}">{mark(priority) if priority else ""}{escape(text)}</div>'
    )


def _column(values: pd.Series, label: str, form: str | None) -> Any:
    """How a column is set: numbers to the right in their format, sentences wide."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return st.column_config.NumberColumn(label, format=form)
    return st.column_config.Column(label, width="large" if values.name in SENTENCES else None)


def table(
    frame: pd.DataFrame,
    columns: Mapping[str, str],
    name: str,
    *,
    height: int | None = None,
    formats: Mapping[str, str] | None = None,
    whole: Callable[[], pd.DataFrame] | None = None,
) -> None:
    """A table with `columns` (column -> word) in local time, and a button that downloads it as CSV with UTC times.

    `formats` are printf formats of numeric columns; `whole` gives what is downloaded where only a page of it is shown.
    """
    shown = frame[list(columns)].copy()
    for column in shown.columns:
        if isinstance(shown[column].dtype, pd.DatetimeTZDtype):
            shown[column] = [clock(t.to_pydatetime()) if pd.notna(t) else "" for t in shown[column]]
        elif column in ("state", "status", "cause", "step", "quantity", "kind"):
            shown[column] = [known(v) for v in shown[column]]
    config = {column: _column(shown[column], say(word), (formats or {}).get(column)) for column, word in columns.items()}
    tall = any(shown[column].astype(str).str.len().max() > ONE_LINE for column in SENTENCES if column in shown)
    most, most_px = (8, 580) if tall else (12, 430)
    st.dataframe(
        shown,
        hide_index=True,
        width="stretch",
        height=height or (most_px if len(shown) > most else "content"),
        row_height=round(4.2 * BASE_PX * scale()) if tall else None,  # three lines: Streamlit breaks lines in rows above 4 rem
        column_config=config,
        key=f"table_{name}",
        placeholder="–",
        alt=say("alt_table", rows=len(shown), columns=", ".join(say(word) for word in columns.values())),
    )
    download(whole or frame, name)


def download(frame: pd.DataFrame | Callable[[], pd.DataFrame], name: str) -> None:
    """A button that downloads a frame as CSV; it is read (where it is given as a function) and written when it is asked for."""
    st.download_button(
        say("download"),
        lambda: csv(frame() if callable(frame) else frame),
        f"{name}.csv",
        "text/csv",
        key=f"csv_{name}",
        type="tertiary",
        icon=":material/download:",
        on_click="ignore",
    )


def plain(text: str) -> str:
    """Text as it is where Markdown is taken, which would ask for an image from outside and make links of what somebody wrote."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()<>#+-.!|~$:" else sign for sign in text.replace("\n", " "))


def caption(text: str) -> None:
    """A small line of what people, devices or the city file named: never Markdown, which makes links even of escaped addresses."""
    st.html(f'<div class="told-small">{escape(text)}</div>')
