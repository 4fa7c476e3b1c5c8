"""The small city of the console's tests, built once per session and copied for each test that writes."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

PASSWORDS = {"operator": "open the gate", "planner": "count the carbon", "viewer": "only look", "engineer": "read the meter"}


def _small_city() -> ModuleType:
    spec = importlib.util.spec_from_file_location("small_city", Path(__file__).with_name("small_city.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def small() -> ModuleType:
    return _small_city()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, small: ModuleType) -> Path:
    folder = tmp_path_factory.mktemp("small-city")
    small.build(folder, PASSWORDS)
    return folder


@pytest.fixture
def city(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh copy of the small city, found through the environment as in production."""
    folder = tmp_path / "city"
    shutil.copytree(built, folder)
    monkeypatch.setenv("PENSTOCK_CITY", str(folder / "city.toml"))
    monkeypatch.setenv("PENSTOCK_HOME", str(folder))
    monkeypatch.delenv("PENSTOCK_DATABASE_URL", raising=False)
    monkeypatch.delenv("PENSTOCK_NOW", raising=False)
    return folder


@pytest.fixture
def passwords() -> dict[str, str]:
    return PASSWORDS
