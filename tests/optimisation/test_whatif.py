"""What-ifs solved on paper: another price, forecast, limit, and machines that are away."""

from datetime import UTC, datetime, time, timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from city.problems import PenstockError
from optimisation import whatif
from optimisation.program import Lock, plan

BATTERY = {"kind": "battery", "id": "b", "power_kw": 10, "energy_kwh": 10, "charge_efficiency": 1, "discharge_efficiency": 1} | {
    "least_share": 0.0,
    "most_share": 1.0,
}
LOAD = {"kind": "fixed_load", "id": "load", "series": ["load"]}
START = datetime(2022, 6, 15, 22, tzinfo=UTC)


def changed(inputs, assets, *changes):
    return whatif.applied(inputs, assets, whatif.CHANGES.validate_python(changes))


def test_a_price_changes_inside_its_local_window_only_and_every_day(assets_of, hours_of) -> None:
    inputs = hours_of([1.0] * 48)
    other = changed(inputs, assets_of(), {"kind": "price", "factor": 1.2, "offset_per_kwh": 0.1, "start": "18:00", "end": "21:00"})
    assert np.flatnonzero(other.import_price_per_kwh != 1.0).tolist() == [18, 19, 20, 42, 43, 44]
    assert other.import_price_per_kwh[18] == pytest.approx(1.3)
    assert (inputs.import_price_per_kwh == 1.0).all()


def test_a_window_of_instants_is_there_once_and_a_window_over_midnight_wraps(assets_of, hours_of) -> None:
    inputs = hours_of([1.0] * 48)
    once = {"start": (START + timedelta(hours=2)).isoformat(), "end": (START + timedelta(hours=4)).isoformat()}
    other = changed(inputs, assets_of(), {"kind": "price", "of": "export", "offset_per_kwh": 0.5, **once})
    assert np.flatnonzero(other.export_price_per_kwh).tolist() == [2, 3]
    night = whatif.Window(start=time(23), end=time(1)).steps(inputs)
    assert np.flatnonzero(night).tolist() == [0, 23, 24, 47]


def test_a_dearer_evening_is_what_the_battery_saves_for(assets_of, hours_of) -> None:
    """One kWh each hour; 10 kWh in the battery are worth 1 each at any hour, and 3 in the third hour."""
    inputs = hours_of([1.0, 1.0, 1.0, 1.0], {"load": [10.0] * 4}, state={"b": {"charge_kwh": 10.0}})
    assets = assets_of(LOAD, BATTERY | {"end_least_share": 0.0, "wear_price_per_kwh": 0.0})
    assert plan(inputs, assets).cost.energy == pytest.approx(30.0)
    dear = changed(inputs, assets, {"kind": "price", "factor": 3.0, "start": "02:00", "end": "03:00"})
    assert plan(dear, assets).cost.energy == pytest.approx(30.0)  # all of it in the dear hour
    away = changed(dear, assets, {"kind": "outage", "asset": "b", "start": "02:00", "end": "03:00"})
    assert plan(away, assets).cost.energy == pytest.approx(50.0)  # 30 for that hour, 10 + 10 + 10 - 10 for the others


def test_a_machine_that_is_away_stands_still_and_its_hold_gives_way(assets_of, hours_of, values) -> None:
    inputs = hours_of([1.0, 2.0, 5.0], {"load": [10.0] * 3}, state={"b": {"charge_kwh": 10.0}})
    assets = assets_of(LOAD, BATTERY | {"end_least_share": 0.0})
    held = changed(inputs, assets, {"kind": "outage", "asset": "b"})
    assert (values(plan(held, assets).plan, "b", "power_kw") == 0).all()
    locked = hours_of([1.0, 2.0], {"load": [1.0] * 2}, locks=(Lock("b", "power_kw", 3.0, START + timedelta(hours=2)),))
    (lock,) = changed(locked, assets, {"kind": "outage", "asset": "b"}).locks
    assert lock.value == 0


def test_the_outage_of_a_plant_or_a_load_is_a_forecast_of_nothing(assets_of, hours_of) -> None:
    inputs = hours_of([1.0, 1.0], {"sun": [5.0, 5.0], "load": [8.0, 8.0]})
    assets = assets_of(LOAD, {"kind": "curtailable", "id": "pv", "series": ["sun"]})
    assert plan(inputs, assets).cost.energy == pytest.approx(6.0)
    dark = changed(inputs, assets, {"kind": "outage", "asset": "pv", "start": "01:00", "end": "02:00"})
    assert plan(dark, assets).cost.energy == pytest.approx(11.0)
    quiet = changed(dark, assets, {"kind": "outage", "asset": "load", "start": "01:00", "end": "02:00"})
    assert plan(quiet, assets).cost.energy == pytest.approx(3.0)


