"""Events of demand response in the store: called by the rules, received, binding the next plan, and settled so that a hand can check it."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, select

from city.problems import PenstockError
from optimisation.inputs import PlanInput
from service import schema as t
from service.openadr.objects import parsed
from service.response import binding, calling, events, incoming, proposing, settling
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


def take(engine: Engine, city: LoadedCity, document: dict[str, Any], now: datetime = CALLED) -> list[str]:
    with writing(engine) as connection:
        return incoming.take(connection, city, parsed(document, "event"), "ada", now)


def horizon(**more: Any) -> PlanInput:
    """A day of quarter-hours from 10:00 in Rome, the hall at 24 kW."""
    given = {"state": {}, "series": {"hall.energy": {"p50": np.full(96, 6.0)}}} | more
    return PlanInput(
        start_utc=datetime(2022, 6, 15, 8, tzinfo=UTC),
        zone="Europe/Rome",
        import_price_per_kwh=np.full(96, 0.5),
        export_price_per_kwh=np.full(96, 0.1),
        intensity_kg_per_kwh=np.full(96, 0.4),
        steps=96,
        **given,
    )


def steps_of(start: datetime, end: datetime) -> slice:
    first = datetime(2022, 6, 15, 8, tzinfo=UTC)
    return slice(int((start - first) / timedelta(minutes=15)), int((end - first) / timedelta(minutes=15)))


# --- calling --------------------------------------------------------------------------------------------------------------------


def test_an_event_of_ones_own_is_announced_and_binds_the_next_plan(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    said = calling.enter(engine, city, "hall", START, END, 8.0, "ada", CALLED, "hot day")
    assert said == "event 1 of hall is announced, called by ada"
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


# --- proposals of a plan --------------------------------------------------------------------------------------------------------


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


def test_what_a_plan_calls_is_proposed_once_and_goes_when_no_plan_wants_it(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    noon = dict.fromkeys(range(8, 12), 10.0) | dict.fromkeys(range(12, 16), 9.0)
    assert proposed(engine, city, plan_frame(noon)) == [1]
    (one,) = events.records(engine)
    assert one.amounts == ((START, START + HOUR, 10.0), (START + HOUR, END, 9.0))
    assert (one.state, one.origin, one.approvals_needed) == ("proposed", "plan", 1)
    assert proposed(engine, city, plan_frame(noon), "plan-2") == [1]
    assert binding.bound(engine, city, horizon(), CALLED).calls == ()  # nobody has called it
    assert calling.call(engine, city, 1, "ada", CALLED, "") == "event 1 of hall is announced, called by ada"
    calls = binding.bound(engine, city, horizon(), CALLED).calls
    assert [call.reduce_kw for call in calls] == [10.0, 9.0]
    assert proposed(engine, city, plan_frame(noon), "plan-3", calls) == []  # it is announced already
    assert proposed(engine, city, plan_frame({40: 5.0, 41: 5.0, 42: 5.0, 43: 5.0}), "plan-4", calls) == [2]
    assert proposed(engine, city, plan_frame({}), "plan-5") == []
    assert [one.event_id for one in events.records(engine)] == [1]


def test_what_a_first_person_agreed_to_does_not_count_for_another_event(tmp_path: Path) -> None:
    engine, city = opened(response_town(tmp_path / "town", days=0, four_eyes="[four_eyes]\nchange_above_kw = 5.0\n"))
    noon = dict.fromkeys(range(8, 16), 10.0)
    proposed(engine, city, plan_frame(noon))
    calling.call(engine, city, 1, "ada", CALLED, "")
    proposed(engine, city, plan_frame(dict.fromkeys(range(8, 16), 8.0)), "plan-2")
    assert "a second operator" in calling.call(engine, city, 1, "bob", CALLED, "")


# --- received -------------------------------------------------------------------------------------------------------------------


def test_an_openadr_event_is_taken_once_changed_and_cancelled(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    assert take(engine, city, openadr()) == ["1  announced: peak, hall, 2022-06-15 12:00 to 2022-06-15 14:00, 9 kW less; OpenADR event e-1"]
    assert take(engine, city, openadr()) == ["event 1 is stored already, nothing changed"]
    changed = openadr(intervals=[{"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-5]}]}])
    assert take(engine, city, changed) == ["event 1 of hall was changed"]
    (one,) = events.records(engine)
    assert (one.amounts[0][2], one.state) == (5.0, "announced")
    with writing(engine) as connection:
        told = incoming.gone(connection, city, city.settings.programmes[0], set(), "vtn dso", CALLED)
    assert told == ["event 1 of hall is cancelled"]
    assert binding.bound(engine, city, horizon(), CALLED).calls == ()


def test_what_is_over_is_not_changed_from_outside(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    take(engine, city, openadr(eventName="hot\x1b[2J day"))
    assert events.records(engine)[0].reason == "hot [2J day"
    assert take(engine, city, openadr(eventName="hotter"), END + HOUR) == ["event 1 is over, the change was not taken"]


def test_an_event_told_later_than_agreed_is_kept_and_says_so(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    assert "(told 0.5 h before, 2 h were agreed)" in take(engine, city, openadr(), START - HOUR / 2)[0]


@pytest.mark.parametrize(
    ("kind", "units", "value", "read"),
    [
        ("IMPORT_CAPACITY_LIMIT", "KW", 40, lambda i: i.import_limit_kw),
        ("PRICE", "KWH", 0.9, lambda i: i.import_price_per_kwh),
        ("EXPORT_PRICE", "KWH", 0.3, lambda i: i.export_price_per_kwh),
        ("GHG", "GHG", 700, lambda i: i.intensity_kg_per_kwh),
    ],
)
def test_limits_prices_and_intensities_hold_in_their_hours_only(
    made: tuple[Engine, LoadedCity], kind: str, units: str, value: float, read: Callable[[PlanInput], Any]
) -> None:
    engine, city = made
    document = openadr(
        payloadDescriptors=[{"payloadType": kind, "units": units}], intervals=[{"id": 0, "payloads": [{"type": kind, "values": [value]}]}]
    )
    take(engine, city, document)
    before, after = horizon(), binding.bound(engine, city, horizon(), CALLED)
    during = np.zeros(96, bool)
    during[steps_of(START, END)] = True
    usual = np.full(96, np.inf) if kind == "IMPORT_CAPACITY_LIMIT" else read(before)
    expected = value / 1000 if kind == "GHG" else value
    assert read(after) == pytest.approx(np.where(during, expected, usual))
    assert binding.bound(engine, city, horizon(), CALLED - HOUR).import_limit_kw is None


def test_a_setpoint_asks_for_what_the_forecast_is_above_it_and_a_level_for_its_share(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    setpoint = openadr(
        payloadDescriptors=[{"payloadType": "DISPATCH_SETPOINT", "units": "KW"}],
        intervals=[{"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT", "values": [20]}]}],
    )
    take(engine, city, setpoint)
    calls = binding.bound(engine, city, horizon(), CALLED).calls
    assert len(calls) == 8
    assert {call.reduce_kw for call in calls} == {4.0}  # 24 kW forecast
    level = openadr("e-2", payloadDescriptors=None, intervals=[{"id": 0, "payloads": [{"type": "SIMPLE", "values": [2]}]}])
    take(engine, city, level)
    assert [
        call.reduce_kw for call in binding.bound(engine, city, horizon(), CALLED).calls if call.end_utc - call.start_utc == 2 * HOUR
    ] == [5]


def test_the_lower_priority_number_wins(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    for name, priority, price in (("e-1", 0, 0.9), ("e-2", 5, 0.7), ("e-3", None, 0.6)):
        told = {"payloadType": "PRICE", "units": "KWH"}
        document = openadr(name, payloadDescriptors=[told], intervals=[{"id": 0, "payloads": [{"type": "PRICE", "values": [price]}]}])
        take(engine, city, document | ({"priority": priority} if priority is not None else {}))
    assert binding.bound(engine, city, horizon(), CALLED).import_price_per_kwh[steps_of(START, END)].tolist() == [0.9] * 8


def test_an_unknown_program_and_a_foreign_target_are_sentences(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    with pytest.raises(PenstockError, match="program 'other' is none of"):
        take(engine, city, openadr(programID="other"))
    assert take(engine, city, openadr(targets=[{"type": "VEN_NAME", "values": ["x"]}])) == [
        "event e-1 of peak asks nothing of this city, nothing changed"
    ]


# --- settlement -----------------------------------------------------------------------------------------------------------------


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
    assert "(version 2, the readings changed)" in told[0]
    first, second = settling.settlements(engine)
    assert second.delivered_kwh == pytest.approx(first.delivered_kwh - 1)


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


# --- commands -------------------------------------------------------------------------------------------------------------------


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


def test_an_event_of_ones_own_goes_out_and_comes_back_as_openadr(town: Town) -> None:
    now = ("--now", "2022-06-15T09:00+02:00", "--who", "ada")
    times = ("--from", "2022-06-15T12:00+02:00", "--to", "2022-06-15T14:00+02:00")
    assert town.penstock("response", "call", "hall", *times, "--kw", "8", *now).code == 0
    assert town.penstock("response", "export", "1", "--to-file", str(town.folder / "e.json")).code == 0
    sent = json.loads((town.folder / "e.json").read_text(encoding="utf-8"))
    assert sent["intervals"][0]["payloads"] == [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-8.0]}]
    assert sent["intervals"][0]["intervalPeriod"] == {"start": "2022-06-15T10:00:00Z", "duration": "PT2H"}
    assert town.penstock("response", "cancel", "1", "--reason", "rain", *now).out.startswith("event 1 of hall is cancelled")
    assert json.loads(town.penstock("response", "export", "peak").out)["programName"] == "peak"
    assert "unknown; allowed: the number of an event, or one of peak" in town.penstock("response", "export", "dragon").err
    assert town.penstock("response", "poll").err.startswith("city.toml: names no OpenADR server")


@pytest.mark.parametrize(
    ("part", "old", "new", "said"),
    [
        ("assets", 'programme = "peak"', 'programme = "paek"', "assets[1].programme: no programme 'paek'; allowed: one of peak"),
        ("response", 'id = "peak"', 'id = "peak"\nvtn = "dso"', "programmes[0].vtn: no vtn 'dso'"),
        ("response", "shortest_h = 1.0", "shortest_h = 9.0", "longest_h 3 is below shortest_h 9"),
    ],
)
def test_a_programme_that_cannot_be_is_told_with_the_city_file(town: Town, part: str, old: str, new: str, said: str) -> None:
    with pytest.raises(PenstockError) as caught:
        opened(town.changed(part, old, new).write())
    assert said in str(caught.value)


@pytest.mark.slow
def test_a_night_proposes_a_person_calls_the_next_plan_keeps_it_and_readings_settle_it(tmp_path: Path) -> None:
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
    now = ("--now", "2022-06-16T00:40+02:00")
    assert "is announced" in town.penstock("response", "call", str(proposals[0].event_id), "--who", "ada", *now).out
    asked = question(city, engine, date(2022, 6, 16), datetime(2022, 6, 15, 22, 45, tzinfo=UTC), "plan-x").inputs
    assert {call.asset for call in asked.calls} == {"hall"}
    assert sum((call.end_utc - call.start_utc).total_seconds() for call in asked.calls) == 3 * 3600
    assert asked.state["hall"]["events_left_today"] == 0.0


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
