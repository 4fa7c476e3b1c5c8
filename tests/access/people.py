"""The people of the station of these tests, and the time it is there."""

from datetime import UTC, datetime

from argon2 import PasswordHasher

PEOPLE = {
    "ada": ("operator", ()),
    "bob": ("operator", ()),
    "ola": ("operator", ("east",)),
    "eve": ("engineer", ()),
    "pia": ("planner", ()),
    "vic": ("viewer", ()),
    "root": ("admin", ()),
    "rosa": ("household", ()),
}
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def password(name: str) -> str:
    return f"{name} goes to work"


def entry(name: str, role: str, districts: tuple[str, ...]) -> str:
    where = "".join(f'"{one}", ' for one in districts)
    return f'[[accounts]]\nname = "{name}"\nrole = "{role}"\ndistricts = [{where}]\nhash = "{_CHEAP.hash(password(name))}"\n\n'
