"""Settlement from the stored days: what a hand computes from the history file, in versions, over clock changes; and the commands."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, select

from city.problems import PenstockError
from service import schema as t
from service.response import calling, events, settling
from service.settings import LoadedCity
from service.store import writing
from tests.service.response_town import CALLED, END, MORNING, START, openadr, opened, response_town
from tests.town import Town

HOUR = timedelta(hours=1)
NEXT = datetime(2022, 6, 16, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Thirty days of readings; tests must not write to it."""
    return response_town(tmp_path_factory.mktemp("response") / "town")


@pytest.fixture
def settled_town(measured: Town, tmp_path: Path) -> Town:
    import shutil

    shutil.copytree(measured.folder, tmp_path / "town")
    return Town(tmp_path / "town", days=30)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return response_town(tmp_path / "town", days=0)


@pytest.fixture
def made(town: Town) -> tuple[Engine, LoadedCity]:
    return opened(town)


def by_hand(folder: Path) -> dict[str, float]:
    """The settlement of 10 kW from noon to two on 15 June, from the history file alone."""
    hall = pd.read_csv(folder / "power.csv", parse_dates=["time"]).set_index("time")["hall.energy"].tz_convert("Europe/Rome")
    hall.index = hall.index.tz_localize(None)
    workdays = [d for d in pd.bdate_range("2022-05-17", "2022-06-14")[::-1] if d != pd.Timestamp("2022-06-02")][:10]  # 2 June: holiday

    def mean(first: str, last: str) -> np.ndarray:
        return np.mean([hall[d + pd.Timedelta(first) : d + pd.Timedelta(last) - pd.Timedelta("1s")].to_numpy() for d in workdays], axis=0)

    def day(first: str, last: str) -> np.ndarray:
        at = pd.Timestamp("2022-06-15")
        return hall[at + pd.Timedelta(first) : at + pd.Timedelta(last) - pd.Timedelta("1s")].to_numpy()

    factor = day("8h", "11h").mean() / mean("8h", "11h").mean()
    delivered = mean("12h", "14h") * factor - day("12h", "14h")
    paid = np.clip(delivered, 0, 2.5)
    return {
        "factor": factor,
        "delivered": delivered.sum(),
        "payment": paid.sum() * 0.5 + 10 * paid.sum() / 20,
        "penalty": np.maximum(0.9 * 2.5 - delivered, 0).sum() * 0.2,
        "rebound": (day("14h", "15h") - mean("14h", "15h") * factor).sum(),
    }


def test_a_settlement_is_what_a_hand_computes_from_the_history(settled_town: Town) -> None:
    engine, city = opened(settled_town)
    calling.enter(engine, city, "hall", START, END, None, "ada", CALLED, "")
    told, problems = settling.settle_due(engine, city, "ada", NEXT)
    assert problems == []
    expected = by_hand(settled_town.folder)
    (row,) = settling.settlements(engine)
    assert row.detail["factor"] == pytest.approx(expected["factor"], rel=1e-12)
    assert row.delivered_kwh == pytest.approx(expected["delivered"])
    assert row.payment == pytest.approx(expected["payment"])
    assert row.penalty == pytest.approx(expected["penalty"], abs=1e-9)
    assert row.rebound_kwh == pytest.approx(expected["rebound"])
    assert row.asked_kwh == 20
    assert 0.7 < row.performance <= 1
    assert told[0].startswith("event 1 of hall on 2022-06-15: ")
    assert settling.settle_due(engine, city, "ada", NEXT)[0] == ["event 1: settled before, nothing changed"]
    frame = settling.intervals(row)
    assert len(frame) == 8
    assert (frame.baseline_kwh - frame.measured_kwh).to_numpy() == pytest.approx(frame.delivered_kwh.to_numpy())


