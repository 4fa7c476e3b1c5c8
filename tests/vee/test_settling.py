"""What a person settles leaves the queue for as long as it is what the person saw, on one day and for many points at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from city import quality as q
from city.clock import civil_day, parse_utc
from city.frames import Block
from city.problems import PenstockError
from city.quality import Flag
from city.quantities import Quantity
from service import migrations
from service import schema as t
from service.access.roles import Person
from service.settings import LoadedCity
from service.store import meter_days, open_store, readings, results, writing
from service.vee.changes import Copy, Line, copied
from service.vee.editing import REFUSE, edit
from service.vee.settling import Seen, settle
from service.view.validation import course, queue, waiting
from tests.night.test_late_readings import DAY, city_of, hall
from tests.service.test_editing import newest, spiked
from tests.town import Town

NOW = parse_utc("2022-06-16T09:00+02:00")
EVE, VIC = Person(name="eve", role="engineer"), Person(name="vic", role="viewer")
FROM, TO = parse_utc("2022-06-14T10:00+02:00"), parse_utc("2022-06-14T11:00+02:00")  # quarters 40 to 43; the 42nd is a spike


@pytest.fixture
def made(tmp_path: Path) -> tuple[Town, Engine, LoadedCity]:
    town = spiked(tmp_path)
    return town, open_store(town.database), city_of(town)


def seen(engine: Engine, city: LoadedCity) -> list[Seen]:
    columns = ["point_id", "day_start_utc", "version", "first", "intervals", "cause", "digest"]
    rows = queue(engine, city)
    return [Seen(*row) for row in rows.loc[rows["point_id"] == "hall.energy", columns].itertuples(index=False)]


def actions(engine: Engine) -> list[str]:
    return [row.action for row in results.rows(engine, t.audit, order=t.audit.c.audit_id)]


def test_what_was_settled_leaves_the_queue_and_settling_again_changes_nothing(made: tuple[Town, Engine, LoadedCity]) -> None:
    town, engine, city = made
    before, asked, days = newest(town), seen(engine, city), waiting(engine)
    assert (len(asked), days >= 1) == (1, True)
    assert settle(engine, city, EVE, asked, "the line is right", NOW) == 1
    assert settle(engine, city, EVE, asked, "the line is right", NOW) == 0
    assert actions(engine) == ["settle readings"]
    assert seen(engine, city) == []
    assert waiting(engine) == days - 1
    assert all(np.array_equal(one, other) for one, other in zip(before, newest(town), strict=True))


def test_it_comes_back_when_its_values_change_but_not_for_another_edit_of_the_day(made: tuple[Town, Engine, LoadedCity]) -> None:
    town, engine, city = made
    settle(engine, city, EVE, seen(engine, city), "the line is right", NOW)
    elsewhere = parse_utc("2022-06-14T20:00+02:00"), parse_utc("2022-06-14T20:15+02:00")
    edit(engine, city, EVE, "hall.energy", *elsewhere, 4.0, "checked", NOW)
    assert seen(engine, city) == []
    (row,) = [one for one in meter_days.versions(engine, [hall(town)], *DAY) if one.version == 3]
    assert "checked" in row.reason
    block = meter_days.block(engine, [hall(town)], *DAY)
    block.values[0, 42] += 1000
    with writing(engine) as connection:
        meter_days.revise(connection, block, [DAY], readings.keys_of(connection, ["hall.energy"]), "night", NOW, "estimated again")
    (again,) = seen(engine, city)
    assert (again.first, again.version) == (42, 4)


def hall_of(city: LoadedCity):  # type: ignore[no-untyped-def]
    return city.points["hall.energy"]


def test_what_changed_since_it_was_seen_cannot_be_settled_and_nothing_of_the_rest_is(made: tuple[Town, Engine, LoadedCity]) -> None:
    _, engine, city = made
    (asked,) = seen(engine, city)
    edit(engine, city, EVE, "hall.energy", FROM, TO, 6.0, "from the portable meter", NOW)
    with pytest.raises(PenstockError, match="Look at them again"):
        settle(engine, city, EVE, [asked], "fine", NOW)
    assert results.rows(engine, t.vee_settled) == []


@pytest.mark.parametrize(
    ("person", "reason", "told"),
    [
        (VIC, "fine", "vic is signed in as viewer"),
        (Person(name="ada", role="operator"), "fine", "role engineer"),
        (Person(name="eve", role="engineer", districts=("elsewhere",)), "fine", "bound to elsewhere"),
        (EVE, " ", "why the values stand"),
    ],
)
def test_only_an_engineer_of_the_district_with_a_reason_settles_or_edits(
    made: tuple[Town, Engine, LoadedCity], person: Person, reason: str, told: str
) -> None:
    town, engine, city = made
    before = newest(town)
    with pytest.raises(PenstockError, match=told):
        settle(engine, city, person, seen(engine, city), reason, NOW)
    with pytest.raises(PenstockError, match=told if reason.strip() else "why the values are edited"):
        edit(engine, city, person, "hall.energy", FROM, TO, 1.0, reason, NOW)
    assert results.rows(engine, t.vee_settled) == []
    assert np.array_equal(newest(town)[0], before[0])
    assert set(actions(engine)) <= {"readings refused"}


def test_a_line_a_copied_day_and_a_refusal_are_versions_with_their_flags(made: tuple[Town, Engine, LoadedCity]) -> None:
    town, engine, city = made
    edit(engine, city, EVE, "hall.energy", FROM, TO, Line(1.0, 2.5), "between two readings", NOW)
    values, quality = newest(town)
    assert values[40:44].tolist() == [1000, 1500, 2000, 2500]
    assert set((quality[40:44] & 0xFF).tolist()) == {int(Flag.EDITED | Flag.ESTIMATED_LINEAR)}
    edit(engine, city, EVE, "hall.energy", FROM, TO, Copy(date(2022, 6, 14)), "as it was", NOW)
    assert newest(town)[0][40:44].tolist() == [1000, 1500, 2000, 2500]  # of the same day
    edit(engine, city, EVE, "hall.energy", FROM, TO, REFUSE, "the meter was on a bench", NOW)
    values, quality = newest(town)
    assert values[40:44].tolist() == [1000, 1500, 2000, 2500]
    assert not q.usable(quality[40:44]).any()
    assert q.usable(np.delete(quality, range(40, 44))).all()
    assert seen(engine, city) == []
    with pytest.raises(PenstockError, match="no value that is used"):
        edit(engine, city, EVE, "hall.energy", FROM, TO, REFUSE, "again", NOW)
    shown = course(engine, city, "hall.energy", *DAY)
    assert shown["now"].isna().sum() == 4
    assert shown["read"].iloc[42] == 500.0
    assert len([row for row in results.rows(engine, t.ledger_due) if row.version == 5]) == 1  # what the ledger restates


def test_a_day_without_values_cannot_be_copied(made: tuple[Town, Engine, LoadedCity]) -> None:
    _, engine, city = made
    with pytest.raises(PenstockError, match="lacks values"):
        edit(engine, city, EVE, "hall.energy", FROM, TO, Copy(date(2022, 6, 1)), "as it was", NOW)


def test_an_edit_reaches_no_day_that_the_night_has_not_validated(made: tuple[Town, Engine, LoadedCity]) -> None:
    """A version made before the night's would stand for what will be read."""
    town, engine, city = made
    late = parse_utc("2022-06-14T23:00+02:00"), parse_utc("2022-06-15T01:00+02:00")
    with pytest.raises(PenstockError, match="no values from 2022-06-14 22:00Z on"):
        edit(engine, city, EVE, "hall.energy", *late, 4.0, "checked", NOW)
    assert len(meter_days.versions(engine, [hall(town)], DAY[0], DAY[1] + (DAY[1] - DAY[0]))) == 2


