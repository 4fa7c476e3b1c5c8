"""Connections to the public grid: losses, surcharges, several of them, peaks by month and an order to import less."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import scipy.optimize

from city.problems import PenstockError
from optimisation.program import baseline, plan

TOWN = {"kind": "fixed_load", "id": "town", "series": ["town"]}
SUN = {"kind": "curtailable", "id": "sun", "series": ["sun"]}
GRID = {"kind": "grid", "id": "grid", "connection_kw": 1000}
SECOND = GRID | {"id": "second"}
BATTERY = {
    "kind": "battery",
    "id": "battery",
    "power_kw": 50,
    "energy_kwh": 100,
    "charge_efficiency": 1,
    "discharge_efficiency": 1,
    "least_share": 0,
    "most_share": 1,
}


def test_losses_are_bought_on_the_way_in_and_not_sold_on_the_way_out(assets_of, hours_of, values):
    # 90 kW taken of 100 imported; of 100 kW too much, 90 are sold.
    inputs = hours_of([0.2, 0.2], {"town": [90, 0], "sun": [0, 100]}, export_price_per_kwh=np.array([0.1, 0.1]))
    assets = assets_of(GRID | {"loss_share": 0.1, "surcharge_per_kwh": 0.05}, TOWN, SUN)
    for done in (plan(inputs, assets), baseline(inputs, assets)):
        assert values(done.plan, "grid", "power_kw") == pytest.approx([100, -90])
        assert done.cost.total == pytest.approx(100 * 0.25 - 90 * 0.1)
        assert done.co2_kg == pytest.approx(100 * 0.5)


def test_two_connections_are_used_by_price_in_the_plan_and_by_rating_otherwise(assets_of, hours_of, values):
    inputs = hours_of([0.2], {"town": [400]})
    assets = assets_of(GRID | {"connection_kw": 300}, SECOND | {"connection_kw": 100}, TOWN)
    idle = baseline(inputs, assets)
    assert [values(idle.plan, name, "power_kw")[0] for name in ("grid", "second")] == pytest.approx([300, 100])
    wide = assets_of(GRID | {"surcharge_per_kwh": 0.02}, SECOND | {"connection_kw": 250}, TOWN)
    done = plan(inputs, wide)
    assert [values(done.plan, name, "power_kw")[0] for name in ("grid", "second")] == pytest.approx([150, 250])
    assert [values(baseline(inputs, wide).plan, name, "power_kw")[0] for name in ("grid", "second")] == pytest.approx([320, 80])


def test_two_connections_of_one_balance_do_not_trade_with_each_other(assets_of, hours_of, values):
    # Buying at 0.1 to sell at 0.15 through the other connection would pay, and is not what the city is for.
    inputs = hours_of([0.1, 0.1], {"town": [100, 100]}, export_price_per_kwh=np.array([0.15, 0.05]))
    done = plan(inputs, assets_of(GRID, SECOND, TOWN))
    for step in range(2):
        net = [values(done.plan, name, "power_kw")[step] for name in ("grid", "second")]
        assert sum(net) == pytest.approx(100)
        assert min(net) >= -1e-6
    assert done.cost.total == pytest.approx(20)


@pytest.mark.parametrize(("buy", "sell"), [(-0.1, -0.2), (-0.1, -0.05), (0.1, 0.2), (0.0, 0.0)])
@pytest.mark.parametrize("loss", [0.0, 0.08])
def test_no_connection_flows_both_ways_whatever_the_prices(assets_of, hours_of, values, buy, sell, loss):
    # A lossy connection could burn what must be taken at a negative price by sending it out and back.
    inputs = hours_of([buy, 0.2], {"town": [100, 100], "sun": [40, 160]}, export_price_per_kwh=np.array([sell, -0.3]))
    done = plan(inputs, assets_of(GRID | {"loss_share": loss}, TOWN, SUN | {"least_share": 1.0}))
    assert values(done.plan, "grid", "power_kw") == pytest.approx([60 / (1 - loss), -60 * (1 - loss)])
    assert done.cost.total == pytest.approx(60 / (1 - loss) * buy + 60 * (1 - loss) * 0.3)


def test_each_month_of_the_horizon_has_its_own_peak(assets_of, hours_of):
    # June has seen 150 kW; its last hour takes 200, July's first 120: 50 and 120 kW are charged, or 50 and 20 above what is usual.
    inputs = replace(hours_of([0.0] * 2, {"town": [200, 120]}, month_peak_kw=150.0), start_utc=datetime(2022, 6, 30, 21, tzinfo=UTC))
    assert inputs.civil_months == ((0,), (1,))
    for usual, charged in ((0, 50 + 120), (100, 50 + 20)):
        assets = assets_of(GRID | {"capacity_charge_per_kw_month": 3, "usual_peak_kw": usual}, TOWN)
        assert plan(inputs, assets).cost.capacity == pytest.approx(3 * charged)
        assert baseline(inputs, assets).cost.capacity == pytest.approx(3 * charged)


def test_a_battery_shaves_the_peaks_of_both_months(assets_of, hours_of, values):
    # 20 kWh in it: 1 currency/kW in either month; it must hold its 20 kWh again at the end, which takes no peak in July's low hour.
    load = [100, 80, 90, 10]
    inputs = replace(
        hours_of([0.0] * 4, {"town": load}, state={"battery": {"charge_kwh": 20.0}}), start_utc=datetime(2022, 6, 30, 20, tzinfo=UTC)
    )
    done = plan(inputs, assets_of(GRID | {"capacity_charge_per_kw_month": 1}, TOWN, BATTERY))
    # x = peak of June, peak of July, net discharge of each hour
    row = np.eye(4)
    a_ub = np.vstack([np.hstack([[[-1, 0], [-1, 0], [0, -1], [0, -1]], -row]), np.hstack([np.zeros((4, 2)), np.tril(np.ones((4, 4)))])])
    a_eq = np.array([[0, 0, 1, 1, 1, 1.0]])
    answer = scipy.optimize.linprog(
        [1, 1, 0, 0, 0, 0], A_ub=a_ub, b_ub=[-x for x in load] + [20] * 4, A_eq=a_eq, b_eq=[0], bounds=[(0, None)] * 2 + [(-50, 50)] * 4
    )
    assert done.cost.total == pytest.approx(answer.fun)
    assert done.cost.capacity == pytest.approx(answer.fun)


def test_several_charged_connections_each_need_their_own_peak_so_far(assets_of, hours_of):
    charged = {"capacity_charge_per_kw_month": 2}
    assets, inputs = assets_of(GRID | charged, SECOND | charged, TOWN), hours_of([0.1], {"town": [300]}, month_peak_kw=500.0)
    with pytest.raises(PenstockError, match="asset grid, state 'month_peak_kw': unknown"):
        plan(inputs, assets)
    known = replace(inputs, state={"grid": {"month_peak_kw": 100.0}, "second": {"month_peak_kw": 150.0}})
    assert plan(known, assets).cost.capacity == pytest.approx(2 * 50)  # 300 kW are 50 more than both have seen
    only = assets_of(GRID | charged, TOWN)
    assert plan(inputs, only).cost.capacity == 0  # the city's metered peak is that of its one charged connection


def test_an_order_to_import_less_is_kept_by_all_connections_together(assets_of, hours_of, values):
    inputs = hours_of([0.1] * 3, {"town": [120, 120, 20]}, state={"battery": {"charge_kwh": 50.0}})
    ordered = replace(inputs, import_limit_kw=np.array([np.inf, 90.0, np.inf]))
    done = plan(ordered, assets_of(GRID, SECOND, TOWN, BATTERY))
    assert sum(values(done.plan, name, "power_kw")[1] for name in ("grid", "second")) <= 90 + 1e-6
    alone = assets_of(GRID, TOWN)
    idle = baseline(ordered, alone)
    assert "grid imports up to 30 kW above the network operator's limit of 90 kW in 1 steps" in idle.breaches[0].sentence
    done = plan(ordered, alone)
    assert done.status == "impossible"
    assert "city: imports at most 90 kW by order of the network operator" in " ".join(done.reasons)


def test_doing_nothing_tells_what_no_connection_can_take(assets_of, hours_of):
    inputs = hours_of([0.1], {"town": [0], "sun": [80]})
    idle = baseline(inputs, assets_of(GRID | {"export_limit_kw": 50}, TOWN, SUN))
    assert idle.status == "relaxed"
    assert idle.breaches[0].sentence.startswith("grid exports up to 30 kW above the export limit of 50 kW")
