"""The audit in a store: what was decided is bound into it, its head is kept outside, and whatever is changed behind its back is found."""

import json
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service import migrations
from service import schema as t
from service.auditing import outside
from service.auditing.listing import Asked, count, lines, write
from service.auditing.verifying import check
from service.books import closing
from service.decisions import Person
from service.environment import Environment
from service.plans.commands import command
from service.settings import LoadedCity, load
from service.store import open_store, operations, writing
from service.view.audit import chain
from tests.service.ledger_town import night, opened
from tests.service.ledger_town import town as ledger_town
from tests.town import Town

AT = datetime(2022, 6, 15, 22, 40, tzinfo=UTC)


@pytest.fixture
def made(tmp_path: Path) -> tuple[Any, LoadedCity, Path]:
    """Engine and city of a town in which ada approved a plan of two commands, bob stopped everything; and the file of the heads."""
    town = Town(tmp_path / "town", days=0, parts={"carbon": '[carbon]\noutside_roots = ["roots.txt"]\n'})
    town.write()
    engine = open_store(town.database, create=True)
    migrations.upgrade(engine)
    with writing(engine) as connection:
        hour = timedelta(hours=1)
        rows = [command("p", "battery.setpoint", "power_kw", kw, AT + i * hour, AT + (i + 1) * hour) for i, kw in enumerate((10.0, -2.5))]
        connection.execute(t.command.insert(), rows)
    operations.approve(engine, "p", "ada", AT, "agreed")
    operations.place_hold(engine, operations.STOP, "bob", AT, "smoke")
    city = load(Environment(city=town.file, home=town.folder))
    assert outside.publish(engine, city, "night", AT) == []
    return engine, city, town.folder


def sql(folder: Path, *statements: str) -> None:
    with sqlite3.connect(folder / "penstock.db") as connection:
        for statement in statements:
            connection.execute(statement)


def found(made: tuple[Any, LoadedCity, Path]) -> list[str]:
    return [str(problem) for problem in check(made[0], made[1])[1]]


def test_a_store_is_sound_and_says_what_was_compared(made: tuple[Any, LoadedCity, Path]) -> None:
    told, problems = check(made[0], made[1])
    assert problems == []
    assert told[0].startswith("3 audit lines, head ")
    assert told[1].startswith("2 heads of the audit in ")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE audit SET sentence = 'nothing happened' WHERE audit_id = 1", "audit line 1: its fields do not give its SHA-256"),
        ("UPDATE audit SET decided = NULL WHERE audit_id = 1", "audit line 1: its fields do not give its SHA-256"),
        ("DELETE FROM audit WHERE audit_id = 1", "audit line 1: missing"),
        ("DELETE FROM audit WHERE audit_id = 2", "audit line 2: not in the store"),
        ("DELETE FROM audit", "audit line 2: not in the store"),
        ("UPDATE command SET setpoint = 9e3 WHERE setpoint = 10", "its commands are no longer those that ada approved by audit line 1"),
        ("DELETE FROM command WHERE setpoint = 10", "its commands are no longer those that ada approved"),
        ("DELETE FROM approval", "the approval that audit line 1 by ada tells of is gone"),
        ("INSERT INTO approval VALUES ('q', 'eve', 0, '', 3)", "q: its approval by eve has no audit line"),
        ("INSERT INTO approval VALUES ('q', 'eve', 0, '', 0)", "q: its approval by eve has no audit line"),  # as if somebody had been first
    ],
)
def test_what_is_changed_behind_its_back_is_found(made: tuple[Any, LoadedCity, Path], statement: str, told: str) -> None:
    sql(made[2], statement)
    assert any(told in one for one in found(made)), found(made)


@pytest.mark.parametrize("change", ["who = x'41'", "at_utc = 'noon'", "at_utc = 9223372036854775807", "sentence = CAST(x'ff41' AS TEXT)"])
def test_a_line_that_no_writer_can_have_written_is_named(made: tuple[Any, LoadedCity, Path], change: str) -> None:
    sql(made[2], f"UPDATE audit SET {change} WHERE audit_id = 2")  # noqa: S608 - ours
    assert [one[:28] for one in found(made)] == ["audit line 2: cannot be read"]


def test_what_two_approved_must_be_the_same(made: tuple[Any, LoadedCity, Path]) -> None:
    """A setpoint that is changed between the first and the second approval is approved by one person alone."""
    engine, _, folder = made
    with writing(engine) as connection:
        row = command("two", "battery.setpoint", "power_kw", 10.0, AT, AT + timedelta(hours=1))
        connection.execute(t.command.insert().values(row | {"approvals_needed": 2}))
    assert operations.approve(engine, "two", "ada", AT, "agreed") == 0
    sql(folder, "UPDATE command SET setpoint = 50 WHERE plan_id = 'two'")
    assert found(made) == []  # a proposal that nothing came of may be made anew
    assert operations.approve(engine, "two", "bob", AT, "agreed") == 1
    (only,) = found(made)
    assert only.startswith("two: its commands are no longer those that ada approved by audit line 4")


