"""The night freezes the service levels of the day before it: what the demo shows of them."""

import json

from tests.commands import LAST, Penstock


def test_the_demo_has_its_meters_its_storing_its_forecasts_and_its_night_counted(night: Penstock) -> None:
    levels = json.loads(night.run("levels", "--now", LAST, "--json", "--days", "2").splitlines()[0])["levels"]
    assert 0.9 < levels["meters_online"]["yesterday"]["value"] < 1  # one unit is silent on purpose
    assert levels["stored_in_time"]["yesterday"]["value"] > 0.99
    accuracy = levels["forecast_accuracy"]["yesterday"]
    assert 0.7 < accuracy["value"] < 1
    assert accuracy["total"] >= 15  # feeders and districts
    assert accuracy["basis"] == "as the gate measured the machines before they went live"
    assert levels["nights_on_time"]["today"]["value"] == 1
    assert levels["api_success"]["days_30"]["value"] is None  # nobody asked, which is no success
    assert levels["availability"]["days_30"]["value"] is None  # a replay is no time of service
