"""A night on poor input: it says what is missing, does what can be done, and a second night after the repair does the rest."""

from pathlib import Path

import pandas as pd
import pytest

from service import schema as t
from service.environment import Environment
from service.store import open_store, results
from service.summary import page
from tests.town import HEAD, NOW, Town, night, prepared, problems, steps

ALL_STEPS = ["validate", "forecast", "plan", "leaks", "ledger", "targets"]


# --- history ----------------------------------------------------------------------------------------------------------


def test_a_night_without_any_history_names_every_series_and_still_ends_every_step(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=0))
    assert night(town).code == 1  # there is no plan to approve
    assert list(steps(town)) == ALL_STEPS
    assert steps(town)["plan"] == "failed"
    for series in ("hall.energy", "sun.energy", "inflow.volume"):
        assert series in problems(town, "forecast")
    assert all(f"series '{name}': no forecast" in problems(town, "plan") for name in ("hall.energy", "sun.energy"))
    assert results.rows(open_store(town.database), t.plan) == []


def test_three_days_of_history_fall_down_the_ladder_and_the_night_says_which_series_and_why(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=3))
    assert night(town).code == 2
    assert steps(town)["forecast"] == "problems"
    for series in ("hall.energy", "inflow.volume"):  # the sun needs no more than its three days
        assert f"forecast of {series}: made by '" in problems(town, "forecast")
    assert "day" in problems(town, "forecast")  # how much history there is
    made = results.rows(open_store(town.database), t.forecast)
    assert {row.series_id for row in made} == {"hall.energy", "sun.energy", "inflow.volume"}
    assert "boosted" not in {row.model for row in made}
    assert results.rows(open_store(town.database), t.plan)[0].status == "optimal"


def test_a_series_without_history_beside_good_ones_is_the_only_one_named(tmp_path: Path) -> None:
    town = Town(tmp_path).write()
    frame = pd.read_csv(town.folder / "power.csv")
    frame.drop(columns="sun.energy").to_csv(town.folder / "power.csv", index=False)
    town.penstock("init")
    town.penstock("import")
    assert night(town).code == 1
    assert "sun.energy" in problems(town, "forecast")
    assert "hall.energy" not in problems(town, "forecast")
    assert "series 'sun.energy': no forecast" in problems(town, "plan")
    assert "hall" not in problems(town, "plan")


def test_a_night_that_failed_is_resumed_where_it_failed_once_the_fault_is_mended(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path).without("tariff"))
    assert night(town).code == 1
    assert "tariff: missing" in problems(town, "plan")
    before = {row.step: row.ended_utc for row in results.rows(open_store(town.database), t.step)}
    Town(tmp_path).write()
    assert night(town).code == 0
    after = {row.step: row.ended_utc for row in results.rows(open_store(town.database), t.step)}
    assert [name for name in ALL_STEPS if after[name] != before[name]] == ["plan"]


# --- what the city file leaves out ------------------------------------------------------------------------------------


def test_a_city_without_meters_has_an_uneventful_night(tmp_path: Path) -> None:
    head = HEAD[: HEAD.index("meters = [")]
    town = prepared(Town(tmp_path, head=head, parts={"tariff": ""}, days=0))
    assert night(town).code == 0
    assert set(steps(town).values()) == {"done"}


def test_a_city_without_water_accounts_and_targets_is_told_so_and_planned_all_the_same(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path).without("accounts", "targets"))
    said = night(town)
    assert said.code == 0
    assert all(told in said.err for told in ("no [water]", "no [[accounts]]", "no [[targets]]"))
    assert len(results.rows(open_store(town.database), t.plan)) == 1


def test_targets_without_accounts_are_named_as_untellable(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path).without("accounts"))
    assert night(town).code != 0
    assert "no entry in the ledger" in problems(town, "targets")


def with_water(folder: Path, water: str, *kinds: str) -> Town:
    """The town on a water network, with a sensor of each of `kinds` on it, whose history is yesterday's."""
    line = '  {{ id = "{0}", unit = {1}, model = "{0}", node = "{2}", link = "field", site = "here", commodity = "water", '
    line += 'role = "sensor" }},\n'
    node = {"pressure-sensor": "15", "tank-level": "1", "pump-station": "10"}
    more = "".join(line.format(kind, 10 + i, node[kind]) for i, kind in enumerate(kinds))
    head = HEAD[: HEAD.rindex("]")] + more + "]\n"
    parts = Town(folder).without("accounts", "targets").parts
    return Town(folder, head=head, parts={**parts, "water": f"[water]\n{water}\n"})


