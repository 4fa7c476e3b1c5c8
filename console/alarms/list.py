"""The alarm list: what is abnormal, worst first, with what to do; acknowledged, shelved and opened here."""

from datetime import datetime
from html import escape

import streamlit as st

from console import data, look
from console.alarms import acting
from console.alarms.told import place, told
from console.guard import guarded
from console.words import known, say
from service.access.roles import may
from service.alarms.listing import Listing
from service.alarms.shown import Shown
from service.alarms.sources import KINDS
from service.alarms.states import UNSEEN, State
from service.decisions import Person

__all__ = ["page_of", "section", "told", "worst"]
REFRESH = "15s"
MOST_ROWS, MOST_ON_WALL, MOST_IN_GROUP = 30, 6, 200


def section(person: Person, *, wall: bool = False) -> None:
    """The ranked list; on the wall without buttons. Below it, on a page, what is off the list and the form that shelves."""
    if wall:
        _on_wall(person)
        return
    _live(person)
    guarded(lambda: acting.aside(person))


def worst(person: Person) -> Shown | None:
    """What to do first: the highest priority, not acknowledged before acknowledged, the newest; None when nothing on the list is active."""
    return next((alarm for alarm in data.alarms(person).rows if alarm.active), None)


def page_of(alarm: Shown) -> str:
    """The page on which something is done about it."""
    return KINDS[alarm.kind].page if alarm.kind in KINDS else "now"


@st.fragment(run_every=REFRESH)
def _live(person: Person) -> None:
    guarded(lambda: _list(person))


@st.fragment(run_every=REFRESH)
def _on_wall(person: Person) -> None:
    guarded(lambda: _wall(data.alarms(person)))


def _wall(listing: Listing) -> None:
    _heading(listing)
    _state(listing)
    most = _most(listing, MOST_ON_WALL)
    st.html("".join(row(alarm) for alarm in listing.rows[:most]))
    _rest(sum(alarm.count for alarm in listing.rows[most:]) + listing.more)


def _most(listing: Listing, most: int) -> int:
    """How many lines are shown: so many, or all that must be acted on now; these are ranked first."""
    return max(most, sum(alarm.acute for alarm in listing.rows))


def _list(person: Person) -> None:
    listing = data.alarms(person)
    acting.outcome()
    allowed = may(person, "alarm")
    shown_utc = _shown_utc(listing)
    most = _most(listing, MOST_ROWS)
    rows = listing.rows[:most]
    ids = tuple(number for alarm in rows for number in alarm.waiting)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _heading(listing)
        if allowed and len(ids) > 1:
            st.button(
                say("acknowledge_all", count=len(ids)),
                key="acknowledge_all",
                on_click=acting.acknowledge,
                args=(ids, shown_utc),
                help=say("acknowledge_all_note", time=look.hour(shown_utc)),
            )
    _state(listing)
    with st.container(key="alarm_rows"):
        for alarm in rows:
            _row(alarm, shown_utc, allowed=allowed)
    _rest(listing.more)
    if hidden := listing.rows[most:]:
        with st.expander(say("group_open", count=sum(alarm.count for alarm in hidden))):
            st.html("".join(row(alarm) for alarm in hidden))


def _shown_utc(listing: Listing) -> datetime:
    """The newest that can stand on this list: what is annunciated later was not seen."""
    times = [one.annunciated_utc for alarm in listing.rows for one in (alarm, *alarm.members) if one.annunciated_utc]
    return max([*times, *([listing.evaluated_utc] if listing.evaluated_utc else [])], default=data.now().now_utc)


def _heading(listing: Listing) -> None:
    """Counts and the time of evaluation."""
    told_of = say("alarms_as_of", time=look.clock(listing.evaluated_utc)) if listing.evaluated_utc else ""
    total = sum(alarm.count for alarm in listing.rows) + listing.more
    look.heading("alarms", f"{say('alarm_counts', count=total, unseen=listing.unseen)} · {told_of}" if told_of else "")


def _state(listing: Listing) -> None:
    """A banner where the list is old, where there is a flood, and for what is off the list."""
    if listing.evaluated_utc is None:
        look.banner(say("alarms_never"), 1)
    elif not listing.live:
        look.banner(say("alarms_not_evaluated", time=look.clock(listing.evaluated_utc)), 1)
    elif not listing.rows:
        look.banner(say("no_alarms"), None)
    if listing.flood_since_utc:
        look.banner(say("flood", time=look.hour(listing.flood_since_utc)), 2)
    if listing.hidden:
        of = {state: sum(count for (one, _), count in listing.hidden.items() if one == state) for state, _ in listing.hidden}
        counts = {"shelved": State.SHELVED, "suppressed": State.SUPPRESSED, "out": State.OUT_OF_SERVICE}
        line = say("alarms_aside", **{name: of.get(state, 0) for name, state in counts.items()})
        worst_ones = sum(count for (_, priority), count in listing.hidden.items() if priority == 1)
        look.banner(f"{line}. {say('aside_priority_1', count=worst_ones)}" if worst_ones else line, 1 if worst_ones else None)


def _rest(count: int) -> None:
    if count:
        st.html(f'<div class="alarm-more">{escape(say("alarms_not_read", count=count))}</div>')


def _row(alarm: Shown, shown_utc: datetime, *, allowed: bool) -> None:
    left, right = st.columns([8, 1], vertical_alignment="center", gap="small") if allowed else (st.container(), st.container())
    left.html(row(alarm))
    with right:
        if allowed and (ids := alarm.waiting):
            word = say("acknowledge") if alarm.count == 1 else say("acknowledge_group", count=len(ids))
            st.button(word, key=f"acknowledge_{alarm.alarm_id}", width="stretch", on_click=acting.acknowledge, args=(ids, shown_utc))
        elif allowed and alarm.own and alarm.state == State.LATCHED_ACKNOWLEDGED:
            st.button(say("reset"), key=f"reset_{alarm.alarm_id}", on_click=acting.reset, args=(alarm.alarm_id, place(alarm.subject)))
    if alarm.members:
        with st.expander(say("group_open", count=alarm.count)):
            st.html("".join(row(one) for one in (alarm, *alarm.members)[:MOST_IN_GROUP]))
            _rest(max(alarm.count - MOST_IN_GROUP, 0))


def row(alarm: Shown) -> str:
    """One alarm as a line: shape and priority, state, what, what to do, since when. Every text is escaped here."""
    what, todo = told(alarm)
    if alarm.count > 1:
        word = "alarms_follow" if any(one.group for one in alarm.members) else "more_alarms"
        what += f" ({say(word, count=alarm.count - 1)})"
    if not alarm.active:
        what, todo = say("alarm_over", what=what), say("alarm_over_do")
    state = known(alarm.state)
    if alarm.acknowledged_by:
        state += f", {say('by_whom', who=alarm.acknowledged_by)}"
    if not alarm.own:
        names = ", ".join(map(place, sorted(alarm.districts)))
        todo = f"{say('other_district', names=names) if alarm.district else say('whole_city')}. {todo}"
    cells = {
        "rank": f"{say('priority_short', number=alarm.priority)} · {state}",
        "what": what,
        "todo": todo,
        "since": look.hour(alarm.since_utc),
    }
    made = "".join(f'<span class="{name}">{escape(text)}</span>' for name, text in cells.items())
    unseen = " unseen" if alarm.state in UNSEEN else ""
    return f'<div class="alarm p{alarm.priority}{unseen}">{look.mark(alarm.priority)}{made}</div>'
