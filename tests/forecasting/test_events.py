"""An event moves all quantiles of a step by one line with a slope that is not negative; what it did is masked from the history."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting import events
from forecasting.calendars import Calendar
from forecasting.events import Event
from forecasting.groups import History
from forecasting.models.task import ForecastSettings, Task


@dataclass(frozen=True)
class _Answer:  # stand-ins with what events touch of a part
    quantiles: np.ndarray


@dataclass(frozen=True)
class _Part:
    question: SimpleNamespace
    answer: _Answer


HOUR = timedelta(hours=1)
START = datetime(2022, 3, 6, 23, tzinfo=UTC)  # Monday 2022-03-07 00:00 in Rome
DAYS = 28


def event(first: int, last: int, effect: str = "factor", amount: float | None = 0.5, like: str | None = None, number: int = 1) -> Event:
    """Acts on hours [first, last) after the origin."""
    origin = START + timedelta(days=DAYS) - HOUR  # the clock change of 2022-03-27 takes an hour
    return Event(number, "works", ("a",), origin + first * HOUR, origin + last * HOUR, effect, amount, like, "pipe works")


def history(values: np.ndarray) -> History:
    return History(("a", "b"), ("load", "load"), values, START, HOUR, weights=np.ones_like(values))


def asked(values: np.ndarray, steps: int = 48) -> _Part:
    """A part as the forecast makes it: 90, 100 and 120 at every step of two series."""
    origin = DAYS * 24 - 1
    grid = Calendar().grid(START, HOUR, origin + steps)
    task = Task(values, grid, np.array([origin]), steps, origin, ForecastSettings(), start_utc=START)
    quantiles = np.tile(np.array([90, 100, 120], np.float32), (2, 1, steps, 1))
    return _Part(SimpleNamespace(rows=np.array([0, 1]), task=task), _Answer(quantiles))


def weekly(work: float = 100.0, sunday: float = 40.0) -> np.ndarray:
    grid = Calendar().grid(START, HOUR, DAYS * 24 - 1)
    level = np.where(grid.day_type[grid.day] == 2, sunday, work)
    return np.stack([level, level]).astype(np.float32)


def after(*acting: Event, values: np.ndarray | None = None) -> tuple[np.ndarray, object]:
    values = weekly() if values is None else values
    (part,), changed = events.applied(history(values), [asked(values)], acting, "kWh")
    return part.answer.quantiles[:, 0], changed


def test_a_factor_scales_all_quantiles_and_only_its_own_series_and_steps():
    q, changed = after(event(2, 4))
    assert np.allclose(q[0, 2:4], [45, 50, 60])
    assert np.allclose(q[0, [0, 1, 4, 47]], [90, 100, 120])
    assert np.allclose(q[1], [90, 100, 120])
    assert changed.to_dict("records")[0] | {"sentence": ""} == {
        "series_id": "a",
        "event_id": 1,
        "first_utc": START + timedelta(days=DAYS) + HOUR,
        "until_utc": START + timedelta(days=DAYS) + 3 * HOUR,
        "steps": 2,
        "change": -100.0,
        "sentence": "",
    }
    assert changed["sentence"][0] == "Event 1 (works: pipe works) changes 2 steps from 2022-04-04 02:00 by -100 kWh."


def test_half_an_hour_of_a_full_stop_halves_the_hour():
    stop = replace(event(2, 3, amount=0.0), end_utc=event(2, 3).start_utc + HOUR / 2)
    q, _ = after(stop)
    assert np.allclose(q[0, 2], [45, 50, 60])


def test_a_level_is_the_new_median_and_a_full_stop_has_no_band():
    assert np.allclose(after(event(0, 1, "level", 0.0))[0][0, 0], [0, 0, 0])
    assert np.allclose(after(event(0, 1, "level", 60.0))[0][0, 0], [54, 60, 72])
    assert np.allclose(after(event(0, 1, "level", 200.0))[0][0, 0], [190, 200, 220])  # its band does not grow


def test_a_workday_like_a_sunday_moves_by_the_difference_of_the_two_profiles():
    q, changed = after(event(9, 11, "like", None, "sunday"))  # Monday morning
    assert np.allclose(q[0, 9:11], [30, 40, 60])
    assert changed["change"][0] == pytest.approx(-120)


def test_a_sunday_like_a_workday_moves_up():
    six_days = Calendar().grid(START, HOUR, DAYS * 24 - 1)
    assert six_days.day_type[six_days.day[-1]] == 2  # the last day of history
    q, _ = after(event(0, 48, "like", None, "monday"))
    assert np.allclose(q[0], [90, 100, 120])  # Monday and Tuesday are as they would be


def test_two_events_act_in_the_order_they_were_entered():
    q, changed = after(event(0, 1, "level", 60.0, number=1), event(0, 1, "factor", 0.5, number=2))
    assert np.allclose(q[0, 0], [27, 30, 36])
    assert list(changed["change"]) == [-40, -30]


def test_an_event_beyond_the_horizon_or_before_it_changes_nothing():
    q, changed = after(event(48, 60), event(-5, 0))
    assert np.allclose(q[0], [90, 100, 120])
    assert changed.empty


@given(
    amount=st.floats(0, 10),
    first=st.floats(-3, 50),
    length=st.floats(0.1, 30),
    effect=st.sampled_from(["factor", "level", "like"]),
    like=st.sampled_from(events.LIKE_DAYS),
)
def test_no_event_makes_quantiles_cross_or_go_below_zero(amount: float, first: float, length: float, effect: str, like: str):
    acting = event(0, 1, effect, None if effect == "like" else amount, like if effect == "like" else None)
    begin = acting.start_utc + first * HOUR
    q, _ = after(replace(acting, start_utc=begin, end_utc=begin + length * HOUR))
    assert np.isfinite(q).all()
    assert (np.diff(q, axis=-1) >= 0).all()
    assert (q >= 0).all()


def test_what_happened_is_neither_seen_nor_learned():
    h = history(weekly())
    past = Event(1, "shutdown", ("b",), START + 10 * HOUR, START + 12 * HOUR, "factor", 0.0, None, "boiler")
    masked = events.without(h, [past])
    assert np.flatnonzero(np.isnan(masked.values[1])).tolist() == [10, 11]
    assert np.flatnonzero(masked.weights[1] == 0).tolist() == [10, 11]
    assert np.isfinite(masked.values[0]).all()
    assert np.array_equal(h.values, weekly())  # what is stored is not touched
