"""Stores for the tests of the service: SQLite always, PostgreSQL where its wheel is."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from service.environment import Environment
from service.settings import LoadedCity, load
from tests.service.books_town import posted
from tests.service.control_bench import POINT
from tests.town import NOW, Town


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """An initialised store and no history."""
    made = Town(tmp_path / "town", days=0).write()
    assert made.penstock("init").code == 0
    return made


@pytest.fixture(scope="module")
def one_night(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Thirty days of history and the night after; tests must not write to it."""
    made = Town(tmp_path_factory.mktemp("planned") / "town").write()
    assert [made.penstock(*words).code for words in (["init"], ["import"], ["night", "--now", NOW])] == [0, 0, 0]
    return made


@pytest.fixture
def planned(one_night: Town, tmp_path: Path) -> Town:
    shutil.copytree(one_night.folder, tmp_path / "town")
    return Town(tmp_path / "town")


@pytest.fixture
def city(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., LoadedCity]:
    def made(limits: str = "", link: str = "") -> LoadedCity:
        town = Town(tmp_path_factory.mktemp("town"), days=0)
        town = replace(town, head=town.head.replace("read_only = false", f"read_only = false{link}"))
        town = replace(
            town, parts={**town.without().parts, "limits": f'[[limits]]\npoint = "{POINT}"\nminimum = 0\nmaximum = 1000\n{limits}'}
        )
        town.write()
        return load(Environment(city=town.file, home=town.folder))

    return made


@pytest.fixture(scope="session")
def posted_books(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A town with its ledger, contracts, an enterprise and homes; tests must not write to it."""
    return posted(tmp_path_factory.mktemp("books") / "town")


@pytest.fixture
def books_town(posted_books: Town, tmp_path: Path) -> Town:
    """A copy of it to work on."""
    shutil.copytree(posted_books.folder, tmp_path / "town")
    return Town(tmp_path / "town", parts=posted_books.parts, head=posted_books.head)