NETWORK = 'network = "Net3"\nvalves = "valves.csv"'
VALVES = "valve,link,node\nv001,105,105\nv002,105,101\n"


@pytest.mark.parametrize(
    ("water", "told"),
    [
        ('network = "Net33"\nvalves = "valves.csv"', "'Net33': not in wntr's library"),
        ('network = "own.inp"\nvalves = "valves.csv"', "own.inp"),
        ('network = "Net3"\nvalves = "gone.csv"', "gone.csv"),
        ('network = "Net3"\nvalves = "../valves.csv"', "../valves.csv"),
    ],
)
def test_a_water_side_that_cannot_be_read_is_named(water: str, told: str, tmp_path: Path) -> None:
    town = with_water(tmp_path, water, "pressure-sensor").write()
    (tmp_path / "valves.csv").write_text(VALVES)
    town.penstock("init")
    town.penstock("import")
    said = night(town)
    assert said.code == 2
    assert told in said.err
    assert steps(town)["plan"] == "done"  # which needs no network
    assert "no leak could be looked for" in problems(town, "leaks")  # which is not the same as none found


def test_a_network_that_nobody_knows_is_named_by_the_doctor(tmp_path: Path) -> None:
    town = prepared(with_water(tmp_path, 'network = "Net33"\nvalves = "power.csv"', "pressure-sensor"))
    said = town.penstock("doctor")
    assert said.code == 2
    assert "'Net33': not in wntr's library; allowed: one of" in said.out


@pytest.mark.parametrize("kinds", [(), ("tank-level",), ("pressure-sensor",), ("pressure-sensor", "tank-level", "pump-station")])
def test_a_water_side_with_few_sensors_has_its_night(kinds: tuple[str, ...], tmp_path: Path) -> None:
    town = with_water(tmp_path, NETWORK, *kinds).write()
    (tmp_path / "valves.csv").write_text(VALVES)
    town.penstock("init")
    town.penstock("import")
    assert night(town).code in (0, 2)
    assert steps(town)["leaks"] in ("done", "problems")


# --- plans that cannot be ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def impossible(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A connection of 5 kW for a hall of 20 kW."""
    town = Town(tmp_path_factory.mktemp("impossible") / "town").changed("assets", "connection_kw = 500.0", "connection_kw = 5.0")
    prepared(town)
    assert night(town).code == 2  # the night was done; what is wrong is the city
    return town


def test_an_impossible_plan_names_what_conflicts_and_the_night_goes_on(impossible: Town) -> None:
    assert steps(impossible) == dict.fromkeys(ALL_STEPS, "done") | {"plan": "problems"}
    told = problems(impossible, "plan")
    assert "no plan is possible" in told
    assert "grid" in told
    assert "5" in told


def test_an_impossible_plan_has_no_cost_no_commands_and_no_not_a_number_in_the_store(impossible: Town) -> None:
    (plan,) = results.rows(open_store(impossible.database), t.plan)
    assert (plan.status, plan.cost, plan.co2_kg, plan.detail["gap"]) == ("impossible", None, None, None)
    assert plan.detail["reasons"]
    assert plan.baseline_cost > 0
    assert results.rows(open_store(impossible.database), t.command) == []


def test_an_impossible_plan_cannot_be_approved_and_the_summary_names_the_conflict(impossible: Town) -> None:
    said = impossible.penstock("approve", "latest", "--who", "ada", "--now", NOW)
    assert said.code == 1
    assert "plan-20220616-0" in said.err
    told = page(Environment(city=impossible.file, home=impossible.folder), NOW, 0.0)
    assert "impossible" in told
    assert "conflict" in told
    assert "% less" not in told


def test_status_shows_an_impossible_plan_as_a_problem(impossible: Town) -> None:
    said = impossible.penstock("status")
    assert said.code == 2
    assert "no plan is possible" in said.out
