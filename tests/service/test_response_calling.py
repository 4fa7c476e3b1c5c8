"""Events that a plan proposes and people call: by the rules of the programme, by two people where large, binding the next plan."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, select

from city.problems import PenstockError
from service import schema as t
from service.auditing.verifying import check
from service.response import binding, calling, events, listing, proposing, settling
from service.settings import LoadedCity
from service.store import operations, writing
from tests.service.response_town import CALLED, END, START, horizon, openadr, opened, response_town, take
from tests.town import Town

HOUR = timedelta(hours=1)
NEXT = datetime(2022, 6, 16, 6, tzinfo=UTC)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return response_town(tmp_path / "town", days=0)


@pytest.fixture
def made(town: Town) -> tuple[Engine, LoadedCity]:
    return opened(town)


def test_an_event_of_ones_own_is_announced_and_binds_the_next_plan(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    said = calling.enter(engine, city, "hall", START, END, 8.0, "ada", CALLED, "hot day")
    assert said == "event 1 of hall is announced, called by ada"
    assert check(engine, city)[1] == []  # an agreement to an event has its line, too
    assert calling.enter(engine, city, "hall", START, END, 8.0, "ada", CALLED, "hot day") == "event 1 was announced before, nothing changed"
    inputs = binding.bound(engine, city, horizon(), CALLED)
    (call,) = inputs.calls
    assert (call.asset, call.start_utc, call.end_utc, call.reduce_kw) == ("hall", START, END, 8.0)
    assert inputs.state["hall"] == {"events_left": 2.0, "events_left_today": 0.0}
    before = binding.bound(engine, city, horizon(), CALLED - timedelta(seconds=1))
    assert before.calls == ()  # a plan made before could not know
    assert before.state["hall"]["events_left"] == 3.0


@pytest.mark.parametrize(
    ("start", "hours", "kw", "said"),
    [
        (CALLED + HOUR, 2.0, None, "begins in 1.00 h; allowed: at least 2 h notice"),
        (CALLED - HOUR, 2.0, None, "begins before now, by 1.00 h"),
        (START, 0.5, None, "0.5 h long; allowed: 1 to 3 h"),
        (START + 7 * HOUR, 2.0, None, "outside the hours of its programme"),
        (START, 2.0, 11.0, "11 kW; allowed: above 0, at most the offered 10 kW"),
        (START, -1.0, None, "does not end after it begins"),
    ],
)
def test_a_call_against_the_rules_is_refused_with_its_reason(
    made: tuple[Engine, LoadedCity], start: datetime, hours: float, kw: float | None, said: str
) -> None:
    engine, city = made
    with pytest.raises(PenstockError) as caught:
        calling.enter(engine, city, "hall", start, start + timedelta(hours=hours), kw, "ada", CALLED, "")
    assert said in str(caught.value)
    assert events.records(engine) == []


def test_the_events_of_the_season_and_of_the_day_are_counted(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    calling.enter(engine, city, "hall", START, END, None, "ada", CALLED, "")
    with pytest.raises(PenstockError, match="the 1 events of the day are used"):
        calling.enter(engine, city, "hall", END + 3 * HOUR, END + 4 * HOUR, None, "ada", CALLED, "")
    for day in (1, 2):
        calling.enter(engine, city, "hall", START + timedelta(days=day), END + timedelta(days=day), None, "ada", CALLED, "")
    with pytest.raises(PenstockError, match="the 3 events of the season are used"):
        calling.enter(engine, city, "hall", START + timedelta(days=3), END + timedelta(days=3), None, "ada", CALLED, "")
    assert events.left(engine, city, events.participants(city)["hall"], date(2022, 6, 15)) == (0, 0)


def test_a_large_event_needs_two_operators(tmp_path: Path) -> None:
    town = response_town(tmp_path / "town", days=0, four_eyes="[four_eyes]\nchange_above_kw = 5.0\n")
    engine, city = opened(town)
    assert "a second operator must call it too" in calling.enter(engine, city, "hall", START, END, None, "ada", CALLED, "")
    assert "a second operator" in calling.call(engine, city, 1, "ada", CALLED, "again")  # the same person twice is one person
    assert binding.bound(engine, city, horizon(), CALLED).calls == ()
    assert calling.call(engine, city, 1, "bob", CALLED, "agreed") == "event 1 of hall is announced, called by ada, bob"


def test_a_cancelled_event_binds_no_plan_and_one_cancelled_under_way_until_then(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    for start in (START, START + timedelta(days=1)):
        calling.enter(engine, city, "hall", start, start + 2 * HOUR, None, "ada", CALLED, "")
    with writing(engine) as connection:
        assert events.cancel(connection, city, 2, "ada", CALLED, "rain") == "event 2 of hall is cancelled"
        assert "settled" in events.cancel(connection, city, 1, "ada", START + HOUR, "enough")
        with pytest.raises(PenstockError, match="no reason"):
            events.cancel(connection, city, 1, "ada", START, " ")
    assert events.records(engine)[1].acting() == []
    (call,) = binding.bound(engine, city, horizon(), START + HOUR).calls
    assert call.end_utc == START + HOUR
    assert binding.bound(engine, city, horizon(), START).calls[0].end_utc == END  # as it was known then
    with engine.connect() as connection:
        actions = connection.execute(select(t.audit.c.action)).scalars().all()
    assert actions == ["response call", "response call", "response cancel", "response cancel"]


def plan_frame(reduced: dict[int, float]) -> pd.DataFrame:
    times = pd.date_range(datetime(2022, 6, 15, 8, tzinfo=UTC), periods=96, freq="15min")
    kw = np.array([reduced.get(i, 0.0) for i in range(96)])
    return pd.concat(
        pd.DataFrame({"scenario": "plan", "asset_id": "hall", "quantity": name, "time_utc": times, "value": values})
        for name, values in (("called", (kw > 0).astype(float)), ("reduced_kw", kw))
    )


def proposed(engine: Engine, city: LoadedCity, frame: pd.DataFrame, plan_id: str = "plan-1", calls: Any = ()) -> list[int]:
    with writing(engine) as connection:
        return proposing.propose(connection, city, plan_id, CALLED, frame, calls)


def test_what_a_plan_calls_is_proposed_and_goes_with_its_notice(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    noon = dict.fromkeys(range(8, 12), 10.0) | dict.fromkeys(range(12, 16), 9.0)
    assert proposed(engine, city, plan_frame(noon)) == [1]
    assert proposed(engine, city, plan_frame(noon)) == [1]  # the same plan again
    (one,) = events.records(engine)
    assert one.amounts == ((START, START + HOUR, 10.0), (START + HOUR, END, 9.0))
    assert (one.state, one.origin, one.approvals_needed) == ("proposed", "plan", 1)
    assert binding.bound(engine, city, horizon(), CALLED).calls == ()  # nobody has called it
    assert proposed(engine, city, plan_frame(noon), "plan-2") == [2]
    assert [line[0] for line in listing.lines(engine, city, CALLED)] == ["2"]  # of the newest plan
    assert calling.call(engine, city, 2, "ada", CALLED, "") == "event 2 of hall is announced, called by ada"
    calls = binding.bound(engine, city, horizon(), CALLED).calls
    assert [call.reduce_kw for call in calls] == [10.0, 9.0]
    assert proposed(engine, city, plan_frame(noon), "plan-3", calls) == []  # it is announced already
    with writing(engine) as connection:
        proposing.propose(connection, city, "plan-4", START, plan_frame({}), calls)
    assert [one.event_id for one in events.records(engine)] == [2]  # nobody could call the first any more


def test_what_a_first_person_agreed_to_does_not_count_for_another_event(tmp_path: Path) -> None:
    engine, city = opened(response_town(tmp_path / "town", days=0, four_eyes="[four_eyes]\nchange_above_kw = 5.0\n"))
    noon = dict.fromkeys(range(8, 16), 10.0)
    proposed(engine, city, plan_frame(noon))
    assert "a second operator" in calling.call(engine, city, 1, "ada", CALLED, "")
    assert "a second operator" in calling.call(engine, city, 1, " Ada ", CALLED, "")  # the same person, spelled otherwise
    assert proposed(engine, city, plan_frame(dict.fromkeys(range(8, 16), 8.0))) == [1]
    assert "a second operator" in calling.call(engine, city, 1, "bob", CALLED, "")


def test_approving_a_plan_announces_what_it_proposes_and_an_old_plan_cannot_be_approved(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    command = {"point_id": "sun.setpoint", "quantity": "command_kw", "setpoint": 1.0, "state": "proposed", "sentence": ""}
    with writing(engine) as connection:
        for plan_id in ("plan-1", "plan-2"):
            times = {"not_before_utc": CALLED, "not_after_utc": CALLED + 24 * HOUR}
            connection.execute(t.command.insert().values(command_id=plan_id, plan_id=plan_id, **command, **times))
    noon = dict.fromkeys(range(8, 16), 10.0)
    proposed(engine, city, plan_frame(noon), "plan-1")
    proposed(engine, city, plan_frame(noon | dict.fromkeys(range(90, 96), 10.0)), "plan-2")  # and one tomorrow morning
    with pytest.raises(PenstockError, match=r"it calls hall at 2022-06-15 10:00 UTC, to be told by 08:00"):
        operations.approve(engine, "plan-1", "ada", START - HOUR, "")
    assert operations.approve(engine, "plan-2", "ada", CALLED, "") == 1
    assert [(one.plan_id, one.state) for one in events.records(engine)] == [
        ("plan-1", "proposed"),
        ("plan-2", "announced"),
        ("plan-2", "announced"),
    ]
    assert operations.approve(engine, "plan-1", "ada", CALLED, "") == 1
    assert events.records(engine)[0].state == "proposed"  # the other plan's event is announced for these hours


def test_records_are_the_same_on_both_databases(engine: Engine, town: Town) -> None:
    _, city = opened(town)
    calling.enter(engine, city, "hall", START, END, 8.0, "ada", CALLED, "hot day")
    take(engine, city, openadr("e_1", eventName="x" * 500))
    take(engine, city, openadr("e-1"))  # an underscore is no wildcard: another event
    proposed(engine, city, plan_frame({40: 5.0, 41: 5.0, 42: 5.0, 43: 5.0}))
    with writing(engine) as connection:
        assert events.cancel(connection, city, 2, "ada", CALLED, "rain") == "event 2 of hall is cancelled"
        row = {"event_id": 1, "sentence": "settled", "performance": None, "detail": {"factor": 0.1 + 0.2}}
        row |= dict.fromkeys(("baseline_kwh", "measured_kwh", "asked_kwh", "delivered_kwh", "payment", "penalty", "rebound_kwh"), 1 / 3)
        assert settling._stored(connection, row, "ada", NEXT) == "settled"
        assert settling._stored(connection, row, "ada", NEXT) == "event 1: settled before, nothing changed"
    assert [(one.event_id, one.state, one.origin) for one in events.records(engine)] == [
        (1, "announced", "operator"),
        (2, "cancelled", "openadr"),
        (3, "announced", "openadr"),
        (4, "proposed", "plan"),
    ]
    assert [call.reduce_kw for call in binding.bound(engine, city, horizon(), CALLED).calls] == [8.0, 9.0]