@pytest.mark.parametrize("what", [1e17, float("nan"), float("inf"), -0.5, Line(1.0, -1.0), Line(0.0, 1e30)])
def test_no_value_that_the_store_cannot_hold_is_written(made: tuple[Town, Engine, LoadedCity], what: float | Line) -> None:
    town, engine, city = made
    before = newest(town)
    with pytest.raises(PenstockError, match="not below zero for usage"):
        edit(engine, city, EVE, "hall.energy", FROM, TO, what, "typed", NOW)
    assert np.array_equal(newest(town)[0], before[0])


def test_two_who_edit_what_both_saw_do_not_overwrite_each_other(made: tuple[Town, Engine, LoadedCity]) -> None:
    town, engine, city = made
    (asked,) = seen(engine, city)
    stretch = FROM + (TO - FROM) / 2, FROM + 3 * (TO - FROM) / 4  # the 42nd quarter
    edit(engine, city, EVE, "hall.energy", *stretch, 6.0, "from the portable meter", NOW, asked.digest)
    with pytest.raises(PenstockError, match="a later version changed these values"):
        edit(engine, city, Person(name="max", role="engineer"), "hall.energy", *stretch, 7.0, "guessed", NOW, asked.digest)
    assert newest(town)[0][42] == 6000
    assert actions(engine) == ["edit"]


