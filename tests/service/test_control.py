"""From an approval to the wire: what hinders a write, what follows it, and what nobody may forget."""

from typing import Any

import pytest
from sqlalchemy import Engine

from city.problems import PenstockError
from meters.vee.quality import Limits
from service import schema as t
from service.outbox import execute_due
from service.store import commands, operations
from tests.service.control_bench import HOUR, MINUTE, NOW, POINT, Device, actions, approved, limits, propose, rows


def test_what_needs_two_people_is_written_after_two_different_ones_approved(engine: Engine, city: Any) -> None:
    device = Device()
    propose(engine, (900.0, NOW, NOW + HOUR), needed=2)
    assert operations.approve(engine, "plan-1", "ada", NOW, "") == 0
    assert operations.approved_once(engine) == {"plan-1": "ada"}
    execute_due(engine, device, city(), NOW)
    assert device.asked == []
    with pytest.raises(PenstockError, match="second, different person"):
        operations.approve(engine, "plan-1", " Ada ", NOW, "")
    assert operations.approve(engine, "plan-1", "bob", NOW, "") == 1
    assert operations.approved_once(engine) == {}
    execute_due(engine, device, city(), NOW)
    assert device.asked == [900.0]
    assert actions(engine) == ["approve once", "approve refused", "approve", "write written"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("J\u00fcrg", "Ju\u0308rg"), ("ada lovelace", "Ada  Lovelace"), ("ada lovelace", "ada\u00a0lovelace"), ("ada", "ada\u200b")],
)
def test_a_name_spelled_another_way_is_not_another_person(engine: Engine, first: str, second: str) -> None:
    propose(engine, (900.0, NOW, NOW + HOUR), needed=2)
    assert operations.approve(engine, "plan-1", first, NOW, "") == 0
    with pytest.raises(PenstockError, match="second, different person"):
        operations.approve(engine, "plan-1", second, NOW, "")


def test_the_hours_count_keeps_a_write_waiting_and_says_so_once(engine: Engine, city: Any) -> None:
    device, rules = Device(), city("writes_per_hour = 2")
    approved(engine, *((kw, NOW + i * MINUTE, NOW + (i + 1) * MINUTE if i < 2 else NOW + 2 * HOUR) for i, kw in enumerate((1.0, 2.0, 3.0))))
    for minute in (0, 1, 2, 3, 59):
        execute_due(engine, device, rules, NOW + minute * MINUTE)
    assert device.asked == [1.0, 2.0]
    assert actions(engine).count("write waits") == 1
    execute_due(engine, device, rules, NOW + 60 * MINUTE)  # the first is an hour old
    assert device.asked == [1.0, 2.0, 3.0]


def test_a_link_has_a_count_of_its_own(engine: Engine, city: Any) -> None:
    device, rules = Device(), city(link=", writes_per_hour = 1")
    approved(engine, (1.0, NOW, NOW + MINUTE), (2.0, NOW + MINUTE, NOW + HOUR))
    for minute in (0, 1):
        execute_due(engine, device, rules, NOW + minute * MINUTE)
    assert device.asked == [1.0]
    assert "link field" in rows(engine)[-1].sentence


def test_the_interval_makes_a_command_wait_instead_of_losing_it(engine: Engine, city: Any) -> None:
    device, rules = Device(), city("write_interval_s = 300")
    approved(engine, (1.0, NOW, NOW + MINUTE), (2.0, NOW + MINUTE, NOW + HOUR))
    for minute in range(6):
        execute_due(engine, device, rules, NOW + minute * MINUTE)
    assert device.asked == [1.0, 2.0]
    assert [row.state for row in rows(engine)] == ["written", "written"]


def test_a_large_change_goes_in_steps_until_it_is_there(engine: Engine, city: Any) -> None:
    device, rules = Device(), city("write_step = 400")
    approved(engine, (1000.0, NOW, NOW + HOUR))
    held = []
    for minute in range(5):
        execute_due(engine, device, rules, NOW + minute * MINUTE)
        held.append(device.held)
    assert held == [400.0, 800.0, 1000.0, 1000.0, 1000.0]
    assert actions(engine) == ["approve", "write stepped", "write stepped", "write written"]


def test_after_an_unknown_outcome_the_point_is_left_alone_until_a_person_has_looked(engine: Engine, city: Any) -> None:
    device, rules = Device(word="unknown"), city()
    approved(engine, (1.0, NOW, NOW + MINUTE), (2.0, NOW + MINUTE, NOW + HOUR))
    execute_due(engine, device, rules, NOW)
    device.word = "written"
    for minute in (1, 2):
        execute_due(engine, device, rules, NOW + minute * MINUTE)
    assert device.asked == [1.0]
    assert [row.state for row in rows(engine)] == ["unknown", "held"]
    with pytest.raises(PenstockError, match=POINT):
        commands.settle(engine, "elsewhere", "ada", NOW, 1.0, limits)
    (told,) = commands.settle(engine, POINT, "ada", NOW + 3 * MINUTE, 1.0, limits)
    assert "ada found 1" in told
    execute_due(engine, device, rules, NOW + 3 * MINUTE)
    assert device.asked == [1.0, 2.0]
    assert [row.state for row in rows(engine)] == ["written", "written"]


def test_what_is_found_instead_makes_the_outcome_a_mismatch(engine: Engine, city: Any) -> None:
    approved(engine, (5.0, NOW, NOW + HOUR))
    execute_due(engine, Device(word="unknown"), city(), NOW)
    commands.settle(engine, POINT, "ada", NOW, 4.0, lambda point: Limits(point=point, write_tolerance=0.5))
    assert [row.state for row in rows(engine)] == ["mismatch"]


def test_a_process_that_dies_while_it_writes_leaves_an_unknown_outcome(engine: Engine, city: Any) -> None:
    approved(engine, (5.0, NOW, NOW + HOUR))
    commands.begin(engine, rows(engine)[0].command_id)  # and then the process is gone
    device = Device()
    execute_due(engine, device, city(), NOW + MINUTE)
    assert device.asked == []
    assert [row.state for row in rows(engine)] == ["unknown"]
    assert actions(engine)[-1] == "write unknown"


def test_a_command_taken_back_while_its_turn_came_is_not_written(engine: Engine, city: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    device, due = Device(), commands.due

    def decided_meanwhile(*words: Any, **more: Any) -> Any:
        found = due(*words, **more)
        if found:
            monkeypatch.setattr(commands, "due", due)
            approved(engine, (2.0, NOW, NOW + HOUR), plan="plan-2")
        return found

    approved(engine, (1.0, NOW, NOW + HOUR))
    monkeypatch.setattr(commands, "due", decided_meanwhile)
    for minute in (0, 1):
        execute_due(engine, device, city(), NOW + minute * MINUTE)
    assert device.asked == [2.0]
    assert sorted(row.state for row in rows(engine)) == ["superseded", "written"]


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["postgres"], indirect=True)  # SQLite has one writer at a time
def test_two_work_processes_never_take_the_same_request(engine: Engine) -> None:
    first = operations.ask(engine, "replan", "ada", NOW, {})
    second = operations.ask(engine, "replan", "ada", NOW, {})
    with engine.begin() as other:  # another `work` is taking the first
        other.execute(t.request.select().where(t.request.c.request_id == first).with_for_update())
        taken = operations.take_request(engine)
    assert taken is not None
    assert taken.request_id == second
