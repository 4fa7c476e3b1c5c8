"""What an administrator does with accounts: each change is written at once, audited, and felt at the person's next click."""

import getpass
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from city.problems import PenstockError, Problem, fault
from service.access import accounts, passwords, second_factor, sessions
from service.access.accounts import LocalAccount
from service.access.districts import districts
from service.access.roles import Person
from service.access.sign_in import known
from service.decisions import require
from service.one_process import lock
from service.settings import LoadedCity
from service.store import operations, writing
from service.store.operations import spelled_alike


@dataclass(frozen=True)
class Administration:
    """The accounts of a city, changed by an administrator named `who`.

    The first account of an empty file is given by whoever runs the command. Every method raises `PenstockError` without the role, for an
    unknown account or district, and where the city names no accounts file.
    """

    engine: Engine
    city: LoadedCity
    who: str

    def add(self, name: str, role: str, where: Sequence[str], password: str) -> str:
        """A new account."""
        self._allowed(name)
        taken = {spelled_alike(one) for one in self._all()}
        if spelled_alike(name) in taken:
            raise fault(f"account {name}", "there is one that looks alike", "a name of its own", "Choose another.")
        made = self._checked({"name": name, "role": role, "districts": tuple(where), "hash": passwords.hashed(password)})
        return self._kept(made, "added", f"{name} added as {_as(made)}")

    def change(self, name: str, role: str, where: Sequence[str]) -> str:
        """Another role and other districts."""
        self._allowed(name)
        made = self._checked(self._one(name).model_dump() | {"role": role, "districts": tuple(where)})
        return self._kept(made, "changed", f"{name} is {_as(made)} now")

    def reset(self, name: str, password: str) -> str:
        """Another password; sessions that began with the old one end."""
        self._allowed(name)
        made = self._one(name).model_copy(update={"hash": passwords.hashed(password)})
        return self._kept(made, "password", f"{name} has another password", end=True)

    def disable(self, name: str, *, again: bool) -> str:
        """Out, or in again."""
        self._allowed(name)
        made = self._one(name).model_copy(update={"disabled": not again})
        return self._kept(made, "enabled" if again else "disabled", f"{name} may {'' if again else 'not '}sign in", end=not again)

    def factor(self, name: str, *, remove: bool) -> list[str]:
        """A new second factor, as lines to hand over; or none any more. Sessions end: the next sign-in shows it."""
        self._allowed(name)
        account = self._one(name)
        if remove:
            second_factor.remove(self.engine, name)
            return [self._kept(account, "factor removed", f"{name} has no second factor any more", end=True)]
        made = second_factor.enrol(self.engine, self.city.environment, name, datetime.now(UTC))
        told = self._kept(account, "factor", f"{name} has a new second factor", end=True)
        return [told, "for the authenticator app, shown this once:", made.uri, "recovery codes, each good once:", *made.recovery]

    def sign_out(self, name: str) -> str:
        """End all sessions of a name, also of one whom the identity provider brought."""
        self._allowed(name)
        with writing(self.engine) as connection:
            count = sessions.end_all(connection, name, datetime.now(UTC), f"by {self.who}")
            return self._audited(connection, "signed out", name, f"{count} sessions of {name} ended")

    def _kept(self, account: LocalAccount, what: str, told: str, *, end: bool = False) -> str:
        """Write the account and the audit line; the file first: a change that is not audited is put back."""
        at = datetime.now(UTC)
        with lock(self.city.folder, "accounts"):
            before = self._all()
            accounts.write(self._path, before | {account.name: account})
            try:
                with writing(self.engine) as connection:
                    if end:
                        sessions.end_all(connection, account.name, at, what)
                    return self._audited(connection, what, account.name, told)
            except BaseException:
                accounts.write(self._path, before)
                raise

    def _audited(self, connection: Connection, what: str, name: str, told: str) -> str:
        operations.record(connection, datetime.now(UTC), self.who, f"account {what}", name, f"{told}, by {self.who}")
        return told

    def _allowed(self, name: str) -> None:
        person = known(self.city, self.who) if self._all() else Person(name=self.who, role="alone")
        require(self.engine, person, "account", name, datetime.now(UTC))

    @property
    def _path(self) -> Path:
        path = accounts.path_of(self.city)
        if path is None:
            raise fault("city.toml: accounts_file", "not given", "a file name", 'Write accounts_file = "accounts.toml" at the top.')
        return path

    def _all(self) -> dict[str, LocalAccount]:
        return accounts.of_city(self.city) if self._path.exists() else {}

    def _one(self, name: str) -> LocalAccount:
        found = self._all()
        if name not in found:
            raise fault(f"account {name}", "unknown", ", ".join(found) or "an account", "Check the name: `penstock account list`.")
        return found[name]

    def _checked(self, told: dict[str, object]) -> LocalAccount:
        try:
            account = LocalAccount.model_validate(told)
        except ValidationError as error:
            allowed = "viewer, operator, planner, engineer, admin, household; a printable name"
            raise PenstockError(
                Problem(f"account, {'.'.join(map(str, item['loc']))}", item["msg"], allowed, "Correct it.")
                for item in error.errors(include_url=False, include_input=False)
            ) from None
        if unknown := set(account.districts) - set(districts(self.city)):
            known_ones = ", ".join(districts(self.city))
            raise fault(f"account {account.name}", f"districts {', '.join(sorted(unknown))}", known_ones, "Correct the names.")
        return account


def lines(engine: Engine, city: LoadedCity) -> Iterator[str]:
    """One line per account."""
    with_factor = second_factor.enrolled(engine)
    for account in accounts.of_city(city).values():
        factor = "second factor" if account.name in with_factor else "no second factor"
        yield f"{account.name}: {_as(account)}, {factor}{', disabled' if account.disabled else ''}"


def asked_password() -> str:
    """A password typed twice at a terminal, or one line of standard input. Raises `PenstockError` when the two differ."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("password: ")
    if getpass.getpass("again: ") != first:
        raise fault("password", "typed differently the second time", "the same twice", "Try again.")
    return first


def _as(account: LocalAccount) -> str:
    return f"{account.role}, {', '.join(account.districts) if account.districts else 'the whole city'}"
