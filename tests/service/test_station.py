"""The console's process, optional packages that are missing, and the file that an unforeseen error leaves."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from city.problems import PenstockError
from service import cli, crash, station
from service.environment import Environment
from service.extras import EXTRA, lacking

ROOT = Path(__file__).resolve().parents[2]


def test_the_settings_that_ship_are_those_of_the_checkout() -> None:
    shipped, own = (
        tomllib.loads((ROOT / path).read_text(encoding="utf-8")) for path in ("console/streamlit.toml", ".streamlit/config.toml")
    )
    assert shipped == own
    assert '"streamlit.toml"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_console_is_local_quiet_and_sends_nothing() -> None:
    words = list(station.flags(8600))
    assert {
        "--server.address=127.0.0.1",
        "--server.port=8600",
        "--browser.gatherUsageStats=false",
        "--client.showErrorDetails=none",
        "--client.toolbarMode=minimal",
        "--server.enableXsrfProtection=true",
    } <= set(words)


def test_streamlit_knows_every_flag() -> None:
    from streamlit import config

    known = set(config.get_config_options())
    assert {word.removeprefix("--").partition("=")[0] for word in station.flags(8600)} <= known


def test_without_the_console_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(station.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(PenstockError, match=r'pip install "penstock\[console\]"'):
        station.serve(Environment(city=ROOT / "demo" / "tiny_city.toml", home=tmp_path))


def test_every_optional_package_names_an_extra_of_the_project() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(EXTRA.values()) <= set(extras)
    assert lacking(ModuleNotFoundError(name="numpy")) is None


def ran(monkeypatch: pytest.MonkeyPatch, error: Exception, *words: str) -> int:
    def fail(*_words: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr("service.status.show", fail)
    monkeypatch.setattr(sys, "argv", ["penstock", "status", *words])
    with pytest.raises(SystemExit) as ended:
        cli.run()
    return int(str(ended.value.code))


def test_a_missing_package_is_a_sentence_at_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(monkeypatch, ModuleNotFoundError("No module named 'wntr.epanet'", name="wntr.epanet")) == 1
    assert capsys.readouterr().err.strip() == (
        "package wntr: not installed; allowed: the extra 'water'. Install it: pip install \"penstock[water]\"."
    )


def test_an_unforeseen_error_is_kept_in_the_folder_of_the_city_that_was_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PENSTOCK_HOME", raising=False)
    assert ran(monkeypatch, ZeroDivisionError("7 / 0"), "--city", str(ROOT / "demo" / "tiny_city.toml")) == 1
    kept = re.search(r"are in (\S+\.txt)\.", capsys.readouterr().err)
    assert kept
    assert Path(kept.group(1)).parent == Path("var/tiny")
    assert "7 / 0" in (tmp_path / kept.group(1)).read_text(encoding="utf-8")


def test_an_error_without_a_city_still_leaves_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PENSTOCK_CITY", str(tmp_path / "none.toml"))
    monkeypatch.setattr(crash.tempfile, "gettempdir", lambda: str(tmp_path))
    assert str(tmp_path) in crash.keep(ValueError("x"))


def test_reading_the_city_file_imports_no_solver_no_trees_and_no_network() -> None:
    probe = (
        "import sys; from service.environment import Environment; from service.settings import load; load(Environment());"
        "print([name for name in ('wntr', 'pyomo', 'highspy', 'lightgbm', 'statsmodels') if name in sys.modules])"
    )
    environ = {**os.environ, "PENSTOCK_CITY": str(ROOT / "demo" / "city.toml")}
    assert subprocess.run([sys.executable, "-c", probe], env=environ, cwd=ROOT, capture_output=True, text=True).stdout.strip() == "[]"
