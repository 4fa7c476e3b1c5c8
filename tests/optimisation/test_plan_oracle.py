"""The build path against problems written by hand as arrays, and against Pyomo's own way to a matrix."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

import optimisation.formulation as formulation_module
from benchmarks._cities import demo_like
from benchmarks._contradictions import contradictory
from benchmarks.dispatch import problem, raw_highs
from optimisation import matrix, solve
from optimisation.program import formulate


@pytest.mark.parametrize(("n", "t", "seed"), [(1, 24, 1), (5, 48, 2), (20, 96, 3)])
def test_objective_equals_that_of_raw_arrays(n, t, seed):
    inputs, assets = problem(n, t, seed)
    ours = solve.solved(matrix.compiled(formulate(inputs, assets)).arrays).objective
    raw = raw_highs(inputs, assets)
    solve.run(raw)
    assert ours == pytest.approx(raw.getInfo().objective_function_value, rel=1e-6)


def test_objective_equals_that_of_scipy_for_one_battery():
    inputs, assets = problem(1, 24, 7)
    battery, t, h = assets[2], 24, inputs.step_h
    low = np.tril(np.ones((t, t))) * h
    # x = import, charge, discharge, short; the stored energy is a running sum instead of a variable
    stored = np.hstack([np.zeros((t, t)), low * battery.charge_efficiency, -low / battery.discharge_efficiency, np.zeros((t, 1))])
    start, size = inputs.state[battery.id]["charge_kwh"], battery.energy_kwh
    end = stored[-1].copy()
    end[-1] = 1.0
    answer = scipy.optimize.linprog(
        np.concatenate(
            [inputs.import_price_per_kwh * h, np.zeros(t), np.full(t, battery.wear_price_per_kwh * h), [battery.end_price_per_kwh]]
        ),
        A_ub=np.vstack([stored, -stored, -end]),
        b_ub=np.concatenate([np.full(t, battery.most_share * size - start), np.full(t, start - battery.least_share * size), [0.0]]),
        A_eq=np.hstack([np.eye(t), -np.eye(t), np.eye(t), np.zeros((t, 1))]),
        b_eq=inputs.power("town"),
        bounds=[(0, assets[0].connection_kw)] * t + [(0, battery.power_kw)] * (2 * t) + [(0, None)],
    )
    ours = solve.solved(matrix.compiled(formulate(inputs, assets)).arrays).objective
    assert ours == pytest.approx(answer.fun, rel=1e-6)


@pytest.mark.parametrize(
    "city", [lambda: demo_like(steps=24), lambda: problem(3, 12, 1), lambda: contradictory(5)], ids=["demo", "cap", "held"]
)
def test_matrix_is_that_of_pyomos_own_compiler_without_templates(city, monkeypatch):
    inputs, assets = city()
    ours = matrix.compiled(formulate(inputs, assets))
    plain = formulation_module.templates
    monkeypatch.setattr(formulation_module, "templates", lambda on=True: plain(False))
    monkeypatch.setattr("optimisation.program.templates", lambda on=True: plain(False))
    model = formulate(inputs, assets)
    form = LinearStandardFormCompiler().write(model.m, mixed_form=True)
    at = np.array([_column(model, ours, data) for data in form.columns])
    cost, theirs = np.zeros(len(ours.arrays.cost)), sp.lil_array((len(form.rows), len(ours.arrays.cost)))
    cost[at], theirs[:, at] = form.c.toarray().ravel(), form.A
    a = ours.arrays
    row_of = {name_and_index: row for row, name_and_index in enumerate(ours.rows)}
    rows = np.array([row_of[row.constraint.parent_component().local_name, row.constraint.index()] for row in form.rows])
    assert len(set(rows.tolist())) == len(a.row_lower)
    limits = np.where(np.array([row.bound_type for row in form.rows]) < 0, a.row_lower[rows], a.row_upper[rows])
    assert cost == pytest.approx(a.cost)
    assert limits == pytest.approx(np.asarray(form.rhs, dtype=float))
    assert a.offset == pytest.approx(float(form.c_offset[0]))
    assert abs(sp.csc_array((a.value, a.index, a.start), shape=(len(rows), len(a.cost)))[rows] - theirs.tocsc()).max() < 1e-12
    for data, column in zip(form.columns, at.tolist(), strict=True):
        low, high = data.bounds
        assert (low, high) == (_told(a.col_lower[column]), _told(a.col_upper[column]))
        assert data.is_integer() == a.integer[column]


def _column(model, ours, data):
    name, index = data.parent_component().local_name, data.index()
    return int(ours.columns[name][model.spreads[name].places.of(index if isinstance(index, tuple) else (index,))])


def _told(limit):
    return float(limit) if np.isfinite(limit) else None


def test_only_rules_that_look_things_up_are_built_row_by_row():
    inputs, assets = demo_like(steps=24)
    model = formulate(inputs, assets).m
    kinds = {
        name: type(next(iter(model.component(name).values()))).__name__
        for name in ("battery_balance", "balance_of_electricity", "ev_balance")
    }
    assert set(kinds.values()) == {"TemplateConstraintData"}


def test_price_of_one_more_kilowatt_hour_is_the_change_of_the_objective(assets_of, hours_of):
    from optimisation.program import plan

    tables = [
        {"kind": "fixed_load", "id": "town", "series": ["town"]},
        {"kind": "battery", "id": "battery", "power_kw": 30, "energy_kwh": 60, "wear_price_per_kwh": 0.01},
        {
            "kind": "interruptible",
            "id": "mill",
            "series": ["mill"],
            "max_curtail_share": 0.5,
            "budget_kwh_per_day": 20,
            "payment_per_kwh": 0.2,
        },
    ]
    prices, town = [0.1, 0.45, 0.2, 0.3], np.array([50.0, 60.0, 70.0, 80.0])
    state = {"battery": {"charge_kwh": 30.0}}

    def made(load):
        return plan(hours_of(prices, {"town": load, "mill": [40.0] * 4}, state=state, step_s=1800), assets_of(*tables))

    base = made(town)
    for step, price in enumerate(base.price.currency_per_unit):
        more = town.copy()
        more[step] += 0.01
        assert (made(more).cost.total - base.cost.total) / 0.01 == pytest.approx(price, rel=1e-4)
