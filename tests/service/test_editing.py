"""Edits are versions: who, why, which rule; the value that was read and every older version stay."""

from pathlib import Path

import numpy as np
import pytest

from city import quality as q
from city.quality import Cause, Flag
from service import schema as t
from service.night import lock
from service.store import meter_days, open_store, results
from service.view.validation import queue
from tests.night.test_late_readings import DAY, FIRST, city_of, course, hall, heard
from tests.town import Town, night, prepared

HOURS = ("--from", "2022-06-14T10:00+02:00", "--to", "2022-06-14T11:00+02:00")  # quarters 40 to 43
BY = ("--who", "ada", "--reason", "works on the transformer", "--now", "2022-06-16T09:00+02:00")


def spiked(tmp_path: Path) -> Town:
    """A day of 5 kWh a quarter whose 42nd took 500 by a register that is good on both sides; [[limits]] allow 100."""
    town = Town(tmp_path, days=0)
    town = Town(tmp_path, days=0, head=town.head + 'limits = [{ point = "hall.energy", maximum = 100 }]\n')
    prepared(town)
    usage = [5.0] * 96
    usage[42] = 500.0
    heard(town, course("2022-06-14", 1000.0, usage), "day")
    night(town, FIRST)
    return town


def newest(town: Town, **how: object) -> tuple[np.ndarray, np.ndarray]:
    block = meter_days.block(open_store(town.database), [hall(town)], *DAY, **how)  # type: ignore[arg-type]
    return block.values[0], block.quality[0]


def test_accepting_brings_back_what_was_read_as_valid_and_edited_and_leaves_a_line_in_the_audit(tmp_path: Path) -> None:
    town = spiked(tmp_path)
    before = newest(town)
    assert (before[0][42], int(before[1][42])) == (5000, q.code(Flag.ESTIMATED_LINEAR, Cause.LIMIT))
    said = town.penstock("meters", "edit", "hall.energy", *HOURS, "--accept", *BY)
    assert said.code == 0
    assert "2022-06-14 version 3" in said.out
    assert "the next night restates it" in said.out
    values, quality = newest(town)
    assert (values[42], int(quality[42])) == (500_000, q.code(Flag.VALID | Flag.EDITED, Cause.LIMIT))
    assert np.array_equal(np.delete(values, 42), np.delete(before[0], 42))
    (line,) = results.rows(open_store(town.database), t.audit, t.audit.c.action == "edit")
    assert (line.who, line.subject) == ("ada", "hall.energy")
    assert "works on the transformer" in line.sentence
    then = newest(town, known_at=meter_days.versions(open_store(town.database), [hall(town)], *DAY)[1].known_at_utc)
    assert np.array_equal(then[0], before[0])
    assert np.array_equal(then[1], before[1])


def test_a_value_and_an_estimate_are_no_measurements(tmp_path: Path) -> None:
    town = spiked(tmp_path)
    assert town.penstock("meters", "edit", "hall.energy", *HOURS, "--value", "7.5", *BY).code == 0
    values, quality = newest(town)
    assert values[40:44].tolist() == [7500] * 4
    assert not q.measured(quality)[40:44].any()
    assert q.usable(quality).all()
    assert town.penstock("meters", "edit", "hall.energy", *HOURS, "--estimate", *BY).code == 0
    values, quality = newest(town)
    assert values[40:44].tolist() == [5000] * 4
    assert set(quality[40:44] & 0xFF) == {int(Flag.ESTIMATED_LINEAR | Flag.EDITED)}
    listed = town.penstock("meters", "versions", "hall.energy", "--from", "2022-06-14T00:00+02:00", "--to", "2022-06-15T00:00+02:00").out
    assert [line.split("Z  ")[1] for line in listed.splitlines()] == [
        "night: validated as read",
        "night: estimated",
        "ada: edit: 7.5 kWh each; works on the transformer",
        "ada: edit: estimated; works on the transformer",
    ]


def test_late_readings_do_not_undo_what_a_person_edited(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=0))
    whole = course("2022-06-14", 1000.0, [5.0] * 96)
    heard(town, {at: kwh for i, (at, kwh) in enumerate(whole.items()) if not 30 <= i < 60}, "on time")
    night(town, FIRST)
    assert town.penstock("meters", "edit", "hall.energy", *HOURS, "--value", "9", *BY).code == 0
    heard(town, whole, "late")
    night(town)
    values, quality = newest(town)
    assert values.tolist() == [5000] * 40 + [9000] * 4 + [5000] * 52
    assert q.measured(quality).tolist() == [True] * 40 + [False] * 4 + [True] * 52


def test_what_cannot_be_edited_is_a_sentence_and_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.turn.WAITS", (0.2, 0.2))
    town = spiked(tmp_path)
    ask = ("meters", "edit", "hall.energy")
    off = ("--from", "2022-06-14T10:07+02:00", "--to", "2022-06-14T11:00+02:00")
    future = ("--from", "2022-06-20T10:00+02:00", "--to", "2022-06-20T11:00+02:00")
    other = ("--from", "2022-06-14T20:00+02:00", "--to", "2022-06-14T21:00+02:00")
    for words, told in (
        ((*ask, *HOURS, *BY), "one of --value, --line, --copy, --estimate, --accept, --refuse"),
        ((*ask, *HOURS, "--value", "1", "--accept", *BY), "--value and --accept"),
        ((*ask, *HOURS, "--value", "-1", *BY), "not below zero"),
        ((*ask, *off, "--value", "1", *BY), "on a step of 900 s"),
        ((*ask, *future, "--value", "1", *BY), "Wait for the night"),
        ((*ask, *other, "--accept", *BY), "no questionable value"),
        (("meters", "edit", "hall.enrgy", *HOURS, "--accept", *BY), "unknown"),
    ):
        said = town.penstock(*words)
        assert (said.code, told in said.err) == (1, True), said.all
    with lock(town.folder):
        assert "(night) has readings and ledger since" in town.penstock(*ask, *HOURS, "--accept", *BY).err
    assert len(meter_days.versions(open_store(town.database), [hall(town)], *DAY)) == 2
    assert city_of(town).points["hall.energy"].step_s == 900


def test_the_queue_names_what_was_doubted_until_a_person_has_said_something(tmp_path: Path) -> None:
    town = spiked(tmp_path)
    engine, city = open_store(town.database), city_of(town)
    asked = queue(engine, city, *DAY)
    (row,) = asked[asked["point_id"] == "hall.energy"].itertuples()
    assert (row.cause, row.intervals, row.made, row.before, row.after, row.version) == ("LIMIT", 1, "line", 500.0, 5.0, 2)
    ask = ("meters", "queue", "--from", DAY[0].isoformat(), "--to", DAY[1].isoformat())
    assert "hall.energy 2022-06-14 10:30 to 10:44: limit in 1 interval, line" in town.penstock(*ask).out
    town.penstock("meters", "edit", "hall.energy", *HOURS, "--accept", *BY)
    assert "hall.energy" not in town.penstock(*ask).out
    assert "hall.energy" not in set(queue(engine, city, *DAY)["point_id"])
