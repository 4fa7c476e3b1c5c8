"""The Runs page: the audit with its chain in words, filters, and whether the settings are those of the last night."""

import sqlite3
from datetime import date
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from console import data
from service.environment import Environment
from service.settings import load
from service.store import open_store
from tests.console.test_console_pages import opened, text


def test_the_chain_is_said_to_be_unbroken_and_nothing_to_be_kept_outside(city: Path) -> None:
    shown = text(opened("runs"))
    assert "Chain of the audit unbroken" in shown
    assert "nothing: set [carbon] outside_roots" in shown


def test_a_changed_line_is_a_fault_of_the_first_priority_with_its_number(city: Path) -> None:
    with sqlite3.connect(city / "penstock.db") as connection:
        connection.execute("UPDATE audit SET sentence = 'nobody asked' WHERE audit_id = 1")
    data.forget()
    shown = text(opened("runs"))
    assert "1 faults" in shown
    assert "audit line 1: its fields do not give its SHA-256" in shown
    assert "审计链 1 处异常" in text(opened("runs", language="zh"))


def test_lines_are_filtered_by_person_action_text_and_day(city: Path) -> None:
    at = opened("runs")
    assert "planner asked for replan" in text(at)
    at.selectbox(key="audit_who").set_value("planner").run()
    assert set(at.dataframe[-3].value["who"]) == {"planner"}
    at = opened("runs")
    at.text_input(key="audit_text").set_value("REPLAN").run()
    assert "planner asked for replan" in text(at)
    at.text_input(key="audit_text").set_value("no such word").run()
    assert "No line fits" in text(at)
    at.text_input(key="audit_text").set_value("").run()
    at.date_input(key="audit_to").set_value(date(2022, 6, 1)).run()
    assert "No line fits" in text(at)


def test_the_page_says_whether_the_last_night_read_the_same_settings(city: Path) -> None:
    with sqlite3.connect(city / "penstock.db") as connection:
        connection.execute("UPDATE run SET config_hash = 'abcdef0123456789', command = 'night'")
    data.forget()
    shown = text(opened("runs"))
    assert "version abcdef012345 then" in shown
    assert "The record of the next night says what changed" in shown
    with sqlite3.connect(city / "penstock.db") as connection:
        connection.execute("UPDATE run SET config_hash = ?", (load(Environment()).config_hash,))
    data.forget()
    assert "As the night of 2022-06-16 read them" in text(opened("runs"))


def test_the_report_of_a_night_is_there_to_take_away_in_the_own_language_first(city: Path) -> None:
    from service.run_report.writing import write

    assert "No report lies there" in text(opened("runs"))
    loaded = load(Environment(city=city / "city.toml", home=city))
    write(open_store(loaded.environment.url), loaded, data.nights()[0])
    for language, first in (("en", "Page (HTML) · English"), ("zh", "报告网页 (HTML) · 中文")):
        labels = [one.proto.label for one in opened("runs", language=language).get("download_button")]
        files = [label for label in labels if "HTML" in label or "JSON" in label]
        assert (files[0], len(files)) == (first, 3)
