"""The gate: a machine that errs more is refused and kept, the one before it goes on; the first is held against the profile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from forecasting import groups, machine
from forecasting.calendars import Calendar
from forecasting.models import Naive, Profile, members
from forecasting.models.task import ForecastSettings
from service.forecasts import gate

START, HOUR, DAYS = datetime(2022, 2, 27, 23, 0, tzinfo=UTC), timedelta(hours=1), 80
SETTINGS = ForecastSettings(trees=40, leaves=15, train_rows=8_000, calibration_rows=6_000, calibration_days=21)


@pytest.fixture(scope="module")
def question() -> groups.Question:
    """Six series whose days follow the one before by half: trees can learn that, the profile cannot."""
    rng = np.random.default_rng(5)
    level = np.zeros((6, DAYS))
    for d in range(1, DAYS):
        level[:, d] = 0.8 * level[:, d - 1] + rng.normal(0, 0.15, 6)
    shape = 1 + 0.4 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    values = (10 * (shape + level[:, :, None])).reshape(6, -1) + rng.normal(0, 0.2, (6, DAYS * 24))
    ids = tuple(f"feeder-{i}" for i in range(6))
    h = groups.History(ids, ("load",) * 6, values.astype(np.float32), START, HOUR)
    return groups.question(h, "demand", "boosted", np.arange(6), Calendar(), 48, [0], SETTINGS)


def test_a_machine_that_only_repeats_last_week_is_refused_and_one_as_good_goes_live(question: groups.Question) -> None:
    found = gate.judge_task(question)
    assert found is not None
    task, _ = found
    good, bad = (machine.fit(question.task, some) for some in (members("boosted", question.task.series), (Naive(),)))
    days = gate.guarded(good, task)
    assert days.tolist() == [True] * 7
    naive = gate.plain(Naive(), task)
    of = {name: gate.score(gate.tried(one, task), naive, days) for name, one in (("good", good), ("bad", bad))}
    assert of["good"] is not None
    assert of["good"] < 0.9
    assert of["bad"] == pytest.approx(1, abs=0.01)
    state, sentence = gate.verdict("boosted", of["bad"], of["good"], "the live one (12345678)")
    assert state == "refused"
    assert "that of the live one (12345678)" in sentence
    assert gate.verdict("boosted", of["good"], of["good"], "itself")[0] == "live"
    assert gate.verdict("boosted", of["good"], gate.score(gate.plain(Profile(), task), naive, days), "the profile")[0] == "live"


def test_the_tolerance_is_five_per_cent_and_rungs_without_a_simpler_one_are_not_judged() -> None:
    assert gate.verdict("boosted", 1.049, 1.0, "it")[0] == "live"
    assert gate.verdict("boosted", 1.051, 1.0, "it")[0] == "refused"
    assert gate.verdict("naive", 9.0, 1.0, "it")[0] == "live"
    assert gate.verdict("boosted", None, 1.0, "it") == ("live", "live: too little history to judge it by")


def test_a_history_of_nine_days_is_too_short_to_judge_by(question: groups.Question) -> None:
    values = question.task.values.copy()
    values[:, : -9 * 24] = np.nan
    assert gate.judge_task(groups.Question("demand", "boosted", question.rows, replace(question.task, values=values))) is None


def test_the_figures_of_the_gate_are_means_over_its_origins(question: groups.Question) -> None:
    found = gate.judge_task(question)
    assert found is not None
    task, _ = found
    naive = gate.plain(Naive(), task)
    rows = gate.figures(["a"], "boosted", naive, naive)
    error = np.abs(task.targets() - Naive().predict(task))[0]
    assert [row["day"] for row in rows] == [1, 2]
    assert rows[0]["mae"] == pytest.approx(float(error[:, :24].mean()), rel=1e-5)
    assert rows[1]["n"] == 7 * 24
