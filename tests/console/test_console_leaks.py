"""The water page: what leaks and what to do next, what crews and operators tell, and which sensors are not believed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from console.water import network_map
from service import schema as t
from service.alarms.refresh import refresh
from service.environment import Environment
from service.settings import load
from service.store import open_store, operations, results, writing
from service.view import water
from tests.console.test_console_pages import opened, text

LEAK, SLOW = "leak-20220615-1400-dma-a", "leak-20220606-0000-dma-a"
NOW = datetime(2022, 6, 16, 0, 0, tzinfo=UTC)


@pytest.fixture
def engine(city: Path):
    return open_store(f"sqlite:///{city / 'penstock.db'}")


def leaks(city: Path, engine):
    return water.leaks(engine, load(Environment(city=city / "city.toml", home=city)), NOW)


def test_both_leaks_are_told_worst_first_with_what_to_do(city: Path) -> None:
    seen = text(opened("water"))
    burst = seen.index("Burst in Old town (dma-a): 42.0 m3/h, most likely pipe 105 (75 %)")
    slow = seen.index("Slow leak in Old town (dma-a): 6.00 m3/h and growing, most likely pipe 107 (60 %)")
    assert burst < slow
    assert "Approve the isolation below: 2 valves, 314 customers without water. Send a crew to pipe 105." in seen
    assert "Send a crew to pipe 107 and its neighbours" in seen


def test_a_leak_of_a_city_without_metered_districts_is_told_by_the_name_of_the_city(city: Path, engine) -> None:
    with writing(engine) as connection:
        connection.execute(t.leak_case.update().where(t.leak_case.c.case_id == LEAK).values(zone_id=""))
    loaded = load(Environment(city=city / "city.toml", home=city))
    refresh(engine, loaded, NOW)
    name = loaded.settings.city.name
    assert f"Burst in {name}: 42.0 m3/h" in text(opened("water"))
    assert f"Burst of 42.0 m3/h in {name}" in text(opened("now"))


def test_a_burst_has_lost_its_flow_times_its_hours_and_a_slow_leak_half_of_it(city: Path, engine) -> None:
    """42 m3/h for 10 h; a line from 0 to 6 m3/h over 240 h: 720 m3. At 0.80 a cubic metre."""
    burst, slow = leaks(city, engine)
    assert (burst.lost_m3, burst.cost) == (pytest.approx(420.0), pytest.approx(336.0))
    assert slow.lost_m3 == pytest.approx(6.0 * 240 / 2)


def test_what_a_crew_found_is_entered_and_changes_what_to_do(city: Path, engine) -> None:
    at = opened("water")
    at.segmented_control(key="leak_case").set_value(SLOW).run()
    at.selectbox(key=f"pipe_{SLOW}").set_value("105").run()
    at.button(key=f"dug_found_{SLOW}").click().run()
    assert f"{SLOW}: the leak is at pipe 105" in text(at)
    (finding,) = results.rows(engine, t.leak_finding)
    assert (finding.case_id, finding.pipe, finding.found, finding.who, finding.taken_utc) == (SLOW, "105", True, "operator", None)
    assert next(leak.likely for leak in leaks(city, engine) if leak.case_id == SLOW) == {"105": 1.0, "107": 0.0}
    assert "Repair pipe 105, then tell it below." in text(opened("water"))
    assert operations.audit(engine, 2)[-1].action == "leak dug"


def test_a_pipe_that_was_dug_in_vain_is_less_likely_at_once(city: Path, engine) -> None:
    """A dig misses a leak one time in ten: 0.75 and 0.25 become 0.075 and 0.25, so 3 : 10."""
    at = opened("water")
    at.button(key=f"dug_not_found_{LEAK}").click().run()
    burst = next(leak for leak in leaks(city, engine) if leak.case_id == LEAK)
    assert burst.likely == {"107": pytest.approx(10 / 13, abs=1e-5), "105": pytest.approx(3 / 13, abs=1e-5)}
    assert burst.pipe == "107"
    assert "nothing at pipe 105, operator" in text(opened("water"))


def test_a_repair_closes_the_case(city: Path, engine) -> None:
    at = opened("water")
    at.button(key=f"repaired_{LEAK}").click().run()
    row = next(row for row in results.rows(engine, t.leak_case) if row.case_id == LEAK)
    assert (row.state, row.ended_utc) == ("repaired", NOW)
    assert "Burst in Old town" not in text(opened("water"))


@pytest.mark.parametrize("name", ["viewer", "planner"])
def test_only_an_operator_tells_findings_repairs_and_valves(city: Path, name: str) -> None:
    at = opened("water", name)
    assert at.button(key=f"dug_found_{LEAK}").disabled
    assert at.button(key=f"repaired_{LEAK}").disabled
    assert "tell_valve" not in [button.key for button in at.button]


def test_a_stuck_valve_is_told_and_stands_in_the_table(city: Path, engine) -> None:
    at = opened("water")
    at.selectbox(key="valve_name").set_value("v002")
    at.button(key="tell_valve").click().run()
    assert "v002 is stuck" in text(at)
    table = water.valves(engine, load(Environment(city=city / "city.toml", home=city))).set_index("valve")
    assert (table.loc["v002", "state"], table.loc["v002", "who"]) == ("stuck", "operator")
    assert table.loc["v001", "state"] == "open"


def test_a_drifting_sensor_is_named_and_is_no_leak_in_both_languages(city: Path) -> None:
    assert "p-197 drifts by -0.12 m a day: not a leak" in text(opened("water"))
    assert "p-197 每日漂移 -0.12 m：并非漏水" in text(opened("water", language="zh"))


def test_a_case_that_is_over_needs_nothing(city: Path, engine) -> None:
    with writing(engine) as connection:
        connection.execute(t.leak_case.update().values(state="over", ended_utc=NOW - timedelta(hours=1)))
    assert [leak.task for leak in leaks(city, engine)] == ["none", "none"]
    assert "No leak is open." in text(opened("water"))


def test_the_likelier_a_pipe_the_redder_and_below_half_a_percent_it_is_grey() -> None:
    row = type("Row", (), {"id": "7", "kind": "pipe", "start": "a", "end": "b", "diameter_m": 0.3})
    colour = {share: network_map._edge(row, {"7": share}, 0.8, ())["lineStyle"]["color"] for share in (0.8, 0.2, 0.004)}
    assert colour == {0.8: network_map.RED, 0.2: "#a05054", 0.004: network_map.PIPE}