@pytest.mark.parametrize(("target", "source", "steps"), [("2022-10-30", "2022-10-29", 100), ("2022-10-29", "2022-10-30", 96)])
def test_a_day_copied_over_the_end_of_summer_time_keeps_the_local_hours(target: str, source: str, steps: int) -> None:
    """The hour from two to three comes twice on 30 October 2022: both get the one of the day before, and its first is the one copied."""
    blocks = []
    for day, scale in ((target, 0), (source, 1)):
        start, end = civil_day(date.fromisoformat(day), "Europe/Berlin")
        count = int((end - start).total_seconds()) // 900
        values, quality = scale * np.arange(count, dtype=np.int64)[None], np.full((1, count), int(Flag.VALID), dtype=np.uint16)
        blocks.append(Block(("a.energy",), start, timedelta(minutes=15), Quantity.ENERGY_KWH, values, quality))
    one, other = blocks
    made = copied(one, np.ones((1, steps), dtype=bool), other, "Europe/Berlin").values[0].tolist()
    if steps == 100:
        assert made == [*range(12), *range(8, 12), *range(12, 96)]
    else:
        assert made == [*range(12), *range(16, 100)]


def test_an_hour_that_is_skipped_in_spring_cannot_be_copied_from() -> None:
    blocks = []
    for day in ("2022-03-26", "2022-03-27"):
        start, end = civil_day(date.fromisoformat(day), "Europe/Berlin")
        count = int((end - start).total_seconds()) // 900
        quality = np.full((1, count), int(Flag.VALID), dtype=np.uint16)
        blocks.append(
            Block(("a.energy",), start, timedelta(minutes=15), Quantity.ENERGY_KWH, np.arange(count, dtype=np.int64)[None], quality)
        )
    saturday, sunday = blocks
    assert (saturday.steps, sunday.steps) == (96, 92)
    made = copied(sunday, np.ones((1, 92), dtype=bool), saturday, "Europe/Berlin").values[0].tolist()
    assert made == [*range(8), *range(12, 96)]
    with pytest.raises(PenstockError, match="copy of 2022-03-27: lacks values"):
        copied(saturday, np.ones((1, 96), dtype=bool), sunday, "Europe/Berlin")


@pytest.mark.postgres
@pytest.mark.slow
def test_a_night_that_is_about_to_commit_a_version_comes_before_the_settling(
    made: tuple[Town, Engine, LoadedCity], postgres_database: str
) -> None:
    """SQLite has one writer anyway; PostgreSQL's second must not settle what the first has changed already."""
    town, _, city = made
    engine = open_store(postgres_database, create=True)
    migrations.upgrade(engine)
    keys = readings.register_points(engine, list(city.points.values()))
    block = meter_days.block(open_store(town.database), [hall(town)], *DAY)
    with writing(engine) as connection:
        meter_days.store(connection, block, [DAY], keys, "night")
    (asked,) = seen(engine, city)
    block.values[0, 42] += 1000
    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            meter_days.revise(connection, block, [DAY], keys, "night", NOW, "late readings")
            settling = pool.submit(settle, engine, city, EVE, [asked], "the line is right", NOW)
            with pytest.raises(TimeoutError):
                settling.result(timeout=0.5)
        with pytest.raises(PenstockError, match="Look at them again"):
            settling.result(timeout=10)
    assert results.rows(engine, t.vee_settled) == results.rows(engine, t.audit) == []
    assert [one.version for one in seen(engine, city)] == [2]
