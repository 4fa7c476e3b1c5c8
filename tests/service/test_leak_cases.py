"""Leaks of the watch as cases: one per leak for as long as it runs, whatever pass finds it, and closed by evidence or by a person."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine

from city.problems import PenstockError
from demo.make import CITY
from networks.leakage.reports import ActiveLeak, Report
from service import decisions, leak_history, valve_states
from service import schema as t
from service.decisions import Person, Role
from service.environment import Environment
from service.leakage import cases, told
from service.leakage.cutting import Cut
from service.leakage.watching import Pass
from service.night import Night
from service.settings import load
from service.store import operations, results, writing
from service.water import WaterCity, required

NOW = datetime(2022, 6, 15, 16, 0, tzinfo=UTC)
BEGAN = NOW - timedelta(hours=2)
PLACE = pd.Series({"153": 0.6, "155": 0.3, "151": 0.09995, "40": 0.00005})


@pytest.fixture(scope="module")
def side() -> WaterCity:
    return required(load(Environment(city=CITY)))


@pytest.fixture(params=["sqlite"])
def engine(engine: Engine) -> Engine:
    return engine


@pytest.fixture
def night(side: WaterCity, engine: Engine) -> Night:
    return Night(side.city, engine, NOW.date(), NOW, {})


def leak(name: str = "1", reported: datetime | None = NOW, **more: Any) -> ActiveLeak:
    return ActiveLeak(**({"leak_id": name, "start_utc": BEGAN, "kind": "burst", "size_m3_per_h": 88.0, "size_sd_m3_per_h": 6.0,
                          "pipe": "153", "posterior": PLACE, "reported_utc": reported} | more))  # fmt: skip


def passed(night: Night, side: WaterCity, active: list[ActiveLeak], until: datetime, former: datetime | None, **more: Any) -> Pass:
    """One pass of the watch that believes in `active`, written."""
    reports = [
        Report(one.leak_id, one.reported_utc, one.start_utc, one.kind, one.pipe, one.size_m3_per_h, "It pays.", one.posterior)
        for one in active
        if one.reported_utc == until
    ]
    stored, renewed = results.rows(night.engine, t.leak_case), more.pop("renewed", False)
    rows, gone = cases.merged(night, side, cases.running(stored, active, renewed), active, reports, until)
    more.pop("meanwhile", lambda: None)()
    watch = {"city": "demo", "inputs": "a", "calibrated_utc": BEGAN, "until_utc": until, "state": b""}
    before = None if former is None else (former, b"")
    made = Pass(watch, before, rows, gone, **({"faults": [], "findings": [], "cuts": [], "problems": [], "renewed": renewed} | more))
    with writing(night.engine) as connection:
        assert made.write(connection)
    return made


def states(engine: Engine) -> dict[str, str]:
    return {row.case_id: row.state for row in results.rows(engine, t.leak_case, order=t.leak_case.c.case_id)}


CASE = "leak-20220615-1600-dma-f"


def test_a_suspicion_becomes_a_case_that_keeps_its_name_while_it_moves_and_grows(night: Night, side: WaterCity) -> None:
    passed(night, side, [leak(reported=None, size_m3_per_h=20.0)], NOW, None)
    assert states(night.engine) == {CASE: "suspected"}
    later = NOW + timedelta(minutes=15)
    passed(night, side, [leak(reported=later)], later, NOW)
    moved = PLACE.rename({"153": "161", "161": "153"})
    passed(night, side, [leak(reported=later, pipe="161", posterior=moved, size_m3_per_h=95.0)], NOW + timedelta(minutes=30), later)
    (row,) = results.rows(night.engine, t.leak_case)
    assert (row.case_id, row.state, row.reported_utc, row.seen_utc, row.pipe) == (CASE, "open", later, NOW, "161")
    assert (row.flow_m3_per_h, row.worth, row.zone_id) == (95.0, "It pays.", "dma-f")
    assert row.candidates == [
        {"pipe": "161", "posterior": 0.6},
        {"pipe": "155", "posterior": 0.3},
        {"pipe": "151", "posterior": 0.09995},
    ]
    assert "A burst in dma-f of 95 m3/h (give or take 6) since 16:00 on 2022-06-15, reported at 18:15" in row.sentence
    assert "Most likely pipe 161 (60 %), then 155, 151." in row.sentence


def test_two_leaks_of_one_district_in_one_pass_have_two_names(night: Night, side: WaterCity) -> None:
    passed(night, side, [leak("1"), leak("2", kind="slow")], NOW, None)
    assert states(night.engine) == {CASE: "open", f"{CASE}-2": "open"}


def test_what_is_no_longer_seen_is_over_and_a_suspicion_is_forgotten(night: Night, side: WaterCity) -> None:
    passed(night, side, [leak("1"), leak("2", reported=None, posterior=pd.Series({"40": 1.0}))], NOW, None)
    later = NOW + timedelta(days=1)
    passed(night, side, [], later, NOW)
    (row,) = results.rows(night.engine, t.leak_case)
    assert (row.state, row.ended_utc, row.ended_at_utc) == ("over", NOW, later)
    assert leak_history.ongoing(night.engine, night.city, later, later, later + timedelta(days=2)) == []


def test_a_watch_made_anew_goes_on_with_the_case_whose_pipes_it_shares(night: Night, side: WaterCity) -> None:
    passed(night, side, [leak("old-7")], NOW, None)
    passed(night, side, [leak("1", size_m3_per_h=80.0)], NOW + timedelta(hours=1), NOW, renewed=True)
    (row,) = results.rows(night.engine, t.leak_case)
    assert (row.case_id, row.leak_id, row.flow_m3_per_h, row.state) == (CASE, "1", 80.0, "open")


def test_of_two_passes_at_once_the_slower_one_writes_nothing(night: Night, side: WaterCity) -> None:
    passed(night, side, [leak()], NOW, None)
    slow = Pass({"city": "demo", "until_utc": NOW}, None, [], [], [], [], [], [])
    with writing(night.engine) as connection:
        assert not slow.write(connection)
    assert states(night.engine) == {CASE: "open"}


def test_a_repaired_leak_stays_repaired_and_its_crew_is_in_the_audit(night: Night, side: WaterCity) -> None:
    passed(night, side, [leak()], NOW, None)
    told.dug(night.engine, CASE, "153", "ada", NOW, "wet trench", found=True)
    with pytest.raises(PenstockError, match="one pipe"):
        told.dug(night.engine, CASE, "155", "ada", NOW, "", found=True)
    told.repaired(night.engine, CASE, "ada", NOW + timedelta(hours=3), NOW + timedelta(hours=2), "clamp")
    passed(night, side, [], NOW + timedelta(hours=4), NOW)
    assert states(night.engine) == {CASE: "repaired"}
    assert [line.action for line in operations.audit(night.engine, 5)] == ["leak repaired", "leak dug"]
    with pytest.raises(PenstockError, match="'999' of"):
        told.dug(night.engine, _other(night, side), "999", "ada", NOW, "", found=False)


def _other(night: Night, side: WaterCity) -> str:
    later = NOW + timedelta(hours=5)
    passed(night, side, [leak("2", reported=later)], later, NOW + timedelta(hours=4))
    return next(name for name, state in states(night.engine).items() if state == "open")


def test_a_finding_is_taken_once_and_isolations_are_replaced_whole(night: Night, side: WaterCity) -> None:
    passed(night, side, [leak()], NOW, None)
    told.dug(night.engine, CASE, "155", "ada", NOW, "", found=False)
    cuts = [
        Cut({"isolation_id": name, "case_id": CASE, "pipe": "153", "customers": 1, "demand_m3_per_h": 1.0, "proved": True, "sentence": "",
             "detail": {}}, [])
        for name in ("isolate-a", "isolate-b")
    ]  # fmt: skip
    for i, cut in enumerate(cuts, start=1):
        passed(night, side, [leak()], NOW + i * timedelta(minutes=15), NOW + (i - 1) * timedelta(minutes=15), findings=[1], cuts=[cut])
    assert [row.isolation_id for row in results.rows(night.engine, t.isolation)] == ["isolate-b"]
    (finding,) = results.rows(night.engine, t.leak_finding)
    assert finding.taken_utc == NOW + timedelta(minutes=30)


def test_an_operators_word_on_a_valve_stands_over_the_file_and_keeps_what_it_does_not_change(night: Night, side: WaterCity) -> None:
    known = list(side.valves["valve"])
    valve_states.tell(night.engine, known, "v019", "open", 41.0, "ada", NOW, "")
    valve_states.tell(night.engine, known, "v019", "stuck", None, "ben", NOW + timedelta(hours=1), "spindle broken")
    table = valve_states.applied(night.engine, side.valves).set_index("valve")
    assert (table.loc["v019", "state"], table.loc["v019", "turns"]) == ("stuck", 41.0)
    assert str(table.loc["v019", "exercised"])[:10] == "2022-06-15"  # the day it was turned, not the day it was found stuck
    assert (table.drop(index="v019")["state"] == "open").all()
    with pytest.raises(PenstockError, match="not in the valve table"):
        valve_states.tell(night.engine, known, "v999", "stuck", None, "ada", NOW, "")


def test_a_case_of_an_older_release_stays_open_until_somebody_closes_it(night: Night, side: WaterCity) -> None:
    """Its row has none of the newer columns; that a watch does not see its leak, new or in later passes, is no evidence."""
    old = {"case_id": "old", "night": NOW.date(), "start_utc": BEGAN, "seen_utc": BEGAN, "reported_utc": BEGAN, "zone_id": "dma-a",
           "pipe": "40", "flow_m3_per_h": 30.0, "state": "open", "sentence": "A burst.",
           "candidates": [{"pipe": "40", "posterior": 1.0}]}  # fmt: skip
    with writing(night.engine) as connection:
        connection.execute(t.leak_case.insert(), [old, {**old, "case_id": "other", "pipe": "60", "candidates": []}])
    first = passed(night, side, [leak()], NOW, None, renewed=True)
    assert {case["case_id"] for case in first.open} == {"old", "other", CASE}
    passed(night, side, [leak()], NOW + timedelta(hours=1), NOW)
    assert states(night.engine) == {CASE: "open", "old": "open", "other": "open"}
    assert told.dug(night.engine, "old", "40", "ada", NOW + timedelta(hours=1), "", found=True)
    told.repaired(night.engine, "old", "ada", NOW + timedelta(hours=2), NOW + timedelta(hours=2), "")
    passed(night, side, [leak()], NOW + timedelta(hours=3), NOW + timedelta(hours=1))
    assert states(night.engine) == {CASE: "open", "old": "repaired", "other": "open"}


def test_an_open_case_stays_open_while_a_watch_made_anew_is_not_sure_of_it_yet(night: Night, side: WaterCity) -> None:
    passed(night, side, [leak("7")], NOW, None)
    passed(night, side, [leak("1", reported=None)], NOW + timedelta(hours=1), NOW, renewed=True)
    (row,) = results.rows(night.engine, t.leak_case)
    assert (row.case_id, row.state, row.reported_utc) == (CASE, "open", NOW)


def test_a_suspicion_at_which_a_crew_dug_is_over_and_not_forgotten(night: Night, side: WaterCity) -> None:
    passed(night, side, [leak(reported=None)], NOW, None)
    told.dug(night.engine, CASE, "153", "ada", NOW, "", found=True)
    passed(night, side, [], NOW + timedelta(hours=1), NOW)
    assert states(night.engine) == {CASE: "over"}
    assert len(results.rows(night.engine, t.leak_finding)) == 1


@pytest.mark.parametrize("role", ["planner", "viewer"])
def test_who_may_not_tell_of_leaks_and_valves_is_refused_where_it_is_written(night: Night, side: WaterCity, role: Role) -> None:
    passed(night, side, [leak()], NOW, None)
    person, engine = Person(name="pat", role=role), night.engine
    writes: dict[str, Callable[[], str]] = {
        "leak dug": lambda: decisions.tell_dug(engine, person, CASE, "153", NOW, "", found=True),
        "leak repaired": lambda: decisions.tell_repaired(engine, person, CASE, NOW, ""),
        "valve told": lambda: decisions.tell_valve(engine, night.city, ["v019"], person, "v019", "stuck", None, NOW, ""),
    }
    for write in writes.values():
        with pytest.raises(PenstockError, match=f"signed in as {role}"):
            write()
    assert [line.action for line in operations.audit(engine, 5)] == ["valve refused", "leak refused", "leak refused"]
    assert states(engine) == {CASE: "open"}
    assert results.rows(engine, t.leak_finding) == results.rows(engine, t.valve_state) == []


def test_a_finding_that_is_told_twice_counts_once(night: Night, side: WaterCity) -> None:
    passed(night, side, [leak()], NOW, None)
    told.dug(night.engine, CASE, "153", "ada", NOW, "", found=False)
    likely = results.rows(night.engine, t.leak_case)[0].candidates
    with pytest.raises(PenstockError, match="told at 16:00 UTC already"):
        told.dug(night.engine, CASE, "153", "ben", NOW + timedelta(minutes=2), "", found=False)
    assert results.rows(night.engine, t.leak_case)[0].candidates == likely
    told.dug(night.engine, CASE, "153", "ada", NOW + timedelta(hours=3), "dug again", found=False)
    assert len(results.rows(night.engine, t.leak_finding)) == 2


def test_what_is_told_while_a_pass_is_made_is_not_lost(night: Night, side: WaterCity) -> None:
    """A repair stands against an open case of the pass and against a suspicion it gave up."""
    doubtful = leak("2", reported=None, posterior=pd.Series({"40": 1.0}))
    passed(night, side, [leak(), doubtful], NOW, None)
    other = next(name for name, state in states(night.engine).items() if state == "suspected")

    def repair() -> None:
        for name in (CASE, other):
            told.repaired(night.engine, name, "ada", NOW + timedelta(minutes=5), NOW + timedelta(minutes=5), "")

    passed(night, side, [leak()], NOW + timedelta(minutes=15), NOW, meanwhile=repair)
    assert set(states(night.engine).values()) == {"repaired"}
    assert len(states(night.engine)) == 2


def test_two_passes_without_new_readings_do_not_overwrite_each_other(night: Night, side: WaterCity) -> None:
    """The quicker one took a finding in: its state is another though it ends at the same time."""
    passed(night, side, [leak()], NOW, None)
    quick, slow = ({"city": "demo", "inputs": "a", "calibrated_utc": BEGAN, "until_utc": NOW, "state": state} for state in (b"dug", b""))
    for watch, wrote in ((quick, True), (slow, False)):
        with writing(night.engine) as connection:
            assert Pass(watch, (NOW, b""), [], [], [], [], [], []).write(connection) is wrote
    (row,) = results.rows(night.engine, t.leak_watch)
    assert row.state == b"dug"


def test_a_repair_of_a_former_watch_does_not_name_a_leak_of_the_new_one(night: Night, side: WaterCity) -> None:
    passed(night, side, [leak("leak-1")], NOW, None)
    told.repaired(night.engine, CASE, "ada", NOW, NOW, "")
    passed(night, side, [leak("leak-1", start_utc=NOW, reported=NOW + timedelta(hours=1))], NOW + timedelta(hours=1), NOW, renewed=True)
    names = {row.state: (row.case_id, row.leak_id) for row in results.rows(night.engine, t.leak_case)}
    assert names["repaired"] == (CASE, CASE)
    assert names["open"][1] == "leak-1"
