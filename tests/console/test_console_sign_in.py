"""The gate while people are signed in: a broken accounts file is told in sentences, and an ended session leaves nothing in its tab."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from service.access import sessions
from service.environment import Environment
from service.settings import load
from service.store import open_store, operations
from service.view.moment import now
from tests.signed_in import token

MAIN = "from console import pages\npages.main()"
NOW_PAGE = "from console import pages\npages.show('now')"


def opened(script: str, made: str) -> AppTest:
    at = AppTest.from_string(script, default_timeout=90)
    at.session_state["token"] = made
    return at.run()


def test_a_broken_accounts_file_shows_no_page_and_says_what_is_wrong_with_it(city: Path) -> None:
    made = token("operator")
    file = city / "accounts.toml"
    whole = file.read_text(encoding="utf-8")
    assert opened(NOW_PAGE, made).button(key="stop")
    file.write_text(whole + "[[accounts]\n", encoding="utf-8")
    at = opened(MAIN, made)
    assert not at.exception
    assert "accounts file accounts.toml" in "".join(html.proto.body for html in at.html)
    assert not [button for button in at.button if button.key == "stop"]
    file.write_text(whole, encoding="utf-8")
    assert opened(NOW_PAGE, made).button(key="stop")  # nobody was signed out by it


def test_an_ended_session_leaves_nothing_in_its_tab_but_language_and_size(city: Path) -> None:
    made = token("operator")
    at = opened(NOW_PAGE, made)
    at.session_state["own_books"], at.session_state["language"] = {"somebody/flat": "a book"}, "zh"
    sessions.end(open_store(Environment().url), made, datetime.now(UTC), "time over")
    at.run()
    assert not [key for key in ("token", "own_books", "hold_reason") if key in at.session_state]
    assert at.session_state["language"] == "zh"


def test_the_emergency_stop_waits_for_no_second_factor(city: Path) -> None:
    file = city / "city.toml"
    file.write_text(file.read_text(encoding="utf-8") + '\n[access]\nsecond_factor_for = ["hold", "release"]\n', encoding="utf-8")
    made = sessions.new_token()
    station = Environment()
    sessions.begin(open_store(station.url), made, "operator", "operator", load(station).settings.access, datetime.now(UTC))
    at = opened(NOW_PAGE, made)
    assert not at.button(key="stop").disabled
    assert at.button(key="hold").disabled
    at.button(key="stop").click().run()
    assert not at.exception
    assert [row.subject for row in operations.holds(open_store(station.url), now(open_store(station.url), load(station))[0])] == [
        operations.STOP
    ]
