"""The benchmark of cleaning: its faults are where it says, and a smoke run prints its keys."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from benchmarks import clean, data_folder
from city.problems import PenstockError
from forecasting.calendars import Calendar
from forecasting.models.task import ForecastSettings, Task


def task() -> Task:
    grid = Calendar(country=None).grid(datetime(2022, 2, 27, 23, tzinfo=UTC), timedelta(hours=1), 24 * 122)
    noise = np.random.default_rng(2).normal(1, 0.03, (8, 24 * 122))
    values = (100 * (1 + 0.4 * np.sin(grid.slot / 24 * 2 * np.pi)) * noise).astype(np.float32)
    return Task(values, grid, np.array([24 * 120]), 48, 24 * 120, ForecastSettings())


def test_faults_lie_before_the_origin_and_where_it_says():
    asked = task()
    bad = clean.spoilt(asked, np.random.default_rng(1))
    end = 24 * 120
    assert sorted(bad.fault) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert np.array_equal(bad.values[:, end:], asked.values[:, end:])
    changed = bad.values != asked.values
    assert not (changed & ~bad.at)[bad.fault < 3].any()
    for row in np.flatnonzero(bad.step_day >= 0):
        first = int(np.searchsorted(asked.grid.day, bad.step_day[row]))
        assert changed[row, :first].all()
        assert not changed[row, first:].any()


def test_what_was_put_into_a_plain_history_is_found():
    asked = task()
    bad = clean.spoilt(asked, np.random.default_rng(1))
    _, made, _ = clean.cleaned(Task(bad.values, asked.grid, asked.origins, 48, asked.fit_before, asked.settings))
    for name, (hit, put, told) in clean.found(asked, bad, made).items():
        assert hit >= 0.9 * put, name
        assert hit >= 0.9 * told, name


@pytest.mark.data
@pytest.mark.slow
def test_a_smoke_run_prints_its_keys():
    try:
        data_folder("load")
    except PenstockError as error:
        pytest.skip(str(error))
    words = [sys.executable, "-m", "benchmarks", "clean", "--json", "--quick"]
    figures = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    assert {"found_stuck", "right_stuck", "found_step", "false_steps_per_series_year", "clean_us_per_series_day"} <= set(figures)
    assert {row["history"] for row in figures["rmae"]} == {"sound", "sound cleaned", "spoilt", "spoilt cleaned"}
