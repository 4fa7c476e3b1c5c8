"""The Meters page: what validation asks is shown to everybody, and settled or edited by an engineer alone."""

from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from service import schema as t
from service.environment import Environment
from service.settings import load
from service.store import open_store, results
from service.view.validation import queue
from tests.console.test_console_pages import opened, text


def asked(city: Path):  # type: ignore[no-untyped-def]
    made = load(Environment(city=city / "city.toml", home=city))
    return queue(open_store(made.environment.url), made)


def form(cause: str, name: str = "engineer") -> AppTest:
    """The page with the queue of one cause."""
    at = opened("meters", name)
    at.selectbox(key="vee_cause").set_value(cause).run()
    assert not at.exception
    return at


def test_the_queue_shows_point_cause_and_what_was_made_of_it(city: Path) -> None:
    shown = text(opened("meters"))
    assert "What validation asks" in shown
    for row in asked(city).itertuples():
        assert row.point_id in shown
    assert "only an engineer settles or edits readings" in shown


def test_a_viewer_an_operator_and_a_planner_have_no_button(city: Path) -> None:
    cause = asked(city)["cause"].iloc[0]
    for name in ("viewer", "operator", "planner"):
        assert "vee_settle_all" not in {button.key for button in form(cause, name).button}


def test_an_engineer_settles_all_of_one_cause_with_one_reason_and_it_is_in_the_audit(city: Path) -> None:
    cause = asked(city)["cause"].iloc[0]
    number = int((asked(city)["cause"] == cause).sum())
    at = form(cause)
    at.button(key="vee_settle_all").click().run()
    assert "why the values stand" in text(at)  # no reason, nothing written
    assert results.rows(open_store(f"sqlite:///{city / 'penstock.db'}"), t.vee_settled) == []
    at.text_input(key="vee_reason_all").set_value("seen on site").run()
    at.button(key="vee_settle_all").click().run()
    assert f"{number} stretches stand as they are" in text(at)
    assert cause not in set(asked(city)["cause"])
    (line,) = results.rows(open_store(f"sqlite:///{city / 'penstock.db'}"), t.audit, t.audit.c.action == "settle readings")
    assert (line.who, "seen on site" in line.sentence, len(line.decided)) == ("engineer", True, 64)


def test_one_stretch_is_edited_with_a_value_and_leaves_the_queue(city: Path) -> None:
    before = asked(city)
    row = before[before["unit"] == "kWh"].iloc[0] if (before["unit"] == "kWh").any() else before.iloc[0]
    script = f"""
from console import data, signin
from console.meters import editing
frame = data.vee_queue()
row = frame[(frame["point_id"] == {row.point_id!r}) & (frame["first"] == {int(row["first"])})]
if len(row):
    editing.form(signin.current(), row)
"""
    from tests.signed_in import token

    at = AppTest.from_string(script, default_timeout=60)
    at.session_state["token"] = token("engineer")
    at.run()
    assert not at.exception
    at.button_group(key="vee_what").set_value("value").run()
    assert at.button(key="vee_do").disabled
    at.number_input(key="vee_value").set_value(1.25).run()
    at.text_input(key="vee_reason").set_value("from the portable meter").run()
    at.button(key="vee_do").click().run()
    assert not at.exception
    left = asked(city)
    assert not ((left["point_id"] == row.point_id) & (left["start_utc"] == row.start_utc)).any()
    lines = results.rows(open_store(f"sqlite:///{city / 'penstock.db'}"), t.audit, t.audit.c.action == "edit")
    assert "from the portable meter" in lines[-1].sentence


def test_every_word_of_the_page_is_there_in_chinese(city: Path) -> None:
    shown = text(opened("meters", language="zh"))
    for word in ("待核数据（VEE）", "优先处理的设备", "最近 7 天在线率", "仅工程师可确认或修改读数"):
        assert word in shown