def test_readings_that_change_make_another_version(settled_town: Town) -> None:
    engine, city = opened(settled_town)
    calling.enter(engine, city, "hall", START, END, None, "ada", CALLED, "")
    settling.settle_due(engine, city, "ada", NEXT)
    from service.store import meter_days

    day = (datetime(2022, 6, 14, 22, tzinfo=UTC), datetime(2022, 6, 15, 22, tzinfo=UTC))
    block = meter_days.block(engine, [city.points["hall.energy"]], *day)
    values = block.values.copy()
    values[0, 48] += 1000  # one kilowatt-hour more from noon to a quarter past
    from dataclasses import replace

    with writing(engine) as connection:
        key = connection.execute(select(t.point.c.point_key).where(t.point.c.point_id == "hall.energy")).scalar_one()
        meter_days.revise(connection, replace(block, values=values), [day], {"hall.energy": key}, "ada", NEXT, "late")
    told, _ = settling.settle_due(engine, city, "ada", NEXT)
    assert "(version 2: what it follows from has changed)" in told[0]
    first, second = settling.settlements(engine)
    assert second.delivered_kwh == pytest.approx(first.delivered_kwh - 1)


def test_what_was_settled_stays_by_its_terms_when_the_programme_changes(settled_town: Town) -> None:
    engine, city = opened(settled_town)
    calling.enter(engine, city, "hall", START, END, None, "ada", CALLED, "")
    settling.settle_due(engine, city, "ada", NEXT)
    text = settled_town.file.read_text(encoding="utf-8").replace("payment_per_kwh = 0.5", "payment_per_kwh = 9.0")
    settled_town.file.write_text(text.replace("offered_kw = 10.0", "offered_kw = 20.0"), encoding="utf-8")
    engine, city = opened(settled_town)
    assert city.settings.programmes[0].payment_per_kwh == 9.0
    assert settling.settle_due(engine, city, "ada", NEXT) == (["event 1: settled before, nothing changed"], [])


def test_what_is_not_over_is_not_settled(settled_town: Town) -> None:
    engine, city = opened(settled_town)
    calling.enter(engine, city, "hall", START, END, None, "ada", CALLED, "")
    assert settling.settle_due(engine, city, "ada", END) == ([], [])  # energy still comes back
    with pytest.raises(PenstockError, match="event 1: is active"):
        settling.settle_due(engine, city, "ada", START + HOUR, 1)


def test_too_few_days_or_readings_are_problems_of_that_event(tmp_path: Path) -> None:
    engine, city = opened(response_town(tmp_path / "town", days=3))
    calling.enter(engine, city, "hall", START, END, None, "ada", CALLED, "")
    told, problems = settling.settle_due(engine, city, "ada", NEXT)
    assert told == []
    assert "event 1: baseline: 2 like days within 45 days" in str(problems[0])


def test_days_of_other_events_and_outages_are_no_like_days(settled_town: Town) -> None:
    from service import known_events
    from service.known_events import Entry

    engine, city = opened(settled_town)
    other = START - timedelta(days=1)
    calling.enter(engine, city, "hall", other, other + 2 * HOUR, None, "ada", CALLED - timedelta(days=1), "")
    calling.enter(engine, city, "hall", START, END, None, "ada", CALLED, "")
    outage = Entry("outage", "hall", START - timedelta(days=2), END - timedelta(days=2), "cable", factor=0.0)
    known_events.enter(engine, city, outage, "ada", CALLED)
    settling.settle_due(engine, city, "ada", NEXT, 2)
    (row,) = settling.settlements(engine, 2)
    assert row.detail["days"][:2] == ["2022-06-10", "2022-06-09"]  # not the 14th, not the 13th; 11th and 12th are a weekend


@pytest.mark.parametrize("first", [datetime(2022, 3, 27, 0, tzinfo=UTC), datetime(2022, 10, 30, 0, tzinfo=UTC)])
def test_a_baseline_follows_the_wall_clock_over_a_clock_change(made: tuple[Engine, LoadedCity], first: datetime) -> None:
    """A load that is the same every day by the wall clock is its own baseline, on the days of 23 and 25 hours too."""
    from service.response.metered import Metered
    from service.response.settling import computed

    engine, city = made
    begin = datetime(2022, 1, 31, 23, tzinfo=UTC) if first.month == 3 else datetime(2022, 8, 31, 22, tzinfo=UTC)
    grid = city.settings.calendar.grid(begin, timedelta(minutes=15), 96 * 62)
    metered = Metered(grid.slot + 10.0, grid, begin, timedelta(minutes=15))  # kWh by the quarter of the local day
    with writing(engine) as connection:
        values = {"programme": "peak", "asset_id": "hall", "signal": "reduce_kw", "state": "announced", "origin": "operator", "who": "ada"}
        told = values | {"made_at_utc": first, "announced_utc": first, "reason": "night"}
        number = events.add(connection, told, [(first, first + 3 * HOUR, 8.0)])
        one = events.one(connection, number)
    asset, programme = events.participants(city)["hall"], city.settings.programmes[0]
    made_of, base, _ = computed(engine, city, one, asset, programme, metered)
    assert made_of.baseline_kwh == pytest.approx(made_of.measured_kwh)
    assert made_of.delivered_kwh == pytest.approx(np.zeros(12))
    assert base.factor == pytest.approx(1.0)
    assert len(base.days) == 4  # both clock changes are on Sundays
    assert made_of.rebound_kwh == pytest.approx(0)


