"""The main job on the demo city: what a night must give, that it survives being killed, and that nothing is written unasked."""

import json
import shutil
import sqlite3
import time
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from service import schema as t
from service.night import STEPS
from service.store import open_store, results
from service.store.runs import steps_done
from tests.commands import DECISION, LAST, NIGHT, Penstock

pytestmark = pytest.mark.slow


def tables(city: Penstock) -> dict[str, list[tuple[object, ...]]]:
    """Every result table, row by row."""
    engine = open_store(f"sqlite:///{city.home / 'penstock.db'}")
    with engine.connect() as connection:
        return {table.name: sorted(map(tuple, connection.execute(select(table)).all()), key=repr) for table in t.RESULTS}


def kill_during(city: Penstock, step: int) -> bool:
    """`kill -9` the night while it is in a step: as soon as the store has the step before (the first: the lock). Was it in the step?"""
    engine = open_store(f"sqlite:///{city.home / 'penstock.db'}")
    night = date.fromisoformat(NIGHT[:10])
    process = city.start("night", "--now", NIGHT)
    while step and STEPS[step - 1] not in steps_done(engine, "demo", night):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    while not step and not (city.home / "night.lock").exists():
        time.sleep(0.01)
    process.kill()
    process.communicate()
    return STEPS[step] not in steps_done(engine, "demo", night)


def test_a_night_killed_in_every_step_ends_like_an_undisturbed_one(night: Penstock, polled: Penstock, tmp_path: Path) -> None:
    killed = polled.copy(tmp_path / "demo")
    (killed.home / "outside").mkdir()  # as that of the undisturbed night
    hits = [kill_during(killed, step) for step, _ in enumerate(STEPS)]
    assert sum(hits) >= len(STEPS) - 1  # a step of 0.3 s may end before the signal arrives
    killed.run("night", "--now", NIGHT)
    undisturbed, disturbed = tables(night), tables(killed)
    assert [name for name, rows in undisturbed.items() if disturbed[name] != rows] == []


def test_running_a_finished_night_again_changes_nothing(night: Penstock) -> None:
    before = tables(night)
    night.run("night", "--now", NIGHT)
    assert tables(night) == before


def test_a_second_night_beside_a_running_one_is_refused(polled: Penstock, tmp_path: Path) -> None:
    city = polled.copy(tmp_path / "demo")
    first = city.start("night", "--now", NIGHT)
    deadline = time.monotonic() + 30
    while not (city.home / "night.lock").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        assert "one night at a time" in city.run("night", "--now", NIGHT, codes=(1,))
    finally:
        first.kill()
        first.communicate()


def test_the_three_bad_units_are_named_and_nothing_of_theirs_is_used(night: Penstock) -> None:
    told = json.loads(night.run("status", "--json"))
    problems = " ".join(told["steps"]["validate"]["problems"])
    assert all(name in problems for name in ("feeder-07.energy", "p-161.pressure", "p-189.pressure"))
    assert told["steps"]["ledger"]["status"] == "done"


def test_the_burst_and_the_slow_leak_are_found_and_the_drifting_sensor_is_named(night: Penstock) -> None:
    truth = json.loads((night.home / "truth.json").read_text())
    engine = open_store(f"sqlite:///{night.home / 'penstock.db'}")
    cases = {case.kind: case for case in results.rows(engine, t.leak_case)}
    assert {case.state for case in cases.values()} == {"open"}
    for kind, name, first in (("burst", "burst", 3), ("slow", "slow_leak", 6)):
        case, true = cases[kind], truth[name]
        assert case.zone_id == true["zone"]
        assert true["pipe"] in [candidate["pipe"] for candidate in case.candidates[:first]]
        assert case.flow_m3_per_h == pytest.approx(true["mean_flow_m3_per_h"], rel=0.2)
    plans = results.rows(engine, t.isolation)
    assert {plan.case_id for plan in plans} == {case.case_id for case in cases.values()}
    for plan in plans:  # a tank in the pipe's own segment no valve can part from it: said, and not called proved
        assert plan.proved or "cannot be isolated by valves" in plan.sentence
    assert all(plan.proved for plan in plans if plan.case_id == cases["burst"].case_id)
    (fault,) = results.rows(engine, t.sensor_fault)
    assert (fault.sensor, fault.kind, fault.state) == (f"{truth['drift']['sensor']}.pressure", "drift", "open")
    assert fault.size == pytest.approx(truth["drift"]["m_per_day"], abs=0.01)


def test_the_plan_costs_less_than_doing_nothing_and_proposes_but_does_not_write(night: Penstock) -> None:
    engine = open_store(f"sqlite:///{night.home / 'penstock.db'}")
    plan = results.last_plan(engine)
    assert plan is not None
    assert plan.cost < plan.baseline_cost
    assert {row.state for row in results.rows(engine, t.command)} == {"proposed"}
    assert {row.action for row in results.rows(engine, t.audit)} == {"case found", "keep heads"}  # nobody has decided anything


