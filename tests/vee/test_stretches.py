"""Which intervals ask for a person, and how they are told apart."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from city import quality as q
from city.quality import Cause, Flag
from service.vee.stretches import asked, digest, stretches

OK, LINE = q.VALID, q.code(Flag.ESTIMATED_LINEAR, Cause.TIMEOUT)


def day(*quality: int) -> np.ndarray:
    return np.array(quality, np.uint16)


def test_a_unit_that_does_not_answer_and_is_left_alone_in_between_is_one_stretch() -> None:
    (found,) = stretches(day(OK, *[q.missing(Cause.UNIT_BACKOFF)] * 3, q.missing(Cause.TIMEOUT), q.missing(Cause.UNIT_BACKOFF)))
    assert (found.first, found.steps, found.cause) == (1, 5, Cause.UNIT_BACKOFF)


def test_neighbours_of_which_one_thing_was_made_are_one_stretch() -> None:
    like, warned = q.code(Flag.ESTIMATED_LIKE_DAY | Flag.DERIVED, Cause.TIMEOUT), q.code(Flag.VALID, Cause.HIGH_USAGE)
    found = stretches(day(OK, LINE, LINE, like, OK, warned, q.questionable(Cause.SPIKE), q.missing(Cause.GAP), LINE))
    assert [(one.first, one.steps, one.cause.name, one.made, one.register_sum) for one in found] == [
        (1, 2, "TIMEOUT", "line", False),
        (3, 1, "TIMEOUT", "like_day", True),
        (5, 1, "HIGH_USAGE", "as_read", False),
        (6, 1, "SPIKE", "refused", False),
        (7, 1, "GAP", "nothing", False),
        (8, 1, "TIMEOUT", "line", False),
    ]


def test_nothing_is_asked_where_the_register_went_on_counting_or_a_person_has_decided() -> None:
    rolled, edited = q.code(Flag.VALID, Cause.ROLLOVER), q.code(Flag.EDITED, Cause.SPIKE)
    refused = q.code(Flag.QUESTIONABLE | Flag.EDITED, Cause.SPIKE)
    assert stretches(day(0, OK, rolled, q.code(Flag.VALID, Cause.EXCHANGE), edited, refused)) == []


@given(st.lists(st.integers(0, 127).map(int) | st.sampled_from([LINE, q.missing(Cause.GAP), q.questionable(Cause.FLAT)]), max_size=100))
def test_stretches_cover_what_is_asked_once_and_nothing_else(codes: list[int]) -> None:
    quality = day(*codes)
    covered = np.zeros(len(codes), int)
    for one in stretches(quality):
        covered[one.first : one.first + one.steps] += 1
        assert len(set((quality[one.first : one.first + one.steps] & 0xFF).tolist())) == 1
    assert np.array_equal(covered, asked(quality).astype(int))


def test_a_digest_is_of_the_bytes_an_auditor_can_write_down() -> None:
    import hashlib

    said = (5).to_bytes(8, "little", signed=True) + (-1).to_bytes(8, "little", signed=True) + b"\x01\x00\x08\x01"
    assert digest(np.array([5, -1]), day(1, LINE)) == hashlib.sha256(said).hexdigest()
