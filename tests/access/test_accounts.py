"""The accounts file and `penstock account`: what an administrator does is written whole, audited, felt at once, and shows no secret."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from city.problems import PenstockError
from service import schema as t
from service.access import accounts, passwords, sign_in
from service.access.accounts import LocalAccount
from service.access.administration import Administration, asked_password
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import open_store, results
from tests.access.people import NOW, password

WORDS = "correct horse battery staple"
NAMES = st.text(min_size=1, max_size=80).filter(lambda name: name.isprintable() and name == name.strip())


def run(env: Environment, *words: str, typed: str = "") -> subprocess.CompletedProcess:
    given = os.environ | {"PENSTOCK_CITY": str(env.city_file), "PENSTOCK_HOME": str(env.folder)}
    command = [sys.executable, "-m", "service.cli", "account", *words]
    return subprocess.run(command, input=typed, env=given, capture_output=True, text=True, check=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(name=NAMES, role=st.sampled_from(["viewer", "operator", "admin"]), where=st.lists(st.sampled_from(["east", "west"]), unique=True))
def test_what_is_written_is_read_back(tmp_path: Path, name: str, role: str, where: list[str]) -> None:
    account = LocalAccount.model_validate({"name": name, "role": role, "districts": tuple(where), "hash": "$argon2id$x"})
    accounts.write(tmp_path / "accounts.toml", {name: account})
    assert accounts.read(tmp_path / "accounts.toml") == {name: account}
    assert (tmp_path / "accounts.toml").stat().st_mode & 0o777 == 0o600


def test_an_administrator_adds_somebody_who_signs_in_at_once(env: Environment, engine: Engine) -> None:
    said = run(env, "add", "zoe", "--role", "operator", "--district", "east", "--who", "root", typed=f"{WORDS}\n")
    assert (said.returncode, said.stdout) == (0, "zoe added as operator, east\n")
    assert "zoe: operator, east, no second factor" in run(env, "list").stdout
    city = load(env)
    assert isinstance(sign_in.sign_in(engine, city, "zoe", WORDS, "", NOW), str)
    assert isinstance(sign_in.sign_in(engine, city, "ada", password("ada"), "", NOW), str)  # nobody else's entry changed
    line = results.rows(engine, t.audit)[0]
    assert (line.who, line.action, line.subject) == ("root", "account added", "zoe")
    kept = (env.city_file.parent / "accounts.toml").read_text() + said.stderr + "".join(str(row) for row in results.rows(engine, t.audit))
    assert WORDS not in kept


@pytest.mark.parametrize("who", ["ada", "pia", "eve", "vic", "rosa"])
def test_nobody_else_gives_accounts_out(engine: Engine, city: LoadedCity, who: str) -> None:
    office = Administration(engine, city, who)
    for attempt in (
        lambda: office.add("zoe", "admin", [], WORDS),
        lambda: office.change(who, "admin", []),
        lambda: office.reset("root", WORDS),
        lambda: office.disable("root", again=False),
        lambda: office.factor("root", remove=True),
        lambda: office.sign_out("root"),
    ):
        with pytest.raises(PenstockError, match=f"{who} is signed in as .*; allowed: an account with role admin"):
            attempt()
    assert {line.action for line in results.rows(engine, t.audit)} == {"account refused"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda office: office.add("ADA", "viewer", [], WORDS), "looks alike"),
        (lambda office: office.add("zoe", "king", [], WORDS), "role"),
        (lambda office: office.add("zoe", "alone", [], WORDS), "role"),
        (lambda office: office.add("zoe", "viewer", ["nowhere"], WORDS), "districts nowhere"),
        (lambda office: office.add("zoe", "viewer", [], "short"), "at least 12"),
        (lambda office: office.add("zoe\n", "viewer", [], WORDS), "printable"),
        (lambda office: office.change("nobody", "viewer", []), "unknown"),
        (lambda office: office.disable("root", again=False), "nobody could give accounts out"),
        (lambda office: office.change("root", "operator", []), "nobody could give accounts out"),
        (lambda office: office.change("root", "admin", ["east"]), "nobody could give accounts out"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_changes_nothing(engine: Engine, city: LoadedCity, change, says: str) -> None:
    path = accounts.path_of(city)
    before = path.read_text()
    with pytest.raises(PenstockError, match=says):
        change(Administration(engine, city, "root"))
    assert path.read_text() == before


@pytest.mark.parametrize(
    "deed",
    [
        lambda office: office.reset("ada", WORDS),
        lambda office: office.disable("ada", again=False),
        lambda office: office.factor("ada", remove=False),
        lambda office: office.sign_out("ada"),
    ],
)
def test_a_reset_a_disabling_and_a_new_factor_end_every_session_at_once(engine: Engine, city: LoadedCity, deed) -> None:
    token = sign_in.sign_in(engine, city, "ada", password("ada"), "", NOW)
    assert sign_in.signed_in(engine, city, token, NOW) is not None
    deed(Administration(engine, city, "root"))
    assert sign_in.signed_in(engine, city, token, NOW) is None


def test_a_change_that_is_not_audited_is_none(engine: Engine, city: LoadedCity, monkeypatch: pytest.MonkeyPatch) -> None:
    before, office = accounts.of_city(city), Administration(engine, city, "root")

    def fails(*_line: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("service.store.operations.record", fails)
        for deed in (
            lambda: office.factor("ada", remove=False),
            lambda: office.reset("ada", WORDS),
            lambda: office.disable("ada", again=False),
        ):
            with pytest.raises(OSError, match="full"):
                deed()
    assert results.rows(engine, t.second_factor) == []
    assert accounts.of_city(city) == before
    office.factor("ada", remove=False)
    with monkeypatch.context() as broken:
        broken.setattr("service.store.operations.record", fails)
        with pytest.raises(OSError, match="full"):
            office.factor("ada", remove=True)
    assert len(results.rows(engine, t.second_factor)) == 1


def test_an_administrator_with_the_longest_name_signs_somebody_out(engine: Engine, city: LoadedCity) -> None:
    Administration(engine, city, "root").add(long := "a" * 80, "admin", [], WORDS)
    sign_in.sign_in(engine, city, "ada", password("ada"), "", NOW)
    Administration(engine, city, long).sign_out("ada")
    (row,) = results.rows(engine, t.session)
    assert 0 < len(row.ended) <= t.session.c.ended.type.length  # PostgreSQL refuses what is longer


def test_what_another_administrator_did_meanwhile_stays(engine: Engine, city: LoadedCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another's change arrives between the question who may and the write, as with two people at two terminals."""
    office, other = Administration(engine, city, "root"), Administration(engine, city, "root")
    asked = office._allowed

    def and_meanwhile(name: str) -> None:
        asked(name)
        other.disable("ada", again=False)

    monkeypatch.setattr(Administration, "_allowed", lambda self, name: and_meanwhile(name) if self is office else asked(name))
    office.reset("ada", WORDS)
    assert accounts.of_city(city)["ada"].disabled