def test_states_and_ways_back_of_commands_change_nothing_that_was_decided(made: tuple[Any, LoadedCity, Path]) -> None:
    sql(made[2], "UPDATE command SET state = 'written', sentence = 'done'", "UPDATE hold SET released_utc = 1")
    with writing(made[0]) as connection:
        back = command("p", "battery.setpoint", "power_kw", 0.0, AT, AT + timedelta(days=1)) | {"reverts": "x", "state": "approved"}
        connection.execute(t.command.insert().values(back))
    assert found(made) == []


def test_a_renamed_point_is_not_taken_for_another_decision(made: tuple[Any, LoadedCity, Path]) -> None:
    sql(made[2], "UPDATE command SET point_id = 'store.setpoint'")
    with writing(made[0]) as connection:
        told = "battery.setpoint is called store.setpoint from now on"
        operations.record(connection, AT, "city.toml", "rename", "store.setpoint", told)
    assert found(made) == []


def test_who_hashes_everything_again_is_found_by_the_head_outside_alone(made: tuple[Any, LoadedCity, Path]) -> None:
    engine, _, folder = made
    with engine.connect() as connection:
        rows = connection.execute(select(t.audit).order_by(t.audit.c.audit_id)).all()
    sql(folder, "DELETE FROM audit")
    with writing(engine) as connection:
        operations.record(connection, AT, "eve", rows[0].action, rows[0].subject, rows[0].sentence, rows[0].decided)
        for row in rows[1:]:
            operations.record(connection, AT, *row[2:6])
    assert any("SHA-256" in one and "as" in one and "roots.txt keeps it" in one for one in found(made))
    (folder / "audit-roots.txt").unlink()
    assert [one for one in found(made) if "audit line" in one and "approval" not in one and "not there" not in one] == []


def test_a_file_that_never_was_is_no_fault_and_one_that_was_taken_away_is(made: tuple[Any, LoadedCity, Path], tmp_path: Path) -> None:
    """An upgrade makes no sound store a failing one; and no night begins again, unasked, what somebody took away."""
    engine, city, folder = made
    path = folder / "audit-roots.txt"
    whole = path.read_text()
    for left, told in ((None, "not there"), ("", "empty")):
        path.unlink() if left is None else path.write_text(left)
        assert told in found(made)[0]
        assert [str(one) for one in chain(engine, city).faults] == found(made)
        assert told in str(outside.publish(engine, city, "night", AT)[0])
        assert not path.exists() or not path.read_text()
    operations.release_hold(engine, operations.STOP, "bob", AT)
    assert outside.publish(engine, city, "carol", AT, anew=True) == []
    assert found(made) == []
    assert [row.who for row in lines(engine, Asked(action=outside.BEGUN))] == ["carol", "night"]
    path.write_text(path.read_text().splitlines(keepends=True)[1])  # the first head is that of the line behind which it was begun
    assert found(made) == []
    assert outside.publish(engine, city, "carol", AT, anew=True) == []
    assert len(lines(engine, Asked(action=outside.BEGUN))) == 2  # nothing was gone
    operations.place_hold(engine, operations.STOP, "bob", AT, "smoke")
    assert outside.publish(engine, city, "night", AT) == []
    path.write_text(path.read_text().splitlines(keepends=True)[1])
    assert "begins with line 6" in found(made)[0]
    path.write_text(whole)
    assert found(made) == []
    town = Town(tmp_path / "other", days=0, parts={"carbon": '[carbon]\noutside_roots = ["roots.txt"]\n'})
    town.write()
    other = open_store(town.database, create=True)
    migrations.upgrade(other)
    operations.place_hold(other, operations.STOP, "bob", AT, "smoke")
    told, problems = check(other, load(Environment(city=town.file, home=town.folder)))
    assert problems == []
    assert "no head of the audit is kept in" in told[1]


