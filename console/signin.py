"""The sign-in gate: local accounts with argon2id hashes in a TOML beside the city file.

References: RFC 9106 (Argon2). A wrong name costs as much time as a wrong password and gets the same sentence.
"""

import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import Field, ValidationError

from city.places import Place
from city.problems import PenstockError, Problem, fault
from console import data
from console.words import say
from service.decisions import Person, Role

FREE_TRIES = 2
LONGEST_WAIT_S = 300
_HASHER = PasswordHasher()


class LocalAccount(Place):
    """One person who may sign in."""

    name: str = Field(min_length=1, max_length=80, description="what is typed in, and stands in the audit trail")
    role: Role = Field(description="operator, planner or viewer")
    hash: str = Field(pattern=r"^\$argon2id\$", description="argon2id hash of the password, as `python -m console.signin` prints")


class Accounts(Place):
    """The accounts file."""

    accounts: tuple[LocalAccount, ...] = Field(min_length=1, description="everybody who may sign in")


@dataclass
class _Failures:
    """Wrong tries per name, for the whole process: a new browser tab starts no new count."""

    count: dict[str, int]
    until: dict[str, float]


@st.cache_resource(show_spinner=False)
def _failures() -> _Failures:
    return _Failures({}, {})


@st.cache_resource(show_spinner=False)
def _decoy() -> str:
    return _HASHER.hash("nobody signs in with this")


def read_accounts(path: Path) -> dict[str, LocalAccount]:
    """The accounts by name. Raises `PenstockError` naming what is wrong with the file, never a hash."""
    try:
        found = Accounts.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise fault(f"accounts file {path.name}", error.strerror or "cannot be read", "a TOML file", "Correct accounts_file.") from None
    except tomllib.TOMLDecodeError as error:
        raise fault(f"accounts file {path.name}", str(error), "TOML 1.0", "Correct that line.") from None
    except ValidationError as error:
        raise PenstockError(
            Problem(f"accounts file {path.name}, {'.'.join(map(str, item['loc']))}", item["msg"], "name, role, hash", "Correct the entry.")
            for item in error.errors(include_url=False, include_input=False)
        ) from None
    return {account.name: account for account in found.accounts}


def _accounts() -> dict[str, LocalAccount]:
    station = data.station()
    name = station.city.settings.accounts_file
    return read_accounts(station.city.beside / name) if name else {}


def check(accounts: dict[str, LocalAccount], name: str, password: str, at_s: float) -> Person | float | None:
    """The person; or None for a wrong name or password; or how long to wait [s] after too many of those.

    The wait doubles with every wrong try after the second, up to five minutes, and is kept per name.
    """
    failures = _failures()
    if (left := failures.until.get(name, 0.0) - at_s) > 0:
        return left
    account = accounts.get(name)
    try:
        _HASHER.verify(account.hash if account else _decoy(), password)
        if account is None:
            raise VerificationError
    except (VerificationError, InvalidHashError):
        count = failures.count[name] = failures.count.get(name, 0) + 1
        if count > FREE_TRIES:
            failures.until[name] = at_s + min(2.0 ** (count - FREE_TRIES), LONGEST_WAIT_S)
        return None
    failures.count.pop(name, None)
    failures.until.pop(name, None)
    return Person(name=account.name, role=account.role)


def current() -> Person | None:
    """Who is signed in, with the role the accounts file gives now: a removed account is out at the next click."""
    name = st.session_state.get("signed_in")
    account = _accounts().get(name) if name else None
    return Person(name=account.name, role=account.role) if account else None


def gate() -> None:
    """The sign-in form."""
    accounts = _accounts()
    if not accounts:
        st.error(say("no_accounts"))
        return
    with st.form("sign_in", border=True):
        name = st.text_input(say("name"), key="sign_in_name", autocomplete="username")
        password = st.text_input(say("password"), type="password", key="sign_in_password", autocomplete="current-password")
        sent = st.form_submit_button(say("sign_in"), type="primary", width="stretch")
    if not sent:
        return
    outcome = check(accounts, name.strip(), password, time.monotonic())
    if isinstance(outcome, Person):
        st.session_state["signed_in"] = outcome.name
        st.rerun()
    elif outcome is None:
        st.error(say("wrong_password"))
    else:
        st.error(say("wait", seconds=int(outcome) + 1))


def sign_out() -> None:
    """Forget who was signed in in this session."""
    st.session_state.pop("signed_in", None)


if __name__ == "__main__":
    import getpass
    import sys

    sys.stdout.write(_HASHER.hash(getpass.getpass("password: ")) + "\n")
