"""Events from outside: taken once, changed and cancelled as their sender does, and counted with by the next plan."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from city.problems import PenstockError
from optimisation.inputs import PlanInput
from service.response import binding, events, exchange, incoming
from service.settings import LoadedCity
from service.store import writing
from tests.service.response_town import CALLED, END, START, horizon, openadr, opened, response_town, take
from tests.town import Town

HOUR = timedelta(hours=1)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return response_town(tmp_path / "town", days=0)


@pytest.fixture
def made(town: Town) -> tuple[Engine, LoadedCity]:
    return opened(town)


def steps_of(start: datetime, end: datetime) -> slice:
    first = datetime(2022, 6, 15, 8, tzinfo=UTC)
    return slice(int((start - first) / timedelta(minutes=15)), int((end - first) / timedelta(minutes=15)))


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


def test_an_event_that_is_listed_again_before_it_begins_is_announced_again(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    for number in (1, 2, 3):
        assert take(engine, city, openadr())[0].startswith(f"{number}  announced: peak, hall")
        assert take(engine, city, openadr()) == [f"event {number} is stored already, nothing changed"]
        assert len(binding.bound(engine, city, horizon(), CALLED).calls) == 1
        with writing(engine) as connection:
            assert incoming.gone(connection, city, city.settings.programmes[0], set(), "vtn dso", CALLED)
            assert not incoming.gone(connection, city, city.settings.programmes[0], set(), "vtn dso", CALLED)
    assert [one.state for one in events.records(engine)] == ["cancelled"] * 3


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


def test_an_event_of_a_programme_that_is_gone_from_the_city_file_is_a_sentence(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    take(engine, city, openadr())
    city.settings = city.settings.model_copy(update={"programmes": ()})
    with pytest.raises(PenstockError, match="event 1: programme peak is not in the city file any more"):
        exchange.export(engine, city, "1")


def test_an_event_of_ones_own_goes_out_and_comes_back_as_openadr(town: Town) -> None:
    now = ("--now", "2022-06-15T09:00+02:00", "--who", "ada")
    times = ("--from", "2022-06-15T12:00+02:00", "--to", "2022-06-15T14:00+02:00")
    assert town.penstock("response", "call", "hall", *times, "--kw", "8", *now).code == 0
    assert town.penstock("response", "export", "1", "--to-file", str(town.folder / "e.json")).code == 0
    sent = json.loads((town.folder / "e.json").read_text(encoding="utf-8"))
    assert sent["targets"] == ["hall"]
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
