"""The water page tells who turns which valve when, in both languages, and why there is no schedule where there is none."""

import re
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from console.water import isolation
from service import schema as t
from service.environment import Environment
from service.store import open_store, writing
from tests.signed_in import token

WORK = {
    "sentence": "Pipe 105 runs dry 22 min after the call.",
    "made_utc": "2022-06-16T00:00:00+00:00",
    "tasks": [
        {"kind": "close", "what": "v002", "who": "motor", "start_utc": "2022-06-16T00:10:00+00:00", "end_utc": "2022-06-16T00:13:00+00:00"},
        {"kind": "close", "what": "v001", "who": "north", "start_utc": "2022-06-16T00:14:00+00:00", "end_utc": "2022-06-16T00:22:00+00:00"},
        {"kind": "repair", "what": "105", "who": "north", "start_utc": "2022-06-16T00:25:00+00:00", "end_utc": "2022-06-16T04:25:00+00:00"},
        {"kind": "open", "what": "v001", "who": "north", "start_utc": "2022-06-16T04:25:00+00:00", "end_utc": "2022-06-16T04:33:00+00:00"},
        {"kind": "fill", "what": "v001", "who": "north", "start_utc": "2022-06-16T04:33:00+00:00", "end_utc": "2022-06-16T05:00:00+00:00"},
    ],
    "water_m3": 37.25,
    "customer_hours": 1460.0,
    "greedy": {"water_m3": 41.5, "customer_hours": 1472.0},
    "flushed_m3": 80.0,
    "outflow": [["2022-06-16T00:00:00+00:00", 150.0], ["2022-06-16T00:13:00+00:00", 90.0], ["2022-06-16T00:22:00+00:00", 0.0]],
    "optimal": True,
    "closed": [],
    "crews_at": {},
}  # fmt: skip
CREW = '\n[[crews]]\nid = "north"\nname = "Crew north"\nname_zh = "城北班组"\nnode = "20"\n'


@pytest.fixture
def scheduled(city: Path) -> Path:
    """The small city with a crew, its isolation with a schedule."""
    file = city / "city.toml"
    file.write_text(file.read_text(encoding="utf-8") + CREW, encoding="utf-8")
    _store(file, WORK)
    return city


def _store(file: Path, work: dict) -> None:
    engine = open_store(Environment(city=file, home=file.parent).url)
    with writing(engine) as connection:
        detail = connection.execute(t.isolation.select()).one().detail
        connection.execute(t.isolation.update().values(detail=detail | {"schedule": work}))
    engine.dispose()


def seen(language: str = "en") -> str:
    at = AppTest.from_string("from console import pages\npages.show('water')", default_timeout=60)
    at.session_state["token"], at.session_state["language"] = token("operator"), language
    at.run()
    assert not at.exception
    parts = [re.sub(r"<[^>]+>", " ", html.proto.body) for html in at.html] + [frame.value.to_string() for frame in at.dataframe]
    return " ".join(" ".join(parts).split())


def test_water_page_says_who_turns_which_valve_when(scheduled: Path) -> None:
    told = seen()
    for part in (
        "Who turns which valve when",
        "06-16 02:22",  # 00:22 UTC in Rome: the burst is dry
        "22 min after the call",
        "37.2 m3",
        "largest feed first: 41.5",
        "1 460",
        "2022-06-16 02:14 CEST 2022-06-16 02:22 CEST close v001 Crew north",
        "2022-06-16 02:10 CEST 2022-06-16 02:13 CEST close v002 motor",
    ):
        assert part in told, told
    assert told.index("Close valve v002") < told.index("Close valve v001")  # in the order of the schedule, not of the plan


def test_the_same_in_chinese(scheduled: Path) -> None:
    told = seen("zh")
    assert "何时由谁关阀" in told
    assert "关闭 v001 城北班组" in told
    assert "关闭 v002 电动" in told
    assert "抢修 105 城北班组" in told


def test_why_there_is_no_schedule_is_told(city: Path) -> None:
    _store(city / "city.toml", {"sentence": "valve v001: no crew can turn it within its shift", "closed": [], "crews_at": {}})
    assert "No schedule: valve v001: no crew can turn it within its shift" in seen()


def test_valves_closed_before_a_stuck_one_was_found_are_named() -> None:
    lines = isolation.steps({"valves": ["v9"], "schedule": {"closed": ["v<1>"], "tasks": []}})
    assert lines[0] == "Closed already: <b>v&lt;1&gt;</b>"
    assert lines[1] == "Close valve <b>v9</b>"


def test_crews_are_sent_with_a_name_where_no_motor_moves(city: Path) -> None:
    file = city / "city.toml"
    engine = open_store(Environment(city=file, home=file.parent).url)
    with writing(engine) as connection:
        connection.execute(t.command.delete())
    engine.dispose()
    at = AppTest.from_string("from console import pages\npages.show('water')", default_timeout=60)
    at.session_state["token"], at.session_state["language"] = token("operator"), "en"
    at.run()
    assert "To be turned by hand, by crews" in " ".join(html.proto.body for html in at.html)
    at.button(key="approve_isolate-1").click().run()
    assert not at.exception
    assert "Crews go; to be turned by hand" in " ".join(html.proto.body for html in at.html)
