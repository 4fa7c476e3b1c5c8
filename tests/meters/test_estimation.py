"""Estimates by hand, and their laws: the register's total to the last unit, nothing else changed, nothing negative."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from city.frames import Block
from city.quality import VALID, Cause, Flag, cause_of, missing, questionable
from city.quantities import Quantity
from meters.vee.estimation import estimate
from meters.vee.usage import from_registers

START = datetime(2022, 6, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
LINE, LIKE, EXACT = int(Flag.ESTIMATED_LINEAR), int(Flag.ESTIMATED_LIKE_DAY), int(Flag.DERIVED)


def civil(days, kinds=None):
    """A city on UTC: 24 columns a day, every day a workday unless told."""
    column = np.arange(days * 24, dtype=np.int32).reshape(days, 24)
    kind = np.zeros(days, np.int8) if kinds is None else np.array(kinds, np.int8)
    return SimpleNamespace(
        slots=24, day=np.repeat(np.arange(days), 24).astype(np.int32), slot=np.tile(np.arange(24), days).astype(np.int32),
        column=column, day_type=kind,
    )  # fmt: skip


def block(values, gone=(), cause=Cause.TIMEOUT, start=START):
    values = np.array(values, dtype=np.int64)[None, :]
    quality = np.full(values.shape, VALID, np.uint16)
    quality[0, list(gone)] = missing(cause)
    return Block(("m.energy",), start, HOUR, Quantity.ENERGY_KWH, np.where(quality == VALID, values, 0), quality)


def past(*days):
    return block(np.concatenate(days), start=START - len(days) * timedelta(days=1))


def flat(level):
    return np.full(24, level)


NONE = Block(("m.energy",), START, HOUR, Quantity.ENERGY_KWH, np.zeros((1, 0), np.int64), np.zeros((1, 0), np.uint16))


def flags(made):
    return [int(one) & 0xFF for one in made.quality[0]]


def test_two_hours_between_measured_hours_are_a_straight_line():
    day = np.arange(24) * 100
    made = estimate(block(day, [10, 11]), NONE, civil(1))
    assert made.values[0].tolist() == day.tolist()
    assert flags(made)[10:12] == [LINE, LINE]
    assert cause_of(int(made.quality[0, 10])) is Cause.TIMEOUT


def test_three_hours_are_the_mean_of_days_alike_and_a_line_is_not_drawn_across_an_outage():
    history = past(flat(100), flat(300))
    assert estimate(block(flat(900), [4, 5, 6]), history, civil(3)).values[0, 3:8].tolist() == [900, 200, 200, 200, 900]
    outage = estimate(block(flat(900), [4], Cause.NO_CONNECTION), history, civil(3))
    assert (outage.values[0, 4], flags(outage)[4]) == (200, LIKE)


def test_only_the_last_four_days_of_the_same_kind_count():
    history = past(flat(9999), *[flat(level) for level in (10, 20, 30, 40)], flat(7777))
    kinds = [0, 0, 0, 0, 0, 2, 0]  # the day before was a holiday
    made = estimate(block(flat(1), range(24)), history, civil(7, kinds))
    assert made.values[0].tolist() == [25] * 24


def test_a_gap_without_neighbours_like_days_or_register_stays_missing():
    made = estimate(block(flat(5), range(3)), NONE, civil(1))
    assert not made.usable()[0, :3].any()
    assert flags(made)[:3] == [0, 0, 0]


def test_a_value_that_is_not_believed_is_replaced_under_the_cause_it_was_given():
    given = block(flat(100))
    given.values[0, 7], given.quality[0, 7] = 10**6, questionable(Cause.SPIKE)
    made = estimate(given, NONE, civil(1))
    assert (made.values[0, 7], flags(made)[7], cause_of(int(made.quality[0, 7]))) == (100, LINE, Cause.SPIKE)


def registers(values, gone):
    quality = np.full((1, len(values)), VALID, np.uint16)
    quality[0, list(gone)] = missing(Cause.TIMEOUT)
    return from_registers(Block(("m.energy",), START, HOUR, Quantity.ENERGY_REGISTER_KWH, np.array(values, np.int64)[None, :], quality))


def test_estimates_of_a_gap_sum_to_what_the_register_counted_over_it():
    counted = registers(np.arange(25) * 10, [10, 11, 12, 13])  # five intervals unknown, 50 Wh in all
    shape = np.zeros(24, int)
    shape[9:14] = [1, 1, 1, 1, 3]
    made = estimate(counted.block, past(shape), civil(2), counted.gaps)
    assert made.values[0, 9:14].tolist() == [7, 7, 7, 7, 22]  # 50 x 1/7 and 3/7, largest remainder first
    assert flags(made)[9:14] == [LIKE | EXACT] * 5


def test_a_total_without_any_shape_is_spread_evenly():
    counted = registers(np.arange(25) * 10, range(1, 24))
    made = estimate(counted.block, NONE, civil(1), counted.gaps)
    assert made.values[0].tolist() == [10] * 24
    assert set(flags(made)) == {LINE | EXACT}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_sum_law_holds_for_any_course_and_any_gaps(data):
    n, days = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))
    size = data.draw(st.sampled_from([3, 1000, 10**9, 10**13]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    usage = rng.integers(0, size, (n, days * 24))
    register = np.concatenate([np.zeros((n, 1), np.int64), np.cumsum(usage, axis=1)], axis=1)
    lost = rng.random(register.shape) < data.draw(st.sampled_from([0.1, 0.5, 0.9]))
    quality = np.where(lost, missing(Cause.TIMEOUT), VALID).astype(np.uint16)
    ids = tuple(f"p{i}" for i in range(n))
    counted = from_registers(Block(ids, START, HOUR, Quantity.ENERGY_REGISTER_KWH, np.where(lost, 0, register), quality))
    h = data.draw(st.sampled_from([0, 3]))
    seen = np.where(rng.random((n, h * 24)) < 0.9, VALID, missing(Cause.GAP)).astype(np.uint16)
    history = Block(ids, START - h * timedelta(days=1), HOUR, Quantity.ENERGY_KWH, rng.integers(0, size, (n, h * 24)), seen)
    made = estimate(counted.block, history, civil(h + days), counted.gaps)
    known = counted.block.usable()
    assert np.array_equal(made.values[known], counted.block.values[known])
    assert np.array_equal(made.quality[known], counted.block.quality[known])
    assert (made.values >= 0).all()
    for i in range(n):
        good = np.flatnonzero(~lost[i])
        if len(good) > 1:  # between the first and the last good register everything is known or estimated, and sums to the difference
            inside = slice(good[0], good[-1])
            assert made.usable()[i, inside].all()
            assert made.values[i, inside].sum() == register[i, good[-1]] - register[i, good[0]]
