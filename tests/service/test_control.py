"""From an approval to the wire: what hinders a write, what follows it, and what nobody may forget."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from city.problems import PenstockError, fault
from meters.control import Outcome
from meters.vee.quality import Limits
from service import schema as t
from service.environment import STOP_FILE, Environment
from service.outbox import execute_due
from service.planning import command
from service.settings import LoadedCity, load
from service.store import commands, operations, results, writing
from tests.town import Town

NOW = datetime(2022, 6, 15, 22, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
POINT = "sun.setpoint"


@dataclass
class Device:
    """Stands for the field: a device that holds what is written, or answers with the word it was given. Keeps what was asked."""

    held: float = 0.0
    word: str = "written"
    asked: list[float] = field(default_factory=list)

    def write(self, point_id: str, setpoint: float, limits: Limits, now_utc: datetime) -> Outcome:
        self.asked.append(setpoint)
        step = limits.write_step or abs(setpoint - self.held)
        self.held += min(max(setpoint - self.held, -step), step)
        return Outcome(point_id, self.word, self.held, self.held, "as told", now_utc, sent=self.word != "refused")  # type: ignore[arg-type]


@pytest.fixture
def city(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., LoadedCity]:
    def made(limits: str = "", link: str = "") -> LoadedCity:
        town = Town(tmp_path_factory.mktemp("town"), days=0)
        town = replace(town, head=town.head.replace("read_only = false", f"read_only = false{link}"))
        town = replace(
            town, parts={**town.without().parts, "limits": f'[[limits]]\npoint = "{POINT}"\nminimum = 0\nmaximum = 1000\n{limits}'}
        )
        town.write()
        return load(Environment(city=town.file, home=town.folder))

    return made


def propose(engine: Engine, *wanted: tuple[float, datetime, datetime], plan: str = "plan-1", needed: int = 1) -> None:
    rows = [{**command(plan, POINT, "command_kw", kw, start, end), "approvals_needed": needed} for kw, start, end in wanted]
    with writing(engine) as connection:
        connection.execute(t.command.insert(), rows)


def approved(engine: Engine, *wanted: tuple[float, datetime, datetime], plan: str = "plan-1") -> None:
    propose(engine, *wanted, plan=plan)
    operations.approve(engine, plan, "ada", NOW, "")


def limits(point_id: str) -> Limits:
    return Limits(point=point_id)


def rows(engine: Engine) -> list[Any]:
    return list(results.rows(engine, t.command, order=t.command.c.not_before_utc))


def actions(engine: Engine) -> list[str]:
    return [row.action for row in reversed(operations.audit(engine))]


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


def test_two_work_processes_never_take_the_same_request(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    first = operations.ask(engine, "replan", "ada", NOW, {})
    second = operations.ask(engine, "replan", "ada", NOW, {})
    with engine.begin() as other:  # another `work` is taking the first
        other.execute(t.request.select().where(t.request.c.request_id == first).with_for_update())
        taken = operations.take_request(engine)
    assert taken is not None
    assert taken.request_id == second
