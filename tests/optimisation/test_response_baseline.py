"""Baselines and settlement with numbers a person can check."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from city.problems import PenstockError
from optimisation.response.baseline import BaselineRule, Days, adjusted, baseline, like_days, mean_of
from optimisation.response.programme import Programme
from optimisation.response.settlement import settle

RULE = BaselineRule()
NINE, TWELVE = np.array([9, 10, 11]), np.array([12, 13])


def days(levels: list[float], off: set[int] = frozenset(), out: set[int] = frozenset()) -> Days:
    """One day of 24 hours per level, the last is yesterday; every hour takes the level."""
    n = len(levels)
    return Days(
        dates=tuple(date(2022, 6, 1) + timedelta(days=i) for i in range(n)),
        kwh=np.repeat(np.array(levels, float)[:, None], 24, axis=1),
        exists=np.ones((n, 24), bool),
        off=np.array([i in off for i in range(n)]),
        out=np.array([i in out for i in range(n)]),
    )


def test_it_is_the_mean_of_the_last_ten_workdays():
    history = days([*range(1, 13)])  # 1 .. 12 kWh; the last ten are 3 .. 12
    made = baseline(history, False, TWELVE, NINE, np.full(3, 7.5), RULE)
    assert made.kwh.tolist() == [7.5, 7.5]
    assert made.factor == 1.0
    assert made.days[0] == date(2022, 6, 12)
    assert len(made.days) == 10


def test_days_off_and_event_days_do_not_count_for_a_workday():
    history = days([10] * 12, off={5, 6}, out={11})
    assert like_days(history, False, TWELVE, RULE)[0] == [10, 9, 8, 7, 4, 3, 2, 1, 0]


def test_a_day_off_is_the_mean_of_the_last_four_days_off():
    history = days([1, 2, 3, 4, 5, 6, 7, 8], off={0, 1, 3, 5, 7})
    made = baseline(history, True, TWELVE, NINE, np.full(3, 5.0), RULE)
    assert made.kwh.tolist() == [5.0, 5.0]  # of 8, 6, 4 and 2


def test_the_hours_before_the_event_move_it_by_their_ratio_at_most_a_fifth():
    history = days([10] * 10)
    assert baseline(history, False, TWELVE, NINE, np.array([11.0, 11.0, 11.0]), RULE).kwh.tolist() == pytest.approx([11, 11])
    cut = baseline(history, False, TWELVE, NINE, np.array([20.0, 20.0, 20.0]), RULE)
    assert cut.kwh.tolist() == pytest.approx([12, 12])
    assert cut.notes == ("the same-day adjustment, a factor of 2, was cut to 20%",)


def test_an_additive_adjustment_adds_the_difference():
    rule = RULE.model_copy(update={"adjustment": "additive", "adjust_most": 0.5})
    made = baseline(days([10] * 10), False, TWELVE, NINE, np.array([12.0, 13.0, 14.0]), rule)
    assert made.kwh.tolist() == [13, 13]
    assert (made.factor, made.shift_kwh) == (1.0, 3.0)
    none = RULE.model_copy(update={"adjustment": "none"})
    assert baseline(days([10] * 10), False, TWELVE, NINE, np.array([20.0] * 3), none).kwh.tolist() == [10, 10]


def test_missing_hours_before_the_event_leave_it_as_it_is_and_say_so():
    made = baseline(days([10] * 10), False, TWELVE, NINE, np.array([np.nan, 20.0, 20.0]), RULE)
    assert made.kwh.tolist() == [10, 10]
    assert made.notes == ("no same-day adjustment: 2 of 3 intervals before the event are measured",)


def test_a_day_with_missing_readings_is_left_out_and_told():
    history = days([10] * 12)
    history.kwh[11, 12] = np.nan
    made = baseline(history, False, TWELVE, NINE, np.full(3, 10.0), RULE)
    assert date(2022, 6, 12) not in made.days
    assert made.notes == ("2022-06-12 is left out: 1 of 5 intervals are missing",)


def test_too_few_days_are_a_sentence():
    with pytest.raises(PenstockError, match="baseline: 4 like days within 45 days; allowed: at least 5 workdays without events"):
        baseline(days([10] * 4), False, TWELVE, NINE, np.full(3, 10.0), RULE)
    with pytest.raises(PenstockError, match="0 like days within 3 days"):
        baseline(days([10] * 9, out={6, 7, 8}), False, TWELVE, NINE, np.full(3, 10.0), RULE.model_copy(update={"look_back_days": 3}))


def test_an_hour_that_a_day_of_23_hours_lacks_counts_for_none_of_its_means():
    history = days([10] * 9 + [30])
    history.exists[9, 2] = False
    history.kwh[9, 2] = np.nan
    night = np.array([2, 3])
    assert mean_of(history, like_days(history, False, night, RULE)[0], night).tolist() == [10, 12]


@given(
    kwh=hnp.arrays(float, (12, 24), elements=st.floats(0, 100)),
    before=hnp.arrays(float, 3, elements=st.floats(0, 300)),
    kind=st.sampled_from(["multiplicative", "additive", "none"]),
)
def test_a_baseline_lies_within_its_cap_of_the_mean(kwh, before, kind):
    history = Days(
        tuple(date(2022, 6, 1) + timedelta(days=i) for i in range(12)), kwh, np.ones((12, 24), bool), np.zeros(12, bool), np.zeros(12, bool)
    )
    made = baseline(history, False, TWELVE, NINE, before, RULE.model_copy(update={"adjustment": kind}))
    mean = kwh[2:, 12:14].mean(axis=0)
    assert made.before_kwh == pytest.approx(mean)
    assert (np.abs(made.kwh - mean) <= 0.2 * np.maximum(mean, mean.mean()) + 1e-9).all()
    assert (made.kwh >= 0).all()


def test_an_addition_does_not_turn_a_load_into_generation():
    assert adjusted(np.array([1.0, 5.0, -2.0]), 1.0, -3.0).tolist() == [0.0, 2.0, -5.0]


PROGRAMME = Programme(id="p", payment_per_kwh=0.5, payment_per_kw=2.0, penalty_per_kwh=1.0, penalty_free_share=0.1)
NONE = np.zeros(0)


def test_what_was_delivered_is_paid_and_what_is_missing_is_punished():
    # Asked 10 each; delivered 12, 8, 4 and -1. Paid 10 + 8 + 4 + 0 = 22 of 40; missing below 9: 1, 5 and 10.
    asked, usual = np.full(4, 10.0), np.full(4, 50.0)
    made = settle(PROGRAMME, 40.0, asked, usual, np.array([38.0, 42.0, 46.0, 51.0]), np.full(2, 50.0), np.array([53.0, 54.0]))
    assert made.delivered_kwh.tolist() == [12, 8, 4, -1]
    assert made.performance == 22 / 40
    assert made.payment == pytest.approx(22 * 0.5 + 40 * 2.0 * 22 / 40)
    assert made.penalty == pytest.approx(1 + 5 + 10)
    assert made.rebound_kwh == 7


def test_an_interval_without_a_reading_is_not_delivered_and_too_many_are_refused():
    usual = np.full(20, 10.0)
    measured = np.full(20, 8.0)
    measured[:2] = np.nan
    made = settle(PROGRAMME, 8.0, np.full(20, 2.0), usual, measured, NONE, NONE)
    assert (made.missing, made.delivered_kwh.sum()) == (2, 36.0)
    measured[2] = np.nan
    with pytest.raises(PenstockError, match="3 of 20 intervals without a reading; allowed: at most 10% missing"):
        settle(PROGRAMME, 8.0, np.full(20, 2.0), usual, measured, NONE, NONE)


amounts = hnp.arrays(float, 8, elements=st.integers(0, 10**6).map(lambda wh: wh / 100))


@given(asked=amounts, usual=amounts, measured=amounts)
def test_baseline_is_what_was_measured_and_delivered_and_money_follows(asked, usual, measured):
    made = settle(PROGRAMME, 5.0, asked, usual, measured, NONE, NONE)
    assert (made.measured_kwh + made.delivered_kwh).sum() == pytest.approx(usual.sum())
    assert (made.paid_kwh >= 0).all()
    assert (made.paid_kwh <= asked).all()
    assert made.performance is None or 0 <= made.performance <= 1 + 1e-9
    everything = settle(PROGRAMME, 5.0, asked, usual + asked, usual, NONE, NONE)  # exactly what was asked
    assert everything.penalty == pytest.approx(0, abs=1e-9)
    assert everything.payment == pytest.approx(asked.sum() * 0.5 + (10.0 if asked.sum() > 0 else 0.0))
