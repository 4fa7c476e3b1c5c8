"""A town whose store the checks look into: made once, spoiled as a copy."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.town import Town


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Initialised once; tests copy it."""
    town = Town(tmp_path_factory.mktemp("doctor") / "town", days=0).write()
    assert town.penstock("init").code == 0
    return town


@pytest.fixture
def town(made: Town, tmp_path: Path) -> Town:
    shutil.copytree(made.folder, tmp_path / "town")
    return replace(made, folder=tmp_path / "town")
