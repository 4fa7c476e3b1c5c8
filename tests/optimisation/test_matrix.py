"""Templates walked with arrays for indices give the rows that Pyomo gives one by one."""

import numpy as np
import pyomo.environ as pyo
import pytest
import scipy.sparse as sp

from optimisation.formulation import Formulation, templates
from optimisation.matrix import compiled

RULES = {
    "shifted": lambda m, a, t: m.x[a, t + 1] - m.x[a, t] == m.y[a, t],
    "constant on the left": lambda m, a, t: m.limit[a] >= m.x[a, t],
    "constant on the right": lambda m, a, t: m.x[a, t] >= m.limit[a] - m.price[t],
    "constants on both sides": lambda m, a, t: m.x[a, t] + 3 <= m.limit[a] + m.y[a, t] - 1,
    "between": lambda m, a, t: pyo.inequality(-m.limit[a], m.x[a, t] + 1, m.price[t]),
    "divided": lambda m, a, t: m.x[a, t] / m.limit[a] - (m.y[a, t] + 2) / 4 <= 0,
    "negative": lambda m, a, t: -(m.x[a, t] - 2 * m.y[a, t]) == -m.limit[a],
    "product of data": lambda m, a, t: m.limit[a] * m.price[t] * m.x[a, t] * 2 >= m.limit[a] ** 2,
    "twice the same": lambda m, a, t: m.x[a, t] + m.x[a, t] - m.y[a, t] + m.y[a, t] == 0,
    "step as a number": lambda m, a, t: (t + 1) * m.x[a, t] <= 10 - t,
    "sum over a set": lambda m, a, t: m.y[a, t] == sum(m.limit[b] * m.x[b, t] for b in m.A),
    "sum of a constant": lambda m, a, t: m.y[a, t] + sum(m.x[b, t] + m.limit[b] for b in m.A) == 1,
    "sum of sums": lambda m, a, t: m.y[a, t] >= sum(sum(m.price[s] * m.x[b, s] for s in m.T) for b in m.A),
    "sum over two sets": lambda m, a, t: m.y[a, t] >= sum(m.price[s] * m.x[b, s] for b in m.A for s in m.T),
    "two sums": lambda m, a, t: sum(m.x[b, t] for b in m.A) - 2 * sum(m.y[a, s] for s in m.T) == m.limit[a],
    "sum over pairs": lambda m, a, t: m.y[a, t] == sum(m.z[b, s] for b, s in m.PAIRS),
    "the same in all terms": lambda m, a, t: sum(m.y[a, t] for b in m.A) == 6,
    "one member": lambda m, a, t: m.x["b", 0] + m.x[a, t] <= m.limit["c"],
    "without an index": lambda m, a, t: m.total - m.x[a, t] >= 0,
}


@pytest.fixture
def model(hours_of):
    made = Formulation(hours_of([0.1, 0.2, 0.3, 0.4]))
    made.ids("A", ["a", "b", "c"])
    made.ids("PAIRS", [("a", 1), ("c", 3), ("b", 0)])
    made.m.NONE = pyo.Set(dimen=2, initialize=[])
    made.parameter("limit", made.m.A, [1.5, 2.5, 4.0])
    made.parameter("price", made.m.T, [0.1, 0.2, 0.3, 0.5])
    made.variable("x", made.m.A, made.m.T1)
    made.variable("y", made.m.A, made.m.T, lower=-np.inf)
    made.variable("z", made.m.PAIRS)
    made.variable("total")
    made.costs.append(lambda m: m.total + sum(m.limit[b] * m.x[b, t] + m.price[t] for b in m.A for t in m.T))
    return made


def _dense(found):
    a = found.arrays
    matrix = sp.csc_array((a.value, a.index, a.start), shape=(len(a.row_lower), len(a.cost))).toarray()
    return matrix, a.row_lower, a.row_upper, a.cost, a.offset


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_rows_from_a_template_are_those_made_one_by_one(rule, model):
    with templates():
        model.constraint("together", model.m.A, model.m.T, rule=rule)
    model.constraint("singly", model.m.A, model.m.T, rule=rule, by_row=True)
    first = next(iter(model.m.together.values()))
    assert hasattr(first, "template_expr"), "Pyomo made no template of it: the test shows nothing"
    model.close()
    matrix, low, high, _, _ = _dense(compiled(model))
    assert hasattr(first, "template_expr"), "the template was not walked but expanded row by row"
    assert matrix[:12] == pytest.approx(matrix[12:])
    assert low[:12] == pytest.approx(low[12:])
    assert high[:12] == pytest.approx(high[12:])
    assert np.abs(matrix).sum() > 0


@pytest.mark.parametrize(
    "rule",
    [
        lambda m, a, t: m.y[a, t] == sum(m.z[b, s] for b, s in m.NONE),
        lambda m, a, t: pyo.exp(m.price[t]) * m.x[a, t] <= abs(m.limit[a] - 2),
    ],
    ids=["sum over no pairs", "function of data"],
)
def test_a_template_that_cannot_be_walked_is_expanded_to_the_same_rows(rule, model):
    with templates():
        model.constraint("together", model.m.A, model.m.T, rule=rule)
    model.constraint("singly", model.m.A, model.m.T, rule=rule, by_row=True)
    model.close()
    matrix, low, high, _, _ = _dense(compiled(model))
    assert matrix[:12] == pytest.approx(matrix[12:])
    assert np.abs(matrix).sum() > 0
    assert (low[:12].tolist(), high[:12].tolist()) == (low[12:].tolist(), high[12:].tolist())


def test_rows_by_hand(model):
    model.constraint("grows", model.m.A, model.m.T, rule=lambda m, a, t: m.x[a, t + 1] - 2 * m.x[a, t] >= m.limit[a] - 1)
    with templates():
        model.close()
    matrix, low, high, cost, offset = _dense(compiled(model))
    assert matrix.shape == (12, 3 * 5 + 3 * 4 + 3 + 1)
    assert matrix[5, [6, 7]].tolist() == [-2.0, 1.0]  # asset b, step 1: x[b, 1] and x[b, 2] are columns 6 and 7
    assert np.count_nonzero(matrix) == 24
    assert low.reshape(3, 4)[:, 0].tolist() == [0.5, 1.5, 3.0]
    assert np.isinf(high).all()
    assert cost[:5].tolist() == [1.5] * 4 + [0.0]
    assert cost[-1] == 1.0
    assert offset == pytest.approx(3 * (0.1 + 0.2 + 0.3 + 0.5))


def test_a_rule_that_leaves_its_set_is_told_by_pyomo(model):
    with templates():
        model.constraint("beyond", model.m.A, model.m.T1, rule=lambda m, a, t: m.x[a, t + 1] >= 0)
        model.close()
    with pytest.raises(KeyError, match="not valid for indexed component 'x'"):
        compiled(model)


def test_a_product_of_variables_is_refused(model):
    with templates():
        model.constraint("square", model.m.A, model.m.T, rule=lambda m, a, t: m.x[a, t] * m.y[a, t] == 0)
        model.close()
    with pytest.raises(NotImplementedError, match="a product of variables"):
        compiled(model)
