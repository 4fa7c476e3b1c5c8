from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from city.frames import Block
from city.quality import VALID, Cause, cause_of, missing, usable
from city.quantities import Quantity
from meters.vee.quality import Limits, counts, validate

START = datetime(2022, 6, 15, tzinfo=UTC)
NAN = float("nan")


def block(*rows, quantity=Quantity.PRESSURE_M, quality=None):
    values = np.array(rows, dtype=np.float32)
    marks = np.full(values.shape, VALID, dtype=np.uint16) if quality is None else np.array(quality, dtype=np.uint16)
    return Block(tuple(f"p{i}" for i in range(len(rows))), START, timedelta(minutes=15), quantity, values, marks)


def causes(validated):
    return [[cause_of(int(one)) for one in row] for row in validated.quality]


def limits(**rules):
    return {"p0": Limits(point="p0", **rules)}


def test_a_value_that_is_no_number_is_a_gap_and_keeps_the_cause_it_came_with():
    found = validate(block([40, NAN, NAN], quality=[[VALID, VALID, missing(Cause.TIMEOUT)]]), {})
    assert causes(found) == [[Cause.NONE, Cause.GAP, Cause.TIMEOUT]]
    assert found.usable().tolist() == [[True, False, False]]


def test_a_value_outside_its_limits_is_questionable_and_unchanged():
    found = validate(block([40, 61, -1, 60]), limits(minimum=0, maximum=60))
    assert causes(found) == [[Cause.NONE, Cause.LIMIT, Cause.LIMIT, Cause.NONE]]
    assert found.values.tolist() == [[40, 61, -1, 60]]


def test_a_peak_is_a_spike_but_a_step_is_not():
    assert causes(validate(block([40, 40, 55, 40, 40]), limits(spike_step=10)))[0][2] is Cause.SPIKE
    assert set(causes(validate(block([40, 40, 55, 55, 55]), limits(spike_step=10)))[0]) == {Cause.NONE}


def test_a_spike_is_seen_across_a_missing_neighbour():
    assert causes(validate(block([40, NAN, 70, 40]), limits(spike_step=10)))[0][2] is Cause.SPIKE


def test_four_equal_values_are_flat_three_are_not():
    found = validate(block([1, 2, 2, 2, 3, 4, 4, 4, 4, 5]), limits(flat_steps=4))
    assert [i for i, cause in enumerate(causes(found)[0]) if cause is Cause.FLAT] == [5, 6, 7, 8]


def test_zeros_may_rest_unless_told_otherwise():
    assert validate(block([0, 0, 0, 0]), limits(flat_steps=3)).usable().all()
    assert not validate(block([0, 0, 0, 0]), limits(flat_steps=3, flat_zero=True)).usable().any()


def test_a_flat_run_does_not_leak_into_the_next_row():
    found = validate(block([1, 2, 7, 7], [7, 7, 3, 4]), {p: Limits(point=p, flat_steps=3) for p in ("p0", "p1")})
    assert found.usable().all()


def test_a_register_that_falls_is_a_rollover_or_a_reset_and_stays_usable():
    rules = limits(modulus=1_000_000)
    rolled = validate(block([999_990, 5, 6], quantity=Quantity.VOLUME_REGISTER_M3), rules)
    reset = validate(block([500_000, 5, 6], quantity=Quantity.VOLUME_REGISTER_M3), rules)
    assert causes(rolled) == [[Cause.NONE, Cause.ROLLOVER, Cause.NONE]]
    assert causes(reset) == [[Cause.NONE, Cause.RESET, Cause.NONE]]
    assert rolled.usable().all()


def test_integer_blocks_are_judged_in_the_unit_of_the_quantity():
    stored = Block(
        ("p0",), START, timedelta(minutes=15), Quantity.ENERGY_KWH, np.array([[1000, 90_000]]), np.full((1, 2), VALID, dtype=np.uint16)
    )
    assert causes(validate(stored, limits(maximum=50))) == [[Cause.NONE, Cause.LIMIT]]


numbers = st.one_of(st.floats(-100, 100, width=32), st.just(NAN), st.just(0.0))


@given(st.lists(numbers, min_size=1, max_size=40))
def test_validation_never_touches_a_value_and_says_the_same_twice(row):
    one = block(row)
    rules = limits(minimum=-50, maximum=50, spike_step=5, flat_steps=3)
    found = validate(one, rules)
    assert np.array_equal(found.values, one.values, equal_nan=True)
    assert np.array_equal(one.quality, block(row).quality)
    again = validate(found, rules)
    assert not (usable(again.quality) & ~usable(found.quality) & np.isnan(one.values)).any()
    assert (usable(found.quality) <= np.isfinite(one.values)).all()


def test_counts_name_every_cause():
    assert counts(validate(block([40, NAN, 99]), limits(maximum=60))) == {"usable": 1, "gap": 1, "limit": 1}


def test_limits_the_wrong_way_round_and_unknown_rules_are_refused():
    with pytest.raises(ValidationError, match="above maximum"):
        Limits(point="p", minimum=5, maximum=4)
    with pytest.raises(ValidationError, match="extra"):
        Limits(point="p", spikes=3)
