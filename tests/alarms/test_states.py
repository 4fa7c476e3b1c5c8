"""The state machine against the transition diagram of ANSI/ISA-18.2-2016 (figure 3), and laws that hold for any course of events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.problems import PenstockError
from service.alarms.states import HIDDEN, UNSEEN, Event, State, after, moved

S, E = State, Event
DIAGRAM = {  # (from, event, active, latches) -> to: every arrow of the figure
    (S.NORMAL, E.ALARM, True, False): S.UNACKNOWLEDGED,
    (S.UNACKNOWLEDGED, E.ACKNOWLEDGE, True, False): S.ACKNOWLEDGED,
    (S.ACKNOWLEDGED, E.CLEAR, False, False): S.NORMAL,
    (S.UNACKNOWLEDGED, E.CLEAR, False, False): S.RETURNED,
    (S.RETURNED, E.ACKNOWLEDGE, False, False): S.NORMAL,
    (S.RETURNED, E.ALARM, True, False): S.UNACKNOWLEDGED,
    (S.UNACKNOWLEDGED, E.CLEAR, False, True): S.LATCHED,
    (S.ACKNOWLEDGED, E.CLEAR, False, True): S.LATCHED_ACKNOWLEDGED,
    (S.LATCHED, E.ACKNOWLEDGE, False, True): S.LATCHED_ACKNOWLEDGED,
    (S.LATCHED, E.ALARM, True, True): S.UNACKNOWLEDGED,
    (S.LATCHED_ACKNOWLEDGED, E.ALARM, True, True): S.UNACKNOWLEDGED,
    (S.LATCHED_ACKNOWLEDGED, E.RESET, False, True): S.NORMAL,
}
DIAGRAM |= {(state, E.SHELVE, True, False): S.SHELVED for state in (S.NORMAL, S.UNACKNOWLEDGED, S.ACKNOWLEDGED, S.RETURNED, S.LATCHED)}
DIAGRAM |= {(state, E.SUPPRESS, True, False): S.SUPPRESSED for state in (S.NORMAL, S.UNACKNOWLEDGED, S.ACKNOWLEDGED, S.RETURNED)}
DIAGRAM |= {(state, E.REMOVE, True, False): S.OUT_OF_SERVICE for state in S if state != S.OUT_OF_SERVICE}
DIAGRAM |= {(state, back, active, False): S.UNACKNOWLEDGED if active else S.NORMAL for state, back in HIDDEN.items() for active in (0, 1)}


@pytest.mark.parametrize(("move", "to"), DIAGRAM.items())
def test_every_arrow_of_the_diagram(move: tuple[State, Event, bool, bool], to: State) -> None:
    state, event, active, latches = move
    assert after(state, event, active=active, latches=latches) == to


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (S.NORMAL, E.ACKNOWLEDGE),
        (S.ACKNOWLEDGED, E.ACKNOWLEDGE),
        (S.LATCHED, E.RESET),  # not before somebody has acknowledged it
        (S.UNACKNOWLEDGED, E.RESET),
        (S.SHELVED, E.ACKNOWLEDGE),
        (S.OUT_OF_SERVICE, E.SHELVE),
        (S.OUT_OF_SERVICE, E.UNSHELVE),
        (S.SHELVED, E.SUPPRESS),  # the way a person chose holds
        (S.NORMAL, E.UNSHELVE),
    ],
)
def test_what_the_diagram_has_no_arrow_for_is_refused_with_what_is_possible(state: State, event: Event) -> None:
    assert after(state, event, active=True) is None
    with pytest.raises(PenstockError, match=f"it is {state}"):
        moved("pump", state, event, active=True)


@given(st.lists(st.sampled_from(Event), max_size=40), st.booleans())
def test_whatever_happens_the_state_tells_the_truth(events: list[Event], latches: bool) -> None:
    """An active alarm is on the list, or was put aside by an event that says so; one that nobody acknowledged never becomes normal."""
    state, active, seen = S.NORMAL, False, True
    for event in events:
        if event in (E.ALARM, E.CLEAR):
            if active == (event == E.ALARM):
                continue  # a condition comes only after it went
            active = event == E.ALARM
        to = after(state, event, active=active, latches=latches)
        if to is None:
            continue
        came, state = state not in (S.UNACKNOWLEDGED,) and to == S.UNACKNOWLEDGED, to
        seen = False if came else seen or event == E.ACKNOWLEDGE or state in HIDDEN
        assert not (active and state in (S.NORMAL, S.RETURNED, S.LATCHED, S.LATCHED_ACKNOWLEDGED))
        assert not (not active and state in (S.UNACKNOWLEDGED, S.ACKNOWLEDGED))
        assert seen or state in UNSEEN
        assert state not in (S.LATCHED, S.LATCHED_ACKNOWLEDGED) or latches


@given(st.sampled_from(State), st.booleans(), st.booleans())
def test_from_every_state_there_is_a_way_back_to_normal(state: State, latches: bool, active: bool) -> None:
    for event in (E.RESTORE, E.UNSHELVE, E.UNSUPPRESS, E.CLEAR, E.ACKNOWLEDGE, E.RESET):
        if event == E.CLEAR:
            active = False
        state = after(state, event, active=active, latches=latches) or state
    assert state == S.NORMAL