def test_a_new_password_ends_the_wait_of_its_name(engine: Engine, city: LoadedCity) -> None:
    for _ in range(4):
        sign_in.sign_in(engine, city, "ada", "wrong", "", NOW)
    assert sign_in.sign_in(engine, city, "ada", WORDS, "", NOW) == 2.0
    Administration(engine, city, "root").reset("ada", WORDS)
    assert isinstance(sign_in.sign_in(engine, city, "ada", WORDS, "", NOW), str)


def test_a_disabled_account_neither_signs_in_nor_decides_and_its_name_stays_taken(engine: Engine, city: LoadedCity) -> None:
    office = Administration(engine, city, "root")
    office.disable("ada", again=False)
    assert sign_in.sign_in(engine, city, "ada", password("ada"), "", NOW) is None
    with pytest.raises(PenstockError, match="no account of the city"):
        sign_in.known(city, "ada")
    with pytest.raises(PenstockError, match="looks alike"):
        office.add("Ada", "viewer", [], WORDS)
    office.disable("ada", again=True)
    assert isinstance(sign_in.sign_in(engine, city, "ada", password("ada"), "", NOW), str)


def test_the_first_account_of_an_empty_station_is_given_by_whoever_runs_the_command(env: Environment, engine: Engine) -> None:
    (env.city_file.parent / "accounts.toml").unlink()
    assert run(env, "add", "boss", "--role", "admin", "--who", "me", typed=f"{WORDS}\n").returncode == 0
    assert run(env, "add", "zoe", "--role", "admin", "--who", "me", typed=f"{WORDS}\n").returncode == 1
    assert list(accounts.of_city(load(env))) == ["boss"]


def test_the_command_has_no_option_for_a_password(env: Environment) -> None:
    for command in ("add", "reset"):
        assert "--password" not in run(env, command, "--help").stdout


def test_two_passwords_that_differ_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["one", "other"])
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    with pytest.raises(PenstockError, match="differently"):
        asked_password()


def test_a_hash_is_argon2id_and_fits_its_password_alone() -> None:
    made = passwords.hashed(WORDS)
    assert made.startswith("$argon2id$")
    assert passwords.fits(WORDS, made)
    assert not passwords.fits("wrong", made)
    assert not passwords.fits(WORDS, None)
    assert not passwords.fits(WORDS, "$argon2id$broken")


def test_an_unknown_district_in_the_file_lets_nobody_in(env: Environment, engine: Engine) -> None:
    path = env.city_file.parent / "accounts.toml"
    path.write_text(path.read_text().replace('"east"', '"esat"'))
    with pytest.raises(PenstockError, match="districts esat; allowed: east"):
        sign_in.sign_in(open_store(env.url), load(env), "ada", password("ada"), "", NOW)


def test_a_command_of_a_city_without_its_accounts_file_names_the_command_that_makes_it(env: Environment) -> None:
    path = accounts.path_of(load(env))
    assert path is not None
    path.unlink()
    with pytest.raises(PenstockError, match=r"accounts\.toml: is not there.*penstock account add NAME --role admin --who NAME"):
        sign_in.known(load(env), "anna")
    assert run(env, "add", "anna", "--role", "admin", "--who", "anna", typed=WORDS + "\n").returncode == 0
    assert sign_in.known(load(env), "anna").role == "admin"
