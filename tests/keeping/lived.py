"""A town that the release before made and lived in, and every row of its store as the database gives it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, create_engine, inspect

from service.environment import Environment
from tests.keeping.former import commands
from tests.town import NOW, Said, Town

READINGS = (
    "!from service.environment import Environment; from service.store import open_store; "
    "from tests.service.test_cold_storage import fill; fill(open_store(Environment().url))"
)
Contents = dict[str, tuple[tuple[str, ...], list[str]]]


@dataclass(frozen=True)
class Old:
    """A town that the release before made, and that release."""

    town: Town
    code: Path
    url: str

    @property
    def environment(self) -> Environment:
        url = SecretStr(self.url) if self.url else None
        return Environment(city=self.town.file, home=self.town.folder, database_url=url)

    @property
    def engine(self) -> Engine:
        return create_engine(self.environment.url)

    def penstock(self, *words: str) -> Said:
        return self.town.penstock(*words, **({"DATABASE_URL": self.url} if self.url else {}))

    def former(self, *words: str) -> list[Said]:
        return commands(self.code, self.town.folder, *words, url=self.url)

    def copy(self, folder: Path) -> "Old":
        shutil.copytree(self.town.folder, folder)
        return Old(Town(folder, days=self.town.days), self.code, self.url)


def lived(code: Path, folder: Path, url: str = "") -> Old:
    """Nine days of history, readings, a night and an approval, all by the code of the release before."""
    old = Old(Town(folder, days=9).write(), code, url)
    approve = "approve|latest|--who|ada|--reason|agreed|--now|2022-06-16T00:40+02:00"
    said = old.former("init", "import", READINGS, f"night|--now|{NOW}", approve, "verify")
    assert [one.code for one in said] == [0, 0, 0, 2, 0, 0]
    return old


def contents(engine: Engine, like: Contents | None = None) -> Contents:
    """Every row of every table as the database gives it, by nobody's model; `like` another one: of its tables and columns."""
    with engine.connect() as connection:
        names = like if like is not None else {name for name in inspect(connection).get_table_names() if not name.startswith("reading_2")}
        return {name: _rows(connection, name, like) for name in names if name != "alembic_version"}


def _rows(connection: Connection, name: str, like: Contents | None) -> tuple[tuple[str, ...], list[str]]:
    columns = like[name][0] if like is not None else tuple(one["name"] for one in inspect(connection).get_columns(name))
    listed = ", ".join(f'"{column}"' for column in columns)
    return columns, sorted(repr(tuple(row)) for row in connection.exec_driver_sql(f"SELECT {listed} FROM {name}"))  # noqa: S608


def differing(before: Contents, after: Contents) -> set[str]:
    return {name for name in before if before[name] != after[name]}
