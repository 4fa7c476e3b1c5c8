"""Usage across meter exchanges, CT and PT, rollovers and gaps: what flowed is counted once, and nothing is invented."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.frames import Block
from city.quality import VALID, Cause, cause_of, missing
from city.quantities import Quantity
from meters.vee.periods import Period, as_primary, multiplied, used
from meters.vee.usage import from_registers

START = datetime(2022, 6, 15, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
AT_SEVEN = START + QUARTER + timedelta(minutes=7)  # within the second interval


def usage(registers_wh, periods, lost=(), modulus=None):
    quality = np.array([[missing(Cause.TIMEOUT) if i in lost else VALID for i in range(len(registers_wh))]], dtype=np.uint16)
    block = Block(("m",), START, QUARTER, Quantity.ENERGY_REGISTER_KWH, np.array([registers_wh], dtype=np.int64), quality)
    return from_registers(block, {"m": modulus} if modulus else None, {"m": periods} if periods else None)


def causes(block):
    return [cause_of(int(code)) for code in block.quality[0]]


def test_ct_and_pt_multiply_what_the_register_counted():
    block, _ = usage([1000, 1250, 1260], [Period(START, Fraction(200, 5))])
    assert block.values.tolist() == [[250 * 40, 10 * 40]]


def test_an_exchange_counts_what_both_meters_counted():
    periods = [Period(START, Fraction(20)), Period(AT_SEVEN, Fraction(40), final=1_300, first=7)]
    block, gaps = usage([1_000, 1_250, 12, 20], periods)
    assert block.values.tolist() == [[250 * 20, 50 * 20 + 5 * 40, 8 * 40]]
    assert causes(block) == [Cause.NONE, Cause.EXCHANGE, Cause.NONE]
    assert block.usable().all()
    assert gaps.empty


@pytest.mark.parametrize("known", [{}, {"final": 1_250_300}, {"first": 0}])
def test_without_both_registers_the_interval_of_an_exchange_is_missing_not_a_spike(known):
    block, gaps = usage([1_000_000, 1_250_000, 900_000_000, 900_000_008], [Period(START), Period(AT_SEVEN, **known)])
    assert block.usable().tolist() == [[True, False, True]]
    assert causes(block)[1] is Cause.EXCHANGE
    assert block.values.tolist() == [[250_000, 0, 8]]
    assert gaps.empty


def test_an_exchange_within_a_gap_gives_the_gap_its_total():
    periods = [Period(START, Fraction(20)), Period(AT_SEVEN, Fraction(40), final=1_300, first=0)]
    block, gaps = usage([1_000, 0, 0, 30], periods, lost=(1, 2))
    assert not block.usable().any()
    assert gaps["amount"].tolist() == [300 * 20 + 30 * 40]


def test_two_exchanges_within_one_interval_count_three_meters():
    periods = [Period(START), Period(AT_SEVEN, final=1_300, first=0), Period(AT_SEVEN + QUARTER / 15, final=5, first=100)]
    block, _ = usage([1_000, 1_250, 130], periods)
    assert block.values.tolist() == [[250, 50 + 5 + 30]]


def test_the_old_meter_may_roll_over_just_before_it_is_taken_out():
    block, _ = usage([999_900, 999_990, 4], [Period(START, modulus=1_000_000), Period(AT_SEVEN, final=20, first=0)])
    assert block.values.tolist() == [[90, 30 + 4]]
    assert causes(block)[1] is Cause.EXCHANGE


def test_a_last_register_that_lies_behind_the_readings_is_a_reset_not_negative_usage():
    block, _ = usage([1_000, 1_250, 4], [Period(START), Period(AT_SEVEN, final=1_000, first=0)])
    assert causes(block)[1] is Cause.RESET
    assert block.values.tolist() == [[250, 0]]


def test_a_reading_means_what_it_meant_at_its_own_time():
    """A CT that was replaced later leaves the day before as it was."""
    periods = [Period(START - timedelta(days=30), Fraction(20)), Period(START + timedelta(days=1), Fraction(40), final=9, first=9)]
    assert usage([1_000, 1_250], periods).block.values.tolist() == [[250 * 20]]
    later = Block(
        ("m",), START + timedelta(days=2), QUARTER, Quantity.ENERGY_REGISTER_KWH, np.array([[0, 250]]), np.full((1, 2), VALID, np.uint16)
    )
    assert from_registers(later, None, {"m": periods}).block.values.tolist() == [[250 * 40]]


def test_power_is_multiplied_by_what_was_in_force_at_each_reading():
    periods = [Period(START, Fraction(20)), Period(START + QUARTER, Fraction(40))]
    power = Block(("m", "n"), START, QUARTER, Quantity.POWER_KW, np.array([[5, 5, 5], [1, 2, 3]]), np.full((2, 3), VALID, np.uint16))
    assert as_primary(power, {"m": periods}).values.tolist() == [[100, 200, 200], [1, 2, 3]]


ratios = st.sampled_from([Fraction(1), Fraction(20), Fraction(8000), Fraction(400, 3), Fraction(1, 1000)])
moduli = st.sampled_from([0, 10**6, 10**9])


@st.composite
def lives(draw):
    """The devices one after the other at a point: what each counts per interval, whole; and which readings are lost."""
    steps = draw(st.integers(4, 40))
    ends = sorted(draw(st.sets(st.integers(1, steps - 1), max_size=4)))  # an exchange within the interval before each
    devices = [
        {"ratio": draw(ratios), "modulus": draw(moduli), "first": draw(st.integers(0, 999_999)), "tail": draw(st.integers(0, 500))}
        for _ in range(len(ends) + 1)
    ]
    for device in devices:  # a fraction of a counter that starts again has no whole register to go on from
        device["modulus"] = device["modulus"] if device["ratio"].denominator == 1 else 0
    return steps, ends, devices, draw(st.lists(st.integers(0, 2_000), min_size=steps, max_size=steps)), draw(st.sets(st.integers(0, steps)))


@given(lives())
def test_usage_and_gap_totals_sum_to_what_flowed_across_exchanges_rollovers_and_gaps(life):
    steps, ends, devices, counted, lost = life
    shown, flowed, periods = [devices[0]["first"]], [Fraction(0)], [Period(START, devices[0]["ratio"], devices[0]["modulus"])]
    true, number, exact = devices[0]["first"], 0, Fraction(0)
    for j in range(steps):
        device = devices[number]
        begin = multiplied(true, device["ratio"])
        true += counted[j]
        exact += multiplied(true, device["ratio"]) - begin
        if j + 1 in ends:  # the old device counts on a little, then the new one does
            tail = true + device["tail"]
            exact += multiplied(tail, device["ratio"]) - multiplied(true, device["ratio"])
            number += 1
            new = devices[number]
            final = tail % device["modulus"] if device["modulus"] else tail
            at = START + (j + 1) * QUARTER - QUARTER / 3
            periods.append(Period(at, new["ratio"], new["modulus"], final, new["first"]))
            true = new["first"]
        modulus = devices[number]["modulus"]
        shown.append(true % modulus if modulus else true)
        flowed.append(exact)
    block, gaps = usage(shown, periods, lost)
    seen = [i for i in range(steps + 1) if i not in lost]
    expected = int(flowed[seen[-1]] - flowed[seen[0]]) if len(seen) > 1 else 0
    assert int(block.values[block.usable()].sum()) + int(gaps["amount"].sum()) == expected
    assert (block.values >= 0).all()


@given(st.integers(0, 10**12), st.integers(0, 10**6), ratios)
def test_one_meter_that_stays_is_its_difference_times_the_ratio_to_the_nearest_integer(first, more, ratio):
    amount, cause = used([Period(START, ratio)], START, first, START + QUARTER, first + more)
    assert cause is Cause.NONE
    assert abs(amount - more * ratio) <= 1
