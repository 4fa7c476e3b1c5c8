"""A machine is all that a fit leaves behind; an answer is a function of machine and history, whoever else is asked."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from forecasting import blend, groups, machine
from forecasting.calendars import Calendar
from forecasting.forecast import LEVELS
from forecasting.machine import Machine
from forecasting.models import LADDER
from forecasting.models.task import Task

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def task(make_block, small) -> Task:
    """The night at the end of 45 days."""
    block = make_block(series=6)
    grid = Calendar().grid(block.start_utc, HOUR, block.steps + 48)
    end = np.array([block.steps], np.int64)
    return Task(block.unit_values().astype(np.float32), grid, end, 48, block.steps, small, start_utc=block.start_utc)


@pytest.fixture(scope="module")
def made(task) -> Machine:
    return machine.fit(task, LADDER["boosted"])


def test_a_machine_read_back_from_json_gives_the_same_bits(task, made):
    again = Machine.model_validate_json(made.model_dump_json())
    np.testing.assert_array_equal(again.answer(task, LEVELS).quantiles, made.answer(task, LEVELS).quantiles)


def test_what_is_said_of_a_series_does_not_depend_on_who_else_is_asked(task, made):
    together = made.answer(task, LEVELS).quantiles
    alone = np.concatenate([made.answer(task.rows(slice(i, i + 1)), LEVELS).quantiles for i in range(task.series)])
    np.testing.assert_array_equal(alone, together)


def test_the_past_members_never_saw_the_days_their_errors_are_taken_from(task, made):
    answer = made.answer(task, LEVELS)
    assert len(answer.errors.origins) == 12  # a third of the days an origin may lie on
    assert task.column(made.past_until_utc) == answer.errors.origins[0]
    assert task.column(made.known_until_utc) == task.fit_before


def test_a_stored_machine_answers_a_later_night_on_another_grid(task, made):
    """The history of a later night begins a day later; the machine finds its days by time, not by column."""
    grid, first = task.grid.since(1)
    later = replace(
        task,
        values=task.values[:, first:],
        grid=grid,
        origins=task.origins - first,
        fit_before=task.fit_before - first,
        start_utc=task.start_utc + first * HOUR,
    )
    a, b = made.answer(task, LEVELS), made.answer(later, LEVELS)
    np.testing.assert_allclose(a.quantiles, b.quantiles, rtol=1e-4)


def test_the_guard_speaks_for_a_series_whose_own_model_erred_more_by_then():
    """Ten daily origins of two hours: the first member errs by 2 and 1, the guard by 1 and 2."""
    errors = np.ones((2, 2, 10, 2), np.float32)
    errors[0, 0] = 2
    errors[1, 1] = 2
    origins = np.arange(10) * 24
    assert blend.weights(errors, origins)[..., [6, 9]].tolist() == [[[1, 0], [1, 1]], [[0, 1], [0, 0]]]  # six days are too few


def test_an_equal_guard_does_not_speak():
    errors = np.ones((2, 1, 10, 2), np.float32)
    assert blend.weights(errors, np.arange(10) * 24)[..., -1].tolist() == [[1], [0]]


def test_the_member_with_the_largest_share_is_not_taken_for_the_guard(task, made):
    """The blend answers for the first series, mostly by its last but one member; the guard alone for the second."""
    weights = np.zeros((len(made.members), 2, 1), np.float32)
    weights[:-1, 0, 0] = 0.2
    weights[-2, 0, 0] = 1 - 0.2 * (len(made.members) - 2)
    weights[-1, 1, 0] = 1
    answer = replace(made.answer(task.rows(np.arange(2)), LEVELS), weights=weights)
    part = groups.Part(groups.Question("demand", "boosted", np.arange(2), task.rows(np.arange(2))), made, answer)
    assert part.names.tolist() == ["boosted", "profile"]
