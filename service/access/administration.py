"""What an administrator does with accounts: each change is written at once, audited, and felt at the person's next click."""

import getpass
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from city.problems import PenstockError, Problem, fault
from service.access import accounts, lockout, passwords, second_factor, sessions
from service.access.accounts import LocalAccount
from service.access.districts import districts
from service.access.roles import WHOLE_CITY, Person, may
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
        given = {"name": name, "role": role, "districts": tuple(where), "hash": passwords.hashed(password)}
        return self._kept(name, "added", given, lambda made: f"{name} added as {_as(made)}", new=True)

    def change(self, name: str, role: str, where: Sequence[str]) -> str:
        """Another role and other districts."""
        self._allowed(name)
        return self._kept(name, "changed", {"role": role, "districts": tuple(where)}, lambda made: f"{name} is {_as(made)} now")

    def reset(self, name: str, password: str) -> str:
        """Another password; sessions that began with the old one end."""
        self._allowed(name)
        given = {"hash": passwords.hashed(password)}
        return self._kept(name, "password", given, lambda _made: f"{name} has another password", also=self._out(name, "password"))

    def disable(self, name: str, *, again: bool) -> str:
        """Out, or in again."""
        self._allowed(name)
        what, told = ("enabled", f"{name} may sign in") if again else ("disabled", f"{name} may not sign in")
        return self._kept(name, what, {"disabled": not again}, lambda _made: told, also=None if again else self._out(name, what))

    def factor(self, name: str, *, remove: bool) -> list[str]:
        """A new second factor, as lines to hand over; or none any more. Sessions end: the next sign-in shows it."""
        self._allowed(name)
        made: list[second_factor.Enrolled] = []

        def changed(connection: Connection) -> None:
            if remove:
                second_factor.remove(connection, name)
            else:
                made.append(second_factor.enrol(connection, self.city.environment, name, datetime.now(UTC)))
            sessions.end_all(connection, name, datetime.now(UTC), "factor")

        what, told = ("factor removed", "no second factor any more") if remove else ("factor", "a new second factor")
        line = self._kept(name, what, {}, lambda _account: f"{name} has {told}", also=changed)
        head, middle = "for the authenticator app, shown this once:", "recovery codes, each good once:"
        return [line, *(text for one in made for text in (head, one.uri, middle, *one.recovery))]

    def sign_out(self, name: str) -> str:
        """End all sessions of a name, also of one whom the identity provider brought."""
        self._allowed(name)
        with writing(self.engine) as connection:
            count = sessions.end_all(connection, name, datetime.now(UTC), "by an administrator")
            return self._audited(connection, "signed out", name, f"{count} sessions of {name} ended")

    def _kept(
        self,
        name: str,
        what: str,
        given: Mapping[str, object],
        told: Callable[[LocalAccount], str],
        *,
        new: bool = False,
        also: Callable[[Connection], object] | None = None,
    ) -> str:
        """Write what is `given` of an account, the audit line, and what goes `also` with it; its name waits for no sign-in any more.

        The file first: a change that is not audited is put back.
        """
        with lock(self.city.folder, "accounts"):
            before = self._all()
            if new and spelled_alike(name) in map(spelled_alike, before):
                raise fault(f"account {name}", "there is one that looks alike", "a name of its own", "Choose another.")
            made = self._checked({**({} if new else _one(before, name).model_dump()), **given})
            _require_governed(before | {name: made}, name)
            accounts.write(self._path, before | {name: made})
            try:
                with writing(self.engine) as connection:
                    lockout.lift(connection, name)
                    if also is not None:
                        also(connection)
                    return self._audited(connection, what, name, told(made))
            except BaseException:
                accounts.write(self._path, before)
                raise

    def _out(self, name: str, why: str) -> Callable[[Connection], int]:
        return lambda connection: sessions.end_all(connection, name, datetime.now(UTC), why)

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


def _one(found: Mapping[str, LocalAccount], name: str) -> LocalAccount:
    if name not in found:
        raise fault(f"account {name}", "unknown", ", ".join(found) or "an account", "Check the name: `penstock account list`.")
    return found[name]


def _require_governed(after: Mapping[str, LocalAccount], name: str) -> None:
    """Somebody must be left who may give accounts out; the first account of a station is theirs."""
    if not any(may(one.person, "account", WHOLE_CITY) for one in after.values() if not one.disabled):
        observed, remedy = "then nobody could give accounts out any more", "Make another one admin first."
        raise fault(f"account {name}", observed, "at least one admin of the whole city who may sign in", remedy)


def _as(account: LocalAccount) -> str:
    return f"{account.role}, {', '.join(account.districts) if account.districts else 'the whole city'}"
