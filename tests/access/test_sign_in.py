"""Signing in and out: one answer for all that is wrong, a wait that outlives restarts, sessions that end when they should."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from sqlalchemy import Engine

from service import schema as t
from service.access import lockout, second_factor, sessions, sign_in
from service.access.settings import Access
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import open_store, operations, results, writing
from tests.access.people import NOW, entry, password

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def tried(engine: Engine, city: LoadedCity, name: str, word: str, at=NOW):
    return sign_in.sign_in(engine, city, name, word, "", at)


def test_the_right_password_begins_a_session_and_all_that_is_wrong_gets_the_same_answer(engine: Engine, city: LoadedCity) -> None:
    token = tried(engine, city, "ada", password("ada"))
    assert isinstance(token, str)
    person = sign_in.signed_in(engine, city, token, NOW)
    assert person is not None
    assert (person.name, person.role, person.districts) == ("ada", "operator", ())
    assert tried(engine, city, "bob", password("ada")) is None
    assert tried(engine, city, "nobody", password("ada")) is None
    assert sign_in.signed_in(engine, city, "", NOW) is None
    assert sign_in.signed_in(engine, city, "guessed", NOW) is None


def test_each_wrong_try_after_the_second_doubles_the_wait_up_to_its_limit(engine: Engine, city: LoadedCity) -> None:
    waits, at = [], NOW
    for _ in range(12):
        assert tried(engine, city, "ada", "wrong", at) is None
        wait = tried(engine, city, "ada", password("ada"), at) if len(waits) >= 2 else 0.0  # the right one has to wait too
        assert isinstance(wait, float)
        waits.append(wait)
        at += timedelta(seconds=wait)
    assert waits == [0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert isinstance(tried(engine, city, "ada", password("ada"), at), str)
    assert tried(engine, city, "ada", "wrong", at) is None
    assert isinstance(tried(engine, city, "ada", password("ada"), at), str)  # the count began anew


def test_the_wait_outlives_a_restart_and_counts_over_processes(env: Environment, engine: Engine, city: LoadedCity) -> None:
    for _ in range(3):
        tried(engine, city, "ada", "wrong")
    engine.dispose()
    assert tried(open_store(env.url), city, "ADA ", password("ada")) == 2.0  # nor does another spelling begin a new count


def test_many_tries_at_once_are_no_way_around_the_wait(engine: Engine) -> None:
    rules = Access()
    assert [lockout.begin(engine, "ada", rules, NOW) > 0 for _ in range(10)] == [False] * 3 + [True] * 7


def test_names_in_masses_make_everybody_wait_a_moment_and_whoever_is_signed_in_works_on(engine: Engine, city: LoadedCity) -> None:
    token = tried(engine, city, "ada", password("ada"))
    rules = Access(tries_per_minute=5)
    assert [lockout.begin(engine, f"name-{i}", rules, NOW) for i in range(8)] == [0] * 6 + [5.0, 5.0]
    assert lockout.begin(engine, "bob", rules, NOW) == 5.0
    assert sign_in.signed_in(engine, city, token, NOW) is not None
    assert lockout.begin(engine, "bob", rules, NOW + 2 * MINUTE) == 0


def test_who_hammers_the_sign_in_page_keeps_nobody_from_the_command_line(engine: Engine) -> None:
    rules = Access(tries_per_minute=5)
    for i in range(9):
        lockout.begin(engine, "ada" if i < 4 else f"name-{i}", rules, NOW)
    assert lockout.begin(engine, "ada", rules, NOW) > 0
    waits = [lockout.begin(engine, "ada", rules, NOW, machine=True) for _ in range(5)]
    assert waits == [0, 0, 0, 2.0, 2.0]  # where codes are tried just as slowly
    lockout.succeeded(engine, "ada", machine=True)
    assert lockout.begin(engine, "ada", rules, NOW, machine=True) == 0
    assert lockout.begin(engine, "ada", rules, NOW) > 0


def test_a_session_ends_when_idle_and_after_a_shift_in_any_case(engine: Engine, city: LoadedCity) -> None:
    token = tried(engine, city, "ada", password("ada"))
    assert sign_in.signed_in(engine, city, token, NOW + 29 * MINUTE) is not None
    assert sign_in.signed_in(engine, city, token, NOW + 58 * MINUTE) is not None
    assert sign_in.signed_in(engine, city, token, NOW + 87 * MINUTE, clicked=False) is not None
    assert sign_in.signed_in(engine, city, token, NOW + 89 * MINUTE) is None  # what refreshes itself is no click
    assert sign_in.signed_in(engine, city, token, NOW) is None  # over is over
    token = tried(engine, city, "bob", password("bob"))
    for minutes in range(20, 720, 20):
        assert sign_in.signed_in(engine, city, token, NOW + minutes * MINUTE) is not None
    assert sign_in.signed_in(engine, city, token, NOW + 12 * HOUR) is None


def test_a_wall_display_of_a_viewer_stays(engine: Engine, city: LoadedCity) -> None:
    token = tried(engine, city, "vic", password("vic"))
    assert sign_in.signed_in(engine, city, token, NOW + 100 * HOUR, clicked=False) is not None
    assert sign_in.signed_in(engine, city, token, NOW + 168 * HOUR, clicked=False) is None


def test_who_is_no_viewer_any_more_keeps_no_viewers_hours(env: Environment, engine: Engine, city: LoadedCity) -> None:
    token = tried(engine, city, "vic", password("vic"))
    path = Path(env.city_file.parent / "accounts.toml")
    path.write_text(path.read_text().replace('name = "vic"\nrole = "viewer"', 'name = "vic"\nrole = "operator"'))
    for minutes in range(20, 720, 20):
        assert sign_in.signed_in(engine, city, token, NOW + minutes * MINUTE) is not None
    assert sign_in.signed_in(engine, city, token, NOW + 12 * HOUR) is None


def test_a_changed_account_counts_at_the_next_click_and_a_removed_one_is_out(env: Environment, engine: Engine, city: LoadedCity) -> None:
    token = tried(engine, city, "ada", password("ada"))
    path = Path(env.city_file.parent / "accounts.toml")
    whole = path.read_text()
    path.write_text(whole.replace('name = "ada"\nrole = "operator"\ndistricts = []', 'name = "ada"\nrole = "viewer"\ndistricts = ["east"]'))
    person = sign_in.signed_in(engine, city, token, NOW)
    assert person is not None
    assert (person.role, person.districts) == ("viewer", ("east",))
    path.write_text(entry("bob", "operator", ()))
    assert sign_in.signed_in(engine, city, token, NOW) is None
    path.write_text(whole)
    assert sign_in.signed_in(engine, city, token, NOW) is None  # coming back begins anew


def test_signing_out_ends_the_session_for_whoever_holds_its_token(engine: Engine, city: LoadedCity) -> None:
    token = tried(engine, city, "ada", password("ada"))
    sessions.end(engine, token, NOW, "by hand")
    assert sign_in.signed_in(engine, city, token, NOW) is None
    sessions.begin(engine, token, "ada", "operator", Access(), NOW)  # a token that was used begins nothing: none can be planted
    assert sign_in.signed_in(engine, city, token, NOW) is None
    assert [row.action for row in results.rows(engine, t.audit)] == ["sign in", "sign out"]


def test_the_store_holds_neither_password_nor_token_nor_what_was_typed_as_a_name(
    env: Environment, engine: Engine, city: LoadedCity
) -> None:
    token = tried(engine, city, "ada", password("ada"))
    assert tried(engine, city, "my secret typed as a name", "x") is None
    engine.dispose()
    kept = b"".join(path.read_bytes() for path in env.folder.glob("penstock.db*"))
    assert sessions.digest(token).encode() in kept
    for secret in (token, password("ada"), "my secret typed as a name"):
        assert secret.encode() not in kept
    refused = [line for line in operations.audit(open_store(env.url)) if line.action == "sign in refused"]
    assert [line.who for line in refused] == ["an unknown name"]


@pytest.mark.parametrize("hours", [0, -1, 169])
def test_a_session_without_an_end_cannot_be_configured(hours: float) -> None:
    with pytest.raises(ValueError, match="absolute_hours"):
        Access(absolute_hours=hours)


def test_both_stores_wait_sign_in_and_out_alike(either: Engine, env: Environment) -> None:
    city = load(Environment())
    assert [tried(either, city, "ada", "wrong") for _ in range(4)] == [None, None, None, 2.0]
    token = tried(either, city, "bob", password("bob"))
    assert sign_in.signed_in(either, city, token, NOW + 10 * MINUTE) is not None
    with writing(either) as connection:
        uri = second_factor.enrol(connection, city.environment, "eve", NOW).uri
    totp = parse_qs(urlsplit(uri).query)["secret"][0]
    code = pyotp.TOTP(totp).at(NOW)
    shown = Barrier(2)

    def show(_number: int) -> bool:
        shown.wait()
        return second_factor.accepts(either, city.environment, "eve", code, NOW)

    with ThreadPoolExecutor(2) as two:  # the same code shown twice at once
        assert sorted(two.map(show, range(2))) == [False, True]
    with writing(either) as connection:
        assert sessions.end_all(connection, "bob", NOW, "by root") == 1
    assert sign_in.signed_in(either, city, token, NOW + 10 * MINUTE) is None
