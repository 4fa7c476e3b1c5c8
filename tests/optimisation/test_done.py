"""What a plan in force has done by the time the next one begins, where no meter tells."""

from datetime import UTC, datetime

import numpy as np
import pytest

from optimisation.asset import Past
from optimisation.assets import ASSETS

WASH = {
    "kind": "process",
    "id": "wash",
    "phases": [{"power_kw": 50, "hours": 2}],
    "runs_per_day": 2,
    "from_local": "06:00",
    "until_local": "22:00",
}
COLD = {"kind": "deferrable_load", "id": "cold", "energy_kwh": 40, "max_kw": 10, "from_local": "06:00", "until_local": "18:00"}
WORKS = {
    "kind": "interruptible",
    "id": "works",
    "series": ["w"],
    "max_curtail_share": 0.5,
    "budget_kwh_per_day": 100,
    "payment_per_kwh": 0.1,
}


def done(table, hour, state=None, **values):
    """States at `hour` o'clock after hourly steps that begin as many hours before it as there are values."""
    asset = ASSETS.validate_python([table])[0]
    return asset.done(
        Past({k: np.array(v, dtype=float) for k, v in values.items()}, 1.0, datetime(2022, 6, 15, hour, tzinfo=UTC), state or {})
    )


@pytest.mark.parametrize(
    ("hour", "starts", "running", "runs", "steps"),
    [
        (10, [0, 1, 0, 0], [0, 1, 1, 0], 1, 0),  # one run, over
        (10, [1, 0, 0, 1], [1, 1, 0, 1], 1, 1),  # one over, one an hour in
        (7, [1, 0, 0], [1, 1, 0], 0, 0),  # before its window opened at six
    ],
)
def test_runs_made_and_under_way(hour, starts, running, runs, steps):
    assert done(WASH, hour, starts=starts, running=running, power_kw=running) == {"runs_done": runs, "steps_done": steps}


def test_a_run_that_was_under_way_when_the_plan_began_counts_once_it_is_over():
    state = {"runs_done": 0.0, "steps_done": 1.0}
    assert done(WASH, 9, state, starts=[0], running=[1], power_kw=[50]) == {"runs_done": 1, "steps_done": 0}
    assert done(WASH, 9, {"runs_done": 1.0, "steps_done": 0.0}, starts=[1], running=[1], power_kw=[50]) == {"runs_done": 1, "steps_done": 1}


def test_energy_taken_since_the_window_opened():
    assert done(COLD, 8, power_kw=[9, 5, 10]) == {"done_kwh": 15}
    assert done(COLD, 8, {"done_kwh": 7.0}, power_kw=[10]) == {"done_kwh": 17}


def test_what_is_spent_of_the_days_budgets():
    told = done(WORKS, 2, interrupted_kw=[30, 20, 0, 25], power_kw=[0, 0, 0, 0])
    assert told == {"interrupted": 1, "since_steps": 1, "starts_today": 1, "kwh_today": 25, "hours_today": 1}


def test_what_nobody_planned_tells_nothing():
    assert done(WASH, 10) == done(COLD, 10) == done(WORKS, 10) == {}
