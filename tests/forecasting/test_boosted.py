from datetime import UTC, datetime, timedelta

import numpy as np

from forecasting import blend, features
from forecasting.calendars import Calendar
from forecasting.models.boosted import Boosted, FittedBoosted, moved
from forecasting.models.task import ForecastSettings, Task

SMALL = ForecastSettings(trees=20, leaves=7, train_rows=3_000)


def task(days=40, series=4):
    start = datetime(2022, 2, 27, 23, tzinfo=UTC)  # 2022-02-28 00:00 in Rome
    rng = np.random.default_rng(5)
    day = 2 + np.sin(np.arange(24) * np.pi / 12)
    values = (np.tile(day, days) * (1 + 0.1 * rng.standard_normal((series, days * 24)))).astype(np.float32)
    grid = Calendar().grid(start, timedelta(hours=1), (days + 2) * 24)
    return Task(values, grid, np.array([days * 24]), 48, days * 24, SMALL, start_utc=start)


def test_seen_from_the_last_day_only_lags_move_and_nothing_is_lost():
    x = np.random.default_rng(2).random((5, len(features.NAMES))).astype(np.float32)
    x[3, features.NAMES.index("last_day")] = np.nan
    seen, shift = moved(x, "last-day")
    last = features.NAMES.index("last_day")
    np.testing.assert_array_equal(shift, np.nan_to_num(x[:, last]))
    np.testing.assert_array_equal(seen[:, last], shift)
    np.testing.assert_allclose(seen[:3, features.NAMES.index("alike_1")], x[:3, features.NAMES.index("alike_1")] - shift[:3])
    np.testing.assert_array_equal(seen[:, len(features.LAGS) :], x[:, len(features.LAGS) :])
    np.testing.assert_array_equal(seen[3, 0], x[3, 0])  # a missing last day counts as the base
    assert moved(x, "profile")[0] is x


def test_trees_that_start_from_the_last_day_say_it_where_they_learned_nothing():
    asked = task()
    nothing = asked.at(asked.origins, 0)  # no target to learn from
    last_day = asked.values[:, -24:]
    said = Boosted(start="last-day").fit(nothing).predict(asked)[:, 0]
    np.testing.assert_allclose(said[:, :24], last_day, rtol=1e-4)
    np.testing.assert_allclose(said[:, 24:], last_day, rtol=1e-4)


def test_contributions_of_both_starts_add_up_to_what_is_said():
    asked = task()
    n = asked.series
    x, base, scale = features.rows(
        features.panel(asked.values, asked.grid), np.arange(n), np.full(n, asked.origins[0]), np.full(n, asked.origins[0] + 9)
    )
    for start in ("profile", "last-day"):
        fitted = Boosted(start=start).fit(asked)
        assert isinstance(fitted, FittedBoosted)
        np.testing.assert_allclose(base + scale * fitted.contributions(x).sum(axis=1), fitted.say(x, base, scale), rtol=1e-4)


def test_members_that_err_alike_count_the_same_until_the_guard_errs_less_than_their_mean():
    """Two members err by +1 and -1, together by 0; the guard by 2, and for the second series, where both err by +1, by a half."""
    errors = np.ones((3, 2, 10, 2), np.float32)
    errors[1, 0] = -1
    errors[2, 0], errors[2, 1] = 2, 0.5
    found = blend.weights(errors, np.arange(10) * 24)[:, :, -1]
    assert found.tolist() == [[0.5, 0], [0.5, 0], [0, 1]]


def test_the_share_of_a_member_falls_with_the_power_of_its_error():
    """Nine known days of errors 1 and 3: relative to their mean .5 and 1.5, shrunk by ten days of 1 to 14.5 / 19 and 23.5 / 19."""
    errors = np.full((3, 1, 10, 24), 5, np.float32)
    errors[0], errors[1] = 1, 3
    found = blend.weights(errors, np.arange(10) * 24)[:, 0]
    np.testing.assert_allclose(found[:, 0], [0.5, 0.5, 0])
    np.testing.assert_allclose(found[1, -1] / found[0, -1], (14.5 / 23.5) ** blend.SHARPNESS, rtol=1e-4)
