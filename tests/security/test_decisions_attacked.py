"""Decisions attacked: by those who may not take them, a second time, late, of something else, and behind the back of the program."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from city.clock import parse_utc
from city.problems import PenstockError
from service import decisions
from service import schema as t
from service.access.roles import Person
from service.environment import Environment
from service.plans.commands import command
from service.settings import load
from service.store import commands, open_store, operations, results, writing
from tests.town import Town, prepared, states

AT = "2022-06-16T00:40+02:00"
WHEN = parse_utc(AT)
PEOPLE = {"ada": "operator", "bob": "operator", "pia": "planner", "vic": "viewer", "eve": "engineer", "root": "admin"}
FORBIDDEN = ("vic", "pia", "eve", "root", "stranger")


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """A town with people, and two plans of three commands each for one point, proposed."""
    made = Town(tmp_path / "town", days=0)
    prepared(made)
    made.file.write_text('accounts_file = "accounts.toml"\n' + made.file.read_text())
    told = "".join(f'[[accounts]]\nname = "{name}"\nrole = "{role}"\n' for name, role in PEOPLE.items())
    (made.folder / "accounts.toml").write_text(told)
    with writing(open_store(made.database)) as connection:
        for plan in ("plan-1", "plan-2"):
            connection.execute(t.command.insert(), proposed(plan))
    return made


def proposed(plan: str) -> list[dict]:
    begin = WHEN + timedelta(minutes=20)
    return [
        command(plan, "sun.setpoint", "power_kw", 5.0 * i, begin + timedelta(hours=i), begin + timedelta(hours=i + 1)) for i in range(3)
    ]


def audit(town: Town) -> list[tuple[str, str]]:
    return [(row.action, row.who) for row in results.rows(open_store(town.database), t.audit, order=t.audit.c.audit_id)]


DEEDS = {
    "approve": ("approve", "plan-1"),
    "hold": ("hold", "sun", "--reason", "because"),
    "settle": ("settle", "plan-1", "--found", "1"),
    "release": ("hold", "sun", "--release"),
}


@pytest.mark.parametrize("who", FORBIDDEN)
def test_who_is_no_operator_approves_and_holds_nothing_on_the_command_line(town: Town, who: str) -> None:
    for deed in ("approve", "hold"):
        said = town.penstock(*DEEDS[deed], "--who", who, "--now", AT)
        assert said.code == 1, said.all
        assert said.foreseen
    assert states(town) == {"proposed"}
    assert results.rows(open_store(town.database), t.hold) == []
    if who != "stranger":
        assert {("approve refused", who), ("hold refused", who)} <= set(audit(town)), "each refusal stands in the audit"


@pytest.mark.parametrize("role", ["viewer", "planner", "engineer", "admin", "household"])
def test_nor_by_calling_what_the_pages_call_with_a_person_made_up(town: Town, role: str) -> None:
    engine, city = open_store(town.database), load(Environment(city=town.file, home=town.folder))
    person = Person(name="mallory", role=role)  # type: ignore[arg-type]
    for deed in (
        lambda: decisions.approve(engine, city, person, "plan-1", WHEN, ""),
        lambda: decisions.approve_all(engine, city, person, ["plan-1", "plan-2"], WHEN, ""),
        lambda: decisions.hold(engine, city, person, "sun", WHEN, "because"),
        lambda: decisions.release(engine, city, person, "sun", WHEN),
        lambda: decisions.release(engine, city, person, operations.STOP, WHEN),
        lambda: decisions.tell_valve(engine, city, {"v1"}, person, "v1", "stuck", None, WHEN, ""),
    ):
        try:
            deed()
        except PenstockError:
            continue
        assert role == "engineer", "an engineer may tell how a valve was found; nobody else may anything of this"
    assert states(town) == {"proposed"}


@pytest.mark.parametrize("field", ["role", "name", "districts", "unconfirmed"])
def test_a_person_cannot_be_changed_after_the_sign_in(field: str) -> None:
    person = Person(name="vic", role="viewer")
    with pytest.raises((TypeError, ValueError, AttributeError)):
        setattr(person, field, "operator")


def test_an_approval_counts_once_and_for_its_plan_alone(town: Town) -> None:
    assert town.penstock("approve", "plan-1", "--who", "ada", "--now", AT).code == 0
    rows = {row.plan_id: row.state for row in results.rows(open_store(town.database), t.command)}
    assert rows == {"plan-1": "approved", "plan-2": "proposed"}
    town.penstock("approve", "plan-1", "--who", "bob", "--now", AT)
    assert len(results.rows(open_store(town.database), t.approval)) == 1
    assert [who for action, who in audit(town) if action == "approve"] == ["ada"]


def test_a_plan_that_a_later_one_replaced_is_not_brought_back(town: Town) -> None:
    for plan in ("plan-1", "plan-2"):
        assert town.penstock("approve", plan, "--who", "ada", "--now", AT).code == 0
    state = {row.plan_id: row.state for row in results.rows(open_store(town.database), t.command)}
    assert state == {"plan-1": "superseded", "plan-2": "approved"}
    town.penstock("approve", "plan-1", "--who", "bob", "--now", AT)
    assert {row.plan_id: row.state for row in results.rows(open_store(town.database), t.command)} == state


def test_an_old_plan_is_refused_and_its_commands_are_never_due(town: Town) -> None:
    engine, late = open_store(town.database), WHEN + timedelta(days=1)
    with pytest.raises(PenstockError, match="past their time"):
        operations.approve(engine, "plan-1", "ada", late, "")
    assert list(commands.due(engine, late, reverts=False)) == []


def test_commands_slipped_into_a_plan_after_its_approval_are_not_written_and_are_found(town: Town) -> None:
    """The approval released what stood there; a row that comes later is proposed still, and the audit no longer fits."""
    assert town.penstock("approve", "plan-1", "--who", "ada", "--now", AT).code == 0
    assert town.penstock("audit", "verify").code == 0
    engine = open_store(town.database)
    begin = WHEN + timedelta(minutes=30)
    with writing(engine) as connection:
        connection.execute(t.command.insert(), [command("plan-1", "sun.setpoint", "power_kw", 999.0, begin, begin + timedelta(hours=1))])
    assert 999.0 not in {row.setpoint for row in commands.due(engine, begin + timedelta(minutes=1), reverts=False)}
    assert town.penstock("approve", "plan-1", "--who", "ada", "--now", AT).code in (0, 1)
    assert 999.0 not in {row.setpoint for row in commands.due(engine, begin + timedelta(minutes=1), reverts=False)}
    assert town.penstock("audit", "verify").code != 0


FORGED = {
    "a setpoint": "UPDATE command SET setpoint = 7777 WHERE plan_id = 'plan-1'",
    "a time": "UPDATE command SET not_before_utc = not_after_utc WHERE plan_id = 'plan-1'",
    "the second person": "UPDATE command SET approvals_needed = 0 WHERE plan_id = 'plan-1'",
    "an approver": "UPDATE audit SET who = 'bob' WHERE action = 'approve'",
    "a line gone": "DELETE FROM audit WHERE action = 'approve'",
    "a command gone": "DELETE FROM command WHERE plan_id = 'plan-1' AND setpoint = 5",
    "another's commands": "UPDATE command SET plan_id = 'plan-1' WHERE plan_id = 'plan-2'",
}


@pytest.mark.parametrize("what", FORGED)
def test_what_is_forged_in_the_database_after_an_approval_is_found(town: Town, what: str) -> None:
    assert town.penstock("approve", "plan-1", "--who", "ada", "--now", AT).code == 0
    town.penstock("hold", "hall", "--reason", "a line behind it", "--who", "ada", "--now", AT)
    assert town.penstock("audit", "verify").code == 0
    engine = open_store(town.database)
    with engine.execution_options(writes=True).begin() as connection:
        assert connection.exec_driver_sql(FORGED[what]).rowcount >= 1
    said = town.penstock("audit", "verify")
    assert said.code != 0, said.all
    assert said.foreseen


def test_one_person_under_two_spellings_is_one_person(town: Town) -> None:
    engine = open_store(town.database)
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(t.command.update().values(approvals_needed=2))
    assert operations.approve(engine, "plan-1", "ada", WHEN, "") == 0
    for name in ("ADA", " ada", "a\u200bda", "\uff41da"):
        with pytest.raises(PenstockError, match="approved it before"):
            operations.approve(engine, "plan-1", name, WHEN, "")
    assert operations.approve(engine, "plan-1", "bob", WHEN, "") == 3


def test_the_clock_of_whoever_approves_makes_nothing_older_or_newer(town: Town) -> None:
    said = town.penstock("approve", "plan-1", "--who", "ada", "--now", f"{datetime.now().year + 3}-01-01T00:00Z")  # noqa: DTZ005
    assert (said.code, "future" in said.err) == (1, True)
    assert states(town) == {"proposed"}
