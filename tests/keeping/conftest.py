"""The code of the release before and the town it made, once for all tests of upgrading."""

from pathlib import Path

import pytest

from tests.keeping.former import release
from tests.keeping.lived import Old, lived


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release(tmp_path_factory.mktemp("former") / "code")


@pytest.fixture(scope="session")
def former(code: Path, tmp_path_factory: pytest.TempPathFactory) -> Old:
    """That town on SQLite; tests must not write to it."""
    return lived(code, tmp_path_factory.mktemp("lived") / "town")
