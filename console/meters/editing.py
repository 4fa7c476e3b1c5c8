"""What becomes of a stretch: the day as read and as it stands, the choice, the reason, the button."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from city.clock import civil_day, local_date
from console import charts, data, look
from console.deciding import decide
from console.words import known, say
from service.decisions import Person, may
from service.vee.changes import Copy, Line
from service.vee.editing import ACCEPT, ESTIMATE, REFUSE, What, edit
from service.vee.settling import Seen, settle

CHOICES = ("settle", "accept", "value", "line", "copy", "estimate", "refuse")
PLAIN = {"accept": ACCEPT, "estimate": ESTIMATE, "refuse": REFUSE}


def form(person: Person, picked: pd.DataFrame) -> None:
    """For one stretch every choice, for several to let them stand."""
    one = len(picked) == 1
    row: Any = next(picked.itertuples())
    if one:
        _course(row)
    st.markdown(f"**{say('vee_picked', count=len(picked), intervals=int(picked['intervals'].sum()))}**")
    allowed = may(person, "readings")
    choice = "settle"
    if one:
        choice = st.segmented_control(
            say("vee_what"), CHOICES, default="settle", format_func=lambda name: say(f"do_{name}"), key="vee_what", required=True
        )
    what = _what(str(choice), row) if one else None
    reason = st.text_input(say("reason"), key="vee_reason", max_chars=200, disabled=not allowed)
    if not st.button(say("vee_do"), key="vee_do", type="primary", disabled=not allowed or (choice != "settle" and what is None)):
        return
    if what is None:
        _settle(person, picked, reason)
        return
    station, at, span = data.station(), data.now().now_utc, (row.start_utc.to_pydatetime(), row.end_utc.to_pydatetime())
    decide(lambda: edit(station.engine, station.city, person, row.point_id, *span, what, reason, at, row.digest), str)


def whole_cause(person: Person, shown: pd.DataFrame) -> None:
    """Let every stretch of one cause stand, with one reason; offered when the queue shows one cause."""
    cause = shown["cause"].iloc[0]
    if (shown["cause"] != cause).any() or not may(person, "readings"):
        return
    with st.expander(say("vee_settle_all")):
        reason = st.text_input(say("reason"), key="vee_reason_all", max_chars=200)
        if st.button(say("vee_settle_all_of", count=len(shown), cause=known(cause)), key="vee_settle_all", type="primary"):
            _settle(person, shown, reason)


def _settle(person: Person, picked: pd.DataFrame, reason: str) -> None:
    rows = picked[["point_id", "day_start_utc", "version", "first", "intervals", "cause", "digest"]].itertuples(index=False)
    seen = [Seen(row[0], row[1].to_pydatetime(), *row[2:]) for row in rows]
    station, at = data.station(), data.now().now_utc
    decide(
        lambda: settle(station.engine, station.city, person, seen, reason, at),
        lambda count: say("vee_settled", count=count) if count else say("vee_settled_before"),
    )


def _what(choice: str, row: Any) -> What | None:
    """What the person chose, None while something of it is missing."""
    if choice in PLAIN:
        return PLAIN[choice]
    if choice == "value":
        value = st.number_input(say("vee_value", unit=row.unit), value=None, key="vee_value", format="%.3f")
        return None if value is None else float(value)
    if choice == "line":
        left, right = st.columns(2)
        ends = (_near(row), say("vee_first", unit=row.unit)), (_near(row, after=True), say("vee_last", unit=row.unit))
        first, last = (
            side.number_input(label, value=near, key=f"vee_end_{i}", format="%.3f")
            for i, (side, (near, label)) in enumerate(zip((left, right), ends, strict=True))
        )
        return None if first is None or last is None else Line(float(first), float(last))
    if choice == "copy":
        day = local_date(row.start_utc.to_pydatetime(), data.now().zone)
        other = st.date_input(say("vee_day"), day - timedelta(days=7), max_value=day - timedelta(days=1), key="vee_day")
        return Copy(other) if isinstance(other, date) else None
    return None


def _near(row: Any, *, after: bool = False) -> float | None:
    """The value that stands beside a stretch, where a line may begin or end [unit per interval]."""
    frame = _day(row)
    times = frame["time_utc"]
    some = frame.loc[(times >= row.end_utc) if after else (times < row.start_utc), "now"].dropna()
    return None if some.empty else round(float(some.iloc[0 if after else -1]), 3)


def _day(row: Any) -> pd.DataFrame:
    start = row.day_start_utc.to_pydatetime()
    return data.vee_course(row.point_id, *civil_day(local_date(start, data.now().zone), data.now().zone))


def _course(row: Any) -> None:
    """The day of a stretch: what was read, what stands, the stretch in the middle of it with squares."""
    frame = _day(row)
    look.heading("vee_course", f"{row.point_id} · {look.clock(row.start_utc.to_pydatetime())}")
    times = pd.DatetimeIndex(frame["time_utc"])
    spec = charts.frame(charts.labels(times), row.unit)
    inside = (frame["time_utc"] >= row.start_utc) & (frame["time_utc"] < row.end_utc)
    read, fits = frame["read"].to_numpy(dtype=float), frame["now"].notna().to_numpy() & ~inside.to_numpy()
    marked = np.where(inside & np.isfinite(read), charts.clipped(read, fits), np.nan)
    spec["series"] = [
        charts.line(say("after"), frame["now"], charts.LINES[0], step=True),
        {"type": "scatter", "name": say("before"), "symbol": "rect", "symbolSize": 6, "color": charts.AMBER, "data": charts.plain(marked)},
    ]
    charts.draw(spec, "vee_course", say("vee_course"))
