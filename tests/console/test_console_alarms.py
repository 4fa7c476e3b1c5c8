"""The alarm list as people work with it: acknowledge what was seen, shelve with a reason, and never take an old list for a live one."""

from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from service import schema as t
from service.access.roles import Person
from service.alarms import deeds
from service.alarms.listing import listed, put_aside
from service.alarms.settings import Alarms
from service.store import open_store, operations, results, writing
from tests.console.test_console_pages import opened, text

ENGINEER = Person(name="engineer", role="engineer")


@pytest.fixture
def store(city: Path):
    return open_store(f"sqlite:///{city / 'penstock.db'}")


def _wall(language: str = "en") -> AppTest:
    words = "from console import signin\nfrom console.alarms.list import section\nsection(signin.current(), wall=True)"
    at = AppTest.from_string(words, default_timeout=60)
    at.session_state["token"] = opened("runs", "viewer").session_state["token"]
    at.session_state["language"] = language
    at.run()
    assert not at.exception
    return at


def test_one_is_acknowledged_by_its_button_and_says_by_whom(city: Path, store, small: ModuleType) -> None:
    burst = listed(store, small.NOW)[0]
    at = opened("now")
    at.button(key=f"acknowledge_{burst.alarm_id}").click().run()
    assert "P1 · acknowledged, by operator Burst of 42.0 m3/h" in text(at)
    assert "8 on the list, 7 not acknowledged" in text(at)
    assert operations.audit(store)[0].action == "alarm acknowledge"


def test_acknowledging_all_shown_leaves_what_came_since(city: Path, store, small: ModuleType) -> None:
    at = opened("now")
    rows = listed(store, small.NOW)
    with writing(store) as connection:  # one more while the person reads
        row = dict(results.rows(store, t.alarm)[0]._mapping) | {"alarm_id": 999, "source": "late", "subject": "late"}
        connection.execute(t.alarm.insert().values(row | {"annunciated_utc": small.NOW + timedelta(seconds=5)}))
    at.button(key="acknowledge_all").click().run()
    states = {alarm.subject: alarm.state for alarm in listed(store, small.NOW)}
    assert states.pop("late") == "unacknowledged"
    assert set(states.values()) == {"acknowledged"}
    assert len(states) <= len(rows)


def test_a_viewer_sees_the_list_without_buttons(city: Path) -> None:
    at = opened("now", "viewer")
    assert "Burst of 42.0" in text(at)
    assert [button.key for button in at.button if "acknowledge" in str(button.key)] == []


def test_shelving_on_the_page_needs_a_reason_and_priority_1_stays_on_the_list(city: Path, store, small: ModuleType) -> None:
    chosen = next(alarm for alarm in listed(store, small.NOW) if alarm.kind == "stuck")
    at = opened("now")
    shelve = next(button for button in at.button if button.label == "Shelve")
    at.text_input(key="shelve_reason").set_value("noise")
    shelve.click().run()  # the first of the list is the burst
    assert "it is of priority 1" in text(at)
    assert put_aside(store) == []
    at.selectbox(key="shelve_alarm_en").set_value(chosen.alarm_id)
    at.text_input(key="shelve_reason").set_value("")
    next(button for button in at.button if button.label == "Shelve").click().run()
    assert "no reason" in text(at)
    at.text_input(key="shelve_reason").set_value("crew is there")
    next(button for button in at.button if button.label == "Shelve").click().run()
    seen = text(at)
    assert "Off the list: 1 shelved, 0 suppressed by design, 0 out of service" in seen
    assert "crew is there" in seen
    (aside,) = put_aside(store)
    assert (aside.kind, aside.shelved_until_utc) == ("stuck", small.NOW + timedelta(hours=1))
    at.button(key=f"unshelve_{aside.alarm_id}").click().run()
    assert put_aside(store) == []


def test_a_list_that_nobody_evaluates_does_not_look_live(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_NOW", "2022-06-16T03:00+02:00")
    assert "Alarms not evaluated since 2022-06-16 02:00 CEST" in text(opened("now"))
    assert "报警自 2022-06-16 02:00 CEST 起未评估" in text(opened("now", language="zh"))
    assert "Alarms not evaluated since" in text(_wall())


def test_the_wall_has_the_list_and_nothing_to_click(city: Path) -> None:
    at = _wall("zh")
    assert "Old town 爆管 42.0 m3/h" in text(at)
    assert list(at.button) == []


def test_what_an_engineer_took_out_of_service_is_told_with_its_reason(city: Path, store, small: ModuleType) -> None:
    breach = next(alarm for alarm in listed(store, small.NOW) if alarm.kind == "breach")
    deeds.shelve(store, Alarms(), ENGINEER, breach.alarm_id, small.NOW, small.NOW + timedelta(days=2), "waits for a valve")
    low = next(alarm for alarm in listed(store, small.NOW) if alarm.kind == "stuck")
    deeds.out_of_service(store, ENGINEER, low.alarm_id, small.NOW, "sensor is taken down")
    seen = text(opened("now"))
    assert "shelved until 2022-06-18 02:00 CEST · waits for a valve" in seen
    assert "out of service · sensor is taken down" in seen


def test_the_performance_of_the_alarms_is_on_runs(city: Path) -> None:
    seen = text(opened("runs"))
    assert "Alarms per operator-hour 0.048 target: at most 6" in seen  # 8 in 168 hours
    assert "75 / 12 / 12" in seen  # 6 low, 1 medium and 1 high of 8


def test_no_text_of_an_alarm_becomes_markup(city: Path, store, small: ModuleType) -> None:
    operations.place_hold(store, operations.STOP, "<script>alert(1)</script>", small.NOW, "<b>x</b>")
    from service.alarms.refresh import refresh
    from service.environment import Environment
    from service.settings import load

    refresh(store, load(Environment(city=city / "city.toml", home=city)), small.NOW, ("control",))
    at = opened("now")
    assert "<script>" not in "".join(html.proto.body for html in at.html if 'class="alarm' in html.proto.body)
