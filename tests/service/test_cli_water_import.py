"""The commands of docs/network_import.md do what the page says, on the files the page prints."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from networks import valves
from networks.network import Network
from service.cli import app

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "network_import.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`(\w+\.geojson)`.*?```json\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path / "home"))
    for name, text in FILES:
        (tmp_path / name).write_text(text)
    return tmp_path


def run(command: str, code: int) -> str:
    done = CliRunner().invoke(app, shlex.split(command)[1:])
    assert done.exit_code == code, done.output + repr(done.exception)
    return done.output


def test_the_pages_commands_say_and_make_what_the_page_says(town: Path) -> None:
    assert len(FILES) == 3
    said = [run(command, 2) for command in COMMANDS]
    for line in re.findall(r"^(?:error|warning) .*$", PAGE, re.MULTILINE):
        assert line in said[0]
    assert "ends-apart" not in said[1]
    assert {path.name for path in (town / "second").iterdir()} == {"network.inp", "valves.csv", "findings.csv", "water.toml"}
    assert json.loads(said[3])["works"]["isolation"] == "works"
    assert "no pressure" not in said[-1]
    assert set(pd.read_csv("findings.csv")["kind"]) >= {"diameter-absurd"}


def test_the_folder_is_what_city_toml_needs(town: Path) -> None:
    run(COMMANDS[0], 2)
    settings = tomllib.loads((town / "first" / "water.toml").read_text())["water"]
    network = Network.read(town / settings["network"])
    table = valves.read(town / settings["valves"], network)
    assert table[["valve", "link", "turns"]].values.tolist() == [["V1", "P2", 24.0]]
    assert network.sources == ("Works",)


def test_a_folder_that_is_there_is_not_touched_and_none_is_half_made(town: Path) -> None:
    (town / "first").mkdir()
    done = CliRunner().invoke(app, shlex.split(COMMANDS[0])[1:])
    assert done.exit_code == 1
    assert "first: exists already" in str(done.exception)
    assert list((town / "first").iterdir()) == []
    assert [path.name for path in town.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ("valves.geojson", "neither pipes nor an INP file"),
        ("pipes.geojson other.geojson", "no kind of layer in its name"),
        ("pipes.geojson valves=nowhere.geojson", "No such file"),
        ("nowhere.inp", "no such file"),
        ("pipes.geojson --field diameter", "no name on both sides"),
        ("pipes.geojson --coordinates feet", "degrees or metres"),
    ],
)
def test_what_cannot_be_meant_is_told_in_a_sentence(files: str, told: str, town: Path) -> None:
    done = CliRunner().invoke(app, ["water", "import", *files.split(), "--into", "out"])
    assert done.exit_code == 1
    assert told in str(done.exception)
    assert not (town / "out").exists()


def test_properties_may_have_other_names(town: Path) -> None:
    path = town / "pipes.geojson"
    path.write_text(path.read_text().replace("diameter_mm", "Nennweite"))
    run("penstock water import pipes.geojson sources.geojson --field pipes.diameter_mm=NENNWEITE --into out", 2)
    assert Network.read(town / "out" / "network.inp").pipes["diameter_m"].tolist() == pytest.approx([0.2, 0.15, 0.006])


def test_a_broken_inp_alone_comes_out_mended(town: Path) -> None:
    run(COMMANDS[0], 2)
    text = (town / "first" / "network.inp").read_text()
    line = next(line for line in text.splitlines() if line.strip().startswith("P1 "))
    (town / "broken.inp").write_text(text.replace(line, line + "\n" + line))
    assert "error id-twice: P1" in run("penstock water import broken.inp --into mended", 2)
    assert len(Network.read(town / "mended" / "network.inp").pipes) == 3
