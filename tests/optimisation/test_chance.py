"""Chance constraints: reserve below a limit, what stands by for it, and what stays in a tank, with errors whose quantiles are known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from city.problems import PenstockError
from optimisation.program import plan
from optimisation.risk import Risk
from optimisation.risk.areas import areas
from optimisation.risk.chance import reserve_kw
from optimisation.risk.errors import on_paths, quantile

GRID = {"kind": "grid", "id": "grid", "connection_kw": 1000, "contract_kw": 100, "excess_price_per_kwh": 1.0}
TOWN = {"kind": "fixed_load", "id": "town", "series": ["town"]}
BATTERY = {
    "kind": "battery",
    "id": "battery",
    "power_kw": 50,
    "energy_kwh": 100,
    "charge_efficiency": 1.0,
    "discharge_efficiency": 1.0,
    "least_share": 0.0,
    "wear_price_per_kwh": 0.5,
}
ONE_TO_TEN = np.arange(1.0, 11.0)[:, None]  # ten paths: 1 to 10 kWh more in every hour


@pytest.fixture
def city(hours_of, assets_of):
    """95 kW in each of four hours beside a contract of 100, and a battery whose use is dearer than missing reserve."""

    def made(energy_kwh=0.0, **risk):
        more = {"paths": {"town": 95 + ONE_TO_TEN * np.ones(4)}, "risk": Risk(**risk), "state": {"battery": {"charge_kwh": energy_kwh}}}
        return hours_of([0.1] * 4, {"town": [95] * 4}, **more), assets_of(GRID, TOWN, BATTERY)

    return made


def test_the_quantile_is_passed_by_no_more_than_the_share_of_paths(city):
    inputs, _ = city()
    assert quantile(inputs, {"town": 1}, 0.8) == pytest.approx([8] * 4)  # 9 and 10 pass it
    assert quantile(inputs, {"town": 1}, 0.85) == pytest.approx([9] * 4)
    assert quantile(inputs, {"town": -1}, 0.8) == pytest.approx([-3] * 4)  # -1 and -2 pass it
    assert quantile(inputs, {"town": 1}, 0.8, steps=2) == pytest.approx([8, 16, 16, 16])


def test_import_leaves_the_reserve_below_the_contract_when_it_is_worth_it(city, values):
    """92 kW may be planned: the battery gives 3 kW an hour at 0.5 rather than miss reserve at 2.0."""
    inputs, assets = city(50.0, violation_share=0.2, reserve_price_per_kwh=2.0)
    cheap_end = [a.model_copy(update={"end_least_share": 0.0}) if a.id == "battery" else a for a in assets]
    done = plan(inputs, cheap_end)
    assert values(done.plan, "grid", "power_kw") == pytest.approx([92] * 4)
    assert done.status == "optimal"
    assert done.exposure.steps_above == pytest.approx(0.2 * 4)
    assert any("the limit less the reserve for errors of the forecast" in sentence for sentence in done.binding)


def test_missing_reserve_is_told_with_its_price(city):
    done = plan(*city(violation_share=0.2, reserve_price_per_kwh=0.2))
    (breach,) = done.breaches
    assert (breach.asset, breach.what, breach.amount) == ("grid", "reserve", pytest.approx(12))  # 3 kW in four hours
    assert breach.cost == pytest.approx(2.4)
    assert breach.sentence.startswith("grid lacks up to 3 kW of the reserve that lets an error pass its limit in 20 % of steps only, in 4")
    assert done.status == "relaxed"


def test_a_battery_stands_by_with_power_and_with_energy_for_as_long_as_it_takes(city, values):
    """2 kWh back 2 kW for an hour, but 1 kW for two hours in a row."""
    for hours, kept in ((1.0, 8.0), (2.0, 4.0)):
        inputs, assets = city(2.0, violation_share=0.2, reserve_from=("battery",), reserve_h=hours)
        full = [a.model_copy(update={"energy_kwh": 2.0, "most_share": 1.0}) if a.id == "battery" else a for a in assets]
        done = plan(inputs, full)
        assert values(done.plan, "battery", "reserve_kw").sum() == pytest.approx(kept)
        (breach,) = done.breaches
        assert breach.amount == pytest.approx(12 - kept)


def test_what_a_battery_gives_and_its_reserve_fit_into_its_power(city, values):
    inputs, assets = city(100.0, violation_share=0.2, reserve_from=("battery",), reserve_h=1.0)
    small = [a.model_copy(update={"power_kw": 2.0}) if a.id == "battery" else a for a in assets]
    done = plan(inputs, small)
    assert (values(done.plan, "battery", "power_kw") + values(done.plan, "battery", "reserve_kw") <= 2.0 + 1e-9).all()


def test_a_limit_of_the_network_operator_gets_its_reserve_too(city):
    inputs, assets = city(violation_share=0.2)
    called = replace(inputs, import_limit_kw=np.array([np.inf, 96.0, np.inf, np.inf]))
    assert plan(called, assets).breaches[0].amount == pytest.approx(12 + 4)


def test_sun_errs_the_other_way_and_what_errs_together_is_known_from_the_paths(hours_of, assets_of):
    """Load and sun are both too high by the same: nothing is left for the grid."""
    tables = [GRID, TOWN, {"kind": "curtailable", "id": "pv", "series": ["pv"]}]
    paths = {"town": 95 + ONE_TO_TEN, "pv": 20 + ONE_TO_TEN}
    inputs, assets = hours_of([0.1], {"town": [95], "pv": [20]}, paths=paths), assets_of(*tables)
    (area,) = areas(assets)
    assert dict(area.draws) == {"town": 1, "pv": -1}
    assert on_paths(inputs, area.draws) == pytest.approx(np.zeros((10, 1)))


def test_an_error_behind_a_line_ends_at_the_grid_and_grows_by_what_is_lost_behind_its_meter(hours_of, assets_of):
    tables = [
        {**GRID, "loss_share": 0.2},
        {**TOWN, "balance": "feeder"},
        {"kind": "line", "id": "line", "to_balance": "feeder", "rating_kw": 500},
        {**TOWN, "id": "heat", "series": ["heat"], "balance": "heat"},
        {"kind": "boiler", "id": "boiler", "balance": "electricity", "heat_balance": "heat", "max_kw": 50},
    ]
    assets = assets_of(*tables)
    (area,) = areas(assets)
    assert dict(area.draws) == {"town": 1}  # errors of heat stay where they are
    inputs = hours_of([0.1], {"town": [95], "heat": [10]}, paths={"town": 95 + ONE_TO_TEN}, risk=Risk(violation_share=0.2))
    assert reserve_kw(inputs, area) == pytest.approx([8 / 0.8])


def test_without_paths_errors_are_taken_to_move_together(hours_of):
    inputs = hours_of([0.1], {"a": [50], "b": [50], "pv": [30]})
    bands = {
        name: {"p10": band["p50"] - low, "p50": band["p50"], "p90": band["p50"] + high}
        for (name, band), low, high in zip(inputs.series.items(), (9, 9, 3), (5, 7, 9), strict=True)
    }
    inputs = replace(inputs, series=bands)
    draws = {"a": 1, "b": 1, "pv": -1}
    assert quantile(inputs, draws, 0.9) == pytest.approx([5 + 7 + 3])
    assert quantile(inputs, draws, 0.95) == pytest.approx([15 * norm.ppf(0.95) / norm.ppf(0.9)])


@given(st.integers(2, 30), st.floats(0.01, 0.49), st.integers(0, 1000))
def test_no_larger_share_of_paths_passes_the_reserve_than_was_allowed(count, share, seed):
    from datetime import UTC, datetime

    from optimisation.inputs import PlanInput

    zero = np.zeros(3)
    drawn = np.random.default_rng(seed).normal(0, 5, (2, count, 3))
    inputs = PlanInput(
        start_utc=datetime(2022, 6, 15, 22, tzinfo=UTC),
        zone="Europe/Rome",
        series={name: {"p10": zero, "p50": zero, "p90": zero} for name in "ab"},
        import_price_per_kwh=zero,
        export_price_per_kwh=zero,
        intensity_kg_per_kwh=zero,
        state={},
        paths=dict(zip("ab", drawn, strict=True)),
        steps=3,
    )
    for steps in (1, 2):
        summed = np.array([drawn.sum(axis=0)[:, max(t + 1 - steps, 0) : t + 1].sum(axis=1) for t in range(3)])
        reserve = quantile(inputs, {"a": 1, "b": 1}, 1 - share, steps)
        assert ((summed > reserve[:, None] + 1e-9).mean(axis=1) <= share + 1e-9).all()


def test_a_tank_keeps_what_its_districts_may_take_more_until_a_new_plan(hours_of, assets_of):
    """10 m3 an hour and up to 8 more in four of five cases: 16 m3 stay for two hours, and nothing refills the tank."""
    tables = [
        TOWN,
        {"kind": "tank", "id": "tank", "series": ["water"], "volume_max_m3": 100.0, "end_least_m3": 0.0, "wish_price_per_m3h": 0.3},
        {"kind": "pump_station", "id": "pump", "tank": "tank", "flow_m3_per_h": 1.0, "power_kw": 900.0},
    ]
    inputs = hours_of(
        [9.0] * 4,
        {"town": [95] * 4, "water": [10] * 4},
        state={"tank": {"volume_m3": 50.0}, "pump": {"running": 0.0}},
        paths={"water": 10 + ONE_TO_TEN * np.ones(4)},
        risk=Risk(violation_share=0.2, reserve_h=2.0),
    )
    done = plan(inputs, assets_of(*tables))
    (breach,) = [b for b in done.breaches if b.asset == "tank"]
    assert (breach.what, breach.amount, breach.unit) == ("reserve", pytest.approx(6), "m3h")  # 10 m3 at the end instead of 16
    assert breach.cost == pytest.approx(1.8)


@pytest.mark.parametrize("name", ["batery", "town"])
def test_what_is_unknown_or_has_no_firm_power_cannot_stand_by(city, name):
    with pytest.raises(PenstockError, match=rf"risk.reserve_from: '{name}'.*battery"):
        plan(*city(violation_share=0.1, reserve_from=(name,)))


def test_a_forecast_without_band_or_paths_has_no_reserve(city):
    inputs, assets = city(violation_share=0.1)
    with pytest.raises(PenstockError, match="series 'town': no P10 and P90"):
        plan(replace(inputs, paths={}, series={"town": {"p50": np.full(4, 95.0)}}), assets)
