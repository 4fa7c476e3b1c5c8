"""What less carbon, or a lower peak, costs: two hours that can be solved on paper, and a city of the demo's size."""

import numpy as np
import pytest

from benchmarks._cities import demo_like
from city.problems import PenstockError
from optimisation.pareto import cost, front, undominated
from optimisation.program import plan

TABLES = (
    {"kind": "grid", "id": "grid", "connection_kw": 100},
    {"kind": "fixed_load", "id": "town", "series": ["town"]},
    {
        "kind": "battery",
        "id": "battery",
        "power_kw": 50,
        "energy_kwh": 100,
        "charge_efficiency": 1.0,
        "discharge_efficiency": 1.0,
        "least_share": 0.0,
        "end_price_per_kwh": 0.0,
    },
)


@pytest.fixture
def two_hours(hours_of, assets_of):
    """10 kWh in the second hour: bought there at 0.2 and 0.1 kg per kWh, or an hour earlier at 0.1 and 0.5 kg."""
    intensity = np.array([0.5, 0.1])
    return hours_of([0.1, 0.2], {"town": [0, 10]}, state={"battery": {"charge_kwh": 0.0}}, intensity_kg_per_kwh=intensity), assets_of(
        *TABLES
    )


def test_points_between_cost_and_carbon_lie_on_the_line_of_the_paper(two_hours):
    """x kWh in the first hour cost 2 - 0.1 x and emit 1 + 0.4 x."""
    table = front(*two_hours, points=3).table
    carbon = table[table.trade == "co2_kg"]
    assert carbon.co2_kg.to_list() == pytest.approx([5, 3, 1])
    assert carbon.cost.to_list() == pytest.approx([1, 1.5, 2])


def test_points_between_cost_and_peak_too(two_hours):
    """The peak is max(x, 10 - x)."""
    table = front(*two_hours, points=3).table
    peak = table[table.trade == "peak_kw"]
    assert peak.peak_kw.to_list() == pytest.approx([10, 7.5, 5])
    assert peak.cost.to_list() == pytest.approx([1, 1.25, 1.5])


def test_carbon_that_costs_more_than_the_dearest_price_is_not_saved(two_hours):
    """A tonne less costs 250."""
    table = front(*two_hours, points=3, dearest_per_t=200.0).table
    assert (table.trade == "co2_kg").sum() == 1


def test_of_plans_that_cost_the_same_the_cleaner_one_is_shown(hours_of, assets_of):
    inputs = hours_of([0.1, 0.1], {"town": [0, 10]}, state={"battery": {"charge_kwh": 0.0}}, intensity_kg_per_kwh=np.array([0.5, 0.1]))
    table = front(inputs, assets_of(*TABLES), points=2).table
    assert table.co2_kg.iloc[0] == pytest.approx(1.0)


def test_no_point_of_a_city_is_beaten_by_another_and_each_is_the_account_of_its_plan():
    found = front(*demo_like(steps=48), points=3)
    for _, trade in found.table.groupby("trade"):
        figure = trade.trade.iloc[0]
        assert len(trade) >= 2
        assert trade.cost.is_monotonic_increasing
        assert trade[figure].is_monotonic_decreasing
    for row, one in zip(found.table.itertuples(), found.results, strict=True):
        assert (row.cost, row.co2_kg, row.peak_kw) == (cost(one), one.co2_kg, one.peak_kw)
        assert one.status in ("optimal", "relaxed")


def test_a_beaten_plan_is_left_out(two_hours):
    inputs, assets = two_hours
    cheap = plan(inputs, assets)
    assert undominated([cheap, cheap], "co2_kg") == [cheap]


def test_a_city_that_cannot_be_planned_has_no_points(hours_of, assets_of):
    with pytest.raises(PenstockError, match="The plan is impossible"):
        front(hours_of([0.1], {"town": [500]}, state={"battery": {"charge_kwh": 0.0}}), assets_of(*TABLES))
