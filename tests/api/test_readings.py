"""Readings as the API tells them: what was stored, with quality, page by page, also while others come in."""

from datetime import timedelta

import pytest

from city.clock import parse_utc
from service.environment import Environment
from service.settings import load
from service.store import cold, open_store, readings
from tests.api.api_town import AT, Client
from tests.api.conftest import FIRST, SLOTS, live
from tests.town import Town

SPAN = {"point": ["hall.energy", "sun.energy"], "since": "2022-06-15T20:00:00Z", "until": "2022-06-16T00:30:00+02:00"}


def test_what_was_stored_is_told_with_its_quality(client: Client) -> None:
    told = client.pages("/v1/readings", **SPAN)
    assert len(told) == 2 * SLOTS
    assert told[2] == {
        "point": "hall.energy",
        "time_utc": "2022-06-15T20:15:00Z",
        "quantity": "energy_register_kwh",
        "value": 101.5,
        "quality": {"code": 1, "flags": ["valid"], "cause": "none", "usable": True},
        "received_at_utc": "2022-06-15T20:15:03Z",
    }
    lost = told[7]
    assert (lost["point"], lost["value"], lost["quality"]["cause"], lost["quality"]["usable"]) == ("sun.energy", None, "timeout", False)


def test_pages_hold_everything_once_in_the_order_of_time(client: Client) -> None:
    whole = client.pages("/v1/readings", **SPAN)
    assert client.pages("/v1/readings", limit=3, **SPAN) == whole
    assert [(item["time_utc"], item["point"]) for item in whole] == sorted((item["time_utc"], item["point"]) for item in whole)


def test_a_reading_that_comes_late_neither_repeats_nor_hides_another(api_town: Town) -> None:
    client = Client(api_town)
    first = client.get("/v1/readings", limit=7, **SPAN).told
    engine, city = open_store(api_town.database), load(Environment(city=api_town.file, home=api_town.folder))
    keys = readings.register_points(engine, list(city.points.values()))
    for minutes in (5, 65):  # one before the cursor, one after
        late = live(1, FIRST + timedelta(minutes=minutes))
        readings.store_batch(engine, f"late-{minutes}", late[late["point_id"] == "hall.energy"], keys)
    rest, cursor = [], first["next"]
    while cursor:
        page = client.get("/v1/readings", limit=7, cursor=cursor, **SPAN).told
        rest, cursor = rest + page["items"], page["next"]
    seen = [(item["time_utc"], item["point"]) for item in first["items"] + rest]
    assert len(seen) == len(set(seen)) == 2 * SLOTS + 1
    assert ("2022-06-15T20:05:00Z", "hall.energy") not in seen  # it lies before the page that was read
    assert ("2022-06-15T21:05:00Z", "hall.energy") in seen


def test_archived_readings_are_told_as_before(api_town: Town) -> None:
    client = Client(api_town)
    before = client.pages("/v1/readings", limit=4, **SPAN)
    moved = cold.archive(open_store(api_town.database), api_town.folder, AT + timedelta(days=2))
    assert sum(count for _, count in moved) == 3 * SLOTS
    assert client.pages("/v1/readings", limit=4, **SPAN) == before


def test_validated_intervals_add_up_to_what_was_imported(client: Client) -> None:
    asked = {"point": "inflow.volume", "since": "2022-06-13T22:00:00Z", "until": "2022-06-14T22:00:00Z"}
    told = client.pages("/v1/intervals", limit=10, **asked)
    assert len(told) == 24
    assert (told[0]["start_utc"], told[-1]["end_utc"]) == ("2022-06-13T22:00:00Z", "2022-06-14T22:00:00Z")
    assert {item["quantity"] for item in told} == {"volume_m3"}
    assert sum(item["value"] for item in told) == pytest.approx(240, rel=0.1)  # 8 to 12 m3/h


def test_the_newest_reading_of_each_point_is_told_beside_the_newest_good_one(client: Client) -> None:
    told = {item["point"]: item for item in client.pages("/v1/latest", limit=1)}
    assert set(told) == {"hall.energy", "sun.energy"}
    assert told["hall.energy"]["value"] == told["hall.energy"]["good_value"] == 100 + 1.5 * (SLOTS - 1)
    assert parse_utc(told["hall.energy"]["time_utc"]) == FIRST + (SLOTS - 1) * timedelta(minutes=15)
