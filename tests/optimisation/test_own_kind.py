"""Kinds of a user's own: the page docs/own_kind.md is what runs here."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Literal

import pytest

from city.problems import PenstockError
from optimisation.asset import Connected
from optimisation.assets import Battery, own

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "own_kind.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
TOML = [tomllib.loads(text) for language, text in BLOCKS if language == "toml"]


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The page's files with the entry points of its pyproject.toml, as an installer would leave them; gives the environment."""
    for name, text in zip(("electrolyser", "desalination", "proof"), PYTHON, strict=True):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    info = tmp_path / "own_kinds-1.0.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: own-kinds\nVersion: 1.0\n")
    points = TOML[0]["project"]["entry-points"]["penstock.assets"]
    info.joinpath("entry_points.txt").write_text("[penstock.assets]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))
    return os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_kinds_of_the_page_plan_as_on_paper(installed: dict[str, str], tmp_path: Path) -> None:
    done = run(installed, str(tmp_path / "proof.py"))
    assert done.stdout == "both kinds plan as on paper\n", done.stderr


@pytest.mark.slow
def test_tables_of_the_page_are_read_and_documented(installed: dict[str, str]) -> None:
    lines = [
        "import tomllib, pathlib, re",
        "from service.reference import settings",
        "from optimisation.assets import ASSETS",
        f"page = pathlib.Path({str(ROOT / 'docs' / 'own_kind.md')!r}).read_text()",
        "tables = tomllib.loads(re.findall(r'```toml\\n(.*?)```', page, re.S)[1])['assets']",
        "print([a.kind for a in ASSETS.validate_python(tables)])",
        "print('[[assets]] kind = \"electrolyser\"' in ''.join(settings()))",
    ]
    done = run(installed, "-c", "\n".join(lines))
    assert done.stdout == "['electrolyser', 'desalination']\nTrue\n", done.stderr


class Nameless(Connected):
    """No word for city.toml."""


class Taken(Connected):
    """A word that is taken."""

    kind: Literal["battery"] = "battery"


class Twice(Battery):
    """Would be planned with the batteries, and once more."""

    kind: Literal["twice"] = "twice"  # type: ignore[assignment]


class AnyWord(Connected):
    """Its word could be any: no table of city.toml would tell it."""

    kind: str = "any"


class Unwritten(Connected):
    """A name and no mathematics."""

    kind: Literal["unwritten"] = "unwritten"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no_such_module_here:Kind", "ModuleNotFoundError: No module named 'no_such_module_here'"),
        ("pathlib:Path", "allowed: a class derived from AssetKind"),
        (f"{__name__}:Nameless", "no name"),
        (f"{__name__}:Taken", "the name 'battery' is taken by Battery"),
        (f"{__name__}:Twice", "derived from Battery, which would plan it a second time"),
        (f"{__name__}:AnyWord", "no name"),
        (f"{__name__}:Unwritten", "no block, read, idle, settle; allowed: its own block, read, idle, settle"),
    ],
)
def test_package_that_cannot_be_used_is_told_in_a_sentence(value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or type(sys)(__name__))
    for kind in (Nameless, Taken, Twice, AnyWord, Unwritten):
        monkeypatch.setattr(sys.modules[__name__], kind.__name__, kind, raising=False)
    point = EntryPoint(name="mine", value=value, group=own.GROUP)
    monkeypatch.setattr(own, "entry_points", lambda group: [point] if group == own.GROUP else [])
    with pytest.raises(PenstockError) as caught:
        own.with_own([Battery])
    assert said in str(caught.value)
    assert str(caught.value).startswith("kind of asset 'mine' (penstock.assets: ")
