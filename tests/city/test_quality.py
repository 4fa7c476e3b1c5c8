"""Sixteen bits of quality: flags in the low byte, the cause in the high one; what may enter a sum is decided in one place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city import quality as q
from city.quality import Cause, Flag


@given(st.integers(0, 127), st.sampled_from(Cause))
def test_flags_and_cause_come_back_from_the_stored_number(flags: int, cause: Cause) -> None:
    stored = q.code(flags, cause)
    assert stored & 0xFF == flags
    assert q.cause_of(stored) is cause
    assert 0 <= stored < 2**16


def test_the_flags_are_the_bits_of_ieee_2030_5() -> None:
    assert [int(flag) for flag in Flag] == [1, 2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize("flag", [Flag.VALID, Flag.EDITED, Flag.ESTIMATED_LIKE_DAY, Flag.ESTIMATED_LINEAR])
def test_a_valid_edited_or_estimated_value_may_be_used_until_it_is_questioned(flag: Flag) -> None:
    assert q.usable(np.array([flag, flag | Flag.DERIVED, flag | Flag.QUESTIONABLE])).tolist() == [True, True, False]


@pytest.mark.parametrize("cause", list(Cause))
def test_a_missing_or_questionable_value_is_never_used_whatever_its_cause(cause: Cause) -> None:
    assert not q.usable(np.array([q.missing(cause), q.questionable(cause)])).any()


@given(st.lists(st.integers(0, 2**16 - 1)))
def test_the_cause_does_not_decide_what_is_usable(stored: list[int]) -> None:
    both = np.array(stored, dtype=np.uint16)
    assert (q.usable(both) == q.usable(both & 0xFF)).all()
