"""A plan of the demo's size, and the direction binaries."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks._cities import demo_like
from optimisation import matrix, solve
from optimisation.program import baseline, formulate, plan


@pytest.fixture(scope="module")
def city():
    return demo_like(steps=96)


@pytest.fixture(scope="module")
def done(city):
    return plan(*city)


@pytest.mark.slow
def test_two_days_of_the_demo_city_are_planned_within_a_thousandth_and_save_against_doing_nothing():
    city = demo_like()
    done = plan(*city)
    assert done.status in ("optimal", "relaxed")
    assert done.gap <= 1e-3
    assert done.cost.paid < baseline(*city).cost.paid


def test_pumps_rest_and_run_as_long_as_they_must(done, values):
    for station in ("ps-lake", "ps-river"):
        on = values(done.plan, station, "running").astype(int)
        edges = np.flatnonzero(np.diff(on)) + 1
        assert (np.diff(edges) >= 4).all()
        assert ((np.diff(on) == 1).sum()) <= 2 * 6


def test_prices_of_the_balances_are_told_for_every_step(done):
    assert done.price.groupby("balance_id").size().to_dict() == {"electricity": 96, "tanks": 96}


def test_binding_limits_are_sentences_with_a_place_and_a_worth(done):
    assert any(sentence.startswith("grid: import not above the month's charged peak: binds in") for sentence in done.binding)


@pytest.mark.slow
def test_same_input_gives_the_same_plan(city, done):
    again = plan(*city)
    pd.testing.assert_frame_equal(again.plan, done.plan)
    pd.testing.assert_frame_equal(again.price, done.price)


def test_ordinary_prices_need_no_direction_binary(city):
    model = formulate(*city)
    assert "battery_sign" not in model.spreads
    assert "grid_sign" not in model.spreads


def test_no_battery_flows_both_ways_without_binaries():
    model = formulate(*demo_like(steps=48))
    found = matrix.compiled(model)
    solved = matrix.values(model, found, solve.solved(found.arrays).x)
    assert np.minimum(solved["battery_charge_kw"], solved["battery_discharge_kw"]).max() < 1e-6
    assert np.minimum(solved["grid_import_kw"], solved["grid_export_kw"]).max() < 1e-6


def test_negative_price_brings_binaries_for_its_steps_only(city):
    inputs, assets = city
    price = inputs.import_price_per_kwh.copy()
    price[10:14] = -0.2
    model = formulate(replace(inputs, import_price_per_kwh=price), assets)
    assert len(model.spreads["battery_sign"].lower) == 4
    assert len(model.spreads["grid_sign"].lower) == 4


def test_surplus_that_cannot_be_exported_does_not_flow_both_ways_through_a_battery(assets_of, hours_of, values):
    """Charging and discharging at once would burn the surplus; a first answer that does so is asked again with binaries."""
    tables = [
        {"kind": "grid", "id": "grid", "connection_kw": 100, "export_limit_kw": 0},
        {"kind": "curtailable", "id": "pv", "series": ["pv"], "least_share": 1.0},
        {"kind": "fixed_load", "id": "town", "series": ["town"]},
        {"kind": "battery", "id": "b", "power_kw": 50, "energy_kwh": 100, "charge_efficiency": 0.9, "discharge_efficiency": 0.9},
    ]
    inputs = hours_of([0.1] * 4, {"pv": [30, 5, 30, 0], "town": [10] * 4}, state={"b": {"charge_kwh": 60.0}})
    done = plan(inputs, assets_of(*tables))
    net = values(done.plan, "b", "power_kw")
    change = np.maximum(-net, 0) * 0.9 - np.maximum(net, 0) / 0.9
    assert np.diff(values(done.plan, "b", "charge_kwh")) == pytest.approx(change, abs=1e-6)
