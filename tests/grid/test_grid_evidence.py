"""What is no outage: meters that nobody asked, whose link is down, that answer with nonsense, or that people have switched off."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from city.quality import Cause
from service import known_events
from service.grid import evidence, view, watching
from service.grid.measured import Measured
from service.known_events import Entry
from tests.grid.feeder_town import KW, SILENT, START, STEP, FeederTown, feeder_town, opened

WORKS = ("industry", "heat-pumps")  # the two meters behind L10-1
DARK = KW | dict.fromkeys(WORKS, SILENT)
OTHERS = {name: kw for name, kw in KW.items() if name not in WORKS}


@pytest.fixture
def town(tmp_path: Path) -> FeederTown:
    made = feeder_town(tmp_path)
    made.read(KW, 0, 10)
    return made


def found(town: FeederTown, last) -> list[str]:
    watching.follow(town.engine, town.city, last)
    return [outage.branch for outage in view.outages(town.engine)]


def test_meters_that_nobody_asks_any_more_are_no_outage(town):
    assert found(town, town.read(OTHERS, 10, 4)) == []


def test_who_is_silent_when_polling_starts_again_says_nothing_until_it_was_seen_with_power(town):
    assert found(town, town.read(DARK, 14, 2)) == []  # slots 10 to 13 were not polled at all
    town.read(KW, 16, 2)
    assert found(town, town.read(DARK, 18)) == ["L10-1"]


@pytest.mark.parametrize("cause", [Cause.WRONG_CHECKSUM, Cause.REFUSED, Cause.OVERRUN, Cause.DEVICE_BUSY])
def test_a_meter_that_answers_with_nonsense_or_whose_turn_did_not_come_is_not_dark(town, cause):
    assert found(town, town.read(DARK, 10, 3, cause)) == []


@pytest.mark.parametrize("cause", [Cause.TIMEOUT, Cause.GATEWAY, Cause.UNIT_BACKOFF])
def test_a_meter_that_was_asked_in_vain_is_dark(town, cause):
    assert found(town, town.read(DARK, 10, 1, cause)) == ["L10-1"]


def test_a_planned_outage_that_people_have_entered_is_not_told_and_what_comes_after_it_is(tmp_path):
    feeder_town(tmp_path)
    text = (tmp_path / "city.toml").read_text(encoding="utf-8").replace('role = "load" }', 'role = "load", forecast = "load" }')
    (tmp_path / "city.toml").write_text(text, encoding="utf-8")
    town = opened(tmp_path)
    town.read(KW, 0, 10)
    for name in WORKS:
        entry = Entry("outage", name, START + 10 * STEP, START + 12 * STEP, "cable works", factor=0.0)
        known_events.enter(town.engine, town.city, entry, "ann", START)
    assert found(town, town.read(DARK, 10, 2)) == []
    town.read(KW, 12, 2)
    assert found(town, town.read(DARK, 14)) == ["L10-1"]


def test_a_meter_that_flickers_makes_one_outage_after_the_other_and_none_of_them_lasts(town):
    for slot in range(10, 16):
        last = town.read(KW if slot % 2 else DARK, slot)
        watching.follow(town.engine, town.city, last)
    assert [outage.ended_utc - outage.since_utc for outage in view.outages(town.engine)] == [STEP] * 3
    assert view.outages(town.engine, open_only=True) == []


@pytest.mark.parametrize(("unreached", "heard"), [(True, False), (False, True)])
def test_two_meters_of_a_link_that_cannot_be_opened_say_nothing(unreached, heard):
    live = np.array([[True, False], [True, False], [True, True]])
    silent = ~live
    times = pd.DatetimeIndex([START, START + STEP])
    read = Measured(("a", "b", "c"), times, np.where(live, 1.0, np.nan), live, np.zeros_like(live), silent, silent & unreached)
    meters = {name: SimpleNamespace(link="two" if name < "c" else "own") for name in "abc"}
    power = {name: (SimpleNamespace(meter=name), 1.0) for name in "abc"}
    side = SimpleNamespace(city=SimpleNamespace(meter=meters), power=power, bus_of={"a": 0, "b": 1, "c": 2})
    assert evidence.says(side, read, 1, (), {}).tolist() == [heard, heard, True]


def test_a_head_whose_line_is_written_from_its_far_end_measures_the_same(tmp_path):
    feeder_town(tmp_path)
    lines = pd.read_csv(tmp_path / "grid" / "lines.csv")
    turned = lines["line"] == "L06-1"
    lines.loc[turned, ["from_bus", "to_bus"]] = lines.loc[turned, ["to_bus", "from_bus"]].to_numpy()
    lines.to_csv(tmp_path / "grid" / "lines.csv", index=False)
    town = opened(tmp_path)
    last = town.read(KW, 0)
    watching.follow(town.engine, town.city, last)
    head = view.state(town.engine, town.city, last).feeders.set_index("feeder").loc["feeder-06"]
    assert head["computed_kw"] == pytest.approx(600, abs=0.2)
    assert town.side.network.buses["bus"][town.side.bus_of["feeder-06"]] == "06-1"


def test_where_meters_are_often_silent_two_of_them_are_no_outage(tmp_path):
    town = feeder_town(tmp_path)
    for slot in range(10):  # every third answer of the others is missing, in turns
        noisy = {name: SILENT if slot and (slot + k) % 3 == 0 else kw for k, (name, kw) in enumerate(OTHERS.items())}
        town.read({name: KW[name] for name in WORKS} | noisy, slot)
    assert "L10-1" not in found(town, town.read(DARK, 10))
