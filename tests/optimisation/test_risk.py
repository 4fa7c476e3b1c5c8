"""Weights, the demand charge on sample paths, and the account of both: cities of two hours that a person can solve."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import scipy.optimize

from benchmarks._cities import demo_like
from city.problems import PenstockError
from optimisation import matrix, solve
from optimisation.program import formulate, plan
from optimisation.risk import Risk, Weights
from optimisation.risk.demand_charge import cvar

GRID = {"kind": "grid", "id": "grid", "connection_kw": 1000, "capacity_charge_per_kw_month": 1.0}
TOWN = {"kind": "fixed_load", "id": "town", "series": ["town"]}
BATTERY = {
    "kind": "battery",
    "id": "battery",
    "power_kw": 50,
    "energy_kwh": 100,
    "charge_efficiency": 1.0,
    "discharge_efficiency": 1.0,
    "least_share": 0.0,
    "most_share": 1.0,
    "end_price_per_kwh": 0.0,
}
PATHS = {"town": np.array([[130.0, 100.0], [100.0, 110.0], [100.0, 100.0]])}


@pytest.fixture
def two_hours(hours_of, assets_of):
    """100 kW in both hours, 20 kWh in the battery, three paths: 30 kW more in the first hour, 10 more in the second, or neither."""

    def made(**more):
        state = {"battery": {"charge_kwh": 20.0}}
        return hours_of([0.1, 0.1], {"town": [100, 100]}, state=state, paths=PATHS, **more), assets_of(GRID, TOWN, BATTERY)

    return made


def test_cvar_is_the_mean_of_the_worst_with_the_edge_in_part():
    assert cvar(np.array([1.0, 2.0, 3.0, 4.0]), 0.25) == 4.0
    assert cvar(np.array([1.0, 2.0, 3.0, 4.0]), 0.5) == 3.5
    assert cvar(np.array([1.0, 2.0, 3.0, 4.0]), 0.375) == pytest.approx((4 + 0.5 * 3) / 1.5)
    assert cvar(np.array([1.0, 2.0, 3.0, 4.0]), 1.0) == 2.5


def test_without_risk_the_battery_levels_the_medians_and_the_paths_say_what_that_is_worth(two_hours, values):
    done = plan(*two_hours())
    assert values(done.plan, "battery", "power_kw") == pytest.approx([10, 10])
    assert done.cost.capacity == pytest.approx(90)
    assert done.exposure.charge_mean == pytest.approx((120 + 100 + 90) / 3)
    assert done.exposure.peak_tail_kw == pytest.approx(120)  # the worst tenth is a part of the worst path


def test_cvar_of_the_worst_third_puts_all_of_the_battery_into_the_hour_of_the_worst_path(two_hours, values):
    """x kWh in the first hour leave peaks of max(130 - x, 80 + x), 90 + x and 80 + x; the worst is least at x = 20."""
    done = plan(*two_hours(risk=Risk(peak_weight=1.0, peak_tail=1 / 3)))
    assert values(done.plan, "battery", "power_kw") == pytest.approx([20, 0])
    assert done.exposure.charge_tail == pytest.approx(110)
    assert done.cost.capacity + done.cost.risk == pytest.approx(110)
    assert done.cost.paid == pytest.approx(0.1 * 180 + 100)
    assert done.cost.total == pytest.approx(0.1 * 180 + 110)


def test_the_mean_of_the_demand_charge_is_least_where_the_slopes_of_the_paths_cancel(two_hours, values):
    """The mean of the three peaks falls with x up to 10 and rises from there."""
    done = plan(*two_hours(risk=Risk(peak_weight=0.0)))
    assert values(done.plan, "battery", "power_kw")[0] == pytest.approx(10)
    assert done.cost.capacity + done.cost.risk == pytest.approx(310 / 3)


def test_a_peak_already_incurred_is_charged_on_no_path(two_hours):
    done = plan(*two_hours(risk=Risk(peak_weight=1.0, peak_tail=1 / 3), month_peak_kw=105.0))
    assert done.cost.capacity + done.cost.risk == pytest.approx(5)
    assert done.exposure.charge_tail == pytest.approx(5)


def test_each_month_of_the_horizon_has_a_tail_of_its_own(two_hours):
    """One hour in June and one in July: the worst paths are 130 - x and 90 + x, whatever the battery does."""
    done = plan(*two_hours(start_utc=datetime(2022, 6, 30, 21, tzinfo=UTC), risk=Risk(peak_weight=1.0, peak_tail=1 / 3)))
    assert done.cost.capacity + done.cost.risk == pytest.approx(220)


def test_cvar_equals_that_of_scipy_on_random_paths(hours_of, assets_of):
    """import, discharge - charge, running content, P, eta, u written by hand; all paths, several tails."""
    rng = np.random.default_rng(3)
    n, k, weight = 6, 12, 0.7
    town, price = rng.uniform(50, 100, n), rng.uniform(0.1, 0.3, n)
    error = rng.normal(0, 10, (k, n))
    for tail in (0.1, 0.25, 1.0):
        risk = Risk(peak_weight=weight, peak_tail=tail)
        inputs = hours_of(price, {"town": town}, state={"battery": {"charge_kwh": 50.0}}, paths={"town": town + error}, risk=risk)
        ours = plan(inputs, assets_of(GRID, TOWN, BATTERY)).cost.total
        cost = np.concatenate([price, np.zeros(n), np.full(k, (1 - weight) / k), [weight], np.full(k, weight / tail / k)])
        eye, peaks, flow, low = np.eye(n), np.repeat(np.eye(k), n, 0), np.tile(np.eye(n), (k, 1)), np.tril(np.ones((n, n)))
        above = np.hstack([flow, np.zeros((k * n, n)), -peaks, np.zeros((k * n, 1 + k))])
        worst = np.hstack([np.zeros((k, 2 * n)), np.eye(k), -np.ones((k, 1)), -np.eye(k)])
        content = np.hstack([np.zeros((n, n)), low, np.zeros((n, 2 * k + 1))])
        answer = scipy.optimize.linprog(
            cost,
            A_ub=np.vstack([above, worst, content, -content]),
            b_ub=np.concatenate([-error.ravel(), np.zeros(k), np.full(n, 50.0), np.full(n, 50.0)]),
            A_eq=np.hstack([eye, eye, np.zeros((n, 2 * k + 1))]),
            b_eq=town,
            bounds=[(0, 1000)] * n + [(-50, 50)] * n + [(0, None)] * (2 * k + 1),
        )
        assert ours == pytest.approx(answer.fun, rel=1e-7)


def test_a_weight_on_carbon_moves_energy_to_the_clean_hour_and_is_not_billed(hours_of, assets_of, values):
    """10 kWh at 0.1/kWh and 0.5 kg, or at 0.2 and 0.1 kg: 0.4 kg less cost 0.1, so they are worth it from 250 per tonne on."""
    tables = [{**GRID, "capacity_charge_per_kw_month": 0.0}, TOWN, BATTERY]
    state, intensity = {"battery": {"charge_kwh": 0.0}}, np.array([0.5, 0.1])
    for weight, kg in ((240.0, 5.0), (260.0, 1.0)):
        inputs = hours_of([0.1, 0.2], {"town": [0, 10]}, state=state, intensity_kg_per_kwh=intensity, weights=Weights(carbon_per_t=weight))
        done = plan(inputs, assets_of(*tables))
        assert done.co2_kg == pytest.approx(kg)
        assert done.cost.weights == pytest.approx(weight * kg / 1000)
        assert done.cost.paid == pytest.approx(1.0 if kg == 5.0 else 2.0)


def test_a_cap_with_a_price_is_broken_where_the_price_is_lower_than_its_worth(hours_of, assets_of):
    tables = [{**GRID, "capacity_charge_per_kw_month": 0.0}, TOWN, BATTERY]
    more = {"state": {"battery": {"charge_kwh": 0.0}}, "intensity_kg_per_kwh": np.array([0.5, 0.1]), "carbon_cap_kg": 3.0}
    for price, kg, status in ((240.0, 5.0, "relaxed"), (260.0, 3.0, "optimal")):
        inputs = hours_of([0.1, 0.2], {"town": [0, 10]}, weights=Weights(carbon_over_per_t=price), **more)
        done = plan(inputs, assets_of(*tables))
        assert (done.co2_kg, done.status) == (pytest.approx(kg), status)
    hard = plan(hours_of([0.1, 0.2], {"town": [0, 10]}, **{**more, "carbon_cap_kg": 0.5}), assets_of(*tables))
    assert hard.status == "impossible"
    assert any("emits at most 0.5 kg CO2e" in reason for reason in hard.reasons)


def test_a_peak_has_a_weight_and_a_cap(hours_of, assets_of, values):
    tables = [{**GRID, "capacity_charge_per_kw_month": 0.0}, TOWN, BATTERY]
    state = {"battery": {"charge_kwh": 0.0}}
    for weight, peak in ((0.09, 10.0), (0.11, 5.0)):  # a kW less is a kWh in the dear hour: 0.1
        inputs = hours_of([0.1, 0.2], {"town": [0, 10]}, state=state, weights=Weights(peak_per_kw=weight))
        assert plan(inputs, assets_of(*tables)).peak_kw == pytest.approx(peak)
    assert plan(hours_of([0.1, 0.2], {"town": [0, 10]}, state=state, peak_cap_kw=7.0), assets_of(*tables)).peak_kw == pytest.approx(7)


def test_the_account_of_a_plan_with_everything_laid_on_is_the_solvers_objective():
    inputs, assets = demo_like(steps=48)
    rng = np.random.default_rng(1)
    inputs = replace(
        inputs,
        paths={name: band["p50"] * (1 + 0.1 * rng.standard_normal((20, 48))) for name, band in inputs.series.items()},
        month_peak_kw=1500.0,
        risk=Risk(violation_share=0.1, reserve_from=("battery-01",), peak_weight=0.4),
        weights=Weights(carbon_per_t=50.0, peak_per_kw=2.0, carbon_over_per_t=100.0),
        carbon_cap_kg=10_000.0,
    )
    done = plan(inputs, assets)
    model = formulate(inputs, assets)
    found = matrix.compiled(model)
    objective = solve.solved(found.arrays).objective + model.constant
    assert done.cost.total == pytest.approx(objective, rel=1e-3)
    assert done.cost.risk > 0
    assert done.cost.weights == pytest.approx(50 * done.co2_kg / 1000 + 2 * done.peak_kw)


def test_paths_of_another_horizon_are_told(two_hours):
    inputs, assets = two_hours()
    with pytest.raises(PenstockError, match="sample paths: shapes"):
        plan(replace(inputs, paths={"town": np.zeros((3, 5))}), assets)


def test_a_risk_that_cannot_be_guarded_against_is_told(two_hours):
    inputs, assets = two_hours(risk=Risk(peak_weight=0.5))
    done = plan(replace(inputs, paths={}), assets)
    assert done.exposure is None
    assert any(note.startswith("There are no sample paths") for note in done.notes)
