from datetime import timedelta

import numpy as np
import pytest

from forecasting import ladder

HOUR = timedelta(hours=1)


def rung(
    usable_hours: int, missing_last_hours: int = 0, total_days: int = 60, peers: bool = True, group: str = "demand"
) -> tuple[str, str]:
    values = np.full((1, total_days * 24), np.nan, np.float32)
    end = values.shape[1] - missing_last_hours
    values[0, max(0, end - usable_hours) : end] = 1.0
    row = ladder.climb(("m",), (group,), values, HOUR, np.array([peers])).iloc[0]
    return row["model"], row["reason"]


@pytest.mark.parametrize(
    ("days", "expected"),
    [(60, "boosted"), (21, "boosted"), (20, "holt-winters"), (9, "profile"), (3, "naive"), (0.5, "group-shape"), (0, "none")],
)
def test_the_rung_follows_from_the_days_of_usable_history(days, expected):
    assert rung(int(days * 24))[0] == expected


def test_a_week_with_holes_leads_down_and_the_sentence_says_what_was_missing():
    assert rung(30 * 24, missing_last_hours=5 * 24)[0] == "profile"
    model, reason = rung(15 * 24, missing_last_hours=3 * 24)
    assert model == "profile"
    assert "15.0 days of usable history" in reason
    assert "holt-winters needs at most 20% missing" in reason


def test_a_series_silent_for_more_than_28_days_is_not_forecast():
    model, reason = rung(30 * 24, missing_last_hours=29 * 24)
    assert model == "none"
    assert reason == "Not forecast: its last usable value is 29 days old, more than 28."


def test_first_hours_without_any_neighbour_are_not_forecast():
    model, reason = rung(12, peers=False)
    assert model == "none"
    assert "12.0 hours" in reason
