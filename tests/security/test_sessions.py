"""Session fixation (CWE-384): nobody is signed in by a token that somebody else chose, wherever it is put."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from service.access import sessions
from service.access.sign_in import sign_in, signed_in
from service.environment import Environment
from service.settings import load
from service.store import open_store
from tests.security.conftest import PASSWORD

MAIN = "from console import pages\npages.main()"


@pytest.fixture
def city(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("PENSTOCK_CITY", str(environment.city_file))
    monkeypatch.setenv("PENSTOCK_HOME", str(environment.folder))
    monkeypatch.delenv("PENSTOCK_DATABASE_URL", raising=False)
    return environment


def tokens(env: Environment, count: int) -> list[str]:
    engine, loaded = open_store(env.url), load(env)
    made = [sign_in(engine, loaded, "viewer", PASSWORD, "", datetime.now(UTC)) for _ in range(count)]
    assert all(isinstance(one, str) for one in made)
    return [str(one) for one in made]


def test_every_sign_in_has_a_token_of_its_own_with_256_random_bits(city: Environment) -> None:
    made = tokens(city, 5)
    assert len(set(made)) == 5
    assert all(len(one) >= 43 for one in made)


def test_a_token_that_was_chosen_beforehand_begins_nothing_and_one_that_ended_does_not_come_back(city: Environment) -> None:
    engine, loaded, at = open_store(city.url), load(city), datetime.now(UTC)
    assert signed_in(engine, loaded, "planted-by-somebody", at) is None
    (made,) = tokens(city, 1)
    assert signed_in(engine, loaded, made, at) is not None
    sessions.end(engine, made, at, "by hand")
    sessions.begin(engine, made, "operator", "operator", loaded.settings.access, at)
    assert signed_in(engine, loaded, made, at) is None, "a used token is never taken again"


@pytest.mark.parametrize("place", ["token", "session", "sid", "_streamlit_session"])
def test_not_even_a_good_token_in_the_address_signs_anybody_in(city: Environment, place: str) -> None:
    (made,) = tokens(city, 1)
    page = AppTest.from_string(MAIN, default_timeout=60)
    page.query_params[place] = made
    page.run()
    assert not page.exception
    assert page.text_input(key="sign_in_name").value == "", "the gate is shown"
    assert "token" not in page.session_state


def test_the_store_of_a_thief_opens_no_session(city: Environment, hostile: Path) -> None:
    (made,) = tokens(city, 1)
    engine, loaded = open_store(city.url), load(city)
    for stolen in (sessions.digest(made), sessions.digest(made).upper()):
        assert signed_in(engine, loaded, stolen, datetime.now(UTC)) is None
    content = b"".join(path.read_bytes() for path in hostile.glob("penstock.db*"))
    assert made.encode() not in content
