"""The diagram of a case: no sequence of steps leads out of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.problems import PenstockError
from service.cases.kinds import kinds
from service.cases.levels import KindName
from service.cases.states import ENDED, OPEN, STATES, STEPS, after, possible


def test_the_way_from_found_to_rated() -> None:
    state, owner = "found", None
    for step, expected in (("assign", "assigned"), ("work", "worked"), ("check", "checked"), ("close", "closed"), ("rate", "rated")):
        owner = "ada"
        state = after(step, state, owner)
        assert state == expected


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_taken_where_the_diagram_has_it_and_refused_elsewhere(state: str, step: str) -> None:
    if state in STEPS[step].before:
        assert after(step, state, "ada") in STATES
    else:
        with pytest.raises(PenstockError, match=f"it is {state}; allowed"):
            after(step, state, "ada")


def test_work_cannot_be_closed_unchecked_and_what_ended_is_only_noted_rated_or_opened_again() -> None:
    assert set(possible("worked")) == {"check", "reopen", "cancel", "note"}
    assert set(possible("closed")) == {"rate", "reopen", "note"}
    for state in ("rated", "cancelled"):
        assert set(possible(state)) == {"reopen", "note"}


def test_a_case_that_is_opened_again_is_its_owners_or_waits_for_one() -> None:
    assert after("reopen", "worked", "ada") == "assigned"
    assert after("reopen", "worked", None) == "found"


@given(st.lists(st.tuples(st.sampled_from(list(STEPS)), st.sampled_from([None, "ada"])), max_size=40))
def test_no_sequence_leaves_the_diagram_or_skips_the_check(steps: list[tuple[str, str | None]]) -> None:
    state, checked = "found", False
    for step, owner in steps:
        try:
            state = after(step, state, owner)
        except PenstockError:
            continue
        checked = step == "check" or (checked and step not in ("reopen",))
        assert state in STATES
        assert state not in ("closed", "rated") or checked


def test_every_state_is_open_or_ended_and_every_kind_of_the_settings_has_its_file() -> None:
    assert set(STATES) == OPEN | ENDED
    assert not OPEN & ENDED
    assert set(kinds()) == set(KindName.__args__)
