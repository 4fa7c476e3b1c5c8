"""What the night says about water pressure under its pump schedule is what EPANET finds, and a schedule without pumps is found out."""

import pytest

from service.environment import Environment
from service.plans.asking import question_of
from service.plans.begin import present_values
from service.plans.pressure import pressures
from service.settings import load
from service.store import open_store, results
from tests.commands import Penstock


@pytest.mark.slow
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
    found = pressures(city, inputs, {"plan": frame, "still": still}, present_values(city, engine))
    assert found["plan"] == kept["plan"]
    assert kept["plan"]["least_m"] > 20  # the demo's service pressure, as its plan keeps it
    assert kept["plan"]["below_service_h"] == 0
    assert found["still"]["least_m"] < kept["plan"]["least_m"] - 1
    assert found["still"]["below_service_h"] > 0
