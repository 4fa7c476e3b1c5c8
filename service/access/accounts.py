"""The accounts of a station: a TOML file beside city.toml that says who may sign in, as what, and where."""

import json
import os
import tomllib
from collections.abc import Collection
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from city.places import Place
from city.problems import PenstockError, Problem, fault
from service.access.districts import districts
from service.access.roles import Action, Person, may
from service.access.settings import PersonRole
from service.settings import LoadedCity

HEAD = "# Console accounts. Changed by `penstock account`; the passwords are argon2id hashes.\n"


class LocalAccount(Place):
    """One person who may sign in."""

    name: str = Field(min_length=1, max_length=80, description="what is typed in, and stands in the audit trail")
    role: PersonRole = Field(description="what the person may do")
    districts: tuple[str, ...] = Field(default=(), description="zones or sites the person is bound to; none: the whole city")
    disabled: bool = Field(default=False, description="may not sign in; the name stays taken, for the audit trail")
    hash: str | None = Field(
        default=None,
        pattern=r"^\$argon2id\$",
        description="argon2id hash of the password, as `penstock account add` writes it; none: known on the command line alone",
    )

    @field_validator("name")
    @classmethod
    def _readable(cls, value: str) -> str:
        if not value.isprintable() or value != value.strip():
            raise ValueError("a name is printable, without blanks at its ends")
        return value

    @property
    def person(self) -> Person:
        """Who decides, once signed in."""
        return Person(name=self.name, role=self.role, districts=self.districts)


class Accounts(Place):
    """The accounts file."""

    accounts: tuple[LocalAccount, ...] = Field(default=(), description="everybody who may sign in")


def path_of(city: LoadedCity) -> Path | None:
    """The accounts file; None where the city names none."""
    name = city.settings.accounts_file
    return city.beside / name if name else None


def read(path: Path) -> dict[str, LocalAccount]:
    """The accounts by name. Raises `PenstockError` naming what is wrong with the file, never a hash."""
    subject = f"accounts file {path.name}"
    try:
        found = Accounts.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        remedy = "Make the first account: `penstock account add NAME --role admin --who NAME`; or correct accounts_file."
        raise fault(subject, "is not there", "a TOML file with [[accounts]]", remedy) from None
    except OSError as error:
        raise fault(subject, error.strerror or "cannot be read", "a TOML file with [[accounts]]", "Correct accounts_file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise fault(subject, str(error), "TOML 1.0 in UTF-8", "Correct that line.") from None
    except ValidationError as error:
        raise PenstockError(
            Problem(f"{subject}, {'.'.join(map(str, item['loc']))}", item["msg"], "name, role, districts, hash", "Correct the entry.")
            for item in error.errors(include_url=False, include_input=False)
        ) from None
    made = {account.name: account for account in found.accounts}
    if len(made) < len(found.accounts):
        raise fault(subject, "a name stands there twice", "one entry per person", "Take the older one out.")
    return made


def of_city(city: LoadedCity) -> dict[str, LocalAccount]:
    """The accounts of a city by name; none where it has no accounts file. Raises `PenstockError` for an unknown district too."""
    path = path_of(city)
    if path is None:
        return {}
    made, known = read(path), set(districts(city))
    for account in made.values():
        if unknown := set(account.districts) - known:
            subject = f"accounts file {path.name}, {account.name}"
            raise fault(subject, f"districts {', '.join(sorted(unknown))}", ", ".join(sorted(known)), "Correct the names.")
    return made


def who_may(city: LoadedCity, action: Action, where: Collection[str]) -> list[str]:
    """The accounts that may do it in these districts; empty where the city has no accounts."""
    return [name for name, account in of_city(city).items() if not account.disabled and may(account.person, action, where)]


def write(path: Path, accounts: dict[str, LocalAccount]) -> None:
    """Put the accounts in place of the file, at once, readable by its owner alone. What stood above the first one stays."""
    lines = path.read_text(encoding="utf-8").split("[[accounts]]")[0] if path.exists() else HEAD
    text = lines.rstrip() + "\n" + "".join(f"\n[[accounts]]\n{_entry(account)}" for account in accounts.values())
    half = path.with_name(f"{path.name}.part")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    read(half)
    half.replace(path)


def _entry(account: LocalAccount) -> str:
    """One account as TOML: a basic string of TOML is written like one of JSON."""
    told = account.model_dump(exclude_defaults=True)
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in told.items())
