"""Every point with its newest value: searched and paged where the data are, so that 100,000 points are 100 rows on the way."""

import streamlit as st

from city.quality import Cause
from city.quantities import Quantity
from console import data, look
from console.words import known, say

PAGE = 100
COLUMNS = {
    "point_id": "point",
    "zone": "zone",
    "quantity": "quantity",
    "value": "value",
    "unit": "unit",
    "value_utc": "time",
    "age_min": "age_min",
    "cause": "cause",
}


def section() -> list[str]:
    """The table of points, the abnormal ones first. Returns the ids on the page that is shown."""
    look.heading("points")
    left, middle = st.columns([1, 3], vertical_alignment="bottom")
    with left:
        choice = st.segmented_control(
            say("points"),
            ["bad_points", "all_points"],
            default="all_points",
            format_func=say,
            key="points_shown",
            label_visibility="collapsed",
            required=True,
        )
    with middle:
        words = st.text_input(say("search_points"), key="points_words", max_chars=80, type="search") or ""
    shown = tuple((name, known(name)) for name in (*Cause.__members__, *map(str, Quantity)))
    board, found = data.board(), data.found(words, choice == "bad_points", shown)
    if not found.size:
        look.banner(say("none_found"), None)
        return []
    pages = -(-found.size // PAGE)
    page = min(st.pagination(pages, key="points_page"), pages) if pages > 1 else 1
    first = (page - 1) * PAGE
    rows = board.iloc[found[first : first + PAGE]]
    st.caption(say("points_of", first=first + 1, last=first + len(rows), all=found.size))
    look.table(
        rows.assign(age_min=rows["age_min"].round()),
        COLUMNS,
        "points",
        formats={"value": "%.3f", "age_min": "%.0f"},
        whole=lambda: board.iloc[found],
    )
    return list(rows["point_id"])
