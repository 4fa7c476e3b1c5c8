"""What people lay on a plan, through the commands they type: holds that bind it, approvals it starts from, plans made by themselves."""

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from service import schema as t
from service.environment import Environment
from service.plans import begin, orders
from service.plans.asking import question_of
from service.plans.commands import command
from service.plans.inputs import question
from service.plans.keeping import _forget, next_plan_id
from service.plans.making import Made, Planner
from service.settings import load
from service.store import open_store, operations, results, writing
from tests.service.response_town import response_town
from tests.town import MIDNIGHT_UTC, NOW, Town, prepared, states

NOON = "2022-06-16T12:00+02:00"
HOUR = timedelta(hours=1)


def sun(town: Town, scenario: str = "plan") -> pd.Series:
    """The roof's power in the newest plan [kW], by local time."""
    engine = open_store(town.database)
    values = results.plan_values(engine, results.last_plan(engine))
    return values[scenario, "sun", "power_kw"].tz_convert("Europe/Rome")


def changed(town: Town, line: str) -> Town:
    town.file.write_text(f"{town.file.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    return town


def test_a_hold_binds_the_next_plan_until_it_ends(planned: Town) -> None:
    changed(planned, "[plan]\nrefresh_forecasts = false")
    free = sun(planned).between_time("10:00", "14:45")
    assert free.max() > 20
    held = planned.penstock("hold", "sun", "--at", "5", "--until", "2022-06-16T13:00+02:00", "--who", "ann", "--reason", "x", "--now", NOW)
    assert "sun: held at 5 by ann until" in held.out
    assert planned.penstock("plan", "now", "--now", NOW).code == 0
    now = sun(planned)
    assert now[:"2022-06-16 12:45"].max() == pytest.approx(5.0)  # type: ignore[misc]
    assert now["2022-06-16 13:00":].max() > 20  # type: ignore[misc]
    assert planned.penstock("hold", "sun", "--release", "--who", "ann", "--now", NOW).code == 0
    assert planned.penstock("plan", "now", "--now", NOW).code == 0
    pd.testing.assert_series_equal(sun(planned).between_time("10:00", "14:45"), free, rtol=1e-3)
    asked = results.rows(open_store(planned.database), t.audit, t.audit.c.action == "request replan")
    assert [line.sentence for line in asked] == ["command line asked for replan by `penstock plan`"] * 2


def test_a_limit_that_is_held_lets_its_device_do_what_it_would_up_to_it(planned: Town) -> None:
    text = planned.file.read_text(encoding="utf-8")
    control = 'quantity = "power_kw"\nheld_back_by = "curtailed_kw"\nfree_setpoint = 100.0\n'
    planned.file.write_text(text.replace('quantity = "power_kw"\n', control), encoding="utf-8")
    assert planned.penstock("hold", "sun.setpoint", "--at", "12.5", "--who", "ann", "--reason", "x", "--now", NOW).code == 0
    assert planned.penstock("plan", "now", "--now", NOW).code == 0
    np.testing.assert_allclose(sun(planned), np.minimum(sun(planned, "baseline"), 12.5), atol=1e-4)


def test_a_hold_whose_value_nobody_knows_is_told_and_binds_nothing(planned: Town) -> None:
    changed(planned, "[plan]\nrefresh_forecasts = false")
    assert planned.penstock("hold", "sun", "--who", "ann", "--reason", "x", "--now", NOW).code == 0
    assert planned.penstock("plan", "now", "--now", NOW).code == 0
    assert "sun is held, and nobody knows at what" in planned.penstock("plan", "show").out
    assert sun(planned).max() > 20


def test_everything_cannot_be_held_at_one_setpoint(town: Town) -> None:
    said = town.penstock("hold", "all", "--at", "0", "--who", "ann")
    assert (said.code, "one setpoint for everything" in said.err) == (1, True)


@pytest.fixture(scope="module")
def enrolled_night(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The hall may be called for nothing and is controlled by a limit, free as last written; tests must not write to it."""
    control = '[[controls]]\nasset = "hall"\npoint = "hall.setpoint"\nquantity = "power_kw"\nheld_back_by = "reduced_kw"\n'
    made = replace(response_town(tmp_path_factory.mktemp("enrolled") / "town", days=0), days=30)
    made = made.changed("response", "payment_per_kwh = 0.5\npayment_per_kw = 1.0", "payment_per_kwh = 0.0\npayment_per_kw = 0.0")
    made = made.changed("head", 'model = "electricity-meter"', 'model = "switchable-load"')
    made = prepared(made.changed("controls", "[[controls]]", f"{control}free_setpoint = 100.0\n[[controls]]"))
    changed(made, "[plan]\nrefresh_forecasts = false")
    assert made.penstock("night", "--now", NOW).code == 0
    engine = open_store(made.database)
    assert results.plan_values(engine, results.last_plan(engine))["plan", "hall", "called"].max() == 1
    with writing(engine) as connection:
        for point in ("hall.setpoint", "sun.setpoint"):
            row = command("before", point, "command_kw", 100.0, MIDNIGHT_UTC - HOUR, MIDNIGHT_UTC) | {"state": "written"}
            connection.execute(t.command.insert().values(**row))
    return made


@pytest.mark.parametrize("words", [("hall", "--at", "100"), ("all",)], ids=["a hold", "the emergency stop"])
def test_a_load_in_a_programme_that_is_held_is_planned_as_it_is(enrolled_night: Town, tmp_path: Path, words: tuple[str, ...]) -> None:
    """What a held limit lets a load do by itself is asked of its programme, which must be known by then."""
    shutil.copytree(enrolled_night.folder, tmp_path / "town")
    town = Town(tmp_path / "town")
    assert town.penstock("hold", *words, "--who", "ann", "--reason", "x", "--now", NOW).code == 0
    said = town.penstock("plan", "now", "--now", NOW)
    assert (said.code, said.err, said.foreseen) == (0, "", True)
    assert "plan-20220616-1: optimal" in said.out
    engine = open_store(town.database)
    plan = results.last_plan(engine)
    held = {one["point"]: one["value"] for one in plan.detail["begin"]["held"]}
    assert held == {"hall.setpoint": 100.0} | ({"sun.setpoint": 100.0} if words == ("all",) else {})
    values = results.plan_values(engine, plan)
    pd.testing.assert_series_equal(values["plan", "hall", "power_kw"], values["baseline", "hall", "power_kw"], check_names=False)
    assert values["plan", "hall", "called"].max() == 0


def test_what_was_approved_is_known_to_the_next_plan_for_its_hours(planned: Town) -> None:
    city, engine = load(Environment(city=planned.file, home=planned.folder)), open_store(planned.database)
    plan = results.last_plan(engine)
    assert orders.approved_plan(engine, plan.made_at_utc) is None
    assert planned.penstock("approve", "latest", "--who", "ann", "--now", NOW).code == 0
    asked = question(city, engine, plan.night, plan.made_at_utc + 6 * HOUR, "plan-20220616-1")
    (one,) = asked.inputs.approved
    former = results.plan_values(engine, plan)["plan", "sun", "power_kw"]
    covered = ~np.isnan(one.values)
    assert (one.asset, one.quantity, one.kw, covered.sum()) == ("sun", "power_kw", 1.0, 4 * (24 - 6))
    np.testing.assert_allclose(one.values[covered], former[asked.inputs.times[:-1][covered]])
    assert asked.begin.approved == plan.plan_id
    assert orders.approved_plan(engine, plan.start_utc + 25 * HOUR) is None  # its commands are over


def test_an_impossible_plan_leaves_the_approved_one_in_force_and_says_so(planned: Town) -> None:
    assert planned.penstock("approve", "latest", "--who", "ann", "--now", NOW).code == 0
    changed(planned, "[plan]\nrefresh_forecasts = false\ncarbon_cap_kg = 0.0")
    said = planned.penstock("plan", "now", "--now", NOW)
    assert "plan-20220616-1: no plan is possible, plan-20220616-0 stays in force" in said.out
    assert states(planned) == {"approved"}
    shown = planned.penstock("plan", "show", "--now", NOW).out
    assert "not approved; plan-20220616-0 is in force" in shown
    assert "approved by ann; in force" in planned.penstock("plan", "show", "plan-20220616-0", "--now", NOW).out
    later = planned.penstock("plan", "show", "--now", "2022-06-19T00:00+02:00").out  # its commands are over
    assert "not approved; no plan is in force" in later
    assert "impossible" in shown


def test_a_solver_that_hangs_costs_the_new_plan_only(planned: Town) -> None:
    changed(planned, "[plan]\nrefresh_forecasts = false\nsolver_limit_s = 0.001")
    said = planned.penstock("plan", "now", "--now", NOW)
    assert said.code == 1
    assert said.foreseen
    assert "stopped" in said.err
    assert results.last_plan(open_store(planned.database)).plan_id == "plan-20220616-0"


def test_work_plans_by_itself_once_in_every_quarter(planned: Town) -> None:
    changed(planned, "[plan]\nreplan_minutes = 15")
    engine = open_store(planned.database)
    before = len(operations.audit(engine))
    for at in (NOON, NOON, "2022-06-16T12:14+02:00", "2022-06-16T12:15+02:00"):
        assert planned.penstock("work", "--once", "--now", at).code == 0
    rows = results.rows(engine, t.request, order=t.request.c.request_id)
    assert [(row.kind, row.who, row.state) for row in rows] == [("replan", "work", "done")] * 2
    assert len(operations.audit(engine)) == before  # nobody decided anything
    plans = results.rows(engine, t.plan, order=t.plan.c.made_at_utc)
    assert [plan.detail["origin"] for plan in plans] == ["night", "rolling", "rolling"]
    assert [(plan.start_utc - MIDNIGHT_UTC) / HOUR for plan in plans] == [1.0, 12.5, 12.75]
    assert states(planned) == {"proposed"}


def test_a_plan_made_meanwhile_and_approved_is_never_written_over(planned: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two plan at the same time, `work` and a person: each plan has its own number, and what was approved stays approved."""
    changed(planned, "[plan]\nrefresh_forecasts = false")
    make = Planner.make

    def slowly(self: Planner, *asked, **more) -> Made:
        made = make(self, *asked, **more)
        monkeypatch.setattr(Planner, "make", make)
        assert planned.penstock("plan", "now", "--now", NOW).code == 0
        assert planned.penstock("approve", "latest", "--who", "ann", "--now", NOW).code == 0
        return made

    monkeypatch.setattr(Planner, "make", slowly)
    assert "plan-20220616-2: optimal" in planned.penstock("plan", "now", "--now", NOW).out
    commands = results.rows(open_store(planned.database), t.command)
    assert {row.plan_id: row.state for row in commands} == {
        f"plan-20220616-{n}": s for n, s in enumerate(["proposed", "approved", "proposed"])
    }


def test_while_a_night_is_under_way_plans_go_on_from_the_one_before_and_leave_it_its_number(planned: Town) -> None:
    changed(planned, "[plan]\nrefresh_forecasts = false")
    engine, tonight = open_store(planned.database), date(2022, 6, 17)
    with writing(engine) as connection:
        row = next(row for row in results.rows(engine, t.step) if row.step == "validate")
        connection.execute(t.step.insert().values(dict(row._mapping) | {"night": tonight}))
        assert next_plan_id(connection, tonight) == "plan-20220617-1"
    assert "plan-20220616-1: optimal" in planned.penstock("plan", "now", "--now", NOON).out


def test_plans_made_by_themselves_go_after_two_days_unless_somebody_approved_them(planned: Town) -> None:
    changed(planned, "[plan]\nrefresh_forecasts = false\nreplan_minutes = 60")
    assert planned.penstock("work", "--once", "--now", "2022-06-16T10:00+02:00").code == 0
    assert planned.penstock("work", "--once", "--now", "2022-06-16T11:00+02:00").code == 0
    assert planned.penstock("approve", "latest", "--who", "ann", "--now", "2022-06-16T11:01+02:00").code == 0
    engine = open_store(planned.database)
    with writing(engine) as connection:
        _forget(connection, MIDNIGHT_UTC + 48 * HOUR)
    assert [row.plan_id[-2:] for row in results.rows(engine, t.plan, order=t.plan.c.plan_id)] == ["-0", "-2"]


def test_a_plan_can_be_asked_again_as_it_was(planned: Town) -> None:
    """What-ifs stand on it: the same steps, prices, forecasts and state, though other answers came in since."""
    city, engine = load(Environment(city=planned.file, home=planned.folder)), open_store(planned.database)
    plan = results.last_plan(engine)
    first = question_of(city, engine, plan.plan_id).inputs
    assert planned.penstock("forecast", "now", "--now", NOON).code == 0
    again = question_of(city, engine, plan.plan_id).inputs
    assert (again.start_utc, again.steps, again.state) == (plan.start_utc, plan.steps, first.state)
    np.testing.assert_array_equal(again.series["hall.energy"]["p50"], first.series["hall.energy"]["p50"])
    newer = question(city, engine, plan.night, MIDNIGHT_UTC + 14 * HOUR, "x").inputs
    assert newer.start_utc == MIDNIGHT_UTC + 14.5 * HOUR


@pytest.mark.parametrize(
    ("states", "on", "after"),
    [
        ({"running": 1.0, "since_steps": 3.0, "starts_today": 1.0}, [True, True], (1.0, 5.0, 1.0)),
        ({"running": 1.0, "since_steps": 3.0, "starts_today": 1.0}, [True, False], (0.0, 1.0, 1.0)),
        ({"running": 0.0, "since_steps": 3.0, "starts_today": 1.0}, [True, True], (1.0, 2.0, 2.0)),
    ],
)
def test_a_pump_goes_on_as_the_plan_in_force_says_until_the_new_one_begins(states, on, after) -> None:
    begin._run_on(states, np.array(on))
    assert (states["running"], states["since_steps"], states["starts_today"]) == after
