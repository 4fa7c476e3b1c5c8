"""Linear programs by the interior point method: the same cost as by simplex, and no answer is believed that fails its own check."""

from dataclasses import replace

import highspy
import numpy as np
import pytest

from benchmarks.dispatch import problem
from optimisation import interior, matrix, solve
from optimisation.program import formulate


@pytest.fixture(scope="module")
def city():
    inputs, assets = problem(20, 96, 4)
    model = formulate(inputs, assets)
    found = matrix.compiled(model)
    return model, found, solve.linear(found.arrays), solve.linear(found.arrays, large=0)


def test_interior_point_costs_what_simplex_costs_and_is_certified(city):
    _, found, corner, inside = city
    assert corner.iterations > 0
    assert inside.iterations == 0, "the interior point method was not used: is highspy[extras] installed?"
    assert inside.objective == pytest.approx(corner.objective, rel=1e-6)
    for answer in (corner, inside):
        assert interior.holds(found.arrays, answer.x, answer.row_dual)


def test_interior_answer_charges_and_discharges_no_battery_at_once(city):
    model, found, _, inside = city
    solved = matrix.values(model, found, inside.x)
    assert np.minimum(solved["battery_charge_kw"], solved["battery_discharge_kw"]).max() < 1e-4


@pytest.mark.parametrize("spoil", ["x", "prices", "limit"])
def test_answer_that_is_not_optimal_or_breaks_a_limit_fails_the_check(city, spoil):
    _, found, corner, _ = city
    arrays, x, prices = found.arrays, corner.x, corner.row_dual
    if spoil == "x":  # all other things equal, more is imported than needed
        x = x + (np.arange(len(x)) == found.columns["grid_import_kw"][3]) * 1.0
    elif spoil == "prices":
        prices = prices * 1.01
    else:
        arrays = replace(arrays, col_upper=np.minimum(arrays.col_upper, np.maximum(arrays.col_lower, x - 1e-2 * np.abs(x))))
    assert not interior.holds(arrays, x, prices)


def test_without_the_extra_or_without_an_answer_simplex_decides(city, monkeypatch):
    _, found, corner, _ = city
    refuses = highspy.Highs.setOptionValue
    monkeypatch.setattr(
        highspy.Highs,
        "setOptionValue",
        lambda self, name, value: highspy.HighsStatus.kError if value == "hipo" else refuses(self, name, value),
    )
    answer = solve.linear(found.arrays, large=0)
    assert np.array_equal(answer.x, corner.x)
    nothing = replace(found.arrays, col_upper=np.zeros_like(found.arrays.col_upper), col_lower=np.zeros_like(found.arrays.col_lower))
    monkeypatch.undo()
    assert solve.linear(nothing, large=0).ended == "infeasible"
