"""Water quality: what each station measures, events that its own past does not explain, and the days around one."""

from typing import Any

import pandas as pd
import streamlit as st

from city.quantities import Quantity
from console import charts, data, look
from console.water.districts import name_of
from console.words import known, say
from networks.quality import LIMITS


def section() -> None:
    """Stations with their newest values, events newest first, the course of one signal."""
    look.heading("quality", say("quality_note"))
    stations = data.quality_signals()
    if stations.empty:
        look.banner(say("no_quality_sensor"), None)
        return
    events = data.quality_events()
    strange = {row.point_id: row for row in events if row.end_utc is None}
    look.cards([_card(row, strange.get(row.point_id)) for row in stations.itertuples()])
    _events(events)
    names = list(stations["point_id"])
    first = next((i for i, name in enumerate(names) if name in strange), 0)
    picked = st.selectbox(say("signal"), names, index=first, key="quality_signal", width=420)
    course = data.course(picked)
    charts.readings(course.usage if course.raw is None else course.raw, course.raw_unit, "quality_course", f"{picked} [{course.raw_unit}]")


def _card(row: Any, event: Any | None) -> str:
    """One signal: newest value, the limits of the tap, and the event it is in."""
    point, quantity, value, unit = row.point_id, Quantity(row.quantity), row.value, row.unit
    trusted = row.usable and not row.late
    unit = "" if unit == "1" else unit
    low, high = LIMITS.get(quantity, (None, None))
    limits = " · ".join(f"{say(word)} {limit:g} {unit}" for word, limit in (("at_least", low), ("at_most", high)) if limit is not None)
    outside = trusted and ((low is not None and value < low) or (high is not None and value > high))
    under = [limits, f"{say('age')} {look.age(row.value_utc)}"]
    if event is not None:
        under.append(say("quality_usual", value=look.number(event.usual, 3), unit=unit))
    shown = look.number(value, 3 if value < 10 else 1) if trusted else "–"
    return look.card(f"{point} · {known(quantity)}", shown, unit, under, priority=1 if outside else 2 if event is not None else None)


def _events(events: list[Any]) -> None:
    if not events:
        look.banner(say("no_quality_event"), None)
        return
    frame = pd.DataFrame([dict(row._mapping) for row in events])
    frame = frame.assign(
        zone=[name_of(zone) if zone else "" for zone in frame["zone_id"]], unit=[Quantity(q).unit for q in frame["quantity"]]
    )
    frame = frame.assign(state=["open" if pd.isna(end) else "over" for end in frame["end_utc"]])
    columns = {
        "state": "state",
        "point_id": "signal",
        "zone": "zone",
        "start_utc": "begin",
        "end_utc": "finish",
        "value": "value",
        "usual": "usual",
        "unit": "unit",
    }
    look.table(frame, columns, "quality_events", formats={"value": "%.3f", "usual": "%.3f"})
