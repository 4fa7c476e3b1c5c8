"""The second factor against RFC 6238's own vectors: once, near in time, sealed; recovery codes; what it guards."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from sqlalchemy import Engine

from city.problems import PenstockError
from service import schema as t
from service.access import second_factor, sign_in
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import results, writing
from tests.access.people import NOW, password

SEED = base64.b32encode(b"12345678901234567890").decode()  # RFC 6238, appendix B
VECTORS = {59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037"}
STEP = timedelta(seconds=30)


def enrolled(engine: Engine, env: Environment, name: str = "ada") -> tuple[pyotp.TOTP, tuple[str, ...]]:
    with writing(engine) as connection:
        made = second_factor.enrol(connection, env, name, NOW)
    return pyotp.TOTP(parse_qs(urlsplit(made.uri).query)["secret"][0]), made.recovery


@pytest.mark.parametrize(("seconds", "code"), VECTORS.items())
def test_the_codes_are_those_of_the_standard(
    env: Environment, engine: Engine, monkeypatch: pytest.MonkeyPatch, seconds: int, code: str
) -> None:
    monkeypatch.setattr(pyotp, "random_base32", lambda: SEED)
    with writing(engine) as connection:
        second_factor.enrol(connection, env, "ada", NOW)
    at = datetime.fromtimestamp(seconds, UTC)
    assert second_factor.accepts(engine, env, "ada", code[2:], at)  # the standard prints eight digits, an app shows the last six
    assert not second_factor.accepts(engine, env, "ada", code[2:], at)


def test_a_code_is_good_once_and_one_step_either_way(env: Environment, engine: Engine) -> None:
    totp, _ = enrolled(engine, env)
    assert not second_factor.accepts(engine, env, "ada", totp.at(NOW - 2 * STEP), NOW)
    assert not second_factor.accepts(engine, env, "ada", totp.at(NOW + 2 * STEP), NOW)
    assert second_factor.accepts(engine, env, "ada", totp.at(NOW - STEP), NOW)
    assert not second_factor.accepts(engine, env, "ada", totp.at(NOW - STEP), NOW)
    assert second_factor.accepts(engine, env, "ada", totp.at(NOW + STEP), NOW)
    assert not second_factor.accepts(engine, env, "ada", totp.at(NOW), NOW)  # older than what was shown already
    assert not second_factor.accepts(engine, env, "bob", totp.at(NOW), NOW)


def test_each_recovery_code_is_good_once_however_it_is_typed(env: Environment, engine: Engine) -> None:
    _, codes = enrolled(engine, env)
    assert len(set(codes)) == second_factor.RECOVERY
    assert second_factor.accepts(engine, env, "ada", f" {codes[0].upper()} ", NOW)
    assert not second_factor.accepts(engine, env, "ada", codes[0], NOW)
    assert second_factor.accepts(engine, env, "ada", codes[1].replace("-", ""), NOW)


def test_the_store_holds_no_secret_and_the_key_is_its_owners(env: Environment, engine: Engine) -> None:
    totp, codes = enrolled(engine, env)
    (row,) = results.rows(engine, t.second_factor)
    assert totp.secret not in row.sealed
    assert codes[0] not in row.sealed
    key = env.folder / second_factor.KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    with pytest.raises(PenstockError, match="others may read it"):
        second_factor.accepts(engine, env, "ada", totp.at(NOW), NOW)
    key.unlink()
    with pytest.raises(PenstockError, match="Bring it back"):
        second_factor.accepts(engine, env, "ada", totp.at(NOW), NOW)


def test_a_password_alone_does_not_sign_in_who_has_a_second_factor(env: Environment, engine: Engine, city: LoadedCity) -> None:
    totp, _ = enrolled(engine, env)
    assert sign_in.sign_in(engine, city, "ada", password("ada"), "", NOW) is None
    assert sign_in.sign_in(engine, city, "ada", password("ada"), "000000", NOW) is None
    later = NOW + timedelta(minutes=10)
    assert isinstance(sign_in.sign_in(engine, city, "ada", password("ada"), totp.at(later), later), str)


def test_actions_of_the_setting_wait_for_the_factor_on_the_page_and_on_the_command_line(
    env: Environment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with env.city_file.open("a") as file:
        file.write('\n[access]\nsecond_factor_for = ["approve", "switch"]\n')
    city = load(Environment())
    token = sign_in.sign_in(engine, city, "bob", password("bob"), "", NOW)
    assert isinstance(token, str)
    bob = sign_in.signed_in(engine, city, token, NOW)
    assert bob is not None
    assert bob.unconfirmed == ("approve", "switch")
    assert sign_in.known(city, "ada").unconfirmed == ("approve", "switch")
    totp, _ = enrolled(engine, env)
    monkeypatch.setenv("PENSTOCK_CODE", totp.now())
    with_code = load(Environment())
    assert sign_in.known(with_code, "ada").unconfirmed == ()
    with pytest.raises(PenstockError, match="not the code of ada"):  # used once
        sign_in.known(with_code, "ada")
