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
    assert outside.publish(engine, city) == []
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
    assert told[0].startswith("2 audit lines, head ")
    assert told[1].startswith("1 head of the audit in ")


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
    ],
)
def test_what_is_changed_behind_its_back_is_found(made: tuple[Any, LoadedCity, Path], statement: str, told: str) -> None:
    sql(made[2], statement)
    assert any(told in one for one in found(made)), found(made)


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
    engine, city, folder = made
    with engine.connect() as connection:
        rows = connection.execute(select(t.audit).order_by(t.audit.c.audit_id)).all()
    sql(folder, "DELETE FROM audit")
    with writing(engine) as connection:
        operations.record(connection, AT, "eve", rows[0].action, rows[0].subject, rows[0].sentence, rows[0].decided)
        operations.record(connection, AT, *rows[1][2:6])
    assert any("SHA-256" in one and "as" in one and "roots.txt keeps it" in one for one in found(made))
    (folder / "audit-roots.txt").unlink()
    assert [one for one in found(made) if "audit line" in one and "approval" not in one] == []
    assert "not there" in " ".join(found(made))
    assert not check(engine, city)[0][0].startswith("no audit")


def test_a_torn_or_contradicting_file_outside_is_named_and_left_as_it_is(made: tuple[Any, LoadedCity, Path]) -> None:
    engine, city, folder = made
    path = folder / "audit-roots.txt"
    whole = path.read_text()
    operations.release_hold(engine, operations.STOP, "bob", AT)
    path.write_text(whole.rstrip("\n"))
    assert "torn" in str(outside.publish(engine, city)[0])
    path.write_text(whole.replace("2 ", "1 ", 1) if whole.startswith("2 ") else whole.replace(" 2 ", " 1 "))
    assert "SHA-256" in str(outside.publish(engine, city)[0])
    path.write_text(whole)
    assert outside.publish(engine, city) == outside.publish(engine, city) == []
    assert [one.number for one in outside.read(path)] == [2, 3]


def test_a_signed_head_is_by_its_key(made: tuple[Any, LoadedCity, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from carbon.ledger import signature

    engine, city, folder = made
    key = signature.new_key()
    monkeypatch.setenv("PENSTOCK_LEDGER_KEY", key)
    signed = load(Environment(city=city.environment.city_file, home=folder))
    assert any("unsigned" in str(one) for one in check(engine, signed, keys=[signature.public_key(key)])[1])
    operations.release_hold(engine, operations.STOP, "bob", AT)
    assert outside.publish(engine, signed) == []
    assert check(engine, signed, keys=[signature.public_key(key)])[1] == []  # the signed one is behind the unsigned one
    path = folder / "audit-roots.txt"
    path.write_text(path.read_text().splitlines()[1] + "\n")
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
    assert [row.who for row in lines(engine, Asked())] == ["bob", "ada"]
    assert [row.who for row in lines(engine, Asked(who="ada"))] == ["ada"]
    assert [row.who for row in lines(engine, Asked(action="emergency stop"))] == ["bob"]
    assert [row.who for row in lines(engine, Asked(text="SMOKE"))] == ["bob"]
    assert count(engine, Asked(text="100 %")) == 0  # a percent sign is a percent sign
    assert count(engine, Asked(start_utc=AT)) == 2
    assert count(engine, Asked(end_utc=AT)) == 0
    assert [row.who for row in lines(engine, Asked(), limit=1, offset=1)] == ["ada"]


def test_an_export_is_checked_by_a_file_that_needs_python_alone(made: tuple[Any, LoadedCity, Path], tmp_path: Path) -> None:
    engine, _, folder = made
    file, heads = tmp_path / "audit.jsonl", folder / "audit-roots.txt"
    assert "2 lines, head" in write(engine, file)

    def said(*words: str) -> tuple[int, str]:
        run = subprocess.run([sys.executable, "-I", str(tmp_path / "verify_audit.py"), *words], capture_output=True, text=True, check=False)
        return run.returncode, run.stdout

    assert said(str(file), str(heads)) == (0, said(str(file), str(heads))[1])
    assert said(str(file), str(heads))[1].startswith("sound: 2 lines")
    assert "no heads were given" in said(str(file))[1]
    rows = file.read_text().splitlines()
    for changed, told in (
        ([rows[0].replace("agreed", "forced"), rows[1]], "line 1: edited"),
        ([rows[1]], "line 2: stands where line 1 should"),
        ([rows[0]], "line 2: not as it was kept outside"),
        ([rows[0], json.dumps(json.loads(rows[1]) | {"at_utc": "2022-06-15T22:41:00+00:00"})], "at_utc is not at_us"),
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
    assert (state.lines, state.checked, state.faults, state.kept) == (3, 3, (), 2)
    monkeypatch.setattr("service.view.audit.CHECKED", 2)
    state = chain(engine, city)
    assert (state.lines, state.checked, state.faults) == (3, 2, ())
    sql(folder, "UPDATE audit SET who = 'eve' WHERE audit_id = 3")
    assert len(chain(engine, city).faults) == 1
