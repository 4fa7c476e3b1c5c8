"""The rules of a demand-response programme, and the events they allow."""

from datetime import date

import numpy as np
import pytest

from optimisation.response.calls import possible
from optimisation.response.programme import Programme

PEAK = {"id": "peak", "notice_h": 0, "shortest_h": 1, "longest_h": 2, "events_per_day": 1}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"longest_h": 0.5}, "below shortest_h"),
        ({"rebound_share": 0.5}, "needs rebound_h"),
        ({"season_from": "13-01"}, "no day of a year"),
        ({"hours": ((22, 6),)}, "split a span over midnight"),
    ],
)
def test_a_contradictory_programme_is_refused(more, said):
    with pytest.raises(ValueError, match=said):
        Programme(**(PEAK | more))


def test_a_season_may_go_over_the_new_year():
    winter = Programme(**(PEAK | {"season_from": "11-15", "season_until": "02-29"}))
    assert winter.season_of(date(2023, 1, 3)) == (date(2022, 11, 15), date(2023, 3, 1))
    assert winter.season_of(date(2023, 12, 24)) == (date(2023, 11, 15), date(2024, 2, 29))
    assert winter.season_of(date(2023, 6, 1))[0] == date(2022, 11, 15)


def test_possible_events_are_whole_allowed_runs(hours_of):
    inputs = hours_of([1] * 6, {})
    rules = Programme(**(PEAK | {"hours": ((1, 4),)}))
    found = possible(inputs, rules, np.ones(6), np.ones(6, bool), np.zeros(6, bool))
    assert sorted(zip(found.start.tolist(), found.end.tolist(), strict=True)) == [(1, 2), (1, 3), (2, 3), (2, 4), (3, 4)]


def test_events_begin_and_end_on_the_programmes_grid(hours_of):
    inputs = hours_of([1] * 12, {}, step_s=900)
    made = {}
    for minutes in (60, 30):
        rules = Programme(**(PEAK | {"grid_minutes": minutes}))
        found = possible(inputs, rules, np.ones(12), np.ones(12, bool), np.zeros(12, bool))
        made[minutes] = set(zip(found.start.tolist(), found.end.tolist(), strict=True))
    assert made[60] == {(0, 4), (4, 8), (8, 12), (0, 8), (4, 12)}
    assert made[30] == {(s, s + d) for s in range(0, 12, 2) for d in (4, 6, 8) if s + d <= 12}
