"""A night that can make no plan proposes the last good one's hours, moved to tonight; nobody's approval is presumed."""

import shutil
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from service import migrations
from service import schema as t
from service.controls import Control
from service.environment import Environment
from service.plans.commands import command
from service.plans.edits import Edit, setpoint
from service.plans.fallback import CHANGE, StandIn, _check, stand_in, withdraw
from service.settings import load
from service.store import open_store, operations, readings, results, writing
from service.store.results import plan_prices, plan_values
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


def cut_off(town: Town, tmp_path: Path) -> Town:
    """The town as it was between the record of the impossible plan and what stood in for it."""
    shutil.copytree(town.folder, tmp_path / "town")
    copy = Town(tmp_path / "town", head=town.head, parts=town.parts)
    with writing(open_store(copy.database)) as connection:
        assert withdraw(connection, date(2022, 6, 17))
        own = (t.step.c.step == "plan") & (t.step.c.night == date(2022, 6, 17))
        row = connection.execute(select(t.step).where(own)).one()
        detail = {name: value for name, value in row.detail.items() if name != "fallback"}
        connection.execute(t.step.update().where(own).values(detail=detail, sentence=row.sentence.split("; fallback")[0]))
    return copy


def test_a_night_killed_before_anything_stood_in_makes_up_for_it(second: tuple[Town, Said], tmp_path: Path) -> None:
    copy = cut_off(second[0], tmp_path)
    said = copy.penstock("night", "--now", NEXT)
    assert said.code == 2
    assert "fallback-20220617-0 stands in" in said.err
    assert plans(copy)["fallback-20220617-0"].status == "fallback"  # type: ignore[attr-defined]
    assert "stands in" not in copy.penstock("night", "--now", NEXT).err  # once


def test_an_older_plan_with_a_balance_that_is_gone_by_now_still_lends_its_hours(second: tuple[Town, Said], tmp_path: Path) -> None:
    copy, week = cut_off(second[0], tmp_path), timedelta(days=6)
    with writing(open_store(copy.database)) as connection:
        former = connection.execute(select(t.plan).where(t.plan.c.plan_id == "plan-20220616-0")).one()._asdict()
        older = {"plan_id": "older", "night": former["night"] - week, "made_at_utc": former["made_at_utc"] - week}
        connection.execute(t.plan.insert().values({**former, **older, "start_utc": former["start_utc"] - week}))
        for table in (t.plan_value, t.price):
            lent = [
                row._asdict() | {"plan_id": "older"}
                for row in connection.execute(select(table).where(table.c.plan_id == "plan-20220616-0"))
            ]
            connection.execute(table.insert(), lent)
        connection.execute(t.price.insert().values({**lent[0], "balance_id": "zz-heat"}))
    said = copy.penstock("night", "--now", NEXT)
    assert "fallback-20220617-0 stands in" in said.err
    made = plans(copy)["fallback-20220617-0"]
    assert "No earlier plan has a day of the kind" not in str(made.detail["notes"])  # type: ignore[attr-defined]  # the older one's Saturday
    assert "zz-heat" not in plan_prices(open_store(copy.database), made)


def test_what_an_operator_laid_on_the_plan_in_force_is_not_written_over(second: tuple[Town, Said]) -> None:
    town, _ = second
    city = load(Environment(city=town.file, home=town.folder))
    start = datetime(2022, 6, 17, 10, tzinfo=UTC)
    edit = Edit(change=setpoint(city, "sun", 3.0, start, start + timedelta(hours=2)), who="ada", reason="crane at work")
    made = stand_in(city, open_store(town.database), date(2022, 6, 17), start - timedelta(hours=11, minutes=30), "why")
    assert made is not None
    assert made.left_to == []
    made.known = made.known.model_copy(update={"edits": (edit,)})
    _check(made, city.settings.controls[0])
    assert made.left_to == ["sun"]
    assert "an operator's edit stands on it" in made.notes[-1]


def test_a_battery_that_could_only_be_asked_for_less_than_its_least_setpoint_is_left_to_itself() -> None:
    """Full but for 1 kWh: 40 kW over a step that stored 10 kWh are cut to 4 kW, and less than 10 kW may not be written."""
    asset = SimpleNamespace(id="b", state_needed=(), energy_kwh=100.0, least_share=0.0, most_share=1.0, model_dump=dict)
    limits = SimpleNamespace(minimum=10.0, maximum=100.0)
    city = SimpleNamespace(settings=SimpleNamespace(assets=(asset,), night=SimpleNamespace(step_s=900)), write_limits=lambda _point: limits)
    columns = pd.MultiIndex.from_tuples([("plan", "b", "power_kw"), ("plan", "b", "stored_kwh"), (CHANGE, "b", "stored_kwh")])
    values = pd.DataFrame([[40.0, 10.0, 10.0], [40.0, 20.0, 10.0]], columns=columns)
    known: Any = SimpleNamespace(held=(), edits=(), state={"b": {"stored_kwh": 99.0}})
    made = StandIn(city, date(2022, 6, 17), known, "former", values, pd.DataFrame(), "why")  # type: ignore[arg-type]
    _check(made, Control(asset="b", point="b.setpoint", quantity="power_kw"))
    assert made.left_to == ["b"]
    limits.minimum = 0.0
    made.left_to.clear()
    _check(made, Control(asset="b", point="b.setpoint", quantity="power_kw"))
    assert made.left_to == []
    assert made.values["plan", "b", "power_kw"].tolist() == [4.0, 0.0]


