"""A town with a database of its own."""

from pathlib import Path

import pytest

from tests.town import Town


@pytest.fixture
def town(tmp_path: Path) -> Town:
    made = Town(tmp_path / "town", days=0).write()
    assert made.penstock("init").code == 0
    return made
