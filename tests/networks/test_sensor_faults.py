"""Sensor faults and leaks are told apart: six sensors in a row, leaks that lower those near them, an inflow that bears witness."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from networks.leakage.sensor_faults import Limits, SensorFault, diagnose, misfit

SENSORS = [f"s{i}" for i in range(6)]
TIMES = pd.date_range(datetime(2026, 3, 1, tzinfo=UTC), periods=10 * 96, freq="15min")
DAYS = np.arange(len(TIMES)) / 96
AT = np.arange(6)
LEAKS = np.hstack([-0.03 * np.exp(-np.abs(AT[:, None] - AT) / 2), np.ones((6, 1))])  # place, sensor | inflow
SD = np.array([0.05] * 6 + [2.0])


def town(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """measured, expected float[t, 7]: pressures that follow demand by day and hour, 2 cm of noise; excess inflow with 0.5 m3/h."""
    rng = np.random.default_rng(seed)
    swing = np.sin(2 * np.pi * DAYS) + 0.3 * rng.standard_normal(len(TIMES))
    expected = np.hstack([40 + AT + swing[:, None] * np.linspace(0.3, 0.8, 6), np.zeros((len(TIMES), 1))])
    noise = np.hstack([rng.normal(0, 0.02, (len(TIMES), 6)), rng.normal(0, 0.5, (len(TIMES), 1))])
    return expected + noise, expected


def said(measured: np.ndarray, expected: np.ndarray) -> list[SensorFault]:
    return diagnose(SENSORS, TIMES, measured, expected, SD, LEAKS)


def test_a_quiet_town_has_no_fault() -> None:
    assert said(*town()) == []


@pytest.mark.parametrize("place", range(6))
def test_a_leak_is_no_sensor_fault_not_even_beside_a_sensor(place: int) -> None:
    measured, expected = town()
    measured += (DAYS >= 5)[:, None] * 15 * LEAKS[place]
    assert said(measured, expected) == []


def test_two_leaks_at_once_are_no_sensor_fault() -> None:
    measured, expected = town()
    measured += (DAYS >= 5)[:, None] * (12 * LEAKS[0] + 8 * LEAKS[5])
    assert said(measured, expected) == []


def test_a_repair_that_nobody_entered_is_no_sensor_fault() -> None:
    measured, expected = town()
    assert said(measured - (DAYS >= 6)[:, None] * 15 * LEAKS[2], expected) == []


@pytest.mark.parametrize("offset", [0.4, -0.4])
def test_a_wrong_datum_is_named_with_its_size_and_hour(offset: float) -> None:
    measured, expected = town()
    measured[:, 3] += (DAYS >= 6) * offset
    (fault,) = said(measured, expected)
    assert (fault.sensor, fault.kind) == ("s3", "datum")
    assert fault.size == pytest.approx(offset, abs=0.02)
    assert abs(fault.since_utc - TIMES[6 * 96].to_pydatetime()) <= timedelta(hours=1)
    assert fault.sentence.startswith(f"Sensor s3 reads 0.40 m too {'high' if offset > 0 else 'low'} since 2026-03-0")


def test_a_drift_is_named_with_its_slope() -> None:
    measured, expected = town()
    measured[:, 1] += np.maximum(DAYS - 2, 0) * 0.06
    (fault,) = said(measured, expected)
    assert (fault.sensor, fault.kind) == ("s1", "drift")
    assert fault.size == pytest.approx(0.06, abs=0.01)


@pytest.mark.parametrize("late", [3, -2])
def test_a_wrong_clock_is_named_with_its_minutes(late: int) -> None:
    measured, expected = town()
    measured[:, 4] = np.where(DAYS >= 5, np.roll(measured[:, 4], late), measured[:, 4])
    (fault,) = said(measured, expected)
    assert (fault.sensor, fault.kind, fault.size) == ("s4", "clock", 15.0 * late)
    assert abs(fault.since_utc - TIMES[5 * 96].to_pydatetime()) <= timedelta(hours=2)


def test_a_stuck_sensor_is_named_with_its_reading() -> None:
    measured, expected = town()
    measured[900:, 2] = 42.1
    (fault,) = said(measured, expected)
    assert (fault.sensor, fault.kind, fault.size) == ("s2", "stuck", 42.1)
    assert fault.since_utc == TIMES[900].to_pydatetime()


def test_a_sensor_that_stands_still_is_stuck_and_not_late_too() -> None:
    measured, expected = town()
    measured[-4 * 48 :, :5] = 30.0
    found = said(measured, expected)
    assert len({fault.sensor for fault in found}) == len(found)


def test_a_sensor_behind_a_regulator_is_not_stuck() -> None:
    measured, expected = town()
    measured[:, 0] = expected[:, 0] = 35.0
    assert said(measured, expected) == []


def test_a_fault_beside_a_leak_is_named_alone() -> None:
    measured, expected = town()
    measured += (DAYS >= 5)[:, None] * 15 * LEAKS[5]
    measured[:, 1] += (DAYS >= 6) * 0.5
    assert [(fault.sensor, fault.kind) for fault in said(measured, expected)] == [("s1", "datum")]


def test_a_silent_sensor_is_no_fault_here_and_does_not_disturb() -> None:
    measured, expected = town()
    measured[:, 5] = np.nan
    measured[:, 3] += (DAYS >= 6) * 0.4
    assert [fault.sensor for fault in said(measured, expected)] == ["s3"]


@given(st.lists(st.floats(-1, 1), min_size=7, max_size=7), st.integers(0, 6))
def test_leaks_never_add_misfit_and_fewer_channels_never_more(residual: list[float], out: int) -> None:
    r, left = np.array(residual), np.ones(7, bool)
    none = float((r**2 / SD**2).sum())
    assert misfit(r, SD, LEAKS, left, Limits()) <= none + 1e-9
    left[out] = False
    assert misfit(r, SD, LEAKS, left, Limits(leaks=0)) <= none + 1e-9
