"""Water quality events: planted ones are found at their time, quiet weeks stay quiet, a new level becomes usual."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from city import quality as q
from city.frames import Block
from city.problems import PenstockError
from city.quantities import Quantity
from networks import quality

START, STEP, DAY = datetime(2026, 3, 1, tzinfo=UTC), timedelta(minutes=15), 96


def chlorine(days: int, seed: int) -> np.ndarray:
    """0.6 mg/L that swings by 0.1 with the day, wanders slowly, and a sensor that is right to 0.01."""
    rng = np.random.default_rng(seed)
    t = np.arange(days * DAY)
    wander = np.zeros(len(t))
    for i in range(1, len(t)):
        wander[i] = 0.98 * wander[i - 1] + rng.normal(0, 0.004)
    return 0.6 + 0.1 * np.sin(2 * np.pi * t / DAY) + wander + rng.normal(0, 0.01, len(t))


def block(values: np.ndarray, quantity: Quantity = Quantity.CHLORINE_MG_PER_L) -> Block:
    rows = np.atleast_2d(values)
    flags = np.where(np.isnan(rows), q.missing(q.Cause.GAP), q.VALID).astype(np.uint16)
    return Block(tuple(f"wq-{i}.chlorine" for i in range(len(rows))), START, STEP, quantity, quantity.to_int(rows), flags)


def test_chlorine_that_halves_for_three_hours_is_one_event_at_its_time() -> None:
    values = chlorine(10, 1)
    values[8 * DAY + 40 : 8 * DAY + 52] -= 0.3
    (event,) = quality.events(block(values))
    assert event.start_utc == START + timedelta(days=8, hours=10)
    assert event.seen_utc - event.start_utc == timedelta(minutes=45)  # the fourth strange quarter
    assert event.end_utc == START + timedelta(days=8, hours=12, minutes=45)
    assert event.value == pytest.approx(event.usual - 0.3, abs=0.1)
    assert not event.outside


def test_no_chlorine_at_the_tap_is_outside_what_the_standard_allows() -> None:
    values = chlorine(9, 2)
    values[8 * DAY :] = 0.02
    (event,) = quality.events(block(values))
    assert event.outside
    assert event.end_utc is None or event.end_utc > START + timedelta(days=8, hours=11)


def test_forty_quiet_sensor_weeks_give_at_most_two_events_and_small_planted_ones_are_found() -> None:
    quiet = np.stack([chlorine(28, seed) for seed in range(10)])
    assert len(quality.events(block(quiet))) <= 2
    planted = np.stack([chlorine(10, 100 + seed) for seed in range(20)])
    planted[:, 8 * DAY : 8 * DAY + 16] -= 0.1
    found = {event.point_id for event in quality.events(block(planted)) if event.start_utc >= START + timedelta(days=8)}
    assert len(found) >= 19


def test_a_new_level_is_usual_after_half_a_day() -> None:
    values = chlorine(14, 3)
    values[8 * DAY :] += 0.4
    first = quality.events(block(values))[0]
    assert first.start_utc == START + timedelta(days=8)
    after = [event for event in quality.events(block(values)) if event.start_utc > START + timedelta(days=11)]
    assert after == []


def test_gaps_are_neither_strange_nor_usual_and_two_days_are_too_few_to_know() -> None:
    values = chlorine(10, 4)
    values[8 * DAY : 8 * DAY + 20] = np.nan
    assert quality.events(block(values)) == []
    short = chlorine(2, 5)
    short[-20:] -= 0.5
    assert quality.events(block(short)) == []


def test_a_pressure_is_no_quality_signal() -> None:
    with pytest.raises(PenstockError, match="pressure_m"):
        quality.events(block(chlorine(1, 1), Quantity.PRESSURE_M))