def test_approved_commands_are_written_read_back_and_audited_and_a_stop_holds_them(
    night: Penstock, simulated_field: None, tmp_path: Path
) -> None:
    city = night.copy(tmp_path / "demo")
    engine = open_store(f"sqlite:///{city.home / 'penstock.db'}")
    burst = results.rows(engine, t.leak_case, t.leak_case.c.kind == "burst")[0].case_id
    isolation = results.rows(engine, t.isolation, t.isolation.c.case_id == burst)[0].isolation_id
    assert "(shift-leader) must approve it too" in city.run("approve", "latest", isolation, "--who", "operator", "--now", DECISION)
    city.run("approve", isolation, "--who", "shift-leader", "--now", DECISION)
    city.run("hold", "battery-01", "--who", "operator", "--reason", "noise", "--now", DECISION)
    city.run("poll", "--now", NIGHT, "--until", LAST, "--replay")
    commands = results.rows(engine, t.command)
    written = [row for row in commands if row.state == "written"]
    assert {row.point_id for row in commands if row.state == "held"} == {"battery-01.setpoint"}
    assert any(row.point_id.startswith("valves.") for row in written)
    assert len([line for line in results.rows(engine, t.audit) if line.action == "write written"]) == len(written) > 5
    assert [row for row in commands if row.state in ("refused", "mismatch", "unknown")] == []


def test_reports_are_the_same_bytes_each_time(night: Penstock, tmp_path: Path) -> None:
    city = night.copy(tmp_path / "demo")
    city.run("report", codes=(0,))
    first = {path: path.read_bytes() for path in (city.home / "reports").rglob("*") if path.is_file()}
    shutil.rmtree(city.home / "reports")
    city.run("report", codes=(0,))
    assert {path: path.read_bytes() for path in (city.home / "reports").rglob("*") if path.is_file()} == first
    for name in ("inventory", "gpc", "energy", "accounts", "targets"):
        assert {path.suffix for path in first if name in (path.stem, path.parent.name)} == {".pdf", ".xlsx", ".json", ".csv"}


def test_a_ledger_that_was_edited_is_refused_by_the_report(night: Penstock, tmp_path: Path) -> None:
    city = night.copy(tmp_path / "demo")
    (file,) = (city.home / "ledger").glob("*.zip")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert "ledger batch 0" in city.run("report", codes=(1,))


def test_readings_wait_in_the_spool_while_the_database_is_locked(polled: Penstock, simulated_field: None, tmp_path: Path) -> None:
    city = polled.copy(tmp_path / "demo")
    before = tables(city)["reading"]
    slot = sum(row[0] == max(line[0] for line in before) for row in before)  # every polled point, whether it answered or not
    lock = sqlite3.connect(city.home / "penstock.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    said = city.run("poll", "--now", NIGHT, "--until", "2022-06-16T00:45+02:00", "--replay", codes=(2,))
    lock.execute("ROLLBACK")
    lock.close()
    assert "1 batches waiting" in said
    city.run("poll", "--now", NIGHT, "--until", "2022-06-16T01:00+02:00", "--replay", codes=(0,))
    assert len(tables(city)["reading"]) == len(before) + 2 * slot


def test_a_request_of_the_console_becomes_a_new_plan_beside_the_old_one(night: Penstock, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from service.store import operations

    city = night.copy(tmp_path / "demo")
    engine = open_store(f"sqlite:///{city.home / 'penstock.db'}")
    operations.ask(engine, "replan", "ada", datetime(2022, 6, 15, 22, 35, tzinfo=UTC), {})
    city.run("work", "--once", "--now", "2022-06-16T18:00+02:00", codes=(0,))
    first, second, third = results.rows(engine, t.plan, order=t.plan.c.plan_id)
    assert (first.plan_id, second.plan_id, third.plan_id) == ("plan-20220616-0", "plan-20220616-1", "plan-20220616-2")
    assert (first.steps, second.steps) == (192, 192)  # the forecasts were asked anew, so that it looks as far ahead as the night's
    assert [plan.detail["origin"] for plan in (first, second, third)] == ["night", "request", "rolling"]  # work plans by itself too
    assert [(row.who, row.state) for row in results.rows(engine, t.request)] == [("ada", "done"), ("work", "done")]


def test_the_least_time_between_two_writes_holds_over_a_restart_of_poll(worked: Penstock) -> None:
    from service.store import operations

    engine = open_store(f"sqlite:///{worked.home / 'penstock.db'}")
    written = [row for row in results.rows(engine, t.command, t.command.c.point_id == "ps-lake.run") if row.state == "written"]
    assert operations.last_writes(engine)["ps-lake.run"] == max(row.not_before_utc for row in written)
