"""The judge of `benchmarks.chaos` sees what is planted; twenty kills of a day and a night leave nothing lost, doubled or changed."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import delete, insert, select, update

from benchmarks import chaos
from benchmarks._chaos_city import DAY_UTC, POINTS, City
from benchmarks._chaos_faults import database_locked_while_approving, disk_full_during_backup, expect, verdicts
from benchmarks._chaos_judge import FIRST, SECOND, Facts, NotHere, Verdict, against_devices, facts, judge
from benchmarks._chaos_people import killed_at_the_last_commits
from benchmarks.chaos import Site, kills, site
from city.problems import Problem
from service import schema as t
from service.store import writing

pytestmark = pytest.mark.slow  # one city for the file: two undisturbed nights, then disturbed ones


@pytest.fixture(scope="module")
def made() -> Iterator[Site]:
    with site() as one:
        yield one.undisturbed()


@pytest.fixture
def night(made: Site) -> City:
    """The undisturbed night's store, to plant faults in."""
    return made.stage("")


def judged(made: Site, city: City) -> tuple[bool, int, int, set[str]]:
    """Equal?, lost, doubled, and the tables that differ."""
    verdict = judge(facts(city), made.expected or Facts({}, Counter(), Counter(), Counter(), 0))
    return verdict.equal, len(verdict.lost), len(verdict.doubled), set(verdict.differing)


def test_the_undisturbed_night_equals_itself_and_every_reading_is_what_its_device_showed(made: Site, night: City) -> None:
    assert judged(made, night) == (True, 0, 0, set())
    assert against_devices(facts(night), night).told == ""
    assert facts(night).readings.total() == 29 * len(POINTS)  # 24 hours of the day, midnight, and four after it


def test_a_reading_that_is_not_there_is_lost(made: Site, night: City) -> None:
    with night.store() as engine, writing(engine) as connection:
        connection.execute(delete(t.reading).where(t.reading.c.time_utc == DAY_UTC, t.reading.c.point_key == 1))
    equal, lost, _, tables = judged(made, night)
    assert (equal, lost, tables) == (False, 1, {"reading"})
    assert len(against_devices(facts(night), night).lost) == 1


def test_a_reading_that_is_not_what_the_device_showed_is_lost(made: Site, night: City) -> None:
    with night.store() as engine, writing(engine) as connection:
        connection.execute(update(t.reading).where(t.reading.c.time_utc == DAY_UTC, t.reading.c.point_key == 1).values(value=1))
    assert len(against_devices(facts(night), night).lost) == 1
    assert judged(made, night)[3] == {"reading"}


def test_a_reading_that_came_twice_is_doubled(made: Site, night: City) -> None:
    with night.store() as engine, writing(engine) as connection:
        connection.execute(insert(t.conflict).values(time_utc=DAY_UTC, point_key=1, value=7, batch_no=1))
    assert judged(made, night) == (False, 0, 1, {"conflict"})


def test_a_batch_that_was_taken_twice_is_doubled(made: Site, night: City) -> None:
    with night.store() as engine, writing(engine) as connection:
        connection.execute(insert(t.batch).values(batch_no=999, batch_id="again", readings=12))
    equal, _, doubled, tables = judged(made, night)
    assert (equal, tables) == (False, {"batch"})
    assert doubled == 12


def test_a_second_approval_is_doubled_and_a_missing_one_is_lost(made: Site, night: City) -> None:
    with night.store() as engine, engine.connect() as connection:
        given = connection.execute(select(t.approval)).mappings().one()
    with night.store() as engine, writing(engine) as connection:
        connection.execute(insert(t.approval).values(**{**given, "who": "bob"}))
    assert judged(made, night) == (False, 0, 1, {"approval"})
    with night.store() as engine, writing(engine) as connection:
        connection.execute(delete(t.approval))
    assert judged(made, night) == (False, 1, 0, {"approval"})


def test_a_ledger_entry_more_or_less_is_seen(made: Site) -> None:
    expected = made.expected
    assert expected is not None
    one = next(iter(expected.entries))
    more = judge(replace(expected, entries=expected.entries + Counter([one])), expected)
    less = judge(replace(expected, entries=expected.entries - Counter([one])), expected)
    assert (more.equal, len(more.doubled), less.equal, len(less.lost)) == (False, 1, False, 1)


def test_any_changed_row_of_any_table_is_seen(made: Site) -> None:
    expected = made.expected
    assert expected is not None
    filled = [name for name, rows in expected.tables.items() if rows]
    assert len(filled) >= 20
    for name in filled:
        changed = replace(expected, tables={**expected.tables, name: [*expected.tables[name][:-1], "changed"]})
        assert set(judge(changed, expected).differing) == {name}


def test_a_batch_that_still_waits_in_the_spool_is_seen(made: Site) -> None:
    expected = made.expected
    assert expected is not None
    assert not judge(replace(expected, waiting=1), expected).equal


def test_twenty_kills_at_random_moments_lose_and_double_nothing_and_leave_every_table_equal(made: Site) -> None:
    found = kills(made, 20, seed=1, a_night=10)
    assert found["kills"] == 20
    assert found["nights_equal"] == found["nights"]
    assert (found["lost"], found["doubled"]) == (0, 0)
    assert len(found["killed"]) >= 6  # different steps of the script


@pytest.mark.parametrize("fault", [killed_at_the_last_commits, database_locked_while_approving, disk_full_during_backup])
def test_a_fault_leaves_what_an_undisturbed_night_leaves(made: Site, fault: Callable[[Site], Verdict]) -> None:
    try:
        verdict = fault(made)
    except NotHere as error:
        pytest.skip(str(error))  # a small file system is root's to mount
    assert verdict.told == ""


def test_a_fault_that_did_not_go_as_it_must_is_a_failure_and_never_left_out() -> None:
    def refused_nothing(_made: Site) -> Verdict:
        expect(False, "approved behind a lock")
        return Verdict({}, [], [])

    def not_allowed(_made: Site) -> Verdict:
        raise NotHere(Problem("mount", "refused", "the right to mount", "Run it as root."))

    (_, failed), (_, left_out) = verdicts(Site(None, None, None, None), [refused_nothing, not_allowed])  # type: ignore[arg-type]
    assert failed is not None
    assert (failed.equal, failed.told) == (False, "fault: approved behind a lock")
    assert left_out is None


@pytest.mark.parametrize(("state", "doubled"), [("proposed", 0), ("expired", 0), ("written", 1), ("unknown", 1)])
def test_what_a_stand_in_wrote_all_the_same_is_doubled(state: str, doubled: int) -> None:
    def store(*decisions: tuple[str, ...]) -> Facts:
        return Facts({}, Counter(), Counter(decisions), Counter(), 0)

    expected = store(("command", FIRST, "store.setpoint", "10:00", "5", "written", "True"), ("approval", FIRST, "ada"))
    second = ("command", SECOND, "store.setpoint", "10:00", "5", "written", "True"), ("approval", SECOND, "ada")
    found = store(*second, ("command", FIRST, "store.setpoint", "10:00", "4", state, "True")).planned_again()
    assert len(judge(found, expected).doubled) == doubled
    assert not judge(found, expected).lost


def test_the_benchmark_is_listed_with_its_line() -> None:
    assert "kill -9" in chaos.SUMMARY
