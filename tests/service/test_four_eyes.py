"""How large a decision is, and who may take it, from the plan's own commands to the command line."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service import schema as t
from service.controls import FourEyes
from service.four_eyes import mark, size
from service.plans.commands import command
from service.store import open_store, results
from tests.town import Town, states

NOW = datetime(2022, 6, 15, 22, 0, tzinfo=UTC)
DECISION = "2022-06-16T00:40+02:00"


def kw(point: str, *setpoints: float) -> list[dict[str, Any]]:
    step = timedelta(hours=1)
    return [command("p", point, "command_kw", value, NOW + i * step, NOW + (i + 1) * step) for i, value in enumerate(setpoints)]


def valves(*names: str) -> list[dict[str, Any]]:
    return [command("p", f"panel.{name}", "opening", 0.0, NOW, NOW) for name in names]


@pytest.mark.parametrize(
    ("rules", "proposed", "present", "customers", "says"),
    [
        (FourEyes(), kw("a", 9e9), {}, 9_000, ""),  # nothing given: one person always
        (FourEyes(change_above_kw=100), kw("a", 80, 150, 60), {"a": 100}, 0, ""),  # 20, 70, 90
        (FourEyes(change_above_kw=100), kw("a", 80, -30), {"a": 100}, 0, "a changes by 110 kW, above 100"),
        (FourEyes(change_above_kw=100), kw("a", 101), {}, 0, "a changes by 101 kW"),  # what is not known counts from zero
        (FourEyes(total_above_kw=150), kw("a", 80) + kw("b", 80), {}, 0, "160 kW together, above 150"),
        (FourEyes(total_above_kw=160), kw("a", 80) + kw("b", 80), {}, 0, ""),
        (FourEyes(valves_above=1), valves("v1"), {}, 0, ""),
        (FourEyes(valves_above=1), valves("v1", "v2"), {}, 0, "2 valves turn, above 1"),
        (FourEyes(customers_above=200), valves("v1"), {}, 201, "201 customers are cut off, above 200"),
    ],
)
def test_what_one_person_may_decide_alone(
    rules: FourEyes, proposed: list[dict[str, Any]], present: dict[str, float], customers: int, says: str
) -> None:
    found = size(rules, proposed, present, customers)
    assert (says in found) if says else not found
    mark(rules, proposed, present, customers)
    assert {row["approvals_needed"] for row in proposed} == {2 if says else 1}


@pytest.fixture
def large(planned: Town) -> Town:
    """The planned town whose plan needs two people, with two operators and a planner among its accounts."""
    planned.file.write_text('accounts_file = "accounts.toml"\n' + planned.file.read_text())
    people = [("ada", "operator"), ("bob", "operator"), ("eve", "planner")]
    (planned.folder / "accounts.toml").write_text("".join(f'[[accounts]]\nname = "{name}"\nrole = "{role}"\n' for name, role in people))
    with open_store(planned.database).begin() as connection:
        connection.execute(t.command.update().values(approvals_needed=2))
    return planned


def approve(town: Town, who: str) -> tuple[int, str]:
    said = town.penstock("approve", "latest", "--who", who, "--now", DECISION)
    return said.code, said.all


def test_the_command_line_says_who_else_must_approve_and_takes_no_one_elses_word(large: Town) -> None:
    code, said = approve(large, "ada")
    assert (code, "a second operator (bob) must approve it too" in said) == (0, True)
    assert states(large) == {"proposed"}
    assert "APPROVED ONCE plan-20220616-0, by ada" in large.penstock("status", "--now", DECISION).out
    assert "ada approved it before" in approve(large, "ada")[1]
    assert "eve is signed in as planner; allowed: an account with role operator" in approve(large, "eve")[1]
    assert states(large) == {"proposed"}
    assert approve(large, "bob")[0] == 0
    assert states(large) == {"approved"}
    lines = [(row.action, row.who) for row in results.rows(open_store(large.database), t.audit)]
    assert lines == [("approve once", "ada"), ("approve refused", "ada"), ("approve refused", "eve"), ("approve", "bob")]


def test_accounts_that_cannot_be_read_let_nobody_decide_something_large(large: Town, tmp_path: Path) -> None:
    shutil.move(large.folder / "accounts.toml", tmp_path / "elsewhere.toml")
    code, said = approve(large, "ada")
    assert (code, "accounts.toml" in said) == (1, True)
    assert states(large) == {"proposed"}


def test_settling_what_is_not_unknown_names_what_is(planned: Town) -> None:
    with open_store(planned.database).begin() as connection:
        first = connection.execute(t.command.select().order_by(t.command.c.not_before_utc)).first()
        assert first is not None
        connection.execute(t.command.update().where(t.command.c.command_id == first.command_id).values(state="unknown"))
    wrong = planned.penstock("settle", "sun.power", "--found", "1", "--who", "ada", "--now", DECISION)
    assert (wrong.code, first.command_id in wrong.err) == (1, True)
    assert f"UNKNOWN {first.command_id}" in planned.penstock("status", "--now", DECISION).out
    told = planned.penstock("settle", first.command_id, "--found", str(first.setpoint), "--who", "ada", "--now", DECISION)
    assert (told.code, "; written, and the point may be written again" in told.out) == (0, True)
