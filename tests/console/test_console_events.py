"""Known events on the Tonight page: an operator tells and cancels, others read; in both languages."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from sqlalchemy import Engine

from service import known_events
from service import schema as t
from service.store import open_store, operations, results
from tests.console.test_console_pages import opened, text

NIGHT = date(2022, 6, 16)


def store(city: Path) -> Engine:
    return open_store(f"sqlite:///{city / 'penstock.db'}")


def entered(engine: Engine) -> list[tuple[str, str, str, float]]:
    return [(row.kind, row.subject, row.effect, row.amount) for row in results.rows(engine, t.known_event)]


def test_an_operator_tells_of_a_shutdown_and_cancels_it(city: Path) -> None:
    at = opened("tonight", tab="known_events")
    assert "No event is acting or to come." in text(at)
    at.selectbox(key="event_subject").set_value("feeder-01")
    at.text_input(key="event_reason").set_value("substation works")
    at.button(key="enter_event").click().run()
    assert "Event 1 is entered; the next forecast knows of it." in text(at)
    assert entered(store(city)) == [("shutdown", "feeder-01", "factor", 0.0)]
    (row,) = results.rows(store(city), t.known_event)
    assert row.start_utc == datetime(2022, 6, 17, 6, tzinfo=UTC)  # 08:00 in Rome, the day after
    assert operations.audit(store(city), 1)[0].who == "operator"
    again = opened("tonight", tab="known_events")
    assert "times 0" in text(again)
    assert "to come" in text(again)
    again.text_input(key="cancel_reason").set_value("moved")
    again.button(key="cancel_event").click().run()
    assert "Event 1 is cancelled" in text(again)
    assert known_events.listed(store(city), row.start_utc).empty


def test_a_wrong_entry_is_told_and_nothing_is_stored(city: Path) -> None:
    at = opened("tonight", tab="known_events")
    at.button(key="enter_event").click().run()
    assert "event reason: missing" in text(at)
    assert entered(store(city)) == []


@pytest.mark.parametrize("name", ["planner", "viewer"])
def test_others_see_events_and_have_no_form(city: Path, name: str) -> None:
    at = opened("tonight", name, tab="known_events")
    assert not [button for button in at.button if button.key == "enter_event"]
    assert "Known events" in text(at)


def test_what_an_event_changed_tonight_is_told_and_chinese_has_its_words(city: Path) -> None:
    engine = store(city)
    start = datetime(2022, 6, 16, tzinfo=UTC)
    with engine.begin() as connection:
        event = {"kind": "festival", "subject": "all", "effect": "like", "like_day": "sunday", "reason": "fair", "who": "ada"}
        connection.execute(t.known_event.insert().values(start_utc=start, end_utc=start + timedelta(days=1), at_utc=start, **event))
        change = {"series_id": "feeder-01.energy", "event_id": 1, "steps": 4, "change": 2.0, "sentence": "Event 1 changes 4 steps."}
        connection.execute(t.forecast_event.insert().values(night=NIGHT, first_utc=start, until_utc=start, **change))
    assert "feeder-01.energy: Event 1 changes 4 steps." in text(opened("tonight", tab="known_events"))
    assert "like a Sunday or holiday" in text(opened("tonight", tab="known_events"))
    chinese = text(opened("tonight", language="zh", tab="known_events"))
    assert all(word in chinese for word in ("已知事件", "节庆", "按周日或节假日", "对今夜预测的影响"))
