"""Nothing is written before an approval; a hold beats an approval; everything leaves a line in the audit table."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from city.problems import PenstockError
from service import schema as t
from service.plans.commands import command
from service.store import commands, operations, results, writing

NOW = datetime(2022, 6, 15, 22, 40, tzinfo=UTC)


@pytest.fixture
def proposed(engine: Engine) -> Engine:
    rows = [
        command("plan-1", "battery-01.setpoint", "command_kw", kw, NOW + timedelta(minutes=20 * i), NOW + timedelta(minutes=20 * (i + 1)))
        for i, kw in enumerate((100.0, -50.0, 0.0))
    ]
    with writing(engine) as connection:
        connection.execute(t.command.insert(), rows)
    return engine


def due(engine: Engine, at: datetime) -> list[Any]:
    return list(commands.due(engine, at, reverts=False))


def states(engine: Engine) -> list[str]:
    return [row.state for row in results.rows(engine, t.command, order=t.command.c.not_before_utc)]


def test_nothing_is_due_before_an_approval(proposed: Engine) -> None:
    assert due(proposed, NOW + timedelta(hours=1)) == []


def test_an_approval_makes_commands_due_in_their_order_and_at_their_time(proposed: Engine) -> None:
    assert operations.approve(proposed, "plan-1", "ada", NOW, "cheap night") == 3
    assert [row.setpoint for row in due(proposed, NOW)] == [100.0]
    assert states(proposed) == ["approved"] * 3


def test_approving_twice_changes_nothing(proposed: Engine) -> None:
    operations.approve(proposed, "plan-1", "ada", NOW, "")
    assert operations.approve(proposed, "plan-1", "bob", NOW, "") == 0
    assert [row.who for row in results.rows(proposed, t.approval)] == ["ada"]


def test_a_command_past_its_time_expires_unwritten(proposed: Engine) -> None:
    operations.approve(proposed, "plan-1", "ada", NOW, "")
    assert [row.setpoint for row in due(proposed, NOW + timedelta(minutes=45))] == [0.0]
    assert states(proposed) == ["expired", "expired", "approved"]


def test_an_unknown_plan_cannot_be_approved(proposed: Engine) -> None:
    with pytest.raises(PenstockError, match="plan-9"):
        operations.approve(proposed, "plan-9", "ada", NOW, "")


def test_a_plan_whose_time_has_passed_cannot_be_approved(proposed: Engine) -> None:
    with pytest.raises(PenstockError, match="past their time"):
        operations.approve(proposed, "plan-1", "ada", NOW + timedelta(days=1), "")


def test_a_hold_ends_when_released_or_at_its_time(engine: Engine) -> None:
    operations.place_hold(engine, "battery-01", "ada", NOW, "maintenance", NOW + timedelta(hours=1))
    operations.place_hold(engine, operations.STOP, "ada", NOW, "smoke")
    assert {row.subject for row in operations.holds(engine, NOW)} == {"battery-01", "*"}
    assert {row.subject for row in operations.holds(engine, NOW + timedelta(hours=2))} == {"*"}
    assert operations.release_hold(engine, operations.STOP, "ada", NOW + timedelta(hours=2)) == 1
    assert operations.holds(engine, NOW + timedelta(hours=2)) == []


def test_every_decision_is_in_the_audit_table(proposed: Engine) -> None:
    operations.approve(proposed, "plan-1", "ada", NOW, "cheap night")
    operations.place_hold(proposed, "battery-01", "bob", NOW, "noise")
    assert [(row.who, row.action) for row in operations.audit(proposed)] == [("bob", "hold"), ("ada", "approve")]


def test_requests_are_taken_oldest_first_and_once(engine: Engine) -> None:
    first = operations.ask(engine, "replan", "ada", NOW, {})
    operations.ask(engine, "statement", "ada", NOW, {})
    taken = operations.take_request(engine)
    assert taken is not None
    assert taken.request_id == first
    operations.finish_request(engine, first, "done", "made")
    following = operations.take_request(engine)
    assert following is not None
    assert following.kind == "statement"
    assert operations.take_request(engine) is None


def test_approving_a_second_plan_takes_back_what_the_first_still_had_to_say(proposed: Engine) -> None:
    later = [command("plan-2", "battery-01.setpoint", "command_kw", 7.0, NOW, NOW + timedelta(hours=1))]
    with writing(proposed) as connection:
        connection.execute(t.command.insert(), later)
    operations.approve(proposed, "plan-1", "ada", NOW, "")
    operations.approve(proposed, "plan-2", "ada", NOW, "")
    assert [row.setpoint for row in due(proposed, NOW)] == [7.0]
    assert {row.state for row in results.rows(proposed, t.command, t.command.c.plan_id == "plan-1")} == {"superseded"}


def test_the_last_decision_counts_whichever_plan_is_newer(proposed: Engine) -> None:
    with writing(proposed) as connection:
        connection.execute(t.command.insert(), [command("plan-2", "battery-01.setpoint", "command_kw", 7.0, NOW, NOW + timedelta(hours=1))])
    operations.approve(proposed, "plan-2", "ada", NOW, "")
    operations.approve(proposed, "plan-1", "ada", NOW, "back to the first")
    assert [row.setpoint for row in due(proposed, NOW)] == [100.0]
    assert [row.action for row in operations.audit(proposed)][:2] == ["approve", "supersede"]


def test_held_commands_may_be_written_again_after_the_release_while_their_time_lasts(proposed: Engine) -> None:
    operations.approve(proposed, "plan-1", "ada", NOW, "")
    operations.place_hold(proposed, operations.STOP, "ada", NOW, "smoke")
    for row in due(proposed, NOW + timedelta(minutes=25)):
        commands.conclude(proposed, row, "held", "a hold is in force", NOW)
    operations.release_hold(proposed, operations.STOP, "ada", NOW + timedelta(minutes=26))
    assert states(proposed) == ["expired", "approved", "approved"]


def test_a_request_that_a_former_process_took_and_dropped_waits_again(engine: Engine) -> None:
    operations.ask(engine, "replan", "ada", NOW, {})
    assert operations.take_request(engine)
    assert operations.reopen_requests(engine) == 1
    assert operations.take_request(engine)
