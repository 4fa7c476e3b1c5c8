"""`penstock backup --into`: old backups go, whole ones stand for their day, week and month, and the last good one is never deleted."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.problems import PenstockError
from service.environment import Environment
from service.keeping import age
from service.keeping.backup import back_up
from service.keeping.rotation import backups, name, rotate, stays
from service.keeping.settings import Keep, kept
from tests.town import Town

AT = datetime(2022, 6, 16, 0, 30, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTES = st.integers(0, 600_000)  # of fourteen months
TIMES = st.lists(MINUTES.map(lambda minutes: datetime(2020, 12, 1, tzinfo=UTC) + timedelta(minutes=minutes)), max_size=40)
RULES = st.builds(Keep, daily=st.integers(1, 9), weekly=st.integers(0, 5), monthly=st.integers(0, 13))


@pytest.fixture
def town(tmp_path: Path) -> Town:
    made = Town(tmp_path / "town", days=0).write()
    assert made.penstock("init").code == 0
    return made


def environment(town: Town) -> Environment:
    return Environment(city=town.file, home=town.folder)


@given(TIMES, RULES)
def test_the_newest_stays_and_so_does_the_newest_of_each_of_the_last_days_weeks_and_months(times: list[datetime], keep: Keep) -> None:
    found = stays(times, keep)
    assert found <= set(times)
    assert len(found) <= keep.daily + keep.weekly + keep.monthly
    assert not times or max(times) in found
    for count, slot in ((keep.daily, datetime.date), (keep.monthly, lambda at: (at.year, at.month))):
        wanted = sorted({slot(at) for at in times}, reverse=True)[:count]
        assert {slot(at) for at in found} >= set(wanted)
        assert all(max(at for at in times if slot(at) == one) in found for one in wanted)


@given(TIMES, RULES)
def test_what_is_rotated_every_night_is_what_would_be_kept_of_all_nights(times: list[datetime], keep: Keep) -> None:
    left: set[datetime] = set()
    for at in sorted(times):
        left = stays(left | {at}, keep)
    assert left == stays(times, keep)


def test_a_year_of_nights_leaves_seven_days_four_weeks_and_twelve_months() -> None:
    nights = [datetime(2021, 1, 1, 1, tzinfo=UTC) + i * DAY for i in range(365)]  # to Friday, 31 December 2021
    dates = sorted(at.date().isoformat()[5:] for at in stays(nights, Keep()))
    assert dates == [
        "01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30", "10-31", "11-30",  # months before this one
        "12-12", "12-19",  # Sundays of two weeks before those of the seven days
        "12-25", "12-26", "12-27", "12-28", "12-29", "12-30", "12-31",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["daily=0", "", "daily=7,daily=8", "hourly=3", "daily=x", "daily=7 weekly=4"])
def test_a_rule_that_cannot_be_read_or_keeps_nothing_is_refused(text: str) -> None:
    with pytest.raises(PenstockError, match="daily=7,weekly=4,monthly=12"):
        kept(text)


def test_the_command_keeps_three_days_and_tells_what_it_deleted(town: Town, tmp_path: Path) -> None:
    into = tmp_path / "kept"
    for day in range(5):
        said = town.penstock("backup", "--into", str(into), "--keep", "daily=3", "--now", (AT + day * DAY).isoformat())
        assert said.code == 0
    assert f"{into / name('town', AT + DAY)}: deleted" in said.out
    assert "3 whole backups" in said.out
    assert [path.name for _, path in backups(into, "town")] == [name("town", AT + day * DAY) for day in (4, 3, 2)]
    assert {path.name for path in into.iterdir()} == {*(name("town", AT + day * DAY) for day in (4, 3, 2)), "backup.lock"}


def test_the_city_file_says_where_backups_go_and_how_many_stay(town: Town, tmp_path: Path) -> None:
    assert "Say where it is to go" in town.penstock("backup").err
    town.file.write_text(town.file.read_text() + f'[backup]\ninto = "{tmp_path / "kept"}"\ndaily = 1\nweekly = 0\nmonthly = 0\n')
    for day in range(2):
        assert town.penstock("backup", "--now", (AT + day * DAY).isoformat()).code == 0
    ((_, path),) = backups(tmp_path / "kept", "town")
    assert path.name == name("town", AT + DAY)


def test_a_damaged_backup_stands_for_no_day_and_the_last_good_one_stays(town: Town, tmp_path: Path) -> None:
    env, into, keep = environment(town), tmp_path / "kept", Keep(daily=1, weekly=0, monthly=0)
    rotate(env, into, Keep(daily=9), AT)
    rotate(env, into, Keep(daily=9), AT + DAY)
    newest = into / name("town", AT + DAY) / "database" / "penstock.db"
    newest.write_bytes(newest.read_bytes()[:-1] + b"!")
    with pytest.MonkeyPatch.context() as patch:  # a disk that does not keep what it is given
        patch.setattr("service.keeping.rotation.backup.back_up", lambda *_: "nothing is there")
        with pytest.raises(PenstockError, match="another content"):
            rotate(env, into, keep, AT + 2 * DAY)
    assert (into / name("town", AT)).is_dir()
    told, problems = rotate(env, into, keep, AT + 3 * DAY)
    assert "another content" in str(problems[0])
    assert [path.name for _, path in backups(into, "town")] == [
        name("town", AT + 3 * DAY),
        name("town", AT + DAY),
    ]  # the damaged one is left
    assert told[-1].startswith("1 whole backups")


def test_what_a_kill_left_half_done_goes_with_the_next_backup(town: Town, tmp_path: Path) -> None:
    env, into = environment(town), tmp_path / "kept"
    rotate(env, into, Keep(), AT)
    for half in (name("town", AT - DAY), name("town", AT - 9 * DAY)):
        shutil.copytree(into / name("town", AT), into / f"{half}.part")
    (into / "town-20220101T000000Z.mine").mkdir()
    (into / f"{name('village', AT)}.part").mkdir()  # another city's backup that runs now
    rotate(env, into, Keep(), AT + DAY)
    left = {path.name for path in into.iterdir()} - {"backup.lock"}
    assert left == {name("town", AT), name("town", AT + DAY), "town-20220101T000000Z.mine", f"{name('village', AT)}.part"}


def test_a_backup_killed_when_it_was_whole_is_found_whole_by_a_rerun(town: Town, tmp_path: Path) -> None:
    moment = AT.isoformat()
    assert town.penstock("backup", str(tmp_path / "kept"), "--now", moment).code == 0  # killed here: nobody heard of it
    again = town.penstock("backup", str(tmp_path / "kept"), "--now", moment)
    assert (again.code, "is there already, whole and verified" in again.out) == (0, True)
    later = town.penstock("backup", str(tmp_path / "kept"), "--now", (AT + DAY).isoformat())
    assert (later.code, "whole and verified: of town at 2022-06-16T00:30:00+00:00" in later.err) == (1, True)
    (tmp_path / "kept" / "city" / "city.toml").write_text("another")
    spoiled = town.penstock("backup", str(tmp_path / "kept"), "--now", moment)
    assert (spoiled.code, "is there already, and not whole" in spoiled.err) == (1, True)


def test_age_is_that_of_the_newest_backup_that_is_there(town: Town, tmp_path: Path) -> None:
    env = environment(town)
    assert age(env, AT) is None
    assert town.penstock("backup", str(tmp_path / "by-hand"), "--now", AT.isoformat()).code == 0
    found = age(environment(town), AT + DAY)
    assert found is not None
    assert (found.folder, found.hours, found.old) == (tmp_path / "by-hand", 24.0, False)
    town.file.write_text(town.file.read_text() + f'[backup]\ninto = "{tmp_path / "kept"}"\nold_hours = 2\n')
    rotate(environment(town), tmp_path / "kept", Keep(), AT + DAY)
    newer = age(environment(town), AT + DAY + timedelta(hours=3))
    assert newer is not None
    assert (newer.hours, newer.old) == (3.0, True)
    shutil.rmtree(tmp_path / "kept")  # a disk that is away
    older = age(environment(town), AT + DAY)
    assert older is not None
    assert older.made_at_utc == AT
    manifest = tmp_path / "by-hand" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"city": "village"}))
    assert age(environment(town), AT) is None


def test_a_backup_of_a_clock_that_was_years_ahead_does_not_hide_that_none_is_made(town: Town, tmp_path: Path) -> None:
    town.file.write_text(town.file.read_text() + f'[backup]\ninto = "{tmp_path / "kept"}"\n')
    for at in (AT, AT + 3650 * DAY):
        rotate(environment(town), tmp_path / "kept", Keep(), at)
    found = age(environment(town), AT + 3 * DAY)
    assert found is not None
    assert (found.made_at_utc, found.old) == (AT, True)


def test_a_backup_whose_folder_exists_from_before_keeps_its_old_answer(town: Town, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    with pytest.raises(PenstockError, match="is there already, and not whole"):
        back_up(environment(town), tmp_path / "kept", AT)
