"""Known events on the Tonight page: what is told, what it changed in the forecasts, and the form to tell or cancel one."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import streamlit as st

from console import data, look
from console.deciding import decide
from console.words import known, say
from forecasting.events import LIKE_DAYS
from service import decisions, known_events
from service.decisions import Person, may
from service.known_events import Entry

COLUMNS = {
    "event_id": "number",
    "state": "state",
    "kind": "kind",
    "subject": "subject_event",
    "start_utc": "not_before",
    "end_utc": "not_after",
    "acts": "effect",
    "reason": "reason",
    "who": "who",
}


def section(person: Person) -> None:
    """What people told the forecasts, and the form for those who may."""
    look.heading("known_events")
    told = data.events()
    if told.empty:
        st.caption(say("no_event"))
    else:
        look.table(told.assign(acts=[_acts(row) for row in told.itertuples()]), COLUMNS, "events")
    look.sentences("event_changes", [f"{row.series_id}: {row.sentence}" for row in data.event_changes().itertuples()])
    if not may(person, "event"):
        st.caption(say("only_operators", role=say(person.role)))
        return
    with st.expander(say("enter_event")):
        _form(person)
    if len(told):
        with st.expander(say("cancel_event")):
            _cancel(person, {int(row.event_id): f"{row.event_id} · {known(row.kind)} · {row.subject}" for row in told.itertuples()})


def _acts(row: Any) -> str:
    if row.how == "like":
        return say("event_like", day=known(row.like_day))
    return say(f"event_{row.how}", amount=look.number(row.amount, 2))


def _form(person: Person) -> None:
    station, now = data.station(), data.now().now_utc
    zone = ZoneInfo(station.city.settings.city.time_zone)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    left, middle, right = st.columns(3)
    with left:
        kind = choice("kind", {name: known(name) for name in get_args(known_events.Kind)}, "event_kind")
        subjects = known_events.subjects(station.city)
        subject = choice("subject_event", dict(zip(subjects, [say("everything"), *subjects[1:]], strict=True)), "event_subject")
    with middle:
        start = _moment("not_before", tomorrow, time(8), zone)
        end = _moment("not_after", tomorrow, time(18), zone)
    with right:
        how = choice("effect", {name: say(f"effect_{name}") for name in ("factor", "level", "like")}, "event_how")
        if how == "like":
            amount, like = None, choice("like_day", {name: known(name) for name in LIKE_DAYS}, "event_like_day")
        else:
            amount, like = st.number_input(say(f"effect_{how}"), min_value=0.0, value=0.0, step=0.1, key=f"event_{how}"), None
    reason = st.text_input(say("reason"), key="event_reason", max_chars=200)
    if st.button(say("enter_event"), key="enter_event", type="primary"):
        entry = Entry(kind, subject, start, end, reason, amount if how == "factor" else None, amount if how == "level" else None, like)
        decide(
            lambda: decisions.enter_event(station.engine, station.city, person, entry, now),
            lambda number: say("event_entered", number=number),
        )


def choice(word: str, labels: Mapping[str, str], key: str) -> str:
    """One of some names, shown by their labels: looked up now, in the session's language."""
    return str(st.selectbox(say(word), list(labels), format_func=labels.__getitem__, key=key))


def _moment(word: str, day: Any, hour: time, zone: ZoneInfo) -> datetime:
    """A local date and time of the form."""
    left, right = st.columns(2)
    with left:
        date = st.date_input(say(word), day, key=f"event_{word}_day")
    with right:
        clock = st.time_input(say("time"), hour, key=f"event_{word}_time", step=timedelta(minutes=15))
    return datetime.combine(date, clock, zone)


def _cancel(person: Person, names: dict[int, str]) -> None:
    station, now = data.station(), data.now().now_utc
    number = st.selectbox(say("number"), list(names), format_func=names.__getitem__, key="cancel_number")
    reason = st.text_input(say("reason"), key="cancel_reason", max_chars=200)
    if st.button(say("cancel_event"), key="cancel_event"):
        decide(
            lambda: decisions.cancel_event(station.engine, station.city, person, int(number), now, reason),
            lambda _sentence: say("event_cancelled", number=number),
        )
