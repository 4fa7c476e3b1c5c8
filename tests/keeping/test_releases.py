"""Which release this is: the same in the package, the command and the tables."""

import tomllib
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from city.problems import PenstockError
from service import migrations, releases
from tests.town import Town

ROOT = Path(__file__).resolve().parents[2]


def test_the_release_is_that_of_the_package_and_its_revision_that_of_the_tables() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == releases.RELEASE
    script = ScriptDirectory.from_config(migrations.config(create_engine("sqlite://")))
    assert script.get_current_head() == releases.REVISIONS[releases.RELEASE]
    known = [one.revision for one in reversed(list(script.walk_revisions()))]
    told = list(releases.REVISIONS.values())
    assert told == sorted(told, key=known.index)


def test_version_says_release_and_revision(tmp_path: Path) -> None:
    said = Town(tmp_path).penstock("--version")
    assert (said.code, said.out) == (0, "penstock 0.2.0, tables of revision 0012\n")
    assert releases.of("0011") == "revision 0011 of release 0.1.0"
    assert "of no release" in releases.of("9999")
    with pytest.raises(PenstockError, match=r"0\.1\.0, 0\.2\.0"):
        releases.revision("3.0.0")
