"""The night posts hours of electricity and days of water, once, and takes nothing for posted that a kill left half done."""

import os
import shutil
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from city.clock import civil_day, parse_utc
from service.books import posting
from service.books.counted import _by_course, usage
from service.store import due, meter_days, open_store
from tests.service.ledger_town import NEXT, ZONE, book, night, opened, revised, sums, town
from tests.town import Town


def test_electricity_goes_by_the_hour_water_by_the_day_and_sums_are_those_of_the_stored_days(tmp_path: Path) -> None:
    made = town(tmp_path)
    said, after = night(made)
    found = book(made)
    rows = found.book(by=("account_id",), zone=ZONE, period="D").set_index(["account_id", "basis", "period"])
    assert rows.loc[("el-hall", "location", "2022-06-14"), "measured"] == 24
    assert rows.loc[("supply", "-", "2022-06-14"), "measured"] == 1
    with opened(made) as (city, engine):
        start, end = civil_day(parse_utc("2022-06-11T12:00Z").date(), ZONE)[0], parse_utc("2022-06-15T22:00Z")
        stored_wh = {
            name: int(meter_days.block(engine, [city.points[name]], start, end).values.sum())
            for name in ("hall.energy", "sun.energy", "inflow.volume")
        }
    total = sums(found)
    assert total["el-hall", "location"][0] + total["el-hall", "direct"][0] == stored_wh["hall.energy"]
    assert total["sun", "-"][0] == stored_wh["sun.energy"]
    assert total["supply", "-"][0] == stored_wh["inflow.volume"]
    assert total["el-hall", "direct"][1] == 0 < total["el-hall", "direct"][0]
    assert "for 5 days up to 2022-06-15" in said.sentence
    assert after is None


def test_own_supply_of_an_hour_is_never_more_than_was_used_or_generated_in_it(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    hours = book(made).book(by=("account_id",), zone=ZONE, period="H")
    own = hours[hours["basis"] == "direct"].set_index("period")["amount"]
    grid = hours[hours["basis"] == "location"].set_index("period")["amount"]
    sun = hours[hours["account_id"] == "sun"].set_index("period")["amount"]
    used = grid.add(own, fill_value=0)
    expected = np.minimum(used, sun.reindex(used.index, fill_value=0))
    assert own.reindex(used.index, fill_value=0).tolist() == expected.tolist()


@given(st.lists(st.tuples(*[st.integers(0, 10**10)] * 4), min_size=1, max_size=5), st.fractions(0, 1))
def test_an_hours_own_supply_is_shared_over_its_quarters_to_the_watt_hour(hours: list[tuple[int, ...]], share: float) -> None:
    amounts = np.array([sum(hours, ())], np.int64)
    own = np.array([[int(sum(hour) * share) for hour in hours]], np.int64)
    made = _by_course(own, amounts, 4)
    assert made.reshape(-1, 4).sum(axis=1).tolist() == own[0].tolist()
    assert ((made >= 0) & (made <= amounts)).all()


def test_the_day_of_the_spring_change_has_23_hours_and_two_days_in_one_night_are_posted_together(tmp_path: Path) -> None:
    made = town(tmp_path, days=85)
    night(made)
    days = book(made).book(by=("account_id",), zone=ZONE, period="D").set_index(["account_id", "basis", "period"])["measured"]
    assert days["el-hall", "location", "2022-03-27"] == 23
    assert days["el-hall", "location", "2022-03-26"] == days["el-hall", "location", "2022-03-28"] == 24


def test_a_night_that_runs_again_posts_nothing(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    root = book(made).root
    said, _ = night(made)
    assert said.sentence == "nothing to post: every day is posted"
    assert book(made).root == root
    said, _ = night(made, NEXT)  # nobody heard of the 16th yet
    assert book(made).root == root


def test_a_clock_that_ran_ahead_does_not_stop_the_ledger_but_is_told(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made, "2024-06-16T00:30+02:00")
    revised(made, "hall.energy", "2022-06-14", 1000)
    said, _ = night(made, NEXT)
    assert "Check the clock" in str(said.problems[0])
    assert len(book(made).batches) == 2


def test_batches_are_small_enough_for_the_memory_and_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = town(tmp_path / "whole"), town(tmp_path / "parts")
    night(whole)
    monkeypatch.setattr(posting, "ROWS", 100)  # two days of 49 rows
    night(parts)
    assert [len(book(made).batches) for made in (whole, parts)] == [1, 3]
    assert sums(book(whole)) == sums(book(parts))


def killed_at(made: Town, number: int, work: Callable[[], object]) -> bool:
    """Do the work in a child that kills itself at its `number`-th write to the disk or the database. Was it killed?"""
    child = os.fork()
    if child == 0:
        left = [number]

        def count(*_: object) -> None:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        for name in ("fsync", "rename", "replace"):
            real = getattr(os, name)
            setattr(os, name, lambda *given, real=real, **named: (count(), real(*given, **named))[1])
        event.listen(Engine, "before_cursor_execute", lambda *given: given[2].startswith(("INSERT", "DELETE", "UPDATE")) and count())
        event.listen(Engine, "commit", count)
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL)
    return status != 0


@pytest.mark.slow
def test_a_kill_at_any_write_leaves_the_ledger_whole_and_the_next_night_ends_as_if_there_had_been_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "ROWS", 100)
    prepared = town(tmp_path / "town", days=3, carbon=f'outside_roots = ["{tmp_path / "roots.txt"}"]')
    night(prepared)
    revised(prepared, "hall.energy", "2022-06-14", 5000)
    shutil.copy(tmp_path / "roots.txt", tmp_path / "roots.before")
    kills, finished = 0, False
    wanted: str | None = None
    while not finished:
        made = Town(shutil.copytree(prepared.folder, tmp_path / f"kill-{kills}"), parts=prepared.parts)
        shutil.copy(tmp_path / "roots.before", tmp_path / "roots.txt")
        finished = not killed_at(made, kills, lambda made=made: night(made, NEXT))
        assert verified(made) == []
        night(made, NEXT)
        assert len(list((made.folder / "ledger").glob("*.zip"))) == len(book(made).batches) == 3
        roots = (tmp_path / "roots.txt").read_text().splitlines()
        assert [line.split(" ")[2] for line in roots] == [one.header.root for one in book(made).batches]
        wanted = wanted or book(made).root
        assert book(made).root == wanted
        kills += 1
    assert kills >= 8  # file, folder, rows and commit, the line outside
    assert due.noted(open_store(made.database)) == []


def verified(made: Town) -> list[str]:
    from service.books.verifying import verify

    with opened(made) as (city, _):
        return [str(problem) for problem in verify(city.environment, parse_utc(NEXT)).findings if "roots outside" not in problem.subject]


def test_rows_that_count_nothing_are_not_kept_and_ids_stay_categorical(tmp_path: Path) -> None:
    made = town(tmp_path)
    with opened(made) as (city, engine):
        day = civil_day(parse_utc("2022-06-14T12:00Z").date(), ZONE)
        frame, problems = usage(engine, city, [day])
    assert problems == []
    assert len(frame) > 0
    assert str(frame["point_id"].dtype) == "category"
    assert (frame.loc[frame["supply"] == "own", "amount"] > 0).all()