def test_heads_kept_while_the_lines_are_read_are_no_fault(made: tuple[Any, LoadedCity, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A night that decides and keeps a head between the two looks at the store."""
    engine, city, _ = made
    ask = outside.heads

    def meanwhile(*asked: Any) -> Any:
        answer = ask(*asked)
        operations.release_hold(engine, operations.STOP, "bob", AT)
        assert outside.publish(engine, city, "night", AT) == []
        return answer

    monkeypatch.setattr(outside, "heads", meanwhile)
    assert check(engine, city)[1] == []
    assert chain(engine, city).faults == ()


def test_a_torn_or_contradicting_file_outside_is_named_and_left_as_it_is(made: tuple[Any, LoadedCity, Path]) -> None:
    engine, city, folder = made
    path = folder / "audit-roots.txt"
    whole = path.read_text()
    operations.release_hold(engine, operations.STOP, "bob", AT)
    path.write_text(whole.rstrip("\n"))
    assert "torn" in str(outside.publish(engine, city, "night", AT)[0])
    path.write_text(whole.replace("2 ", "1 ", 1) if whole.startswith("2 ") else whole.replace(" 2 ", " 1 "))
    assert "SHA-256" in str(outside.publish(engine, city, "night", AT)[0])
    path.write_text(whole)
    assert outside.publish(engine, city, "night", AT) == outside.publish(engine, city, "night", AT) == []
    assert [one.number for one in outside.read(path)] == [2, 3, 4]


def test_a_signed_head_is_by_its_key(made: tuple[Any, LoadedCity, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from carbon.ledger import signature

    engine, city, folder = made
    key = signature.new_key()
    monkeypatch.setenv("PENSTOCK_LEDGER_KEY", key)
    signed = load(Environment(city=city.environment.city_file, home=folder))
    assert any("unsigned" in str(one) for one in check(engine, signed, keys=[signature.public_key(key)])[1])
    operations.release_hold(engine, operations.STOP, "bob", AT)
    assert outside.publish(engine, signed, "night", AT) == []
    assert check(engine, signed, keys=[signature.public_key(key)])[1] == []  # the signed one is behind the unsigned one
    path = folder / "audit-roots.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    assert check(engine, signed, keys=[signature.public_key(key)])[1] == []
    assert any("signed by" in str(one) for one in check(engine, signed, keys=["0" * 64])[1])
    path.write_text(path.read_text().replace(signature.public_key(key), signature.public_key(signature.new_key())))
    assert any("signature" in str(one) for one in check(engine, signed)[1])


def test_a_sign_off_that_is_deleted_changed_or_slipped_in_is_found(tmp_path: Path) -> None:
    town = ledger_town(tmp_path, days=46)
    night(town)
    with opened(town) as (city, engine):
        closing.close(engine, city, Person(name="ada", role="alone"), "2022-05", datetime(2022, 6, 16, 7, tzinfo=UTC), "compared")
        assert check(engine, city)[1] == []
        with writing(engine) as connection:
            connection.execute(t.ledger_close.update().values(note="compared with the bills"))
        assert "is gone or was changed" in str(check(engine, city)[1][0])
        with writing(engine) as connection:
            connection.execute(t.ledger_close.delete())
        (only,) = check(engine, city)[1]
        assert "the sign-off that audit line 1 by ada tells of is gone" in str(only)


def test_lines_are_found_by_person_action_text_and_time(made: tuple[Any, LoadedCity, Path]) -> None:
    engine = made[0]
    assert [row.who for row in lines(engine, Asked())] == ["night", "bob", "ada"]
    assert [row.who for row in lines(engine, Asked(who="ada"))] == ["ada"]
    assert [row.who for row in lines(engine, Asked(action="emergency stop"))] == ["bob"]
    assert [row.who for row in lines(engine, Asked(text="SMOKE"))] == ["bob"]
    assert count(engine, Asked(text="100 %")) == 0  # a percent sign is a percent sign
    assert count(engine, Asked(start_utc=AT)) == 3
    assert count(engine, Asked(end_utc=AT)) == 0
    assert [row.who for row in lines(engine, Asked(), limit=1, offset=1)] == ["bob"]


def test_an_export_is_checked_by_a_file_that_needs_python_alone(made: tuple[Any, LoadedCity, Path], tmp_path: Path) -> None:
    engine, _, folder = made
    file, heads = tmp_path / "audit.jsonl", folder / "audit-roots.txt"
    assert "3 lines, head" in write(engine, file)

    def said(*words: str) -> tuple[int, str]:
        run = subprocess.run([sys.executable, "-I", str(tmp_path / "verify_audit.py"), *words], capture_output=True, text=True, check=False)
        return run.returncode, run.stdout

    assert said(str(file), str(heads)) == (0, said(str(file), str(heads))[1])
    assert said(str(file), str(heads))[1].startswith("sound: 3 lines")
    assert "no heads were given" in said(str(file))[1]
    rows = file.read_text().splitlines()
    for changed, told in (
        ([rows[0].replace("agreed", "forced"), *rows[1:]], "line 1: edited"),
        (rows[1:], "line 2: stands where line 1 should"),
        (rows[:1], "line 2: not as it was kept outside"),
        ([rows[0], json.dumps(json.loads(rows[1]) | {"at_utc": "2022-06-15T22:41:00+00:00"}), rows[2]], "at_utc is not at_us"),
        (["{}"], "cannot be read"),
    ):
        file.write_text("\n".join(changed) + "\n")
        code, out = said(str(file), str(heads))
        assert (code, told in out) == (1, True), out


def test_the_page_checks_the_newest_lines_and_says_what_is_only_here(
    made: tuple[Any, LoadedCity, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, city, folder = made
    operations.release_hold(engine, operations.STOP, "bob", AT)
    state = chain(engine, city)
    assert (state.lines, state.checked, state.faults, state.kept) == (4, 4, (), 3)
    monkeypatch.setattr("service.view.audit.CHECKED", 2)
    state = chain(engine, city)
    assert (state.lines, state.checked, state.faults) == (4, 2, ())
    sql(folder, "UPDATE audit SET who = 'eve' WHERE audit_id = 4")
    assert len(chain(engine, city).faults) == 1