def test_the_commands_tell_what_they_do_and_can_be_repeated(settled_town: Town) -> None:
    town, now = settled_town, ("--now", "2022-06-15T09:00+02:00")
    (town.folder / "event.json").write_text(json.dumps([openadr(), {"objectType": "EVENT"}, 7]), encoding="utf-8")
    said = town.penstock("response", "import", str(town.folder / "event.json"), "--who", "ada", *now)
    assert said.code == 2
    assert "announced: peak, hall, 2022-06-15 12:00 to 2022-06-15 14:00, 9 kW less" in said.out
    assert "event.json, object 1, programID: Field required" in said.err
    assert "object 2: a int; allowed: a JSON object" in said.err
    assert "1  announced: peak, hall" in town.penstock("response", "list", *now).out
    said = town.penstock("response", "settle", "--who", "ada", "--now", MORNING, "--csv", str(town.folder / "s.csv"))
    assert said.code == 0, said.all
    assert "kWh delivered of 18.0 asked" in said.out
    assert (town.folder / "s.csv").read_text(encoding="utf-8").splitlines()[0].startswith("event_id,version,time_utc,asked_kwh")
    assert "nothing changed" in town.penstock("response", "settle", "--who", "ada", "--now", MORNING).out
    out = json.loads(town.penstock("response", "export", "1").out)
    assert out[0]["id"] == "e-1"
    assert [payload["type"] for payload in out[1]["resources"][0]["intervals"][0]["payloads"]] == [
        "USAGE",
        "BASELINE",
        "OPERATING_STATE",
        "DATA_QUALITY",
    ]
    (town.folder / "report.json").write_text(json.dumps(out[1]), encoding="utf-8")
    assert "of event 1 is kept" in town.penstock("response", "import", str(town.folder / "report.json"), "--who", "ada").out
    assert "was kept before" in town.penstock("response", "import", str(town.folder / "report.json"), "--who", "ada").out
    assert "   event 1 of hall on 2022-06-15" in town.penstock("response", "list", "--all", "--now", MORNING).out


@pytest.mark.slow
def test_a_night_proposes_an_approval_calls_and_the_next_plan_keeps_it(tmp_path: Path) -> None:
    from service.plans.inputs import question

    town = response_town(tmp_path / "town")
    cheap = town.changed("response", "payment_per_kwh = 0.5\npayment_per_kw = 1.0", "payment_per_kwh = 0.1")
    cheap = cheap.changed("response", "rebound_share = 0.5\n", "")
    cheap.file.write_text(town.head.replace("PORT", "1") + "\n".join(cheap.parts.values()), encoding="utf-8")
    assert town.penstock("night", "--now", "2022-06-16T00:30+02:00").foreseen
    engine, city = opened(town)
    proposals = events.records(engine)
    assert [one.state for one in proposals] == ["proposed", "proposed"]  # one for each of the two days
    assert all((one.end_utc or one.start_utc) - one.start_utc == 3 * HOUR for one in proposals)  # 0.8 saved against 0.1 paid: the longest
    assert town.penstock("approve", "latest", "--who", "ada", "--now", "2022-06-16T00:40+02:00").code == 0
    assert [one.state for one in events.records(engine)] == ["announced", "proposed"]  # an approval covers a day
    asked = question(city, engine, date(2022, 6, 16), datetime(2022, 6, 15, 22, 45, tzinfo=UTC), "plan-x").inputs
    assert {call.asset for call in asked.calls} == {"hall"}
    assert sum((call.end_utc - call.start_utc).total_seconds() for call in asked.calls) == 3 * 3600
    assert asked.state["hall"]["events_left_today"] == 0.0