BATTERY = (
    '[[assets]]\nid = "cell"\nkind = "battery"\nenergy_kwh = 100.0\npower_kw = 40.0\nleast_share = 0.2\nmost_share = 0.9\n'
    '[[states]]\nasset = "cell"\nquantity = "charge_kwh"\nweights = { "cell.charge" = 1.0 }\n'
    '[[controls]]\nasset = "cell"\npoint = "cell.setpoint"\nquantity = "power_kw"\n'
)
CELL = '  { id = "cell", unit = 3, link = "field", site = "here", model = "battery", commodity = "electricity", role = "storage" },\n]\n'


@pytest.mark.parametrize(
    ("charge_kwh", "power_kw", "course_kwh", "cut_h"),
    [
        # charging at 40 kW stores 9 kWh in a quarter-hour, discharging at 40 kW takes 10; the window is 20 to 90 kWh
        (50.0, [-40, -40, 0, 40, 40], [59, 68, 68, 58, 48], 0.0),  # as the plan it comes from: nothing is cut
        (76.5, [-40, -20, 0, 40, 40], [85.5, 90, 90, 80, 70], 0.25),  # room for 4.5 of the second 9 kWh: half the power
        (12.0, [-40, -40, 0, 40, 32], [21, 30, 30, 20, 12], 0.5),  # not below where it stands: 8 of the last 10 kWh, on both days
    ],
)
def test_a_battery_is_cut_back_where_it_would_leave_its_window_from_todays_charge(
    tmp_path: Path, charge_kwh: float, power_kw: list[float], course_kwh: list[float], cut_h: float
) -> None:
    """A literal plan of yesterday that began with 50 kWh, five steps that matter; then the battery rests.

    Tomorrow is a Saturday, of which there is no plan: it has the same hours once more.
    """
    head = Town(tmp_path).head
    town = Town(tmp_path, head=head[: head.rindex("]\n")] + CELL, parts=PARTS | {"cell": BATTERY}, days=0).write()
    assert town.penstock("init").code == 0
    city, engine = load(Environment(city=town.file, home=town.folder)), open_store(town.database)
    key_of = readings.register_points(engine, list(city.points.values()))
    now = datetime(2022, 6, 16, 22, 30, tzinfo=UTC)  # a Friday begins, as the Thursday before did
    at = pd.DatetimeIndex([now]).as_unit("us")
    read = {"point_id": "cell.charge", "time_utc": at, "quantity": "charge_kwh", "value": charge_kwh, "quality": 1, "received_at_utc": at}
    readings.store_batch(engine, "charge", pd.DataFrame(read), key_of)
    start = datetime(2022, 6, 15, 23, tzinfo=UTC)
    power = [-40.0, -40.0, 0.0, 40.0, 40.0] + [0.0] * 91
    stored = [59.0, 68.0, 68.0, 58.0, 48.0] + [48.0] * 91
    times = pd.date_range(start, periods=96, freq="15min", unit="us")  # a day of it, so that its first step is moved as well
    frame = pd.concat(
        pd.DataFrame({"scenario": "plan", "asset_id": "cell", "quantity": name, "time_utc": times, "value": values})
        for name, values in (("power_kw", power), ("charge_kwh", stored))
    )
    detail = {"begin": {"state": {"cell": {"charge_kwh": 50.0}}}}
    row = {"plan_id": "good", "night": date(2022, 6, 16), "made_at_utc": start, "start_utc": start, "step_s": 900, "steps": 96}
    prices = pd.DataFrame({"balance_id": "electricity", "time_utc": times, "currency_per_unit": 0.5})
    with writing(engine) as connection:
        connection.execute(t.plan.insert().values(**row, status="optimal", detail=detail))
        results.store_plan(connection, "good", frame, prices)
    made = stand_in(city, engine, date(2022, 6, 17), now, "why")
    assert made is not None
    assert made.left_to == ["sun"]  # the literal plan has none
    assert made.values["plan", "cell", "power_kw"].tolist()[:5] == pytest.approx(power_kw)
    assert made.values["plan", "cell", "charge_kwh"].tolist()[:5] == pytest.approx(course_kwh)
    cut = [f"cell is cut back for {cut_h:g} h: today's limits or state do not bear more."] if cut_h else []
    assert [note for note in made.notes if "cell" in note] == cut


@pytest.mark.postgres
@pytest.mark.slow
def test_an_approval_given_while_a_plan_takes_its_place_is_kept(postgres_database: str) -> None:
    engine, night_of = open_store(postgres_database, create=True), date(2022, 6, 17)
    migrations.upgrade(engine)
    at = datetime(2022, 6, 16, 22, 30, tzinfo=UTC)
    with writing(engine) as connection:
        connection.execute(
            t.plan.insert().values(
                plan_id="f", night=night_of, made_at_utc=at, start_utc=at, step_s=900, steps=1, status="fallback", detail={}
            )
        )
        connection.execute(t.command.insert().values(command("f", "sun.setpoint", "power_kw", 5.0, at, at + timedelta(hours=9))))
    kept: list[bool] = []

    def replaced() -> None:
        with writing(engine) as connection:
            kept.append(not withdraw(connection, night_of))

    other = threading.Thread(target=replaced)
    with writing(engine) as connection:
        assert operations._approve(connection, "f", "ada", at, "") == 1
        other.start()
        time.sleep(1.0)  # it waits for the approval, or has looked already
    other.join(30)
    assert kept == [True]
    assert [row.state for row in results.rows(engine, t.command)] == ["approved"]
