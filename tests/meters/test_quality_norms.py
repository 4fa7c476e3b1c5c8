"""Limits learned from a point's own weeks, and the rules of days, nights, sums, clocks and registers, with numbers to check by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from city.frames import Block
from city.quality import VALID, Cause, Flag, cause_of, missing, usable
from city.quantities import Quantity
from forecasting.calendars import Calendar
from meters.vee.norms import learn
from meters.vee.quality import Limits, doubt_sums, doubt_times, validate

HOUR = timedelta(hours=1)
START = datetime(2022, 6, 15, tzinfo=UTC)
CALENDAR = Calendar(time_zone="UTC", country=None)
WEEKS = 28


def block(values, quantity=Quantity.ENERGY_KWH, start=START):
    values = np.array(values, dtype=np.float64)[None, :]
    return Block(("p0",), start, HOUR, quantity, values, np.full(values.shape, VALID, np.uint16))


def grid(of):
    return CALENDAR.grid(of.start_utc, of.step, of.steps)


def history(day, quantity=Quantity.ENERGY_KWH, days=WEEKS):
    return block(np.tile(np.array(day, float), days), quantity, START - days * timedelta(days=1))


def judged(day, past, limits=None):
    known = {"p0": Limits(point="p0", **limits)} if limits else {}
    found = validate(day, known, learn(past, grid(past)), grid(day))
    return [cause_of(int(one)) for one in found.quality[0]], found.usable()[0]


RISING = [1.0 + i / 100 for i in range(24)]  # 26.76 a day, at most 1.23 an hour


def test_usage_above_2_8_times_the_third_highest_peak_of_four_weeks_is_a_spike():
    for value, cause in ((2.8 * 1.23 - 0.01, Cause.NONE), (2.8 * 1.23 + 0.01, Cause.SPIKE)):
        day = list(RISING)
        day[12] = value
        causes, good = judged(block(day), history(RISING))
        assert (causes[12], bool(good[12])) == (cause, cause is Cause.NONE)
        assert set(causes[:12]) == {Cause.NONE}


def test_a_third_peak_of_that_height_is_a_habit_and_no_spike():
    past = history(RISING)
    past.values[0, [100, 200]] = 10.0
    past.quality[0, [100, 200]] = int(Flag.QUESTIONABLE) | int(Cause.SPIKE) << 8
    day = list(RISING)
    day[12] = 10.0
    assert judged(block(day), past)[0][12] is Cause.NONE


def test_a_limit_of_city_toml_wins_over_the_learned_one():
    day = list(RISING)
    day[12] = 10.0
    assert judged(block(day), history(RISING), {"spike_ratio": 20.0})[0][12] is Cause.NONE


def test_a_day_of_more_than_2_5_times_the_largest_or_a_twentieth_of_the_smallest_is_warned_of_and_stays_usable():
    for share, cause in ((2.4, Cause.NONE), (2.6, Cause.HIGH_USAGE), (0.06, Cause.NONE), (0.04, Cause.LOW_USAGE)):
        causes, good = judged(block(np.array(RISING) * share), history(RISING))
        assert set(causes) == {cause}
        assert good.all()


def test_a_run_twice_as_long_as_any_before_is_stuck_but_zeros_may_rest():
    past = history([3.0] * 5 + RISING[5:])  # a run of five each night: ten are a fault
    day = list(RISING)
    day[4:13] = [2.0] * 9
    assert judged(block(day), past)[0][8] is Cause.NONE
    day[4:14] = [2.0] * 10
    assert set(judged(block(day), past)[0][4:14]) == {Cause.FLAT}
    assert Cause.FLAT not in judged(block([0.0] * 24), past)[0]


def test_water_that_runs_all_night_is_warned_of():
    past = history([0.1] * 8 + [1.0] * 16, Quantity.VOLUME_M3)  # night 0.1, mean 0.7: at most half the mean, 0.35
    for least, cause in ((0.34, Cause.NONE), (0.36, Cause.NIGHT_MINIMUM)):
        causes, good = judged(block([least] * 6 + list(np.linspace(0.9, 1.1, 18)), Quantity.VOLUME_M3), past)
        assert set(causes[1:5]) == {cause}
        assert {*causes[:1], *causes[5:]} == {Cause.NONE}
        assert good.all()


def test_a_sensor_that_leaps_three_times_further_than_ever_is_a_spike():
    course = 40 + 0.1 * np.arange(24)
    course[12] += 1.1  # stands 1.0 above the later of its neighbours
    past = history(course, Quantity.PRESSURE_M)
    for leap, cause in ((2.9, Cause.NONE), (3.1, Cause.SPIKE)):
        day = 40 + 0.1 * np.arange(24)
        day[6] = day[7] + leap
        assert judged(block(day, Quantity.PRESSURE_M), past)[0][6] is cause


def test_nothing_is_learned_from_less_than_a_week_or_from_estimates():
    day = block(np.array(RISING) * 100)
    assert set(judged(day, history(RISING, days=6))[0]) == {Cause.NONE}
    past = history(RISING)
    guessed = replace(past, quality=np.full_like(past.quality, int(Flag.ESTIMATED_LIKE_DAY)))
    assert set(judged(day, guessed)[0]) == {Cause.NONE}


def test_negative_usage_is_doubted_and_a_flow_that_runs_backwards_warned_of():
    assert judged(block([1.0, -0.5, 1.0]), history(RISING))[0][1] is Cause.NEGATIVE
    causes, good = judged(block([1.0, -0.5, -0.5, 1.0], Quantity.FLOW_M3_PER_H), history(np.zeros(24), Quantity.FLOW_M3_PER_H))
    assert (causes[1], bool(good[1])) == (Cause.REVERSE_FLOW, True)
    told = judged(block([-0.5] * 3, Quantity.FLOW_M3_PER_H), history(np.zeros(24), Quantity.FLOW_M3_PER_H), {"minimum": -1})
    assert set(told[0]) == {Cause.NONE}


def registers(values, quantity=Quantity.ENERGY_REGISTER_KWH, past=None):
    shown = block(values, quantity)
    norms = None if past is None else learn(past, grid(past))
    return [cause_of(int(one)) for one in validate(shown, {}, norms).quality[0]]


def test_a_register_its_neighbours_do_not_enclose_is_misread_also_two_in_a_row():
    assert registers([10, 11, 900, 13, 14]) == [Cause.NONE, Cause.NONE, Cause.SPIKE, Cause.NONE, Cause.NONE]
    assert registers([10, 11, 900, 899, 14, 15])[2:5] == [Cause.SPIKE, Cause.SPIKE, Cause.NONE]
    assert registers([10, 11, 3, 13])[2] is Cause.SPIKE
    assert registers([500, 501, 3, 4])[2] is Cause.RESET


def test_a_water_register_that_goes_back_a_little_runs_backwards():
    past = history([1.0] * 24, Quantity.VOLUME_M3)
    assert registers([10, 11, 10.5, 11.5], Quantity.VOLUME_REGISTER_M3, past)[2] is Cause.REVERSE_FLOW
    assert registers([100, 101, 3, 4], Quantity.VOLUME_REGISTER_M3, past)[2] is Cause.RESET


def test_a_day_whose_intervals_do_not_sum_to_the_register_is_doubted_and_an_incomplete_one_is_not_judged():
    kwh = [[10_000] * 48]
    counted = Block(("r",), START, HOUR, Quantity.ENERGY_KWH, np.array(kwh), np.full((1, 48), VALID, np.uint16))
    for off, cause in ((1_190, Cause.NONE), (1_210, Cause.SUM_CHECK)):  # half a percent of 240 kWh is 1.2 kWh
        intervals = replace(counted, ids=("p0",), values=counted.values.copy())
        intervals.values[0, 30] += off
        told = doubt_sums(intervals, counted, {}, grid(counted))
        assert [cause_of(int(one)) for one in told.quality[0]] == [Cause.NONE] * 24 + [cause] * 24
        lost = replace(intervals, quality=intervals.quality.copy())
        lost.quality[0, 40] = missing(Cause.TIMEOUT)
        assert Cause.SUM_CHECK not in {cause_of(int(one)) for one in doubt_sums(lost, counted, {}, grid(counted)).quality[0]}


@pytest.mark.parametrize(("tolerance", "doubted"), [(None, [False, False, True]), (30.0, [False, True, True])])
def test_a_reading_taken_too_far_from_its_slot_is_doubted(tolerance, doubted):
    limits = {"p0": Limits(point="p0", time_tolerance_s=tolerance)}
    told = doubt_times(block([1.0, 2.0, 3.0]), np.array([[np.nan, 60.0, -3601.0]]), limits)
    assert (~usable(told.quality[0])).tolist() == doubted
    assert {cause_of(int(one)) for one in told.quality[0][doubted]} == {Cause.TIME_TOLERANCE}