def test_a_forecast_scales_its_quantiles_and_paths(assets_of, hours_of) -> None:
    inputs = hours_of([1.0, 1.0], {"load": [8.0, 8.0]}, paths={"load": np.array([[7.0, 7.0], [9.0, 9.0]])})
    more = changed(inputs, assets_of(LOAD), {"kind": "forecast", "series": ["load"], "factor": 1.5, "start": "01:00", "end": "02:00"})
    assert more.series["load"]["p90"].tolist() == [8.0, 12.0]
    assert more.paths["load"].tolist() == [[7.0, 10.5], [9.0, 13.5]]


def test_an_impossible_what_if_names_the_outage(assets_of, hours_of) -> None:
    """The battery must carry a load of 20 kW behind a limit of 15 kW, and is away."""
    inputs = hours_of([1.0], {"load": [20.0]}, state={"b": {"charge_kwh": 10.0}})
    assets = assets_of(LOAD, BATTERY | {"end_least_share": 0.0})
    limit = {"kind": "import_limit", "limit_kw": 15.0}
    assert plan(changed(inputs, assets, limit), assets).status == "optimal"
    found = plan(changed(inputs, assets, limit, {"kind": "outage", "asset": "b"}), assets)
    assert found.status == "impossible"
    assert any("outage of power_kw at 0" in reason for reason in found.reasons)


def test_what_differs_is_told_largest_first_in_local_time(assets_of, hours_of) -> None:
    inputs = hours_of([1.0, 1.0], {"load": [8.0, 8.0]})
    assets = assets_of(LOAD)
    half = changed(inputs, assets, {"kind": "forecast", "series": ["load"], "factor": 0.5, "start": "01:00", "end": "02:00"})
    told = whatif.differences(plan(inputs, assets).plan, plan(half, assets).plan, inputs.step_h, inputs.zone)
    assert {line.split(":")[0] for line in told} == {"grid", "load"}
    assert "4 kWh differ, 4 kWh less in sum; most at 2022-06-16 01:00, 4 instead of 8 kW." in told[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": "outage", "asset": "no"}, "no such asset"),
        ({"kind": "outage", "asset": "t"}, "it has no power to lose"),
        ({"kind": "forecast", "series": ["no"], "factor": 1}, "not part of the plan"),
        ({"kind": "price", "factor": 2, "start": START - timedelta(days=2), "end": START}, "no step of the plan begins then"),
    ],
)
def test_a_name_that_is_not_there_is_told(assets_of, hours_of, change, why) -> None:
    with pytest.raises(PenstockError, match=why):
        changed(hours_of([1.0]), assets_of({"kind": "tank", "id": "t", "volume_max_m3": 10.0}), change)


@pytest.mark.parametrize("window", [{"start": "18:00"}, {"start": "18:00", "end": "18:00"}, {"start": START, "end": START}])
def test_a_window_needs_two_ends_in_order(window) -> None:
    with pytest.raises(ValidationError):
        whatif.Window(**window)


def test_a_setpoint_holds_inside_its_span_and_the_rest_is_planned_around_it(assets_of, hours_of, values) -> None:
    """Hours at 1, 2, 5, 5 per kWh: of its 10 kWh the battery gives the 3 asked for, takes 3 back at 2, and all 10 go to the dear hours."""
    inputs = hours_of([1.0, 2.0, 5.0, 5.0], {"load": [10.0] * 4}, state={"b": {"charge_kwh": 10.0}})
    assets = assets_of(LOAD, BATTERY | {"end_least_share": 0.0, "wear_price_per_kwh": 0.0})
    span = {"start": START.isoformat(), "end": (START + timedelta(hours=1)).isoformat()}
    edited = changed(inputs, assets, {"kind": "setpoint", "asset": "b", "quantity": "power_kw", "value": 3.0, **span})
    power = values(plan(edited, assets).plan, "b", "power_kw")
    assert power[0] == pytest.approx(3.0)
    assert power[1] == pytest.approx(-3.0)
    assert power[2:].sum() == pytest.approx(10.0)
    assert plan(edited, assets).cost.energy == pytest.approx(7 * 1 + 13 * 2 + 10 * 5)


def test_a_setpoint_that_is_a_limit_lets_a_load_do_less(assets_of, hours_of) -> None:
    inputs, assets = hours_of([1.0, 1.0], {"load": [10.0, 2.0]}), assets_of(LOAD)
    edited = changed(inputs, assets, {"kind": "setpoint", "asset": LOAD["id"], "quantity": "power_kw", "value": 5.0, "limit": True})
    (lock,) = edited.locks
    assert lock.course.tolist() == [5.0, 2.0]
