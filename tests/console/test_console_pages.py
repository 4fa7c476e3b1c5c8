"""The console's pages, run without a browser: they show what the store holds, in both languages, and nobody decides without the role."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from city.problems import PenstockError
from console.words import WORDS
from service import decisions
from service import schema as t
from service.decisions import Person
from service.environment import Environment
from service.settings import load
from service.store import open_store, operations, results
from tests.signed_in import token

PLAN, CUT = "plan-20220616-0", "isolate-1"
ROOT = Path(__file__).resolve().parents[2]


def opened(page: str, name: str = "operator", language: str = "en", tab: str = "") -> AppTest:
    """One page as `name` sees it, of Tonight with one of its tabs open."""
    at = AppTest.from_string(f"from console import pages\npages.show({page!r})", default_timeout=60)
    at.session_state["token"] = token(name)
    at.session_state["language"] = language
    if tab:
        at.session_state["tonight_tab"] = WORDS[tab][language == "zh"]
    at.run()
    assert not at.exception
    return at


def text(at: AppTest) -> str:
    """Everything a person can read on the page, tables included."""
    parts = [re.sub(r"<[^>]+>", " ", html.proto.body) for html in at.html]
    parts += [str(element.value) for kind in ("caption", "error") for element in getattr(at, kind)]
    parts += [button.label for button in at.button]
    parts += [frame.value.to_string() for frame in at.dataframe]
    return " ".join(" ".join(parts).split())


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("now", ["City load 123 kW", "at most 480 kW", "18.5 m", "Burst of 42.0 m3/h in Old town", "feeder-02 does not answer"]),
        ("now", ["p-121 did not move for 50 % of the last day, at 18.5 m", "p-121: pressure 18.5 m, below 20.0 m"]),
        ("now", ["p-197 drifts by -0.12 m a day: not a leak", "Slow leak of 6.00 m3/h in Old town", "send a crew to the suspected pipes"]),
        ("tonight", ["900 CNY", "1 000 CNY", "100 CNY (10.0 %) saved", "2.0 t", "battery-01 ends 12 kWh short."]),
        ("tonight", ["Commands to be written: 3", "The connection carries its most at 03:15."]),
        ("tonight forecasts", ["Peak risk", "feeder-01 23 % rating 500 kW expected 470 kW (440 – 510)", "whole 955 kW P10"]),
        ("tonight forecasts", ["P10 to P90 900 – 990"]),
        ("tonight forecasts", ["What drives the peaks", "feeder-01 Peak at 17:00, 9 % above the last four days like it."]),
        ("water", ["42.0 m3/h", "Close valve v001", "if it does not turn: v002", "314", "Hospital", "75 %", "Old town", "25.0"]),
        ("carbon", ["Water loss 25.0 %", "behind the path", "required 22.4 %", "96 entries", "2022-06"]),
        ("meters", ["p-121.pressure", "stuck value", "no answer in time", "feeder-01.power"]),
        ("runs", ["Meters online", "target 98 %", "validated the night of 2022-06-16", "400 days of history", "planner asked for replan"]),
    ],
)  # fmt: skip
def test_page_shows_the_numbers_of_the_store(city: Path, page: str, shown: list[str]) -> None:
    name, _, tab = page.partition(" ")
    seen = text(opened(name, tab=tab))
    missing = [part for part in shown if part not in seen]
    assert not missing, seen


@pytest.mark.parametrize(
    ("page", "heading"),
    [
        ("now", "报警"),
        ("tonight schedules", "设备日程"),
        ("water", "隔离步骤"),
        ("carbon", "目标"),
        ("meters", "测点"),
        ("runs", "表计在线率"),
    ],
)
def test_chinese_changes_the_headings(city: Path, page: str, heading: str) -> None:
    name, _, tab = page.partition(" ")
    assert heading in text(opened(name, language="zh", tab=tab))
    assert heading not in text(opened(name, tab=tab))


def test_the_clock_says_that_it_is_replayed(city: Path) -> None:
    assert "replayed clock 2022-06-16 02:00 CEST" in text(opened("now"))


def test_a_store_nobody_polls_is_not_live(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "NOT LIVE" not in text(opened("now"))
    monkeypatch.setenv("PENSTOCK_NOW", "2022-06-16T04:00+02:00")
    seen = text(opened("now"))
    assert "NOT LIVE Readings stopped: no reading process (poll) since 2022-06-16 02:00 CEST." in seen
    assert "Start “penstock poll”, or call the station engineer." in seen


def test_an_old_value_is_no_value(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_NOW", "2022-06-16T12:00+02:00")
    seen = text(opened("now"))
    assert "City load no value" in seen
    assert "123 kW" not in seen


def test_an_operator_approves_the_plan_and_it_is_in_the_audit(city: Path) -> None:
    at = opened("tonight")
    at.text_input(key=f"reason_{PLAN}").set_value("looks right")
    at.button(key=f"approve_{PLAN}").click().run()
    assert "Approved commands: 3" in text(at)
    engine = open_store(f"sqlite:///{city / 'penstock.db'}")
    assert {row.state for row in results.rows(engine, t.command, t.command.c.plan_id == PLAN)} == {"approved"}
    assert operations.audit(engine, 1)[0].sentence == "operator approved 3 commands: looks right"
    assert "Approved by operator" in text(opened("tonight"))


@pytest.mark.parametrize(
    ("language", "needs", "once"),
    [("en", "Two operators must approve this: 900 kW", "Approved once"), ("zh", "此项须两名操作员批准：900 kW", "首次批准")],
)
def test_what_needs_two_people_waits_for_the_second(city: Path, language: str, needs: str, once: str) -> None:
    engine = open_store(f"sqlite:///{city / 'penstock.db'}")
    with engine.begin() as connection:
        connection.execute(t.command.update().values(approvals_needed=2, sentence="needs two people: 900 kW"))
    decisions.approve(
        engine, load(Environment()), Person(name="shift-leader", role="operator"), PLAN, datetime(2022, 6, 15, 22, 31, tzinfo=UTC), ""
    )
    assert {row.state for row in results.rows(engine, t.command, t.command.c.plan_id == PLAN)} == {"proposed"}
    at = opened("tonight", language=language)
    assert needs in text(at)
    assert once in text(at)
    at.button(key=f"approve_{PLAN}").click().run()
    assert {row.state for row in results.rows(engine, t.command, t.command.c.plan_id == PLAN)} == {"approved"}
    again = opened("tonight", language=language)
    assert "shift-leader, operator" in text(again)


def test_the_first_of_two_cannot_be_the_second(city: Path) -> None:
    engine = open_store(f"sqlite:///{city / 'penstock.db'}")
    with engine.begin() as connection:
        connection.execute(t.command.update().values(approvals_needed=2, sentence="needs two people: 900 kW"))
    at = opened("tonight")
    at.button(key=f"approve_{PLAN}").click().run()
    assert "Approved once; another operator must approve too." in text(at)
    assert opened("tonight").button(key=f"approve_{PLAN}").disabled


def test_an_operator_approves_an_isolation(city: Path) -> None:
    at = opened("water")
    at.button(key=f"approve_{CUT}").click().run()
    assert "Approved commands: 1" in text(at)


@pytest.mark.parametrize("name", ["viewer", "planner"])
def test_only_an_operator_can_approve_or_stop(city: Path, name: str) -> None:
    assert opened("tonight", name).button(key=f"approve_{PLAN}").disabled
    assert opened("now", name).button(key="stop").disabled
    assert opened("water", name).button(key=f"approve_{CUT}").disabled


@pytest.mark.parametrize("role", ["viewer", "planner"])
def test_the_write_itself_refuses_who_has_not_the_role(city: Path, role: str) -> None:
    engine = open_store(f"sqlite:///{city / 'penstock.db'}")
    person, at, made = Person(name="eve", role=role), datetime(2022, 6, 16, tzinfo=UTC), load(Environment())
    for attempt in (
        lambda: decisions.approve(engine, made, person, PLAN, at, "please"),
        lambda: decisions.hold(engine, made, person, operations.STOP, at, "please"),
        lambda: decisions.release(engine, made, person, operations.STOP, at),
    ):
        with pytest.raises(PenstockError, match=f"eve is signed in as {role}"):
            attempt()
    assert not results.rows(engine, t.approval)
    assert not results.rows(engine, t.hold)


def test_emergency_stop_shows_as_the_first_alarm_until_it_is_released(city: Path) -> None:
    at = opened("now")
    at.button(key="stop").click().run()
    seen = text(at)
    assert "Emergency stop in force, by operator" in seen
    assert seen.index("Emergency stop in force") < seen.index("Burst of 42.0")
    at.button(key="release_*").click().run()
    seen = text(at)
    assert seen.index("Burst of 42.0") < seen.index("Over: Emergency stop in force")  # until somebody has seen that
    at.button(key="acknowledge_all").click().run()
    assert "Over: Emergency stop in force" not in text(at)


def test_a_hold_without_a_reason_is_refused(city: Path) -> None:
    at = opened("now")
    at.button(key="hold").click().run()
    assert "hold on battery-01: no reason" in text(at)
    at.text_input(key="hold_reason").set_value("maintenance")
    at.button(key="hold").click().run()
    assert "battery-01 is on hold, by operator: maintenance" in text(at)


def test_the_gate_opens_for_the_right_password_only(city: Path, passwords: dict[str, str]) -> None:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert "Alarms" not in text(at)
    at.text_input(key="sign_in_name").set_value("operator")
    at.text_input(key="sign_in_password").set_value("wrong")
    at.button[0].click().run()
    assert at.error[0].value == "Name, password or code is not right."
    at.text_input(key="sign_in_password").set_value(passwords["operator"])
    at.button[0].click().run()
    assert "Alarms" in text(at)
    assert not at.exception


def test_an_account_taken_out_of_the_file_is_signed_out(city: Path) -> None:
    assert "Alarms" in text(opened("now", "viewer"))
    kept = token("viewer")
    path = city / "accounts.toml"
    path.write_text(path.read_text(encoding="utf-8").split('[[accounts]]\nname = "viewer"')[0], encoding="utf-8")
    at = AppTest.from_string("from console import pages\npages.show('now')", default_timeout=60)
    at.session_state["token"] = kept
    assert text(at.run()) == ""


def test_a_fault_is_a_sentence_not_a_traceback(city: Path) -> None:
    (city / "valves.csv").unlink()
    seen = text(opened("water"))
    assert "no such file" in seen
    assert "Traceback" not in seen


def test_every_word_has_both_languages_and_the_same_blanks() -> None:
    blank = re.compile(r"{(\w+)}")
    for key, (english, chinese) in WORDS.items():
        assert english.strip(), key
        assert chinese.strip(), key
        assert sorted(blank.findall(english)) == sorted(blank.findall(chinese)), key


def test_every_word_the_console_says_is_known() -> None:
    said = {
        key for path in (ROOT / "console").rglob("*.py") for key in re.findall(r'\b(?:say|heading|sentences)\(\s*"(\w+)"', path.read_text())
    }
    assert said <= set(WORDS), said - set(WORDS)
    assert len(said) > 60


def test_times_are_said_in_the_zone_of_the_city(city: Path) -> None:
    at = opened("now")
    assert "06-15 16:00" in text(at)  # the leak began at 14:00 UTC
