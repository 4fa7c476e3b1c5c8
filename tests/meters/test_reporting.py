"""Dead-bands and averages at a station: what is sent, and what the central can still rely on."""

import math
from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from city.frames import READINGS, checked
from city.quality import VALID, Cause, Flag, missing, questionable
from meters.spool.reporting import Reporter, Reporting

START = pd.Timestamp("2022-06-15T10:00Z")


def read(values: list[float], every_s: int = 10, quality: list[int] | None = None, after_s: int = 0, point: str = "p.flow") -> pd.DataFrame:
    times = [START + timedelta(seconds=after_s + i * every_s) for i in range(len(values))]
    found = {"point_id": point, "quantity": "flow_m3_per_h", "value": values, "quality": quality or [VALID] * len(values)}
    return checked(READINGS, pd.DataFrame({**found, "time_utc": times, "received_at_utc": times}), "test")


def reporter(**rule: object) -> Reporter:
    return Reporter([Reporting(point="p.flow", **rule)], {"p.flow": 10})


def seconds(frame: pd.DataFrame) -> list[int]:
    return [int((time - START).total_seconds()) for time in frame["time_utc"]]


def test_a_value_within_the_dead_band_of_the_last_sent_one_stays_at_home() -> None:
    # sent: 5.0 (on the grid), 5.3 (0.3 from 5.0); 5.4 is 0.1 from 5.3, and a slow creep cannot hide: 5.6 is 0.3 from 5.3
    sent = reporter(deadband=0.25).report(read([5.0, 5.1, 5.2, 5.3, 5.4, 5.5, 5.6]))
    assert sent["value"].tolist() == [5.0, 5.3, 5.6]


def test_the_slots_are_always_sent() -> None:
    sent = reporter(deadband=100.0).report(read([5.0] * 181))
    assert seconds(sent) == [0, 900, 1800]


def test_silence_has_an_end() -> None:
    sent = reporter(deadband=1.0, max_silence_s=60).report(read([5.0] * 20))
    assert seconds(sent) == [0, 60, 120, 180]


def test_that_a_value_is_lost_or_comes_back_is_sent_at_once() -> None:
    gone = missing(Cause.TIMEOUT)
    sent = reporter(deadband=1.0).report(read([5.0, math.nan, math.nan, 5.0], quality=[VALID, gone, gone, VALID]))
    assert seconds(sent) == [0, 10, 30]


def test_an_average_is_of_the_minute_that_ends_with_it_and_says_that_it_is_derived() -> None:
    made = reporter(average_s=60)
    sent = pd.concat([made.report(read([float(i)], after_s=10 * i)) for i in range(1, 13)])
    assert seconds(sent) == [60, 120]
    assert sent["value"].tolist() == [3.5, 9.5]  # of 1..6 and of 7..12
    assert sent["quality"].unique().tolist() == [int(Flag.VALID | Flag.DERIVED)]


def test_an_average_takes_usable_values_only_and_enough_of_them() -> None:
    bad = questionable(Cause.LIMIT)
    values = [1.0, 2.0, 900.0, 3.0, 4.0, 5.0]
    sent = reporter(average_s=60, least_share=0.8).report(read(values, after_s=10, quality=[VALID, VALID, bad, VALID, VALID, VALID]))
    assert sent["value"].tolist() == [3.0]  # 15 / 5; 5 of 6 are 83 %
    few = reporter(average_s=60, least_share=0.9).report(read(values, after_s=10, quality=[VALID, VALID, bad, VALID, VALID, VALID]))
    assert few["value"].isna().tolist() == [True]
    assert few["quality"].tolist() == [missing(Cause.GAP)]


def test_an_average_that_a_restart_cut_short_has_no_value() -> None:
    sent = reporter(average_s=60).report(read([7.0, 7.0], after_s=50))  # 2 of 6
    assert sent["value"].isna().tolist() == [True]


def test_an_average_whose_last_reading_never_came_is_sent_with_the_next_one() -> None:
    sent = reporter(average_s=60, least_share=0.5).report(pd.concat([read([2.0] * 5, after_s=10), read([9.0], after_s=70)]))
    assert (seconds(sent), sent["value"].tolist()) == ([60], [2.0])


def test_points_without_a_rule_are_not_touched() -> None:
    other = read([1.0, 1.0], point="q.flow")
    pd.testing.assert_frame_equal(reporter(deadband=9.0).report(other), other)
    both = reporter(deadband=9.0).report(pd.concat([other, read([1.0, 1.0])], ignore_index=True))
    assert both["point_id"].tolist() == ["q.flow", "q.flow", "p.flow"]
    assert checked(READINGS, both, "test").equals(both)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.floats(0, 100))
def test_whoever_holds_the_last_sent_value_is_never_wrong_by_more_than_the_dead_band(values: list[float], deadband: float) -> None:
    sent = reporter(deadband=deadband, max_silence_s=10**6).report(read(values)).set_index("time_utc")["value"]
    for i, value in enumerate(values):
        held = sent[: START + timedelta(seconds=10 * i)].iloc[-1]
        assert abs(held - value) <= deadband


def test_a_rule_is_for_one_of_the_two() -> None:
    with pytest.raises(ValidationError, match="deadband or average_s"):
        Reporting(point="p", deadband=1, average_s=60)
    with pytest.raises(ValidationError, match="does not divide step_s"):
        Reporting(point="p", average_s=7)
