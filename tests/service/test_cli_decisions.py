"""Approving, holding, polling and reporting from the command line: what must not be done is refused and said."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from service import schema as t
from service.environment import STOP_FILE
from service.store import open_store, operations, results
from tests.town import HEAD, NOW, Town, count, states

DECISION, FIRST_STEP = "2022-06-16T00:40+02:00", "2022-06-16T01:00+02:00"


def test_an_unknown_plan_is_named_and_leaves_the_known_one_unapproved(planned: Town) -> None:
    said = planned.penstock("approve", "latest", "plan-x", "isolate-y", "--who", "ada", "--now", DECISION)
    assert said.code == 1
    assert "plan-x" in said.err
    assert "isolate-y" in said.err
    assert states(planned) == {"proposed"}
    assert count(planned, t.approval) == 0
    assert [row.action for row in results.rows(open_store(planned.database), t.audit)] == ["approve refused"] * 2


@pytest.mark.parametrize("words", [["approve", "latest"], ["hold", "all"], ["hold", "all", "--release"]])
@pytest.mark.parametrize("who", [[], ["--who", ""], ["--who", "  "]])
def test_nothing_is_decided_without_a_name(words: list[str], who: list[str], planned: Town) -> None:
    said = planned.penstock(*words, *who, "--now", DECISION)
    assert said.code == 1
    assert "PENSTOCK_OPERATOR" in said.err
    assert states(planned) == {"proposed"}
    assert count(planned, t.hold) == 0


def test_the_name_may_come_from_the_environment(planned: Town) -> None:
    assert planned.penstock("approve", "latest", "--now", DECISION, OPERATOR="grace").code == 0
    assert [row.who for row in results.rows(open_store(planned.database), t.approval)] == ["grace"]


def test_approving_twice_changes_nothing_and_says_so(planned: Town) -> None:
    first = planned.penstock("approve", "latest", "--who", "ada", "--now", DECISION)
    second = planned.penstock("approve", "latest", "latest", "--who", "bob", "--now", DECISION)
    assert (first.code, second.code) == (0, 0)
    assert "commands approved by ada" in first.out
    assert second.out == "plan-20220616-0: approved before, nothing changed\n"
    assert count(planned, t.audit) == 1


def test_a_plan_whose_time_is_over_is_not_approved(planned: Town) -> None:
    said = planned.penstock("approve", "latest", "--who", "ada", "--now", "2022-06-19T00:00+02:00")
    assert said.code == 1
    assert "past their time" in said.err
    assert states(planned) == {"proposed"}


def test_latest_without_any_plan_names_the_command_that_makes_one(town: Town) -> None:
    said = town.penstock("approve", "latest", "--who", "ada")
    assert said.code == 1
    assert "penstock night" in said.err


def test_a_hold_of_what_does_not_exist_is_refused_and_told_what_does(town: Town) -> None:
    for subject in ("battery-99", "hall.power", "ALL", ""):
        said = town.penstock("hold", subject, "--who", "ada")
        assert said.code == 1
        assert all(name in said.err for name in ("grid", "hall", "sun", "sun.setpoint", "all"))
    assert count(town, t.hold) == 0


def test_a_hold_that_is_over_before_it_begins_is_refused(town: Town) -> None:
    said = town.penstock("hold", "sun", "--who", "ada", "--now", NOW, "--until", "2022-06-15T00:30+02:00")
    assert said.code == 1
    assert "not after the hold begins" in said.err


def test_releasing_what_is_not_held_says_so(town: Town) -> None:
    assert town.penstock("hold", "sun", "--release", "--who", "ada").out == "sun: no hold was in force\n"


def test_the_emergency_stop_works_with_a_broken_city_file(town: Town) -> None:
    town.file.write_text("city = {")
    assert town.penstock("hold", "all", "--who", "ada").code == 0
    assert [row.subject for row in results.rows(open_store(town.database), t.hold)] == [operations.STOP]


def test_a_name_longer_than_the_tables_take_is_refused(town: Town) -> None:
    said = town.penstock("hold", "sun", "--who", "a" * 81)
    assert (said.code, said.foreseen, "at most 80" in said.err) == (1, True, True)


def test_a_stop_that_the_database_has_ends_where_it_ends_there(town: Town) -> None:
    past = town.penstock("hold", "all", "--who", "ada", "--until", "2020-01-01T00:00Z")
    assert (past.code, (town.folder / STOP_FILE).exists()) == (1, False)  # refused is not half done
    assert town.penstock("hold", "all", "--who", "ada").code == 0
    assert not (town.folder / STOP_FILE).exists()
    (town.folder / STOP_FILE).write_text("ada: the database was away")
    assert town.penstock("hold", "all", "--release", "--who", "bob").out == "everything: released by bob\n"
    assert not (town.folder / STOP_FILE).exists()
    assert [row.action for row in reversed(operations.audit(open_store(town.database)))] == ["emergency stop", "emergency stop", "release"]


def test_a_stop_that_the_database_does_not_take_says_that_it_is_in_force_and_no_password(town: Town) -> None:
    url = "postgresql+psycopg://ada:hush@127.0.0.1:1/x?password=hush"
    said = town.penstock("hold", "all", "--who", "ada", DATABASE_URL=url)
    assert (said.code, said.foreseen, "hush" in said.all) == (1, True, False)
    assert "everything: stopped, by" in said.err
    assert (town.folder / STOP_FILE).exists()


def test_an_address_of_a_database_that_cannot_be_read_is_not_repeated(town: Town) -> None:
    said = town.penstock("status", DATABASE_URL="postgresql+psycopg://ada@127.0.0.1:hush/x")
    assert (said.code, said.foreseen, "hush" in said.all) == (1, True, False)


@pytest.mark.parametrize("subject", ["all", "sun", "sun.setpoint"])
def test_a_stop_before_the_approval_keeps_every_later_command_from_being_written(subject: str, planned: Town) -> None:
    assert planned.penstock("hold", subject, "--who", "ada", "--now", NOW).code == 0
    assert planned.penstock("approve", "latest", "--who", "bob", "--now", DECISION).code == 0
    planned.penstock("poll", "--now", FIRST_STEP)
    assert states(planned) == {"held", "approved"}
    assert "a hold is in force" in " ".join(row.sentence for row in operations.audit(open_store(planned.database)))
    assert planned.penstock("hold", subject, "--release", "--who", "ada", "--now", FIRST_STEP).code == 0
    planned.penstock("poll", "--now", "2022-06-16T07:00+02:00")
    assert states(planned) - {"held", "approved", "expired"} != set()


def test_a_command_to_a_point_that_left_the_city_file_is_refused_and_polling_goes_on(planned: Town) -> None:
    engine = open_store(planned.database)
    planned.penstock("approve", "latest", "--who", "bob", "--now", DECISION)
    with engine.begin() as connection:
        connection.execute(t.command.update().values(point_id="gone.setpoint"))
    said = planned.penstock("poll", "--now", FIRST_STEP)
    assert said.foreseen
    assert "refused" in states(planned)


def test_a_field_that_does_not_answer_gives_every_point_a_row_with_its_cause(town: Town) -> None:
    said = town.penstock("poll", "--now", "2022-06-15T10:00+02:00", "--until", "2022-06-15T11:00+02:00")
    assert (said.code, said.foreseen) == (2, True)
    assert "link field: no value" in said.out
    rows = results.rows(open_store(town.database), t.reading)
    assert len(rows) == 5 * 5  # slots, points on the link
    assert {row.value for row in rows} == {None}
    assert {row.quality >> 8 for row in rows} <= {2, 8}  # no connection, or left alone for a while after it
    assert {row.quality & 0xFF for row in rows} == {0}


def test_a_time_between_two_slots_is_polled_as_the_slot_before(town: Town) -> None:
    town.penstock("poll", "--now", "2022-06-15T10:07:30+02:00")
    assert {row.time_utc for row in results.rows(open_store(town.database), t.reading)} == {datetime(2022, 6, 15, 8, 0, tzinfo=UTC)}


def test_a_span_that_ends_before_it_begins_is_told(town: Town) -> None:
    said = town.penstock("poll", "--now", NOW, "--until", "2022-06-15T00:00+02:00")
    assert said.code == 1
    assert "before --now" in said.err


@pytest.mark.parametrize("words", [["--until", NOW], ["--replay"]])
def test_options_of_a_span_without_its_beginning_are_told_instead_of_polling_forever(words: list[str], town: Town) -> None:
    said = town.penstock("poll", *words)
    assert said.code == 1
    assert "--now" in said.err


def test_polling_a_city_without_links_is_told(tmp_path: Path) -> None:
    head = "\n".join(line for line in HEAD.splitlines() if not line.startswith("links"))
    head = head.replace('link = "field", ', "") + "\n"
    town = Town(tmp_path, head=head, days=0).without("controls").write()
    said = town.penstock("poll", "--now", NOW)
    assert said.code == 1
    assert "[[links]]" in said.err


def test_work_fails_one_unknown_request_and_serves_the_next(planned: Town) -> None:
    engine, at = open_store(planned.database), datetime(2022, 6, 15, 22, 35, tzinfo=UTC)
    for kind, detail in (("coffee", {}), ("statement", {"month": "1999-01"}), ("statement", {"month": "2022-06"})):
        operations.ask(engine, kind, "ada", at, detail)
    assert planned.penstock("work", "--once", "--now", DECISION).code == 2
    rows = results.rows(engine, t.request, order=t.request.c.request_id)
    assert [row.state for row in rows] == ["failed", "failed", "done"]
    assert "replan, what-if, pareto, statement or forecast" in rows[0].sentence
    assert "1999-01" in rows[1].sentence


def test_work_without_requests_ends_at_once(town: Town) -> None:
    assert town.penstock("work", "--once").code == 0


def test_a_report_before_the_first_night_names_what_to_run(town: Town) -> None:
    said = town.penstock("report")
    assert said.code == 1
    assert "penstock night" in said.err


@pytest.mark.parametrize("month", ["1999-01", "june", "../../x", "2022-6"])
def test_a_report_of_a_month_without_entries_names_the_months_there_are(month: str, one_night: Town) -> None:
    said = one_night.penstock("report", "--month", month)
    assert said.code == 1
    assert "2022-05 to 2022-06" in said.err


def test_the_doctor_names_a_link_that_is_down_and_checks_the_rest(town: Town) -> None:
    said = town.penstock("doctor")
    assert said.code == 2
    assert "FAULT link field" in said.out
    assert "ok    database" in said.out


def test_the_doctor_sees_every_fault_of_a_city_file_and_goes_on(town: Town) -> None:
    town.file.write_text('city = { id = "town", time_zone = "Mars/Olympus" }\nsurprise = 1\n')
    said = town.penstock("doctor")
    assert said.code == 2
    assert all(word in said.out for word in ("city.time_zone", "surprise", "city.country", "ok    disk"))
