"""Somebody who is bound to a district sees why a button is shut, and keeps the emergency stop."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from service.access import sessions
from service.environment import Environment
from service.settings import load
from service.store import open_store
from tests.signed_in import token

PLAN = "plan-20220616-0"


def opened(page: str, name: str) -> AppTest:
    at = AppTest.from_string(f"from console import pages\npages.show({page!r})", default_timeout=90)
    at.session_state["token"] = token(name)
    at.run()
    assert not at.exception
    return at


@pytest.fixture
def bound(city: Path) -> Path:
    """The small city with an operator of a DMA, in which neither its battery nor its plan lies."""
    file = city / "city.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("zones = [", 'zones = [{ id = "far", kind = "area" }, ', 1), encoding="utf-8")
    with (city / "accounts.toml").open("a") as accounts:
        accounts.write('\n[[accounts]]\nname = "ola"\nrole = "operator"\ndistricts = ["far"]\n')
    return city


def test_a_button_outside_of_the_own_district_is_shut_with_a_sentence_and_the_stop_is_open(bound: Path) -> None:
    at = opened("now", "ola")
    assert at.button(key="hold").disabled
    assert "and you have far" in " ".join(caption.value for caption in at.caption)
    at.button(key="stop").click().run()
    assert at.button(key="release_*").disabled
    assert not opened("now", "operator").button(key="release_*").disabled
    shut = opened("tonight", "ola")
    assert shut.button(key=f"approve_{PLAN}").disabled
    assert "and you have far" in " ".join(caption.value for caption in shut.caption)
    assert not opened("tonight", "operator").button(key=f"approve_{PLAN}").disabled


def test_a_button_that_waits_for_a_second_factor_says_so(city: Path) -> None:
    with (city / "city.toml").open("a") as file:
        file.write('\n[access]\nsecond_factor_for = ["approve"]\n')

    loaded, made = load(Environment()), sessions.new_token()
    rules = loaded.settings.access
    sessions.begin(open_store(loaded.environment.url), made, "operator", "operator", rules, datetime.now(UTC))  # without a code
    at = AppTest.from_string("from console import pages\npages.show('tonight')", default_timeout=90)
    at.session_state["token"] = made
    at.run()
    assert at.button(key=f"approve_{PLAN}").disabled
    assert "second factor" in " ".join(caption.value for caption in at.caption)
    assert not opened("tonight", "operator").button(key=f"approve_{PLAN}").disabled
