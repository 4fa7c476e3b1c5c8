"""Setpoints that go back by themselves, holds and stops in between, and writes that are refused or never heard of again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from city.problems import fault
from meters.control import Outcome
from meters.vee.quality import Limits
from service.environment import STOP_FILE
from service.outbox import execute_due
from service.store import commands, operations
from tests.service.control_bench import HOUR, MINUTE, NOW, POINT, Device, actions, approved, rows

REVERT = "revert_after_s = 600\nrevert_to = 0"


def test_a_setpoint_that_nothing_follows_goes_back_by_itself_even_after_a_restart_and_a_long_outage(engine: Engine, city: Any) -> None:
    device, rules = Device(), city(REVERT)
    approved(engine, (500.0, NOW, NOW + HOUR))
    for at in (NOW, NOW + HOUR, NOW + HOUR + 9 * MINUTE):
        execute_due(engine, device, rules, at)
    assert device.asked == [500.0]  # its time is over, but not for ten minutes
    execute_due(engine, device, city(REVERT), NOW + timedelta(days=3))  # all that is remembered is in the store
    assert device.asked == [500.0, 0.0]
    assert [row.state for row in rows(engine)] == ["written", "written"]
    assert [row.reverts for row in rows(engine)] == [None, rows(engine)[0].command_id]


def test_a_newer_setpoint_takes_the_place_of_going_back(engine: Engine, city: Any) -> None:
    device, rules = Device(), city(REVERT)
    approved(engine, (500.0, NOW, NOW + HOUR))
    execute_due(engine, device, rules, NOW)
    approved(engine, (300.0, NOW + HOUR, NOW + 2 * HOUR), plan="plan-2")
    assert [row.state for row in rows(engine) if row.reverts] == ["approved"]  # decided is not yet written
    execute_due(engine, device, rules, NOW + 2 * HOUR - MINUTE)  # both are due by now: the newer one goes first, alone
    assert device.asked == [500.0, 300.0]
    execute_due(engine, device, rules, NOW + 2 * HOUR + 10 * MINUTE)
    assert device.asked == [500.0, 300.0, 0.0]


def test_a_setpoint_that_is_where_it_goes_back_to_needs_no_way_back(engine: Engine, city: Any) -> None:
    approved(engine, (0.0, NOW, NOW + HOUR))
    execute_due(engine, Device(), city(REVERT), NOW)
    assert len(rows(engine)) == 1


def test_the_emergency_stop_also_stops_going_back_and_its_release_lets_it_go(engine: Engine, city: Any) -> None:
    device, rules = Device(), city(REVERT)
    approved(engine, (500.0, NOW, NOW + HOUR))
    execute_due(engine, device, rules, NOW)
    operations.place_hold(engine, operations.STOP, "ada", NOW, "a crew is at the device")
    execute_due(engine, device, rules, NOW + 2 * HOUR)
    assert device.asked == [500.0]
    operations.release_hold(engine, operations.STOP, "ada", NOW + 3 * HOUR)
    execute_due(engine, device, rules, NOW + 3 * HOUR)
    assert device.asked == [500.0, 0.0]


def test_what_a_hold_kept_back_goes_on_when_the_hold_ends_by_itself_and_each_is_told_once(engine: Engine, city: Any) -> None:
    device, rules = Device(), city()
    approved(engine, (500.0, NOW, NOW + 3 * HOUR))
    operations.place_hold(engine, POINT, "ada", NOW, "a crew is at the device", NOW + HOUR)
    for minute in (0, 1, 2):
        execute_due(engine, device, rules, NOW + minute * MINUTE)
    assert device.asked == []
    execute_due(engine, device, rules, NOW + HOUR)
    assert device.asked == [500.0]
    assert actions(engine) == ["approve", "hold", "write held", "write written"]


def test_a_command_whose_time_is_over_while_it_is_held_expires(engine: Engine, city: Any) -> None:
    approved(engine, (500.0, NOW, NOW + HOUR))
    operations.place_hold(engine, POINT, "ada", NOW, "")
    for at in (NOW, NOW + HOUR):
        execute_due(engine, Device(), city(), at)
    assert [row.state for row in rows(engine)] == ["expired"]


def test_a_stop_given_while_the_database_was_away_is_entered_and_can_be_released_by_anyone(engine: Engine, city: Any) -> None:
    device, rules = Device(), city()
    approved(engine, (500.0, NOW, NOW + HOUR))
    (rules.folder / STOP_FILE).write_text("ada: smoke")
    execute_due(engine, device, rules, NOW)
    assert device.asked == []
    assert [(row.subject, row.reason) for row in operations.holds(engine, NOW)] == [(operations.STOP, "ada: smoke")]
    assert operations.release_hold(engine, operations.STOP, "bob", NOW + MINUTE) == 1
    execute_due(engine, device, rules, NOW + MINUTE)
    assert device.asked == [500.0]
    assert actions(engine) == ["approve", "emergency stop", "write held", "release", "write written"]


def test_after_an_unknown_outcome_even_going_back_waits_for_a_person(engine: Engine, city: Any) -> None:
    device, rules = Device(word="unknown"), city(REVERT)
    approved(engine, (500.0, NOW, NOW + HOUR))
    execute_due(engine, device, rules, NOW)
    device.word = "written"
    execute_due(engine, device, rules, NOW + 2 * HOUR)
    assert device.asked == [500.0]
    commands.settle(engine, POINT, "ada", NOW + 2 * HOUR, 500.0, rules.write_limits)
    execute_due(engine, device, rules, NOW + 2 * HOUR)
    assert device.asked == [500.0, 0.0]


def test_a_refused_write_is_audited_and_changes_no_way_back(engine: Engine, city: Any) -> None:
    device, rules = Device(), city(REVERT)
    approved(engine, (500.0, NOW, NOW + HOUR))
    execute_due(engine, device, rules, NOW)
    approved(engine, (300.0, NOW + MINUTE, NOW + HOUR), plan="plan-2")
    device.word = "refused"
    execute_due(engine, device, rules, NOW + MINUTE)
    assert actions(engine)[-1] == "write refused"
    assert [row.state for row in rows(engine) if row.reverts] == ["approved"]


def test_what_a_dying_process_could_not_plan_the_settling_does(engine: Engine, city: Any) -> None:
    device, rules = Device(), city(REVERT)
    approved(engine, (500.0, NOW, NOW + HOUR))
    commands.begin(engine, rows(engine)[0].command_id)
    execute_due(engine, device, rules, NOW + MINUTE)
    commands.settle(engine, POINT, "ada", NOW + MINUTE, 500.0, rules.write_limits)
    execute_due(engine, device, rules, NOW + 2 * HOUR)
    assert device.asked == [0.0]


def test_what_the_field_cannot_write_is_refused_and_the_others_are_written(engine: Engine, city: Any) -> None:
    class Elsewhere(Device):
        def write(self, point_id: str, setpoint: float, limits: Limits, now_utc: datetime) -> Outcome:
            if setpoint == 1.0:
                raise fault(f"point {point_id}", "not a point of this field", "<meter>.<register>", "Check meters.")
            return super().write(point_id, setpoint, limits, now_utc)

    approved(engine, (1.0, NOW, NOW + HOUR), (2.0, NOW, NOW + HOUR))
    execute_due(engine, Elsewhere(), city(), NOW)
    assert sorted(row.state for row in rows(engine)) == ["refused", "written"]


@pytest.mark.parametrize("rules", [{"revert_to": 5}, {"revert_after_s": 5}, {"maximum": 10, "revert_after_s": 5, "revert_to": 11}])
def test_a_way_back_needs_both_its_keys_and_stays_within_the_limits(rules: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="revert_to"):
        Limits(point=POINT, **rules)
