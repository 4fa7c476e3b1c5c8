"""Online rate over the week against its target, and the devices to look at first."""

import pandas as pd
import streamlit as st

from console import charts, data, look
from console.words import known, say
from service.health import TARGET_RATE, Health

COLUMNS = {
    "meter": "meter",
    "urgency": "urgency",
    "told": "fault_told",
    "online": "online_rate",
    "battery_pct": "battery_pct",
    "clock_s": "clock_s",
    "last_seen_utc": "last_seen",
}
FORMATS = {"urgency": "%.2f", "online": "%.1f", "battery_pct": "%.0f", "clock_s": "%.0f"}


def course() -> None:
    """The share of readings whose device answered, and that can be used, slot by slot, with the line of 98 %."""
    frame = data.online()
    target = 100 * TARGET_RATE
    below = int((frame["online"] < TARGET_RATE).sum())
    look.heading("online_course", say("online_below", count=below, all=len(frame)))
    if frame.empty:
        look.banner(say("no_readings"), None)
        return
    times = pd.DatetimeIndex(frame["time_utc"])
    lines = {say("online"): 100 * frame["online"], say("usable"): 100 * frame["usable"]}
    lines[say("online_target", rate=target)] = pd.Series(target, index=frame.index)
    charts.courses(times, lines, "%", "online_course", say("online_course"), step=True, span=(90.0, 100.0))


def devices() -> None:
    """Who to look at first, and why."""
    look.heading("devices_first", say("devices_note"))
    found, number = data.devices()
    if not found:
        st.caption(say("no_bad_device"))
        return
    if number > len(found):
        st.caption(say("devices_more", shown=len(found), all=number))
    frame = pd.DataFrame([_row(one) for one in found])
    frame["last_seen_utc"] = pd.to_datetime(frame["last_seen_utc"], utc=True)
    look.table(frame, COLUMNS, "devices", formats=FORMATS)


def _row(one: Health) -> dict[str, object]:
    return {
        "meter": one.meter.id,
        "urgency": one.urgency,
        "told": "; ".join(_told(fault.kind, fault.facts) for fault in sorted(one.faults(), key=lambda fault: -fault.share)),
        "online": None if one.rate is None else 100 * one.rate,
        "battery_pct": one.battery_pct,
        "clock_s": one.clock_s,
        "last_seen_utc": one.last_seen_utc,
    }


def _told(kind: str, facts: dict[str, object]) -> str:
    causes = [known(cause.name) for cause in facts.get("causes", ())]  # type: ignore[attr-defined]
    return say(f"health_{kind}", **(facts | {"causes": ", ".join(causes)}))
