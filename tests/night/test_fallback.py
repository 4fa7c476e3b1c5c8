"""A night that can make no plan proposes the last good one's hours, moved to tonight; nobody's approval is presumed."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from service import schema as t
from service.store import open_store, results
from service.store.results import plan_values
from tests.town import PARTS, Said, Town, night, prepared, problems, steps

NEXT = "2022-06-17T00:30+02:00"


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> tuple[Town, Said]:
    """A good night, then one whose connection is too small for any plan."""
    folder = tmp_path_factory.mktemp("fallback") / "town"
    town = prepared(Town(folder))
    assert night(town).code == 0
    less = town.changed("assets", "connection_kw = 500.0", "connection_kw = 5.0")
    less.file.write_text(less.head.replace("PORT", "1") + "\n".join((less.parts or PARTS).values()), encoding="utf-8")
    return less, less.penstock("night", "--now", NEXT)


def plans(town: Town) -> dict[str, object]:
    return {row.plan_id: row for row in results.rows(open_store(town.database), t.plan)}


def test_an_impossible_plan_has_the_last_good_one_stand_in_and_says_so(second: tuple[Town, Said]) -> None:
    town, said = second
    assert said.code == 2
    found = plans(town)
    assert {name: row.status for name, row in found.items()} == {  # type: ignore[attr-defined]
        "plan-20220616-0": "optimal",
        "plan-20220617-0": "impossible",
        "fallback-20220617-0": "fallback",
    }
    (row,) = results.rows(open_store(town.database), t.step, t.step.c.step == "plan", t.step.c.night == "2022-06-17")[-1:] or [None]
    assert row is not None
    assert "no plan is possible" in row.sentence
    assert "fallback-20220617-0 stands in: the hours of plan-20220616-0" in row.sentence
    assert row.sentence in town.penstock("status").out


def test_its_hours_are_those_of_the_same_clock_on_a_day_of_the_same_kind(second: tuple[Town, Said]) -> None:
    town, _ = second
    engine, found = open_store(town.database), plans(town)
    former, now = (plan_values(engine, found[name]) for name in ("plan-20220616-0", "fallback-20220617-0"))
    column = ("plan", "sun", "power_kw")
    # the 16th and 17th of June 2022 are a Thursday and a Friday: noon tonight is the later of the former plan's noons, the 17th's
    noon = now.index[now.index.tz_convert("Europe/Rome").hour == 12][0]
    assert noon in former.index
    assert now[column][noon] == former[column][noon]
    assert len(now) == 192
    assert np.isfinite(now.to_numpy()).all()


def test_its_commands_are_proposed_and_an_approval_sends_them(second: tuple[Town, Said], tmp_path: Path) -> None:
    town, _ = second
    shutil.copytree(town.folder, tmp_path / "town")
    copy = Town(tmp_path / "town", head=town.head, parts=town.parts)
    c = t.command.c
    engine = open_store(copy.database)
    proposed = results.rows(engine, t.command, c.plan_id == "fallback-20220617-0")
    assert proposed
    assert {row.state for row in proposed} == {"proposed"}
    assert results.rows(engine, t.approval) == []
    assert copy.penstock("approve", "latest", "--who", "ada", "--now", "2022-06-17T00:40+02:00").code == 0
    assert {row.plan_id for row in results.rows(engine, t.approval)} == {"fallback-20220617-0"}


def test_once_a_plan_is_possible_what_stood_in_goes_unless_somebody_approved_it(second: tuple[Town, Said], tmp_path: Path) -> None:
    town, _ = second
    shutil.copytree(town.folder, tmp_path / "town")
    copy = Town(tmp_path / "town").write()  # the connection is large enough again
    assert copy.penstock("night", "--now", NEXT, "--again", "plan").code == 0
    assert {name: row.status for name, row in plans(copy).items()} == {  # type: ignore[attr-defined]
        "plan-20220616-0": "optimal",
        "plan-20220617-0": "impossible",
        "plan-20220617-1": "optimal",
    }
    assert results.last_plan(open_store(copy.database)).plan_id == "plan-20220617-1"  # type: ignore[union-attr]


def test_a_first_night_has_nothing_that_could_stand_in(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=8).without("tariff"))
    assert night(town).code == 1
    assert steps(town)["plan"] == "failed"
    assert "stands in" not in problems(town, "plan")
    assert plans(town) == {}
