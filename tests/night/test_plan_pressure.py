"""EPANET has the last word on the night's pumps: pressures are its own, operating points and cuts correct the plan."""

from dataclasses import replace

import pytest

from service.environment import Environment
from service.plans.asking import question_of
from service.plans.begin import present_values
from service.plans.making import Planner
from service.plans.pressure import Waterworks, pressures, waterworks
from service.plans.verified import verified
from service.settings import LoadedCity, load
from service.store import open_store, results
from tests.commands import Penstock

pytestmark = pytest.mark.slow


def _works(city: LoadedCity, engine, inputs) -> Waterworks:
    works = waterworks(city, inputs, present_values(city, engine))
    assert works is not None
    return works


def test_the_least_pressure_of_plan_and_baseline_is_kept_and_pumps_that_stand_still_drain_the_city(night: Penstock) -> None:
    env = Environment(city=night.city, home=night.home)
    city, engine = load(env), open_store(env.url)
    row = results.last_plan(engine)
    kept = row.detail["pressure"]
    assert set(kept) == {"plan", "baseline"}
    inputs = question_of(city, engine, row.plan_id).inputs
    values = results.plan_values(engine, row)["plan"]
    frame = values.melt(ignore_index=False, var_name=["asset_id", "quantity"]).rename_axis("time_utc").reset_index()
    still = frame.assign(value=frame["value"].where(~frame["quantity"].isin(("running", "power_kw")), 0.0))
    found = pressures(_works(city, engine, inputs), {"plan": frame, "still": still})
    assert found["plan"] == kept["plan"]
    assert kept["plan"]["least_m"] > 20  # the demo's service pressure, as its plan keeps it
    assert kept["plan"]["below_service_h"] == 0
    assert found["still"]["least_m"] < kept["plan"]["least_m"] - 1
    assert found["still"]["below_service_h"] > 0


def test_stations_are_planned_with_the_points_that_epanet_confirms(night: Penstock) -> None:
    """What each station gives and draws in the kept plan is within the tolerance of what EPANET finds when that plan is run."""
    env = Environment(city=night.city, home=night.home)
    city, engine = load(env), open_store(env.url)
    row = results.last_plan(engine)
    inputs = question_of(city, engine, row.plan_id).inputs
    works = _works(city, engine, inputs)
    values = results.plan_values(engine, row)["plan"]
    running = (values.xs("running", axis=1, level=1)[list(works.pumps)] > 0.5).set_index(works.demand.index)
    for asset, point in works.points(works.day(running), running).items():
        on = running[asset].to_numpy()
        for name, found in point.items():
            assert values[asset, name].to_numpy()[on].mean() == pytest.approx(found, rel=0.02)


def test_a_schedule_that_leaves_too_little_pressure_is_cut_and_planned_again(night: Penstock) -> None:
    """A service pressure that the cheapest plan does not keep: fewer hours below it, at a price, and each cut is told."""
    env = Environment(city=night.city, home=night.home)
    city, engine = load(env), open_store(env.url)
    inputs = replace(question_of(city, engine, results.last_plan(engine).plan_id).inputs, cuts=())
    works = _works(city, engine, inputs)
    strict = replace(works, side=replace(works.side, water=works.side.water.model_copy(update={"service_pressure_m": 24.0})))
    with Planner(city, engine) as planner:
        free, cut = (verified(strict, inputs, planner.solve, rounds) for rounds in (0, 1))
    low = [strict.pressure(strict.day(strict.running(one.plan.plan))).below_service_h for one in (free, cut)]
    assert low[1] < low[0] - 1
    assert cut.plan.cost.paid > free.plan.cost.paid
    assert any("less than 24 m of pressure (EPANET)" in note for note in cut.notes)
    running = strict.running(cut.plan.plan)
    for one in cut.inputs.cuts:
        assert not (running.iloc[list(one.steps)] == list(one.running.values())).all(axis=1).any()


def test_a_network_that_cannot_be_read_costs_no_plan_and_is_told(night: Penstock) -> None:
    env = Environment(city=night.city, home=night.home)
    city, engine = load(env), open_store(env.url)
    inputs = replace(question_of(city, engine, results.last_plan(engine).plan_id).inputs, cuts=())
    works = _works(city, engine, inputs)
    blind = replace(works, side=replace(works.side, water=works.side.water.model_copy(update={"network": "Net33"})))
    with Planner(city, engine) as planner:
        made = verified(blind, inputs, planner.solve, 1)
    assert made.plan.status != "impossible"
    assert "'Net33': not in wntr's library" in str(pressures(blind, {"plan": made.plan.plan})["problem"])
